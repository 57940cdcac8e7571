"""Every exporter: a workout in, the provider's payload and all that had to change out."""

from __future__ import annotations

from workouts.exporters.base import Exporter
from workouts.exporters.coros import CorosExporter
from workouts.exporters.garmin import GarminExporter
from workouts.exporters.suunto import SuuntoExporter
from workouts.exporters.trainingpeaks import TrainingPeaksExporter
from workouts.exporters.wahoo import WahooExporter

EXPORTERS: dict[str, Exporter] = {
    exporter.slug: exporter
    for exporter in (GarminExporter(), CorosExporter(), WahooExporter(), SuuntoExporter(), TrainingPeaksExporter())
}
