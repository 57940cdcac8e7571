"""Suunto: FIT files of your workouts."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.providers.suunto.mapping import FILES
from integrations.providers.suunto.sports import SPORTS

PROVIDER = Provider(
    slug="suunto",
    name="Suunto",
    summary="Workouts of Suunto watches and dive computers.",
    capabilities=Capabilities(activities=True, routes=True, sleep=False, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files of your workouts",
            steps=(
                "In the Suunto app open the workout, tap the three dots and choose “Export FIT file”.",
                "For all of them at once ask Suunto for your personal data, in the app's privacy settings.",
                "Drop the files or the zip here as they are.",
            ),
            accepts=FILE_ENDINGS,
        ),
    ),
    notes=("GPX files of Movescount are read too. They hold the track and often no heart rate.",),
    mapping_version=1,
    parse=FILES,
    sports=SPORTS,
)
