"""Figures that no one told and that the samples give: worked out where they are missing, and named as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from activities.domain.parsed import COMPUTED, ParsedActivity

# Where nobody climbs, whatever a barometer under water says.
LEVEL = frozenset({"swimming", "water_polo", "aqua_fitness", "diving"})
_OF_STREAMS = (
    ("heart_rate", ("avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm")),
    ("power", ("avg_power_w", "max_power_w")),
    ("cadence", ("avg_cadence_rpm", "max_cadence_rpm")),
)


def with_computed(activity: ParsedActivity, figures: Mapping[str, float | None]) -> ParsedActivity:
    """The activity with these figures and those of its series where none is told, to one decimal.

    `extra["computed"]` names them.
    """
    found = dict(figures)
    for stream, names in _OF_STREAMS:
        values = activity.streams[stream].values if stream in activity.streams else np.zeros(0)
        if values.any():  # nothing but zeros is what is written without a sensor
            found |= zip(names, (float(values.mean()), float(values.max()), float(values.min())), strict=False)
    computed = {
        name: round(value, 1) for name, value in found.items() if value is not None and getattr(activity, name) is None
    }
    if not computed:
        return activity
    # The figures' names are fields of the activity, which no type can say of a mapping.
    return replace(activity, **computed, extra={**activity.extra, COMPUTED: sorted(computed)})  # type: ignore[arg-type]
