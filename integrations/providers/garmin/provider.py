"""Garmin: the export of an account, and the files of its devices."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.garmin import mapping
from integrations.providers.garmin.reader import ExportReader
from integrations.providers.garmin.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Garmin",
    summary="Activities with their original files, nights, heart rate variability, stress and daily totals.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export of the account",
            steps=(
                "Open garmin.com/account/datamanagement and log in.",
                "Choose “Export Your Data”, then “Request Data Export”. The link comes by e-mail, within days.",
                "Drop the zip here as it is. For single activities: “Export Original” on connect.garmin.com.",
            ),
            accepts=FILE_ENDINGS,
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
            ),
        ),
    ),
    notes=(
        "The export tells the totals of a night's stages and no timeline of them.",
        "Heart rate and stress of the whole day are not in the export, only their figures for each day.",
        "Energy of activities is what Garmin calls calories: with what the body burns at rest.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "summary": mapping.parse_summary,
        "sleep": mapping.parse_sleep,
        "daily": mapping.parse_daily,
        "health": mapping.parse_health,
        "weight": mapping.parse_weight,
        "max_met": mapping.parse_max_met,
    },
    sports=SPORTS,
)
