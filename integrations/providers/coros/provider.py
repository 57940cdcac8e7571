"""COROS: FIT files of your workouts."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.providers.coros.mapping import FILES
from integrations.providers.coros.sports import SPORTS

PROVIDER = Provider(
    slug="coros",
    name="COROS",
    summary="Workouts of PACE, APEX, VERTIX and DURA.",
    capabilities=Capabilities(activities=True, routes=True, sleep=False, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="FIT files of your workouts",
            steps=(
                "In the COROS app open the workout, tap the share symbol and choose “Export data”, then FIT.",
                "In the Training Hub the button with three dots exports a workout too.",
                "Drop the files here, several at once or as a zip.",
            ),
            accepts=FILE_ENDINGS,
        ),
    ),
    notes=("COROS gives other services the last three months only. What is older comes in as files.",),
    mapping_version=1,
    parse=FILES,
    sports=SPORTS,
)
