"""Samsung Health: the personal data that the app writes to the phone."""

from __future__ import annotations

from activities.domain.metrics import METRICS, UnitRule
from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.samsung_health import mapping
from integrations.providers.samsung_health.reader import SERIES, ExportReader
from integrations.providers.samsung_health.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Samsung Health",
    summary="Exercises with second-by-second data, sleep, heart and body figures of Galaxy watches, rings and phones.",
    capabilities=Capabilities(activities=True, routes=True, sleep=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Personal data from the app",
            steps=(
                "On the phone open Samsung Health, tap the three dots and choose Settings.",
                "Choose “Download personal data” and confirm with your Samsung account.",
                "The app writes a folder under Download › Samsung Health. Open it in My Files and zip it: long press, "
                "More, Compress.",
                "Send the zip to this computer and drop it here as it is.",
            ),
            accepts=(".zip",),
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "Samsung offers no way to fetch these data over the network.",
            ),
        ),
    ),
    notes=(
        "Heart rate variability comes as rMSSD and as SDNN, each under its own name.",
        "Daily steps are those that Samsung joined from phone and watch.",
        "Samsung Health also keeps exercises that other apps sent to it; the app is named with each.",
        "Resting heart rate is not exported. The heart rate asleep is, on days with an energy score.",
    ),
    mapping_version=2,
    readers=(ExportReader(),),
    parse={**FILE_KINDS, "exercise": mapping.parse_exercise, "sleep": mapping.parse_sleep, **mapping.DAY_KINDS},
    metrics={
        f"{table} {name}": UnitRule(metric, METRICS[metric].unit)
        for table, series in SERIES.items()
        for metric, (name, *_) in series.values
    },
    sports=SPORTS,
    stages=mapping.STAGES,
)
