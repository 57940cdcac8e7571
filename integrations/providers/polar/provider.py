"""Polar: the account export of Polar Flow."""

from __future__ import annotations

from activities.domain.metrics import UnitRule
from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.polar import mapping
from integrations.providers.polar.reader import ExportReader
from integrations.providers.polar.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Polar",
    summary="Training sessions, sleep, Nightly Recharge and days of Polar watches and of Polar Flow.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from your Polar account",
            steps=(
                "Open account.polar.com and sign in.",
                "Choose “Download your data” and confirm. It can take a while: an e-mail comes when it is ready.",
                "Download the zip and drop it here as it is.",
            ),
            accepts=(".zip", ".json", ".fit", ".tcx", ".gpx"),
            notes=(
                "The export holds your whole history, which Polar gives no app that you connect later.",
                "Single FIT, TCX and GPX files that Polar Flow exports work as well.",
            ),
        ),
    ),
    notes=(
        "Heart rate variability is rMSSD over the first four hours of sleep.",
        "Newer exports tell a sport only by a number. The common ones are known, the others show as “Other”.",
        "All-day heart rate tells local time only; it is placed by the time zone of the nights and sessions around it.",
        "The power of a single pedal is not shown as power.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={
        **FILE_KINDS,
        "training_session": mapping.parse_training_session,
        "sleep": mapping.parse_sleep,
        "nightly_recovery": mapping.parse_nightly_recovery,
        "activity": mapping.parse_activity,
        "calendar_items": mapping.parse_calendar_items,
        "fitness_test": mapping.parse_fitness_test,
    },
    metrics={"247ohr": UnitRule("heart_rate", "bpm")},
    sports=SPORTS,
    stages=mapping.STAGES,
)
