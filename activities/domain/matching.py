"""Are these two one effort, and which records of an athlete make one group.

Everything here is a function of the set of records and the athlete's decisions, never of the order in which they came.
Times are whole milliseconds; distances are compared in whole millimetres, so that a bound means the same everywhere.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, groupby, pairwise
from operator import itemgetter
from typing import Any, Literal, NamedTuple, get_args

from trainstack.sports import GENERIC, family, label

# Provider and external id: what a record is known by, in decisions, pins and ties.
Key = tuple[str, str]

# The provider of a file that tells neither who made it nor whose it is.
UNKNOWN_PROVIDER = "file"

# A watch and a head unit: the same hand, not the same press.
START_TOLERANCE_MS = 120_000
DAY_MS = 86_400_000
# A record that does not tell its sport has less to show, so its start has to say more.
UNKNOWN_SPORT_START_TOLERANCE_MS = 15_000
# Durations agree within a tenth of the longer one, distances within a twentieth: both are compared multiplied out.
DURATION_PARTS = 10
DISTANCE_PARTS = 20


@dataclass(frozen=True, slots=True)
class Record:
    """What is compared of one source activity; None is "not told".

    `device` tells files of unknown provider apart: see `teller_of`. `offset_ms` is what the clock on the wall was ahead
    of UTC. What tells no time of day is `day_only` and stands at noon of its day, UTC.
    """

    provider: str
    external_id: str
    sport: str
    start_ms: int
    elapsed_ms: int | None = None
    timer_ms: int | None = None
    moving_ms: int | None = None
    distance_m: float | None = None
    device: str = ""
    offset_ms: int = 0
    day_only: bool = False

    @property
    def key(self) -> Key:
        return self.provider, self.external_id

    @property
    def local_day(self) -> int:
        """The day on the wall where it began, counted from 1970."""
        return (self.start_ms + (0 if self.day_only else self.offset_ms)) // DAY_MS


@dataclass(frozen=True, slots=True)
class Decision:
    """What the athlete said of two records: one effort, or not. The higher number is the newer one."""

    number: int
    same: bool
    one: Key
    other: Key


class Shape(NamedTuple):
    """All that matching looks at. Records of one shape match the same others, and each other.

    `family` is empty where the sport is unknown or generic. `alone` is the key of a record that does not match its
    like, because it tells no duration or no time of day.
    """

    start_ms: int
    family: str
    elapsed_ms: int | None
    timer_ms: int | None
    moving_ms: int | None
    distance_mm: int | None
    alone: Key | None = None
    day_only: bool = False


@lru_cache(maxsize=4096)
def known_family(sport: str) -> str:
    """The sport's family; empty where it is unknown or generic."""
    found = family(sport)
    return "" if found == GENERIC else found


def teller_of(record: Record) -> tuple[str, str]:
    """Who tells: two records of one teller that do not match are two efforts, for it saw both.

    That is the provider. Files of unknown provider may come from anywhere, so there it is the device; those that name
    no device either cannot be told apart and count as one teller: an effort shown twice is put right with one click,
    two efforts folded into one are overlooked.
    """
    return record.provider, record.device if record.provider == UNKNOWN_PROVIDER else ""


def shape_of(record: Record) -> Shape:
    """What matching looks at; a distance that is no number is not told."""
    elapsed_ms, timer_ms, moving_ms, distance_m = (
        record.elapsed_ms, record.timer_ms, record.moving_ms, record.distance_m
    )  # fmt: skip
    length_ms = elapsed_ms if elapsed_ms is not None else timer_ms if timer_ms is not None else moving_ms
    return Shape(
        record.start_ms,
        known_family(record.sport),
        elapsed_ms,
        timer_ms,
        moving_ms,
        None if distance_m is None or not math.isfinite(distance_m) else round(distance_m * 1000),
        record.key if length_ms is None or length_ms < 0 or record.day_only else None,
        record.day_only,
    )


def matches(one: Record, other: Record) -> bool:
    """Whether two records of one athlete meet all four conditions; the same whichever comes first."""
    return closeness(shape_of(one), shape_of(other)) is not None


