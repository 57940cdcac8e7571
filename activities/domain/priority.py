"""Which source is shown: the athlete's order, the choice by hand, and what the others add.

Of each provider the best record stands for it: the athlete's order of its device kinds decides, then the richer record.
The providers' bests are then compared: the rank of the provider in the athlete's order, among equals the richer
record, then provider and external id. So the order of device kinds speaks within a provider and nowhere else.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from activities.domain.matching import Key
from activities.domain.metrics import metric_of

# Kinds of data, each with an order of its own: what an order is kept under -> its title for a person.
KINDS: Mapping[str, str] = {
    "activities": "Activities",
    "sleep": "Sleep",
    "recovery": "HRV and recovery",
    "daily": "Daily totals",
    "body": "Body",
}

# Whose order a metric follows, by the group that it stands in; all others are daily totals.
_KIND_OF_GROUP: Mapping[str, str] = {"sleep": "sleep", "heart": "recovery", "vitals": "recovery", "body": "body"}

# Kinds of device as an order knows them; what is none of the first five is "other": scale, app, unknown.
DEVICE_KINDS: Mapping[str, str] = {
    "watch": "watch",
    "band": "band",
    "ring": "ring",
    "phone": "phone",
    "computer": "bike computer",
    "other": "other device",
}

Ranks = tuple[tuple[str, ...], ...]

# Among equals that are equally rich, what is worn counts before what is carried, and a weight comes from the scale. A
# provider that names no device speaks for what it is known for, which is rarely a phone. Activities know no such rule:
# there only the order, the richness and the tie-break speak.
_USUAL_DEVICES: Mapping[str, Ranks] = {
    "sleep": (("ring", "watch", "band"), ("unknown",), ("phone",)),
    "recovery": (("ring", "watch", "band"), ("unknown",), ("phone",)),
    "daily": (("watch", "band", "ring"), ("unknown",), ("computer",), ("phone",)),
    "body": (("scale",), ("unknown",), ("app",)),
}


@dataclass(frozen=True)
class Order:
    """An athlete's order for one kind of data, best first; those in one inner tuple are tied.

    A provider that is not named comes after all that are, tied with the others not named: so an order in which nothing
    was set ties all, and the richer record is shown. `devices` orders device kinds within a provider in the same way.
    """

    ranks: Ranks = ()
    devices: Mapping[str, Ranks] = field(default_factory=dict)

    def rank(self, provider: str) -> int:
        """0 stands highest."""
        return _rank(provider, self.ranks)

    def device_rank(self, provider: str, device_kind: str) -> int:
        """0 stands highest among the provider's device kinds."""
        return _rank(order_kind(device_kind), self.devices.get(provider, ()))

    def to_json(self) -> dict[str, Any]:
        """The order in JSON types."""
        return {
            "ranks": [list(rank) for rank in self.ranks],
            "devices": {provider: [list(rank) for rank in ranks] for provider, ranks in sorted(self.devices.items())},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Order:
        """The order that `to_json` told."""
        return cls(_ranks(told.get("ranks", ())), {key: _ranks(it) for key, it in told.get("devices", {}).items()})


def _ranks(told: Iterable[Iterable[str]]) -> Ranks:
    return tuple(tuple(rank) for rank in told)


def _rank(word: str, ranks: Ranks) -> int:
    return next((number for number, rank in enumerate(ranks) if word in rank), len(ranks))


def kind_of_metric(slug: str) -> str:
    """The kind of data, one of KINDS, whose order decides which source of a metric is shown."""
    return _KIND_OF_GROUP.get(metric_of(slug).group, "daily")


def order_kind(device_kind: str) -> str:
    """The kind of device as an order knows it."""
    return device_kind if device_kind in DEVICE_KINDS else "other"


# --- richness -------------------------------------------------------------------------------

# Averages and extremes: what a source worked out of its samples.
STATISTICS: tuple[str, ...] = (
    "avg_heart_rate_bpm", "max_heart_rate_bpm", "min_heart_rate_bpm", "avg_power_w", "max_power_w",
    "avg_cadence_rpm", "max_cadence_rpm", "avg_speed_mps", "max_speed_mps",
)  # fmt: skip
# What else an effort may tell; sport and start are told by all.
FIELDS: tuple[str, ...] = (
    "provider_type", "name", "utc_offset_s", "elapsed_s", "timer_s", "moving_s", "distance_m", "elevation_gain_m",
    "elevation_loss_m", "energy_kcal", "active_energy_kcal", "device", "source_name", "laps", "pauses",
)  # fmt: skip


class Richness(NamedTuple):
    """How much a record tells; compared field by field, the first difference decides.

    `fields`: how many of FIELDS are populated, and one for each stream. `samples`: of all streams together.
    `statistics`: how many of STATISTICS are populated.
    """

    fields: int = 0
    samples: int = 0
    statistics: int = 0


def richness(values: Mapping[str, Any], samples: Mapping[str, int]) -> Richness:
    """How much a record tells: its values by field name and the length of each stream. A told 0 is told."""
    return Richness(
        fields=sum(_is_told(values.get(name)) for name in FIELDS) + sum(count > 0 for count in samples.values()),
        samples=sum(samples.values()),
        statistics=sum(_is_told(values.get(name)) for name in STATISTICS),
    )


def _is_told(value: Any) -> bool:
    return value is not None and value != "" and value != () and value != []


# --- election -------------------------------------------------------------------------------


class Candidate(NamedTuple):
    """One record of a group, with what an election looks at."""

    key: Key
    device_kind: str = "unknown"
    richness: Richness = Richness()

    @property
    def provider(self) -> str:
        return self.key[0]


def elect(
    candidates: Iterable[Candidate], order: Order, pins: Mapping[Key, int] | None = None, kind: str = "activities"
) -> Key:
    """The record that is shown; `pins` holds the number of each pinned record's pin, the highest is the newest."""
    return ranking(candidates, order, pins, kind)[0].key


def ranking(
    candidates: Iterable[Candidate], order: Order, pins: Mapping[Key, int] | None = None, kind: str = "activities"
) -> list[Candidate]:
    """The candidates, the elected one first; each is whom an election without those before it would choose."""
    by_provider: dict[str, list[Candidate]] = defaultdict(list)
    pinned: list[tuple[int, Key, Candidate]] = []
    for candidate in candidates:
        if pins and candidate.key in pins:
            pinned.append((-pins[candidate.key], candidate.key, candidate))
        else:
            by_provider[candidate.provider].append(candidate)
    found = [candidate for *_, candidate in sorted(pinned)]

    # The best that is left of each provider, and the others of it waiting behind.
    fronts: list[tuple[tuple[Any, ...], int]] = []
    queues: list[list[Candidate]] = []
    for provider, members in by_provider.items():
        members.sort(
            key=lambda it: (order.device_rank(it.provider, it.device_kind), *_standing(it, kind)), reverse=True
        )
        fronts.append(((order.rank(provider), *_standing(members[-1], kind)), len(queues)))
        queues.append(members)
    heapq.heapify(fronts)
    while fronts:
        (rank, *_), number = fronts[0]
        queue = queues[number]
        found.append(queue.pop())
        if queue:
            heapq.heapreplace(fronts, ((rank, *_standing(queue[-1], kind)), number))
        else:
            heapq.heappop(fronts)
    return found


def _standing(candidate: Candidate, kind: str) -> tuple[Any, ...]:
    """Low for the better one of two that the athlete's order ties; never equal for two keys."""
    told = candidate.richness
    usual = _rank(candidate.device_kind, _USUAL_DEVICES.get(kind, ()))
    return -told.fields, -told.samples, -told.statistics, usual, candidate.key


def shown(candidates: Iterable[Candidate], order: Order, kind: str) -> Key | None:
    """Which source of a day's sleep, recovery, total or weight is shown; None where there is none.

    The same election as of activities. Where neither order nor richness tells two apart, what is worn counts before
    what is carried, and for the body the scale before all.
    """
    found = list(candidates)
    return elect(found, order, kind=kind) if found else None


def why(
    candidates: Iterable[Candidate],
    order: Order,
    pins: Mapping[Key, int] | None = None,
    names: Mapping[str, str] | None = None,
    kind: str = "activities",
) -> str:
    """Why the first is shown and not the second, for a person, without a full stop; `names` are the providers'."""
    ranked = ranking(candidates, order, pins, kind)
    best = ranked[0]
    if pins and best.key in pins:
        return "You chose it"
    if len(ranked) == 1:
        return "It is the only source"
    second = ranked[1]
    one, other = (_name(it.provider, names) for it in (best, second))
    if order.rank(best.provider) != order.rank(second.provider):
        return f"{one} stands above {other} in your order"
    kinds = [order_kind(it.device_kind) for it in (best, second)]
    same = best.provider == second.provider
    if same and order.device_rank(best.provider, kinds[0]) != order.device_rank(best.provider, kinds[1]):
        first, last = (DEVICE_KINDS[it] for it in kinds)
        return f"Your order puts {one}'s {first} above its {last}"
    against = f"another record of {other}" if same else other
    if best.richness != second.richness:
        return f"It tells more than {against}: {_more(best.richness, second.richness)}"
    usual = _USUAL_DEVICES.get(kind, ())
    if _rank(best.device_kind, usual) != _rank(second.device_kind, usual):
        return f"{_device(best, names)} usually knows this better than {_device(second, names)}"
    return f"It tells as much as {against}, and comes first by {'id' if same else 'name'}"


def _name(provider: str, names: Mapping[str, str] | None) -> str:
    return (names or {}).get(provider, provider)


def _device(candidate: Candidate, names: Mapping[str, str] | None) -> str:
    """Who tells, with the kind of device where it is known."""
    name, kind = _name(candidate.provider, names), candidate.device_kind
    return name if kind == "unknown" else f"{name}'s {DEVICE_KINDS.get(kind, kind)}"


def _more(one: Richness, other: Richness) -> str:
    """The first difference, in words."""
    if one.fields != other.fields:
        return f"{one.fields} fields and series against {other.fields}"
    if one.samples != other.samples:
        return f"{one.samples:,} samples against {other.samples:,}"
    return f"{one.statistics} averages and extremes against {other.statistics}"


class Switch(NamedTuple):
    """A primary that would give way to another."""

    was: Key
    becomes: Key


def switches(
    groups: Iterable[Sequence[Candidate]], before: Order, after: Order, pins: Mapping[Key, int] | None = None
) -> list[Switch]:
    """Which groups' primaries another order would change, in the order of the groups."""
    found = ((elect(group, before, pins), elect(group, after, pins)) for group in groups)
    return [Switch(was, becomes) for was, becomes in found if was != becomes]


# --- filling gaps ---------------------------------------------------------------------------

# Figures and words that another source may lend. Who recorded it, and what that source calls it, stay the primary's;
# that it tells no pauses may mean that there were none.
LENT: tuple[str, ...] = (
    "name", "utc_offset_s", "elapsed_s", "timer_s", "moving_s", "distance_m", "elevation_gain_m", "elevation_loss_m",
    "energy_kcal", "active_energy_kcal", *STATISTICS, "laps",
)  # fmt: skip
# Streams that only make sense from one source: a place is both.
TOGETHER: tuple[tuple[str, ...], ...] = (("latitude", "longitude"),)


class Told(NamedTuple):
    """What one source tells: values by field name, and the names of its streams."""

    key: Key
    values: Mapping[str, Any]
    streams: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filled:
    """What the primary lacks: values lent by others, and from whom (`field` or `stream:<name>` -> key)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Key] = field(default_factory=dict)


def filled(primary: Told, others: Iterable[Told]) -> Filled:
    """What the others, the next source first, lend where the primary tells nothing; a told 0 is no gap."""
    values: dict[str, Any] = {}
    origins: dict[str, Key] = {}
    has = set(primary.streams)
    for other in others:
        for name in LENT:
            value = other.values.get(name)
            if name not in values and _is_told(value) and not _is_told(primary.values.get(name)):
                values[name], origins[name] = value, other.key
        for names in _lendable(other.streams):
            if not has.intersection(names):
                has.update(names)
                origins.update((f"stream:{name}", other.key) for name in names)
    return Filled(values, origins)


def _lendable(streams: frozenset[str]) -> list[tuple[str, ...]]:
    """The streams, those that belong together as one where all are there."""
    bound = {name for names in TOGETHER for name in names}
    return [names for names in TOGETHER if streams.issuperset(names)] + [(it,) for it in sorted(streams - bound)]
