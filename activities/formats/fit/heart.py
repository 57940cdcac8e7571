"""Heart rates that a strap noted itself (under water no watch hears it) and that the file tells in `hr` messages.

A strap counts in 1/1024 s of its own clock; a message with a timestamp ties that clock to the watch's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from activities.formats.fit.decode import Table

Numbers = NDArray[np.float64]

# A beat holds until the next one, in quarters of a second, and no longer than this.
_QUARTER_S = 0.25
_HOLDS_S = 5.0


def heart_rates(tables: Sequence[Table]) -> tuple[Numbers, Numbers]:
    """(Unix seconds, bpm): the mean of each second's beats, whole numbers, in order."""
    pieces = [_beats(table) for table in tables]
    times = np.concatenate([it[0] for it in pieces]) if pieces else np.zeros(0)
    rates = np.concatenate([it[1] for it in pieces]) if pieces else np.zeros(0)
    if not len(times):
        return np.zeros(0), np.zeros(0)
    order = np.argsort(times, kind="stable")
    times, rates = _held(times[order], rates[order])
    seconds, inverse, counts = np.unique(np.ceil(np.round(times, 6)), return_inverse=True, return_counts=True)
    means = np.bincount(inverse, weights=rates) / counts
    return seconds, np.floor(means + 0.5)


def _beats(table: Table) -> tuple[Numbers, Numbers]:
    """(Unix seconds, bpm) of every beat of one part that its clock can be told for."""
    events, rates = table.columns.get("event_timestamp"), table.columns.get("filtered_bpm")
    stamps = table.values("timestamp")
    if events is None or rates is None:
        return np.zeros(0), np.zeros(0)
    at = events.values if events.values.ndim == 2 else events.values[:, None]
    bpm = rates.values if rates.values.ndim == 2 else rates.values[:, None]
    rows, of_events, of_rates = np.intersect1d(events.rows, rates.rows, assume_unique=True, return_indices=True)
    width = min(at.shape[1], bpm.shape[1])
    at, bpm = at[of_events][:, :width], bpm[of_rates][:, :width]
    fractions = np.nan_to_num(table.values("fractional_timestamp"))
    anchors = np.flatnonzero(~np.isnan(stamps[rows]))
    if not len(anchors):
        return np.zeros(0), np.zeros(0)
    # The last anchor before each message; what comes before the first has no time.
    anchor = np.searchsorted(anchors, np.arange(len(rows)), "right") - 1
    known = anchor >= 0
    chosen = anchors[anchor[known]]
    zero = stamps[rows[chosen]] + fractions[rows[chosen]] - at[chosen, 0]
    times = (zero[:, None] + at[known]).ravel()
    values = bpm[known].ravel()
    told = ~np.isnan(times) & ~np.isnan(values) & (values > 0)
    return times[told], values[told]


def _held(times: Numbers, rates: Numbers) -> tuple[Numbers, Numbers]:
    """Every beat, and after it the same rate each quarter of a second until the next."""
    gaps = np.diff(times, append=times[-1])
    steps = np.clip(np.ceil(np.round(gaps / _QUARTER_S, 6)) - 1, 0, _HOLDS_S / _QUARTER_S).astype(np.int64)
    which = np.repeat(np.arange(len(times)), steps + 1)
    step = np.arange(len(which)) - np.repeat(np.cumsum(steps + 1) - (steps + 1), steps + 1)
    return times[which] + step * _QUARTER_S, rates[which]