def closeness(one: Shape, other: Shape) -> int | None:
    """The smallest agreeing difference of durations in ms where the two match, else None.

    Starts that nobody told are not close to any.
    """
    start_a, family_a, elapsed_a, timer_a, moving_a, distance_a, _, day_only_a = one
    start_b, family_b, elapsed_b, timer_b, moving_b, distance_b, _, day_only_b = other
    apart = abs(start_a - start_b)
    if apart > START_TOLERANCE_MS or day_only_a or day_only_b:
        return None
    if not family_a or not family_b:
        if apart > UNKNOWN_SPORT_START_TOLERANCE_MS:
            return None
        if distance_a is not None and distance_b is not None:
            longer = distance_a if distance_a > distance_b else distance_b
            if DISTANCE_PARTS * abs(distance_a - distance_b) > longer:
                return None
    elif family_a != family_b:
        return None

    best: int | None = None
    comparable = False
    for a, b in ((elapsed_a, elapsed_b), (timer_a, timer_b), (moving_a, moving_b)):
        if a is not None and b is not None:
            comparable = True
            difference = abs(a - b)
            if DURATION_PARTS * difference <= (a if a > b else b) and (best is None or difference < best):
                best = difference
    length_a = elapsed_a if elapsed_a is not None else timer_a if timer_a is not None else moving_a
    length_b = elapsed_b if elapsed_b is not None else timer_b if timer_b is not None else moving_b
    if length_a is None or length_b is None:
        return None
    if not comparable:
        difference = abs(length_a - length_b)
        if DURATION_PARTS * difference <= max(length_a, length_b):
            best = difference
    if best is None:
        return None
    if apart and 2 * _overlap(start_a, length_a, start_b, length_b) <= min(length_a, length_b):
        return None
    return best


def _overlap(start_a: int, length_a: int, start_b: int, length_b: int) -> int:
    """In ms; negative where there is a gap."""
    return min(start_a + length_a, start_b + length_b) - max(start_a, start_b)


# --- groups ---------------------------------------------------------------------------------


def groups_of(records: Iterable[Record], decisions: Iterable[Decision] = ()) -> list[tuple[Key, ...]]:
    """The groups of an athlete's records: each sorted, the list sorted; every record is in one.

    Keys are unique among the records. A decision that names a record which is not there sleeps.
    """
    every = list(records)
    known = {record.key: record for record in every}
    if len(known) != len(every):
        raise ValueError("A provider and external id stands for one record.")
    heard = _heard(decisions, known)
    web = _Web(every)
    if heard:
        web.tie(heard)
    told: dict[int, list[Decision]] = defaultdict(list)
    for decision in heard:
        component = web.component_of(decision.one)
        # Nothing brings the two together where they lie in two components.
        if component == web.component_of(decision.other):
            told[component].append(decision)

    groups: list[tuple[Key, ...]] = []
    edges: Mapping[int, list[_Edge]] | None = None
    for component, numbers in web.components().items():
        concern = told.get(component)
        if not concern and len(numbers) == 1:
            groups.append(tuple(sorted(web.keys[numbers[0]])))
        elif not concern and _all_agree(known, web, numbers):
            groups.append(tuple(web.keys_of(numbers)))
        else:
            edges = edges or web.edges_by_component()
            groups += _Gathering(known, web, numbers, edges.get(component, [])).groups(concern or [])
    groups.sort()
    return groups


def _heard(decisions: Iterable[Decision], known: Mapping[Key, Record]) -> list[Decision]:
    """The decisions that are awake, newest first."""
    awake = [it for it in decisions if it.one in known and it.other in known and it.one != it.other]
    return sorted(awake, key=lambda it: (it.number, it.same, it.one, it.other), reverse=True)


# Difference of starts, smallest agreeing difference of durations (both ms), and the numbers of the two shapes.
_Edge = tuple[int, int, int, int]


