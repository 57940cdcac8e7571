"""Every exporter: a workout in, the provider's payload and all that had to change out."""

from __future__ import annotations

from workouts.exporters.apple import AppleExporter
from workouts.exporters.base import Exporter
from workouts.exporters.coros import CorosExporter
from workouts.exporters.garmin import GarminExporter
from workouts.exporters.hevy import HevyExporter
from workouts.exporters.huawei import HuaweiExporter
from workouts.exporters.suunto import SuuntoExporter
from workouts.exporters.trainingpeaks import TrainingPeaksExporter
from workouts.exporters.wahoo import WahooExporter
from workouts.exporters.zepp import ZeppExporter

# In the order of the compatibility table.
EXPORTERS: dict[str, Exporter] = {
    exporter.slug: exporter
    for exporter in (
        GarminExporter(),
        CorosExporter(),
        WahooExporter(),
        SuuntoExporter(),
        TrainingPeaksExporter(),
        HuaweiExporter(),
        ZeppExporter(),
        HevyExporter(),
        AppleExporter(),
    )
}
