"""Wahoo: FIT files of your workouts."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.providers.wahoo.mapping import FILES
from integrations.providers.wahoo.sports import SPORTS

PROVIDER = Provider(
    slug="wahoo",
    name="Wahoo",
    summary="Rides and runs of ELEMNT computers, RIVAL watches and the Wahoo app.",
    capabilities=Capabilities(activities=True, routes=True, sleep=False, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files of your workouts",
            steps=(
                "In the Wahoo app open the workout, tap the share symbol and choose “Share FIT file”.",
                "Or connect the ELEMNT by cable and copy the folder “exports”.",
                "Drop the files here, several at once or as a zip.",
            ),
            accepts=FILE_ENDINGS,
        ),
    ),
    notes=("The figures are those of the file: the computer's own totals and every point it recorded.",),
    mapping_version=1,
    parse=FILES,
    sports=SPORTS,
)