class _Web:
    """Shapes as nodes, numbered by start, and what ties them: matches, decisions, and being told of one record."""

    def __init__(self, records: Iterable[Record]) -> None:
        held: dict[Shape, list[Key]] = {}
        for record in records:
            held.setdefault(shape_of(record), []).append(record.key)
        self.shapes = sorted(held, key=itemgetter(0))
        self.keys = [held[shape] for shape in self.shapes]
        # The numbers of two shapes that match, ascending -> difference of starts, smallest agreeing one of durations.
        self.matching: dict[tuple[int, int], tuple[int, int]] = {}
        self._parent = list(range(len(self.shapes)))
        self._number: dict[Key, int] = {}
        self._match()

    def tie(self, decisions: Iterable[Decision]) -> None:
        """Tie what "same" decisions name, and the forms of a record that is here in several."""
        for number, keys in enumerate(self.keys):
            for key in keys:
                first = self._number.setdefault(key, number)
                if first != number:
                    self._tie(first, number)
        for decision in decisions:
            if decision.same and decision.one in self._number and decision.other in self._number:
                self._tie(self._number[decision.one], self._number[decision.other])

    def _match(self) -> None:
        shapes, count = self.shapes, len(self.shapes)
        for number, one in enumerate(shapes):
            start_ms, family_of_one = one[0], one[1]
            for after in range(number + 1, count):
                other = shapes[after]
                apart = other[0] - start_ms
                if apart > START_TOLERANCE_MS:
                    break
                if family_of_one and other[1] and family_of_one != other[1]:
                    continue
                difference = closeness(one, other)
                if difference is not None:
                    self.matching[number, after] = apart, difference
                    self._tie(number, after)

    def _root(self, number: int) -> int:
        parent = self._parent
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    def _tie(self, one: int, other: int) -> None:
        one, other = self._root(one), self._root(other)
        if one != other:
            self._parent[max(one, other)] = min(one, other)

    def component_of(self, key: Key) -> int:
        """The component of a record; `tie` comes first."""
        return self._root(self._number[key])

    def components(self) -> dict[int, list[int]]:
        """Component -> numbers of its shapes, ascending."""
        found: dict[int, list[int]] = {}
        parent = self._parent
        for number, above in enumerate(parent):
            # The root of a component is its lowest number.
            if above == number:
                found[number] = [number]
            else:
                found[self._root(number)].append(number)
        return found

    def edges_by_component(self) -> dict[int, list[_Edge]]:
        found: dict[int, list[_Edge]] = defaultdict(list)
        for (one, other), distance in self.matching.items():
            found[self._root(one)].append((*distance, one, other))
        return found

    def keys_of(self, numbers: Iterable[int]) -> list[Key]:
        """The records of these shapes, sorted, each once."""
        return sorted({key for number in numbers for key in self.keys[number]})


def _all_agree(known: Mapping[Key, Record], web: _Web, numbers: Sequence[int]) -> bool:
    """Whether no pair could keep two groups of the component apart: then it is one, whatever the order."""
    families = {web.shapes[number].family for number in numbers}
    if len(families - {""}) > 1:
        return False
    tellers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number in numbers:
        for key in web.keys[number]:
            tellers[teller_of(known[key])].add(number)
    return all(
        pair in web.matching
        for shapes in tellers.values()
        if len(shapes) > 1
        for pair in combinations(sorted(shapes), 2)
    )


class _Group:
    """What has been joined so far: `apart` are the roots of groups that it must not be joined with, ever."""

    __slots__ = ("apart", "families", "members", "tellers")

    def __init__(self, member: int, family_of_it: str, teller: tuple[str, str], shape: int) -> None:
        self.members = [member]
        self.families = {family_of_it} if family_of_it else set()
        # Who tells of it -> the numbers of the shapes told.
        self.tellers = {teller: {shape}}
        self.apart: set[int] = set()


