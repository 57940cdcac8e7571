"""Health Connect: the export that Android writes of its store."""

from __future__ import annotations

from activities.domain.metrics import METRICS, UnitRule
from integrations.base import Capabilities, Provider, WayIn
from integrations.providers.health_connect import mapping
from integrations.providers.health_connect.reader import TABLES, ExportReader
from integrations.providers.health_connect.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Health Connect",
    summary="Everything that the apps of an Android phone keep in one place: exercises, sleep, heart, steps, body.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from Android's settings",
            steps=(
                "On the phone open Settings, then Security & privacy, Privacy, Health Connect (or search for it).",
                "Choose Manage data, Backup and restore, Scheduled export, and pick a place such as Drive or Files.",
                "Android writes “Health Connect.zip” there, at once and then by the schedule.",
                "Send the zip to this computer and drop it here as it is.",
            ),
            accepts=(".zip",),
            notes=("Each export holds everything. Bring a new one whenever you like: only what is new is added.",),
        ),
    ),
    notes=(
        "Heart rate variability is rMSSD.",
        "Apps copy each other's data into Health Connect. Totals count each moment once; connect your watch's own "
        "service as well and it stands above.",
        "Routes are in the export only where the app let Health Connect keep them.",
        "Distance and energy of an exercise are what the same app told of the same time.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={"exercise": mapping.parse_exercise, "sleep": mapping.parse_sleep},
    metrics={
        f"{table} {column}": UnitRule(metric, METRICS[metric].unit)
        for table, series in TABLES.items()
        for column, metric, _ in series.columns
    },
    sports=SPORTS,
    stages=mapping.STAGES,
    streams_from_samples=True,
)
