"""Zwift: the FIT files that the game writes."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.zwift import mapping
from integrations.providers.zwift.sports import SPORTS

PROVIDER = Provider(
    slug="zwift",
    name="Zwift",
    summary="Rides, runs and rows in virtual worlds, with power, cadence and heart rate.",
    capabilities=Capabilities(activities=True, routes=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files from the game's folder",
            steps=(
                "On the computer that runs Zwift open the folder Documents, then Zwift, then Activities.",
                "Make a zip of the folder, or choose the files in it, and drop them here.",
                "From a phone or Apple TV: open the activity on zwift.com and choose “Download FIT”.",
            ),
            accepts=FILE_ENDINGS,
            notes=("The file inProgressActivity.fit is a ride that is not over. In a zip it is left out.",),
        ),
    ),
    notes=(
        "Distance, climb and course are those of the virtual world.",
        "Many copies of a ride go on to Strava or Garmin by themselves. They are recognised and shown as one.",
    ),
    mapping_version=1,
    parse={kind: mapping.virtual(parse) for kind, parse in FILE_KINDS.items()},
    sports=SPORTS,
)
