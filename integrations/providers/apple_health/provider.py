"""Apple Health: the export file that the Health app writes."""

from __future__ import annotations

from activities.domain.parsed import Parsed
from integrations.base import Capabilities, Provider, WayIn
from integrations.providers.apple_health import mapping
from integrations.providers.apple_health.metrics import METRIC_OF
from integrations.providers.apple_health.reader import ExportReader
from integrations.providers.apple_health.sports import SPORTS


def _workout(xml: bytes, external_id: str) -> Parsed:
    """The element tells its identity itself."""
    return Parsed(tuple(mapping.parse_workout(xml)))


PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Apple Health",
    summary="Workouts, sleep, heart and everything else that an iPhone and an Apple Watch keep.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export from the Health app",
            steps=(
                "On the iPhone open Health and tap your picture at the top right.",
                "Scroll down, tap “Export All Health Data” and confirm. It can take some minutes: keep the screen on.",
                "Save the zip to Files or send it to this computer, then drop it here as it is.",
            ),
            accepts=(".zip", ".xml"),
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "Apple offers no way to fetch these data over the network.",
            ),
        ),
    ),
    notes=(
        "An export holds few heart-rate points for each workout, often one every few seconds at best. "
        "The charts show what is there.",
        "Heart rate variability is SDNN, measured over about a minute. It is not rMSSD, which other makers show.",
        "Sleep stages are exported, Apple's sleep score is not.",
        "Times carry the time zone that the phone was in when it exported. Where a workout or a night names its own "
        "zone, that one is used.",
        "Phone and watch count the same steps. Totals take the watch where it was worn and the phone for the rest, so "
        "they may differ a little from those in the Health app.",
    ),
    mapping_version=1,
    readers=(ExportReader(METRIC_OF),),
    parse={"workout": _workout},
    metrics=METRIC_OF,
    sports=SPORTS,
    dated={"ActivitySummary": mapping.parse_activity_summary},
    words=mapping.WORDS,
    stages=mapping.STAGES,
    zone_of=mapping.zone_of,
    streams_from_samples=True,
)