class _Gathering:
    """The groups within one component. Members are numbered by key, so that ties end the same everywhere."""

    def __init__(self, known: Mapping[Key, Record], web: _Web, numbers: Sequence[int], edges: Sequence[_Edge]) -> None:
        told = sorted((key, number) for number in numbers for key in web.keys[number])
        self._keys = [key for key, _ in told]
        self._edges = edges
        self._matching = web.matching
        self._groups: dict[int, _Group] = {}
        self._by_shape: dict[int, list[int]] = defaultdict(list)
        for member, (key, number) in enumerate(told):
            shape = web.shapes[number]
            self._groups[member] = _Group(member, shape.family, teller_of(known[key]), number)
            self._by_shape[number].append(member)
        self._root = list(range(len(told)))
        # In which groups the members of a shape are.
        self._roots_of = {number: set(members) for number, members in self._by_shape.items()}

    def groups(self, decisions: Sequence[Decision]) -> list[tuple[Key, ...]]:
        """The groups after the decisions, newest first, and then the matching pairs, closest first."""
        self._decide(decisions)
        self._walk()
        return [tuple(self._keys[member] for member in sorted(group.members)) for group in self._groups.values()]

    def _decide(self, decisions: Sequence[Decision]) -> None:
        member_of = {key: member for member, key in enumerate(self._keys)}
        for decision in decisions:
            one, other = self._find(member_of[decision.one]), self._find(member_of[decision.other])
            if one == other:
                continue
            if not decision.same:
                self._keep_apart(one, other)
            elif other not in self._groups[one].apart:
                self._join(one, other)

    def _walk(self) -> None:
        for one, other in self._pairs():
            if len(self._groups) == 1:
                return
            one, other = self._find(one), self._find(other)
            if one == other or other in self._groups[one].apart:
                continue
            if self._may_join(self._groups[one], self._groups[other]):
                self._join(one, other)
            else:
                # Groups only grow, so what stands between these two will always stand there.
                self._keep_apart(one, other)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Matching pairs of members, the closest first, equals by their keys."""
        alike = [(0, 0, number, number) for number, members in self._by_shape.items() if len(members) > 1]
        for _, equals in groupby(sorted([*alike, *self._edges]), key=itemgetter(0, 1)):
            yield from heapq.merge(*(self._couples(it[2], it[3]) for it in equals))

    def _couples(self, one: int, other: int) -> Iterator[tuple[int, int]]:
        """Every pair of members of the two shapes, the lower first, ascending, but for what can no longer join."""
        some, others = self._by_shape[one], self._by_shape[other]
        first = set(some)
        for lower in sorted(first.union(others)):
            number, partners = (other, others) if lower in first else (one, some)
            root = self._find(lower)
            # Ten thousand copies of one file are one group after the first of them has met all others.
            if (self._groups[root].apart | {root}).issuperset(self._roots_of[number]):
                continue
            for upper in partners[bisect_right(partners, lower) :]:
                yield lower, upper

    def _may_join(self, one: _Group, other: _Group) -> bool:
        if one.families and other.families and len(one.families | other.families) > 1:
            return False
        return all(
            first == second or (min(first, second), max(first, second)) in self._matching
            for teller in one.tellers.keys() & other.tellers.keys()
            for first in one.tellers[teller]
            for second in other.tellers[teller]
        )

    def _find(self, member: int) -> int:
        root = self._root
        while root[member] != member:
            root[member] = member = root[root[member]]
        return member

    def _keep_apart(self, one: int, other: int) -> None:
        self._groups[one].apart.add(other)
        self._groups[other].apart.add(one)

    def _join(self, one: int, other: int) -> None:
        if len(self._groups[one].members) < len(self._groups[other].members):
            one, other = other, one
        into, gone = self._groups[one], self._groups.pop(other)
        self._root[other] = one
        into.members += gone.members
        into.families |= gone.families
        for teller, shapes in gone.tellers.items():
            into.tellers.setdefault(teller, set()).update(shapes)
            for shape in shapes:
                self._roots_of[shape].discard(other)
                self._roots_of[shape].add(one)
        for rival in gone.apart:
            self._groups[rival].apart.discard(other)
            self._keep_apart(one, rival)


# --- what a change can touch ----------------------------------------------------------------


def components_of(records: Iterable[Record], decisions: Iterable[Decision] = ()) -> list[tuple[Key, ...]]:
    """The components over matches and "same" decisions, each sorted, the list sorted. No group reaches across them."""
    web = _Web(records)
    web.tie(decisions)
    return sorted(tuple(web.keys_of(numbers)) for numbers in web.components().values())


# What a first look takes in around a change beyond the tolerance, so that a cluster is seen whole at once.
FIRST_SLACK_MS = 10 * 60_000
# A database takes only so many stretches of time in one query; beyond these the nearest are asked for as one.
MAX_SPANS = 100

Span = tuple[int, int]


class Wanted(NamedTuple):
    """The records to be loaded next: those that start in a span, both ends included, and those of the keys."""

    spans: tuple[Span, ...]
    keys: tuple[Key, ...]


class Neighbourhood:
    """The search for all records whose groups a change can touch, in as few steps as the records allow.

    Give it the changed records, as they were and as they are now; the keys of records named by changed decisions; and
    the decisions that concern them, those withdrawn included. Then, until nothing is wanted any more:

        while wanted := search.wanted():
            search.add(load(wanted))

    One step does unless a chain of matches runs out of the time looked at, or a decision leads elsewhere. What `add`
    gets are the records as they stand now; those of before only serve to find their neighbours.
    """

    def __init__(
        self, changed: Iterable[Record] = (), *, keys: Iterable[Key] = (), decisions: Iterable[Decision] = ()
    ) -> None:
        self._changed = set(changed)
        self._seeds = {record.key for record in self._changed} | set(keys)
        self._decisions = list(decisions)
        self._bonds: dict[Key, set[Key]] = defaultdict(set)
        for decision in self._decisions:
            if decision.same:
                self._bonds[decision.one].add(decision.other)
                self._bonds[decision.other].add(decision.one)
        self._loaded: dict[Key, Record] = {}
        self._seen: list[Span] = []
        self._asked: set[Key] = set()
        self._slack_ms = FIRST_SLACK_MS
        self._near = self._reached()

    def wanted(self) -> Wanted | None:
        """What to load next; None once every record that the change can touch is here. Ask once, then `add`."""
        reach = [(it.start_ms - START_TOLERANCE_MS, it.start_ms + START_TOLERANCE_MS) for it in self._near]
        slack_ms = self._slack_ms
        spans = _joined(
            (first - slack_ms, last + slack_ms) for first, last in reach if not _within((first, last), self._seen)
        )
        keys = self._bound(self._seeds | {record.key for record in self._near}) - self._asked - self._loaded.keys()
        if not spans and not keys:
            return None
        while len(spans) > MAX_SPANS:
            gap = min(after[0] - before[1] for before, after in pairwise(spans))
            spans = _joined(spans, gap)
        self._seen = _joined([*self._seen, *spans])
        self._asked |= keys
        self._slack_ms *= 2
        return Wanted(tuple(spans), tuple(sorted(keys)))

    def add(self, records: Iterable[Record]) -> None:
        """Take what was loaded; a record that comes again changes nothing."""
        self._loaded.update((record.key, record) for record in records)
        self._near = self._reached()

    @property
    def component(self) -> list[Record]:
        """The records as they stand whose groups the change can touch, sorted by key."""
        return sorted((it for it in self._near if self._loaded.get(it.key) == it), key=lambda record: record.key)

    def _bound(self, keys: set[Key]) -> set[Key]:
        """The keys, and all that "same" decisions lead to from them."""
        found = set(keys)
        waiting = list(keys)
        while waiting:
            new = self._bonds.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    def _reached(self) -> list[Record]:
        """The records in the components of what changed, those of before among them."""
        records = self._changed | set(self._loaded.values())
        web = _Web(records)
        web.tie(self._decisions)
        here = {record.key for record in records}
        reached = {web.component_of(key) for key in self._bound(self._seeds) if key in here}
        return [record for record in records if web.component_of(record.key) in reached]


def _joined(spans: Iterable[Span], gap: int = 0) -> list[Span]:
    """The spans ascending, those that touch or lie no further apart than the gap made one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first - found[-1][1] <= gap:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _within(span: Span, spans: Sequence[Span]) -> bool:
    """Whether one of the spans, which are ascending and apart, holds it whole."""
    place = bisect_right(spans, span[0], key=itemgetter(0)) - 1
    return place >= 0 and span[1] <= spans[place][1]


