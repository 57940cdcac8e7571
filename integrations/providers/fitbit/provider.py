"""Fitbit and Google Health: the account export, alone or inside a Google Takeout."""

from __future__ import annotations

from activities.domain.metrics import METRICS, UnitRule
from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.fitbit import mapping
from integrations.providers.fitbit.reader import CSV_SERIES, JSON_SERIES, ExportReader
from integrations.providers.fitbit.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Fitbit",
    summary="Exercises, sleep, heart rate, steps and nightly figures of Fitbit trackers and Pixel watches.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from Google Takeout",
            steps=(
                "Open takeout.google.com with the Google account that your Fitbit uses.",
                "Choose “Deselect all”, then select only “Fitbit” (newer accounts: “Google Health”).",
                "Go on, choose “Export once” and .zip, and create the export. An e-mail comes when it is ready, after "
                "minutes or hours.",
                "Download every part of it and drop the zips here as they are.",
            ),
            accepts=(".zip", ".json", ".csv", ".tcx"),
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "An old “MyFitbitData” zip from fitbit.com works as well.",
            ),
        ),
    ),
    notes=(
        "Heart rate variability is rMSSD, measured while you sleep.",
        "Calories of exercises and days include what the body burns at rest.",
        "Old sleep logs tell local time without a zone. It is taken from Google's newer tables or your profile, and "
        "where neither is in the export, the times are shown as they stand.",
        "The export tells no points of a route, except in TCX files that were saved one by one.",
        "Heart rate comes every few seconds and feeds the charts of exercises.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "exercise": mapping.parse_exercise,
        "google_exercise": mapping.parse_google_exercise,
        "google_sleep": mapping.parse_google_sleep,
        "sleep": mapping.parse_sleep,
        **mapping.DAY_FILES,
    },
    metrics={
        **{f"{name}.json": UnitRule(one.metric, METRICS[one.metric].unit) for name, one in JSON_SERIES.items()},
        **{
            f"{name}.csv {one.column}": UnitRule(one.metric, METRICS[one.metric].unit)
            for name, series in CSV_SERIES.items()
            for one in series
        },
    },
    sports=SPORTS,
    stages=mapping.STAGES,
    streams_from_samples=True,
)
