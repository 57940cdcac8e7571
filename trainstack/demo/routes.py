"""Where she runs, rides and hikes: roads over hills, and loops on them.

A place is a net of crossroads joined by roads; a route is a way through the net that comes home again. Two routes that
take the same road lie on the same line, and none is a circle.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainstack.demo.athlete import SEED, Place

Floats = NDArray[np.float64]

STEP_M = 10.0
METRES_A_DEGREE = 111_195.0
# Crossroads lie about so far apart, in a net of so many by so many.
NETS = {"foot": (420.0, 31), "bike": (2_100.0, 33)}
# Loops of these lengths are known at every place.
LENGTHS = {"foot": (3_000, 26_000, 22), "bike": (24_000, 150_000, 12)}


@dataclass(frozen=True, eq=False)
class Route:
    """A closed way; the arrays have one value every STEP_M metres."""

    length_m: float
    latitude: Floats
    longitude: Floats
    altitude_m: Floats

    @property
    def distance_m(self) -> Floats:
        return np.arange(len(self.altitude_m), dtype=np.float64) * STEP_M

    def reversed(self) -> Route:
        return Route(self.length_m, self.latitude[::-1], self.longitude[::-1], self.altitude_m[::-1])


def route_of(place: Place, net: str, length_m: float, which: float) -> Route:
    """The known loop nearest to a length; `which` from 0 to 1 chooses among the near ones and their direction."""
    known = loops(place, net)
    near = sorted(known, key=lambda route: abs(route.length_m - length_m))[:3]
    chosen = near[int(which * 3) % 3]
    return chosen.reversed() if (which * 6) % 2 >= 1 else chosen


@cache
def lake(place: Place) -> Route:
    """A lap of a lake about 600 m long, from the shore round two buoys."""
    x, y = resampled(np.array([0.0, 205.0, 150.0, 0.0]), np.array([0.0, 60.0, 195.0, 0.0]), STEP_M)
    x, y = rounded(x, 5) + 1_400.0, rounded(y, 5) - 900.0
    return _line(place, x, y, np.full_like(x, place.altitude_m - 18))


@cache
def loops(place: Place, net: str) -> tuple[Route, ...]:
    """Every loop that she knows at a place."""
    shortest, longest, count = LENGTHS[net]
    roads = Roads(place, net)
    ratio = (longest / shortest) ** (1 / (count - 1))
    return tuple(roads.loop(shortest * ratio**number) for number in range(count))


class Roads:
    """The crossroads and roads of one net; x to the east and y to the north of home, in metres."""

    def __init__(self, place: Place, net: str) -> None:
        self.place = place
        self.spacing_m, self.side = NETS[net]
        self.chance = np.random.default_rng([SEED, place.seed, self.side])
        middle = self.side // 2
        rows, columns = np.divmod(np.arange(self.side**2), self.side)
        jitter = self.chance.uniform(-0.33, 0.33, (2, self.side**2))
        self.x = (columns - middle + jitter[0]) * self.spacing_m
        self.y = (rows - middle + jitter[1]) * self.spacing_m
        self.home = middle * self.side + middle
        self.x[self.home] = self.y[self.home] = 0.0
        self.roads = self._join()

    def _join(self) -> list[list[tuple[int, float]]]:
        """Neighbours and lengths for every crossroads. One road in six is missing, and steep ones count for more."""
        height = terrain(self.place, self.x, self.y)
        roads: list[list[tuple[int, float]]] = [[] for _ in self.x]
        for here in range(self.side**2):
            row, column = divmod(here, self.side)
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if not (row + down < self.side and 0 <= column + right < self.side):
                    continue
                missing = 0.72 if down and right else 0.16
                if self.chance.random() < missing:
                    continue
                there = (row + down) * self.side + column + right
                length = math.hypot(self.x[here] - self.x[there], self.y[here] - self.y[there])
                cost = length * (1 + 4 * abs(height[here] - height[there]) / length)
                roads[here].append((there, cost))
                roads[there].append((here, cost))
        return roads

    def loop(self, length_m: float) -> Route:
        """A way from home to home by crossroads on an oval beside home, of about that length."""
        heading = self.chance.uniform(0, 2 * math.pi)
        # Roads are longer than the oval that they follow.
        radius = length_m / (2 * math.pi * 1.22)
        stretch = self.chance.uniform(0.6, 0.95)
        corners = [self.home]
        for number in range(1, 6):
            angle = heading + math.pi + number * math.pi / 3 + self.chance.uniform(-0.25, 0.25)
            far = radius * self.chance.uniform(0.7, 1.25)
            along = far * (1 + math.cos(angle - heading))
            across = far * stretch * math.sin(angle - heading)
            x = along * math.cos(heading) - across * math.sin(heading)
            y = along * math.sin(heading) + across * math.cos(heading)
            nearest = int(np.argmin((self.x - x) ** 2 + (self.y - y) ** 2))
            if nearest != corners[-1]:
                corners.append(nearest)
        used: set[tuple[int, int]] = set()
        way = [self.home]
        for start, end in pairwise([*corners, self.home]):
            leg = self._shortest(start, end, used)
            used.update(pairwise(leg))
            used.update(pairwise(leg[::-1]))
            way += leg[1:]
        return self._route(way)

    def _shortest(self, start: int, end: int, used: set[tuple[int, int]]) -> list[int]:
        """The cheapest way, where roads that were taken already cost four times as much."""
        best = {start: 0.0}
        came_from: dict[int, int] = {}
        queue = [(0.0, start)]
        while queue:
            cost, here = heapq.heappop(queue)
            if here == end:
                break
            if cost > best[here]:
                continue
            for there, road in self.roads[here]:
                total = cost + road * (4 if (here, there) in used else 1)
                if total < best.get(there, math.inf):
                    best[there] = total
                    came_from[there] = here
                    heapq.heappush(queue, (total, there))
        way = [end]
        while way[-1] != start:
            way.append(came_from[way[-1]])
        return way[::-1]

    def _route(self, way: list[int]) -> Route:
        """The way as a line that bends like a road: corners rounded, straights made to wander."""
        x, y = resampled(self.x[way], self.y[way], STEP_M)
        width = max(3, int(self.spacing_m / 4 / STEP_M))
        x, y = rounded(x, width), rounded(y, width)
        x, y = wander(self.place, x, y, self.spacing_m)
        x, y = resampled(x, y, STEP_M)
        return _line(self.place, x, y, rounded(terrain(self.place, x, y), 15))


def _line(place: Place, x: Floats, y: Floats, altitude_m: Floats) -> Route:
    latitude = place.latitude + y / METRES_A_DEGREE
    longitude = place.longitude + x / (METRES_A_DEGREE * math.cos(math.radians(place.latitude)))
    return Route((len(x) - 1) * STEP_M, latitude, longitude, altitude_m)


def resampled(x: Floats, y: Floats, step_m: float) -> tuple[Floats, Floats]:
    """The same line with a point every so many metres."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    points = np.arange(0.0, along[-1], step_m)
    return np.interp(points, along, x), np.interp(points, along, y)