# --- near misses ----------------------------------------------------------------------------

# No two starts further apart make a suggestion: time zones reach fourteen hours, which is how far a clock may be out.
MAX_SHIFT_MS = 14 * 3_600_000
SUGGESTION_REACH_MS = MAX_SHIFT_MS + START_TOLERANCE_MS
# What tells only its day stands at noon of it, UTC: on earth that day begins up to 26 hours before and ends 24 after.
DAY_ONLY_REACH_MS = 26 * 3_600_000
# Where the partners of any near miss of a record begin.
LOOK_REACH_MS = max(SUGGESTION_REACH_MS, DAY_ONLY_REACH_MS)
# How far outside a bound is "just outside"; several may be missed at once: who starts late records less. A distance may
# be out by any amount: two of one length at one time are worth a question, and some devices write nonsense for it.
NEAR_START_MS = 300_000
UNKNOWN_SPORT_NEAR_START_MS = START_TOLERANCE_MS
NEAR_DURATION_PARTS = 5
NEAR_OVERLAP_PARTS = 3
# A start that is hours off is no evidence, so lengths have to be: within a fiftieth, distances within a twentieth.
SHIFTED_DURATION_PARTS = 50
HALF_HOUR_MS = 1_800_000
# Of two recordings by one source at two times, each is an effort of its own unless one is a copy of the other, as after
# a conversion that took local time for UTC: the same to the second, in start, length and a thousandth of the distance.
COPY_TOLERANCE_MS = 1_000
COPY_DISTANCE_PARTS = 1_000
# A recording inside another is worth a question from a quarter of the other on; a tenth of it may stick out.
INSIDE_PARTS = 4
STICKING_OUT_PARTS = 10
# A record is compared with so many that start after it, however many a broken clock has put there.
MAX_COMPARED = 200

