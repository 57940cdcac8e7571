"""A FIT activity as a bike computer writes it: header, definitions, records every few seconds, laps, session, sums."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainstack.fit_writing import EPOCH_S, Message, whole_file

Floats = NDArray[np.float64]

# FIT counts degrees in 2**31 for half a turn.
SEMICIRCLES = 2**31 / 180
WAHOO, ELEMNT_BOLT = 32, 31
CYCLING, ROAD, INDOOR = 2, 7, 6
NO_POSITION, NO_ALTITUDE = 0x7FFFFFFF, 0xFFFF
ACTIVITY_FILE = 4
# Global message numbers.
FILE_ID, SESSION, LAP, RECORD, EVENT, ACTIVITY = 0, 18, 19, 20, 21, 34

_FILE_ID = Message(FILE_ID, 0, ((0, "enum"), (1, "uint16"), (2, "uint16"), (3, "uint32z"), (4, "uint32")))
_EVENT = Message(EVENT, 1, ((253, "uint32"), (0, "enum"), (1, "enum")))
_RECORD = Message(
    RECORD, 2,
    ((253, "uint32"), (0, "sint32"), (1, "sint32"), (2, "uint16"), (3, "uint8"), (4, "uint8"), (5, "uint32"),
     (6, "uint16"), (7, "uint16")),
)  # fmt: skip
_TOTALS = ((253, "uint32"), (2, "uint32"), (7, "uint32"), (8, "uint32"), (9, "uint32"), (11, "uint16"))
_LAP = Message(LAP, 3, (*_TOTALS, (15, "uint8"), (16, "uint8"), (17, "uint8"), (19, "uint16")))
_SESSION = Message(
    SESSION, 4,
    (*_TOTALS, (5, "enum"), (6, "enum"), (14, "uint16"), (16, "uint8"), (17, "uint8"), (18, "uint8"), (20, "uint16"),
     (21, "uint16"), (22, "uint16"), (26, "uint16")),
)  # fmt: skip
_ACTIVITY = Message(ACTIVITY, 5, ((253, "uint32"), (0, "uint32"), (1, "uint16"), (2, "enum"), (5, "uint32")))
_KINDS = (_FILE_ID, _EVENT, _RECORD, _LAP, _SESSION, _ACTIVITY)
_TIMER, _START, _STOP_ALL = 0, 0, 4


@dataclass(frozen=True, eq=False)
class Ride:
    """What the computer recorded: arrays with one value for each moment of `time_s`, whole seconds from the start.

    A ride indoors has no place: no track (latitude, longitude, altitude in metres).
    """

    start: float
    utc_offset_s: int
    time_s: Floats
    track: tuple[Floats, Floats, Floats] | None
    distance_m: Floats
    speed_mps: Floats
    heart_rate: Floats
    cadence: Floats
    power: Floats
    kcal: float
    pauses: tuple[tuple[float, float], ...] = ()
    lap_m: float = 10_000.0

    def file(
        self, serial: int, *, maker: tuple[int, int] = (WAHOO, ELEMNT_BOLT), sport: tuple[int, int] | None = None
    ) -> bytes:
        """The FIT file that the device of this serial number leaves behind.

        `maker` is FIT's number of the manufacturer and the maker's own of the product; `sport` FIT's sport and sub
        sport, a ride on the road or indoors where it is not told.
        """
        begin = self.start - EPOCH_S
        end = begin + self.time_s[-1]
        timer = [begin, *(begin + edge for first, lasts in self.pauses for edge in (first, first + lasts)), end]
        starts = [number % 2 == 0 for number in range(len(timer))]
        body = b"".join(
            [
                *(kind.definition() for kind in _KINDS),
                _FILE_ID.one(ACTIVITY_FILE, *maker, serial, begin),
                _EVENT.rows([timer, [_TIMER] * len(timer), [_START if it else _STOP_ALL for it in starts]]),
                _RECORD.rows(
                    [
                        begin + self.time_s, *self._track(), self.heart_rate, self.cadence, self.distance_m * 100,
                        self.speed_mps * 1000, self.power,
                    ]
                ),
                *self._laps(begin),
                self._session(begin, end, *(sport or (CYCLING, ROAD if self.track else INDOOR))),
                _ACTIVITY.one(end, self._timer_s(0, self.time_s[-1]) * 1000, 1, 0, end + self.utc_offset_s),
            ]
        )  # fmt: skip
        return whole_file(body, profile=2132)

    @property
    def climbed_m(self) -> float:
        return 0.0 if self.track is None else float(np.clip(np.diff(self.track[2]), 0, None).sum())

    def _track(self) -> tuple[Floats, Floats, Floats]:
        if self.track is None:
            nowhere = np.ones_like(self.time_s)
            return nowhere * NO_POSITION, nowhere * NO_POSITION, nowhere * NO_ALTITUDE
        latitude, longitude, altitude_m = self.track
        return latitude * SEMICIRCLES, longitude * SEMICIRCLES, (altitude_m + 500) * 5

    def _laps(self, begin: float) -> list[bytes]:
        edges = np.append(np.arange(0, self.distance_m[-1], self.lap_m), self.distance_m[-1])
        at = np.unique(np.searchsorted(self.distance_m, edges).clip(0, len(self.time_s) - 1)).tolist()
        return [_LAP.one(*self._totals(begin, first, last), *self._means(first, last)) for first, last in pairwise(at)]

    def _session(self, begin: float, end: float, sport: int, sub_sport: int) -> bytes:
        last = len(self.time_s) - 1
        heart, highest, cadence, power = self._means(0, last)
        laps = max(1, int(np.ceil(self.distance_m[-1] / self.lap_m)))
        speed = self.distance_m[-1] / self._timer_s(0, self.time_s[-1])
        return _SESSION.one(
            end, *self._totals(begin, 0, last)[1:], sport, sub_sport, speed * 1000, heart,
            highest, cadence, power, self.power.max(), self.climbed_m, laps,
        )  # fmt: skip

    def _totals(self, begin: float, first: int, last: int) -> list[float]:
        """Timestamp, start, elapsed and timer in milliseconds, centimetres, kcal."""
        since, until = float(self.time_s[first]), float(self.time_s[last])
        way = self.distance_m[last] - self.distance_m[first]
        kcal = self.kcal * (until - since) / self.time_s[-1]
        timer_s = self._timer_s(since, until)
        return [begin + until, begin + since, (until - since) * 1000, timer_s * 1000, way * 100, kcal]

    def _means(self, first: int, last: int) -> list[float]:
        """Mean and maximum heart rate, mean cadence, mean power."""
        part = slice(first, last + 1)
        heart = self.heart_rate[part]
        return [heart.mean(), heart.max(), self.cadence[part].mean(), self.power[part].mean()]

    def _timer_s(self, since: float, until: float) -> float:
        still = sum(max(0.0, min(until, at + lasts) - max(since, at)) for at, lasts in self.pauses)
        return until - since - still
