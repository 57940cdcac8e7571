"""TrainingPeaks: the downloads of its export page."""

from __future__ import annotations

from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.trainingpeaks import mapping
from integrations.providers.trainingpeaks.reader import ExportReader
from integrations.providers.trainingpeaks.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="TrainingPeaks",
    summary="Completed workouts of your calendar, with the original files of your devices.",
    capabilities=Capabilities(activities=True, routes=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from the account settings",
            steps=(
                "Open app.trainingpeaks.com, tap your name, choose Settings, then Export Data.",
                "Choose a range of dates and download “Workout Files”, “Workout Summary” and “Metrics”.",
                "Put the zips into one folder and zip that folder, so that names and files find each other.",
                "Drop the zip here. Each of them works alone as well.",
            ),
            accepts=(".zip", ".csv", ".fit", ".tcx", ".gpx"),
            notes=("The export page takes a limited range at a time: bring one zip a range.",),
        ),
    ),
    notes=(
        "The summary tells the day of a workout and no time. Without its file a workout is shown without one; where "
        "the file came by another way, the two are suggested to you as one.",
        "Energy in the summary is mechanical work in kilojoules, so it is not shown as calories.",
        "What was only planned is counted, not imported.",
        "Of the metrics weight and resting pulse are read. The others do not say enough: which kind of heart rate "
        "variability it is, or when a sleep was.",
        "Old .pwx files are kept inside the export and not read.",
    ),
    mapping_version=2,
    readers=(ExportReader(),),
    parse={**FILE_KINDS, "row": mapping.parse_row, "metrics": mapping.parse_metrics},
    sports=SPORTS,
)