Reason = Literal["other_family", "just_outside", "clock_shift", "inside", "no_time_of_day"]
# Of several pairs between two groups, the reason that stands first speaks.
REASONS: tuple[Reason, ...] = get_args(Reason)


class Miss(NamedTuple):
    """Why two records nearly match: the smaller `off`, the nearer; `detail` tells it to a person."""

    reason: Reason
    off: float
    detail: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two groups that may be one effort, each by the record of it that comes closest to the other.

    `reason`: other_family (all but the sport fits), just_outside (a bound or more missed by little), clock_shift (whole
    half-hours later and else alike), inside (one was recorded while the other was), no_time_of_day (one tells only its
    day, and the other fits it). `detail` tells it to a person, without a full stop.
    """

    one: Key
    other: Key
    reason: Reason
    detail: str


def suggestions_of(
    records: Iterable[Record],
    groups: Iterable[Sequence[Key]],
    decisions: Iterable[Decision] = (),
    *,
    around: Collection[Key] | None = None,
) -> list[Suggestion]:
    """The near misses between groups, newest first; one for each pair of groups.

    Never within a group, and never between groups of which the athlete said that they are two. `around`: only what
    touches the groups of these records. The groups are given with all their members, `records` with all records that
    start within LOOK_REACH_MS of those asked about.
    """
    number_of = {key: number for number, group in enumerate(groups) for key in group}
    ordered = sorted((it for it in records if it.key in number_of), key=lambda it: (it.start_ms, it.key))
    shapes = [shape_of(record) for record in ordered]
    # A source that tells one effort by its day and another by its time may tell one of them twice.
    tellers: dict[int, set[tuple[str, str, bool]]] = defaultdict(set)
    timed: set[int] = set()
    for record in ordered:
        number = number_of[record.key]
        tellers[number].add((*teller_of(record), record.day_only))
        if not record.day_only:
            timed.add(number)
    reach_ms = LOOK_REACH_MS if any(record.day_only for record in ordered) else SUGGESTION_REACH_MS
    asked = None if around is None else {number_of[key] for key in around if key in number_of}
    settled = {
        frozenset((number_of[it.one], number_of[it.other]))
        for it in decisions
        if not it.same and it.one in number_of and it.other in number_of
    }

    found: dict[tuple[int, int], tuple[tuple[Any, ...], Record, Record, Miss]] = {}
    for place, one in enumerate(ordered):
        first = number_of[one.key]
        for after in range(place + 1, min(place + 1 + MAX_COMPARED, len(ordered))):
            other = ordered[after]
            if other.start_ms - one.start_ms > reach_ms:
                break
            second = number_of[other.key]
            if first == second or (asked is not None and first not in asked and second not in asked):
                continue
            if one.day_only or other.day_only:
                # A group of which one tells the time is no longer looked for by its day.
                miss = None if first in timed and second in timed else same_day(one, other)
            else:
                miss = near_miss(shapes[place], shapes[after])
            if miss is None or frozenset((first, second)) in settled:
                continue
            if not tellers[first].isdisjoint(tellers[second]) and (
                miss.reason == "no_time_of_day"
                or (miss.reason == "clock_shift" and not _is_copy(shapes[place], shapes[after]))
            ):
                continue
            standing = (REASONS.index(miss.reason), miss.off, *sorted((one.key, other.key)))
            pair = (min(first, second), max(first, second))
            if pair not in found or standing < found[pair][0]:
                found[pair] = standing, one, other, miss
    newest = sorted(found.values(), key=lambda it: (-it[2].start_ms, -it[1].start_ms, it[0]))
    return [
        Suggestion(min(one.key, other.key), max(one.key, other.key), miss.reason, miss.detail)
        for _, one, other, miss in newest
    ]


def same_day(one: Record, other: Record) -> Miss | None:
    """Why two records might be one effort, of which one at least tells no time of day; the same whichever comes first.

    The local day is the same, so is the sport, the durations agree, and so do the distances where both tell one; where
    a sport is unknown both have to.
    """
    if one.local_day != other.local_day:
        return None
    shape, beside = shape_of(one), shape_of(other)
    if _length(shape) is None or _length(beside) is None:
        return None
    distances = [it.distance_mm for it in (shape, beside) if it.distance_mm is not None]
    is_sport_known = bool(shape.family and beside.family)
    if shape.family != beside.family if is_sport_known else len(distances) < 2:
        return None
    difference, longer = _difference(shape, beside)
    if DURATION_PARTS * difference > longer or not _distances_agree(shape, beside, DISTANCE_PARTS):
        return None
    words = f"one tells no time of day; on that day, the durations differ by {_per_cent(difference, longer)}"
    if len(distances) == 2:
        words += f" and the distances by {_per_cent(abs(distances[0] - distances[1]), max(distances))}"
    return Miss("no_time_of_day", difference / max(longer, 1), words)


def near_miss(one: Shape, other: Shape) -> Miss | None:
    """Why two records are no match but might be one effort; the same whichever comes first. None where they match.

    Only for records that tell when they began.
    """
    length_a, length_b = _length(one), _length(other)
    apart = abs(one.start_ms - other.start_ms)
    if length_a is None or length_b is None or apart > SUGGESTION_REACH_MS or one.day_only or other.day_only:
        return None
    families = {one.family, other.family}
    if len(families) == 2 and "" not in families:
        if apart > START_TOLERANCE_MS or _outside(one, other) != []:
            return None
        named = " and ".join(sorted(label(it) for it in families))
        return Miss("other_family", apart, f"recorded at the same time, as {named}")
    outside = _outside(one, other)
    if outside is not None:
        if not outside:
            return None
        return Miss("just_outside", sum(off for off, _ in outside), " and ".join(words for _, words in outside))
    return _shifted(one, other) or _inside(one, other)


def _length(shape: Shape) -> int | None:
    """In ms: elapsed, else timer, else moving."""
    _, _, elapsed, timer, moving, *_ = shape
    return elapsed if elapsed is not None else timer if timer is not None else moving


def _difference(one: Shape, other: Shape) -> tuple[int, int]:
    """The difference of durations that is smallest beside the longer one, and that longer one, both in ms."""
    told = [(a, b) for a, b in zip(one[2:5], other[2:5], strict=True) if a is not None and b is not None]
    compared = [(abs(a - b), max(a, b)) for a, b in told or [(_length(one) or 0, _length(other) or 0)]]
    return compared[0] if len(compared) == 1 else min(compared, key=lambda it: (it[0] / max(it[1], 1), it))


def _outside(one: Shape, other: Shape) -> list[tuple[float, str]] | None:
    """The bounds that the two miss, by how much beside the bound, in words; None where one is missed by far.

    The sports themselves are not compared, only whether both are known.
    """
    missed: list[tuple[float, str]] = []
    is_sport_known = bool(one.family and other.family)
    apart = abs(one.start_ms - other.start_ms)
    bound = START_TOLERANCE_MS if is_sport_known else UNKNOWN_SPORT_START_TOLERANCE_MS
    if apart > bound:
        if apart > (NEAR_START_MS if is_sport_known else UNKNOWN_SPORT_NEAR_START_MS):
            return None
        missed.append((apart / bound - 1, f"the starts are {_words(apart)} apart (at most {_words(bound)})"))

    difference, longer = _difference(one, other)
    if DURATION_PARTS * difference > longer:
        if NEAR_DURATION_PARTS * difference > longer:
            return None
        share = _share(difference, longer, DURATION_PARTS)
        missed.append((DURATION_PARTS * difference / longer - 1, f"the durations differ by {share}"))

    if not is_sport_known and one.distance_mm is not None and other.distance_mm is not None:
        difference, longer = abs(one.distance_mm - other.distance_mm), max(one.distance_mm, other.distance_mm)
        if DISTANCE_PARTS * difference > longer:
            share = _share(difference, longer, DISTANCE_PARTS)
            missed.append((DISTANCE_PARTS * difference / longer - 1, f"the distances differ by {share}"))

    shorter = min(_length(one) or 0, _length(other) or 0)
    overlap = _overlap(one.start_ms, _length(one) or 0, other.start_ms, _length(other) or 0)
    if apart and 2 * overlap <= shorter:
        if NEAR_OVERLAP_PARTS * overlap < shorter or overlap <= 0:
            return None
        part = math.floor(100 * overlap / shorter)
        missed.append((1 - 2 * overlap / shorter, f"they overlap by {part} % of the shorter (more than 50 %)"))
    return missed


def _shifted(one: Shape, other: Shape) -> Miss | None:
    apart = abs(one.start_ms - other.start_ms)
    half_hours = round(apart / HALF_HOUR_MS)
    off = abs(apart - half_hours * HALF_HOUR_MS)
    is_sport_known = bool(one.family and other.family)
    if half_hours == 0 or off > (START_TOLERANCE_MS if is_sport_known else UNKNOWN_SPORT_START_TOLERANCE_MS):
        return None
    difference, longer = _difference(one, other)
    if SHIFTED_DURATION_PARTS * difference > longer or not _distances_agree(one, other, DISTANCE_PARTS):
        return None
    hours = _words(half_hours * HALF_HOUR_MS)
    return Miss("clock_shift", off, f"as long, but {hours} later, as after a clock fault")


def _is_copy(one: Shape, other: Shape) -> bool:
    """Whether the second is the first to the second, whole half-hours later; both tell a distance."""
    off = abs(one.start_ms - other.start_ms) % HALF_HOUR_MS
    return bool(
        min(off, HALF_HOUR_MS - off) <= COPY_TOLERANCE_MS
        and _difference(one, other)[0] <= COPY_TOLERANCE_MS
        and one.distance_mm
        and other.distance_mm
        and _distances_agree(one, other, COPY_DISTANCE_PARTS)
    )


def _distances_agree(one: Shape, other: Shape, parts: int) -> bool:
    """Whether the distances are within one such part of the longer; where one is not told, nothing speaks against."""
    if one.distance_mm is None or other.distance_mm is None:
        return True
    return parts * abs(one.distance_mm - other.distance_mm) <= max(one.distance_mm, other.distance_mm)


def _inside(one: Shape, other: Shape) -> Miss | None:
    (length, begin), (outer_length, outer_begin) = sorted((_length(it) or 0, it.start_ms) for it in (one, other))
    sticking_out = length - _overlap(begin, length, outer_begin, outer_length)
    if length <= 0 or INSIDE_PARTS * length < outer_length or STICKING_OUT_PARTS * sticking_out > length:
        return None
    return Miss(
        "inside", 1 - length / outer_length, f"{_words(length)} recorded inside the other's {_words(outer_length)}"
    )


def _share(difference: int, longer: int, parts: int) -> str:
    """The share in per cent, rounded up so that it never reads as within the bound that stands beside it."""
    return f"{_per_cent(difference, longer)} (at most {100 // parts} %)"


def _per_cent(difference: int, longer: int) -> str:
    """Rounded up to a tenth."""
    return f"{math.ceil(1000 * difference / max(longer, 1)) / 10:g} %"


def _words(duration_ms: int) -> str:
    """A duration for a person, the last second begun counted in full: "1 h 5 min", "2 min 10 s"."""
    seconds = math.ceil(duration_ms / 1000)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else seconds, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