def rounded(values: Floats, width: int) -> Floats:
    """Twice the mean over `width` neighbours, with both ends held."""
    kernel = np.full(width, 1 / width)
    for _ in range(2):
        padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
        values = np.convolve(padded, kernel, mode="valid")
    return values


def wander(place: Place, x: Floats, y: Floats, spacing_m: float) -> tuple[Floats, Floats]:
    """The point moved by a smooth field, which is the same for every route: straight roads get their bends."""
    chance = np.random.default_rng([SEED, place.seed, 2])
    dx, dy = np.zeros_like(x), np.zeros_like(y)
    for wavelength in (0.24, 0.45, 0.8, 1.5):
        length = wavelength * min(spacing_m, 900.0)
        for moved in (dx, dy):
            heading, phase = chance.uniform(0, 2 * math.pi, 2)
            moved += (
                length * 0.055 * np.sin(2 * math.pi * (x * math.cos(heading) + y * math.sin(heading)) / length + phase)
            )
    # Home stays where it is.
    near = 1 - np.exp(-(x**2 + y**2) / 250.0**2)
    return x + dx * near, y + dy * near


def terrain(place: Place, x: Floats, y: Floats) -> Floats:
    """Metres above the sea: hills of two to fourteen kilometres about a valley, in which home lies."""
    home = _soft_floor(_hills(place, *_HOME))[0]
    return place.altitude_m + place.relief_m * (_soft_floor(_hills(place, x, y)) - home)


_HOME = (np.zeros(1), np.zeros(1))


def _hills(place: Place, x: Floats, y: Floats) -> Floats:
    """About -3 to 3, and -1.5 at home."""

    def waves(x: Floats, y: Floats) -> Floats:
        chance = np.random.default_rng([SEED, place.seed, 3])
        height = np.zeros_like(x)
        for length_m in (1_900.0, 3_100.0, 5_200.0, 8_600.0, 14_000.0):
            for _ in range(2):
                heading, phase = chance.uniform(0, 2 * math.pi, 2)
                wave = 2 * math.pi * (x * math.cos(heading) + y * math.sin(heading)) / length_m + phase
                height += 0.9 * (length_m / 14_000.0) ** 1.15 * np.sin(wave)
        return height

    return waves(x, y) - waves(*_HOME) - 1.5


def _soft_floor(height: Floats) -> Floats:
    """The height above a floor that it never falls through."""
    return np.log1p(np.exp(height))
