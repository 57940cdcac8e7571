"""Which source activities are one effort, kept up in the database: groups, what an activity shows, near misses.

The rules are pure and live in `activities.domain.matching` and `activities.domain.priority`; this module reads the
neighbourhood in time of what changed, asks them, and has the rows follow. What comes out is a function of the records
and of what the athlete decided, never of the order in which either came. Only ids have a history: an activity keeps
its id as long as it can, and an id that became part of another activity leads there.

All but `rebuild` joins the caller's transaction, or is one by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import Case, Count, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import RawSQL

from activities.domain.matching import (
    LOOK_REACH_MS,
    Decision,
    Key,
    Neighbourhood,
    Record,
    groups_of,
    suggestions_of,
)
from activities.domain.parsed import COMPUTED
from activities.domain.priority import Candidate, Order, elect, richness
from activities.models import (
    Activity,
    LinkDecision,
    Pin,
    RetiredActivity,
    SourceActivity,
    Suggestion,
)
from activities.selectors.priorities import order_of
from activities.selectors.raw import IN_ONE_QUERY
from activities.services.bulk import update_rows
from trainstack.accounts.models import User

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Activities, or half the stretches of time and keys, that one query asks for: SQLite takes 999 parameters.
ASKED_AT_ONCE = 100
# Records that `rebuild` groups in one transaction; some 50 ms.
REBUILT_AT_ONCE = 200
# What an activity repeats of its primary source.
SHOWN_FIELDS = ("sport", "name", "start_time", "elapsed_s", "distance_m")

T = TypeVar("T")
# First and last moment in ms, both included.
Span = tuple[int, int]


@dataclass
class Regrouped:
    """What a regrouping changed.

    `created` and `removed` are ids of activities; `retired` says of those that became part of another one which that
    is; `switched` show another source than before, `corrected` only another figure of it. `moved` says of source
    activities that changed their activity to which. `suggested` counts near misses that came or went.
    """

    created: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    retired: dict[int, int] = field(default_factory=dict)
    switched: set[int] = field(default_factory=set)
    corrected: set[int] = field(default_factory=set)
    moved: dict[int, int] = field(default_factory=dict)
    suggested: int = 0

    def __bool__(self) -> bool:
        return self != Regrouped()

    def add(self, other: Regrouped) -> None:
        """Count what another regrouping changed as well."""
        self.created |= other.created
        self.removed |= other.removed
        self.retired |= other.retired
        self.switched |= other.switched
        self.corrected |= other.corrected
        self.moved |= other.moved
        self.suggested += other.suggested


def lock(user: User) -> None:
    """Nobody else regroups this athlete's records until the transaction ends; first thing in it, please.

    Rows that name the user can be inserted meanwhile. SQLite lets in one writer at a time anyway.
    """
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)


@transaction.atomic(savepoint=False)
def regroup(
    user: User, changed: Iterable[Record] = (), *, keys: Iterable[Key] = (), activities: Iterable[int] = ()
) -> Regrouped:
    """Groups anew every component that held one of these records before or holds it after.

    `changed` are records that are new, changed or gone, as they are and as they were; `keys` are those that a changed
    decision names; `activities` those that may have lost their last source. Two queries read what is around, and one
    more each time that it turns out to reach further; where somebody must be elected, one reads the athlete's order.
    """
    lock(user)
    around = _Around(user, list(changed), set(keys))
    done = _settle(user, around)
    left = set(activities) - around.activities
    if left:
        done.removed |= _removed(Activity.objects.filter(pk__in=left, user=user, sources=None))
    return done


@transaction.atomic(savepoint=False)
def reelect(user: User, activities: Iterable[int]) -> Regrouped:
    """The primaries of these activities, where the order, a pin or the richness of a source has changed."""
    lock(user)
    done = Regrouped()
    election = _Election(user)
    for groups in _groups_that_are(user, activities):
        before = {activity: group[0].shown for activity, group in groups.items()}
        _show(groups, election.of(groups), before, done)
    return done


def primaries(user: User, activities: Iterable[int], order: Order) -> Iterator[tuple[int, int | None, int, Key]]:
    """Each of these activities with the source that it shows and the one that it would show under this order.

    The latter by its id and key. Read a few hundred at a time.
    """
    election = _Election(user, order)
    for groups in _groups_that_are(user, activities):
        for activity, row in election.of(groups).items():
            yield activity, row.told["shown_primary_id"], row.pk, row.key


def activities_of_several(user: User) -> list[int]:
    """The activities that have more than one source, newest first."""
    several = SourceActivity.objects.filter(user=user, activity__isnull=False).order_by().values("activity")
    pks = several.annotate(count=Count("pk")).filter(count__gt=1).values("activity")
    return list(user.activities.filter(pk__in=pks).order_by("-start_time", "-pk").values_list("pk", flat=True))


@transaction.atomic(savepoint=False)
def reelect_around(user: User, sources: Iterable[int]) -> Regrouped:
    """The primaries of the activities to which one of these sources belongs beside others; its riches changed."""
    lock(user)
    found: set[int] = set()
    for some in in_pieces(sorted(set(sources)), IN_ONE_QUERY):
        among_others = SourceActivity.objects.filter(pk__in=some).annotate(siblings=_SIBLINGS).filter(siblings__gt=1)
        found.update(pk for pk, owner in among_others.values_list("activity", "user") if owner == user.pk)
    return reelect(user, found) if found else Regrouped()


@transaction.atomic(savepoint=False)
def remove_sources(user: User, sources: Iterable[int]) -> tuple[Regrouped, int]:
    """Deletes source activities, with their legs; the next source takes over, or the activity goes as well.

    What that changed, and how many source activities went.
    """
    lock(user)
    gone: list[SourceActivity] = []
    count = 0
    for some in in_pieces(sorted(set(sources)), IN_ONE_QUERY):
        rows = SourceActivity.objects.filter(pk__in=some).only(*_RECORD_FIELDS, "activity", "user")
        mine = [row for row in rows if row.user_id == user.pk]
        deleted = SourceActivity.objects.filter(pk__in=[row.pk for row in mine]).delete()
        count += deleted[1].get(SourceActivity._meta.label, 0)
        gone += mine
    efforts = [row for row in gone if row.activity_id is not None]
    emptied = [row.activity_id for row in efforts if row.activity_id is not None]
    return regroup(user, map(record_of, efforts), activities=emptied) if efforts else Regrouped(), count


def activity_of(user: User, pk: int) -> Activity:
    """The user's activity of this id, or the one that it became part of; raises Activity.DoesNotExist."""
    found = user.activities.filter(pk=pk).first()
    if found is None:
        retired = user.retired_activities.filter(old_id=pk).select_related("activity").first()
        if retired is None:
            raise Activity.DoesNotExist
        found = retired.activity
    return found


def candidate_of(source: SourceActivity) -> Candidate:
    """A source as an election sees it."""
    names = ("provider", "external_id", *SourceActivity.PARSED_FIELDS, "streams", "laps", "pauses")
    return _candidate({name: getattr(source, name) for name in names}, source.extra.get(COMPUTED))


def pins_of(user: User, sources: Iterable[SourceActivity]) -> dict[Key, int]:
    """The number of the newest pin on each of these sources that has one."""
    keys = {(it.provider, it.external_id) for it in sources}
    live = Pin.objects.filter(user=user, withdrawn_at=None, external_id__in={external_id for _, external_id in keys})
    told = live.order_by("number").values_list("provider", "external_id", "number")
    return {(provider, key): number for provider, key, number in told if (provider, key) in keys}


def decisions_of(user: User) -> list[Decision]:
    """What the athlete decided and did not take back, oldest first."""
    live = LinkDecision.objects.filter(user=user, withdrawn_at=None).order_by("number")
    names = ("number", "same", "one_provider", "one_external_id", "other_provider", "other_external_id")
    return [
        Decision(number, same, (provider, external_id), (other_provider, other_id))
        for number, same, provider, external_id, other_provider, other_id in live.values_list(*names)
    ]


def record_of(row: SourceActivity) -> Record:
    """What is compared of a source activity."""
    return _record({name: getattr(row, name) for name in _RECORD_FIELDS})


def local_date(start_time: datetime, utc_offset_s: int | None) -> date:
    """The date on the wall where it began."""
    return (start_time.astimezone(UTC) + timedelta(seconds=utc_offset_s or 0)).date()


# --- everything from scratch ----------------------------------------------------------------


def rebuild(user: User, *, on_progress: Callable[[int], None] = lambda count: None) -> Regrouped:
    """Groups all of the athlete's records anew and says what that changed: nothing where all was well.

    In transactions of its own, a few hundred records each, beside whoever else writes. `on_progress` hears how many
    records were looked at.
    """
    done = Regrouped()
    with transaction.atomic():
        lock(user)
        SourceActivity.objects.filter(user=user, parent__isnull=False, activity__isnull=False).update(activity=None)
        # What shows a source that is not its own lets go of it; who holds it takes it up again below.
        astray = Activity.objects.filter(user=user, primary__isnull=False).exclude(primary__activity=F("pk"))
        done.corrected.update(astray.values_list("pk", flat=True))
        Activity.objects.filter(pk__in=list(done.corrected)).update(primary=None)
        done.removed |= _removed(Activity.objects.filter(user=user, sources=None))
    rows = SourceActivity.objects.filter(user=user, parent=None).order_by("start_time", "pk").only(*_RECORD_FIELDS)
    place: tuple[datetime, int] | None = None
    while True:
        page = rows
        if place:
            page = rows.filter(Q(start_time__gt=place[0]) | Q(start_time=place[0], pk__gt=place[1]))
        some = list(page[:REBUILT_AT_ONCE])
        if not some:
            break
        with transaction.atomic():
            done.add(regroup(user, map(record_of, some)))
        place = some[-1].start_time, some[-1].pk
        on_progress(len(some))
    done.corrected -= done.switched | done.removed | done.retired.keys()
    return done


# --- reading what is around -----------------------------------------------------------------

_RECORD_FIELDS = (
    "provider", "external_id", "sport", "start_time", "utc_offset_s", "day_only", "elapsed_s", "timer_s", "moving_s",
    "distance_m", "device",
)  # fmt: skip
# How many sources the activity of a source has.
_SIBLINGS = Subquery(
    SourceActivity.objects.filter(activity=OuterRef("activity"))
    .order_by()
    .values("activity")
    .annotate(count=Count("pk"))
    .values("count"),
    output_field=models.IntegerField(),
)
# The number of the newest pin on a source.
_PIN = Subquery(
    Pin.objects.filter(
        user=OuterRef("user"), provider=OuterRef("provider"), external_id=OuterRef("external_id"), withdrawn_at=None
    )
    .order_by("-number")
    .values("number")[:1]
)
_ANNOTATED: dict[str, Any] = {
    "computed": F("extra__computed"),
    "has_laps": ExpressionWrapper(~Q(laps=[]), output_field=models.BooleanField()),
    "has_pauses": ExpressionWrapper(~Q(pauses=[]), output_field=models.BooleanField()),
    "pin": _PIN,
    "siblings": _SIBLINGS,
    **{f"shown_{name}": F(f"activity__{name}") for name in ("primary_id", "pinned", "local_date", *SHOWN_FIELDS)},
}
_COLUMNS = ("pk", "provider", "external_id", "activity_id", *SourceActivity.PARSED_FIELDS, "streams", *_ANNOTATED)
# What an activity holds, as `_Row.state` tells it.
_STATE = ("primary", "pinned", "local_date", *SHOWN_FIELDS)


class _Row:
    """One source activity as it stands, by column, and the activity that it belongs to."""

    __slots__ = ("activity_id", "key", "pk", "record", "siblings", "told")

    def __init__(self, values: Sequence[Any]) -> None:
        self.told: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
        self.pk: int = self.told["pk"]
        self.key: Key = (self.told["provider"], self.told["external_id"])
        self.activity_id: int | None = self.told["activity_id"]
        self.siblings: int = self.told["siblings"] or 0
        self.record = _record(self.told)

    @property
    def shown(self) -> tuple[Any, ...]:
        """What its activity holds."""
        return tuple(self.told[f"shown_{name}"] for name in ("primary_id", *_STATE[1:]))

    def state(self, *, pinned: bool) -> tuple[Any, ...]:
        """What an activity that shows it holds."""
        day = local_date(self.told["start_time"], self.told["utc_offset_s"])
        return (self.pk, pinned, day, *(self.told[name] for name in SHOWN_FIELDS))

    def candidate(self) -> Candidate:
        """As an election sees it."""
        has = {name: self.told[f"has_{name}"] or None for name in ("laps", "pauses")}
        return _candidate({**self.told, **has}, self.told["computed"])


class _Around:
    """All that has to be known to group what changed: whole components, and what lies within reach of them."""

    def __init__(self, user: User, changed: list[Record], keys: set[Key]) -> None:
        self._user = user
        self.decisions = decisions_of(user)
        self.rows: dict[Key, _Row] = {}
        self._absent: set[Key] = set()
        self._spans: list[Span] = []
        while True:
            self._search(changed, keys)
            held = Counter(row.activity_id for row in self.affected)
            # Whoever shares an activity with an affected record is affected, whatever once brought the two together.
            torn = {
                row.activity_id
                for row in self.affected
                if row.activity_id is not None and row.siblings > held[row.activity_id]
            }
            if not torn:
                break
            shared = list(_rows(user, activities=torn))
            self._take(shared)
            keys = keys | {row.key for row in shared}
        reach = [(row.record.start_ms, row.record.start_ms) for row in self.affected]
        self._load(_widened(reach, LOOK_REACH_MS), self._partners())
        if any(row.record.day_only for row in self.rows.values()):
            self._complete()

    @property
    def activities(self) -> set[int]:
        """The activities that hold an affected record."""
        return {row.activity_id for row in self.affected if row.activity_id is not None}

    def _partners(self) -> set[Key]:
        """Whoever is named beside an affected record in a decision."""
        mine = {row.key for row in self.affected}
        named = ((it.one, it.other) for it in self.decisions if it.one in mine or it.other in mine)
        return set(chain.from_iterable(named)) - mine

    def _complete(self) -> None:
        """Reads what else belongs to the activities at hand: whether one is told with its time decides by all of it."""
        held = Counter(row.activity_id for row in self.rows.values())
        torn = {
            row.activity_id for row in self.rows.values() if row.activity_id and row.siblings > held[row.activity_id]
        }
        if torn:
            self._take(list(_rows(self._user, activities=torn)))

    def _search(self, changed: list[Record], keys: set[Key]) -> None:
        search = Neighbourhood(changed, keys=keys, decisions=self.decisions)
        search.add(row.record for row in self.rows.values())
        while wanted := search.wanted():
            found = self._load(_widened(wanted.spans, LOOK_REACH_MS), wanted.keys, wanted.spans)
            search.add(row.record for row in found)
        self.affected = [self.rows[record.key] for record in search.component]

    def _load(self, spans: Sequence[Span], keys: Iterable[Key], needed: Sequence[Span] | None = None) -> list[_Row]:
        """Reads the spans, where some of the needed part of them was not read yet, and the keys."""
        if all(_is_within(span, self._spans) for span in (spans if needed is None else needed)):
            spans = []
        asked = set(keys) - self.rows.keys() - self._absent
        if not spans and not asked:
            return []
        found = list(_rows(self._user, spans, asked))
        self._spans = _widened([*self._spans, *spans], 0)
        self._take(found)
        self._absent |= asked - self.rows.keys()
        return found

    def _take(self, rows: Iterable[_Row]) -> None:
        self.rows |= {row.key: row for row in rows}


def _rows(
    user: User, spans: Iterable[Span] = (), keys: Iterable[Key] = (), activities: Iterable[int] = ()
) -> Iterator[_Row]:
    """The athlete's efforts that begin in one of the spans, are of these keys, or belong to one of the activities.

    Without the legs of multisport, which follow theirs.
    """
    asked: list[tuple[str, tuple[Any, ...]]] = [
        *((_BY_SPAN, (_to_db(_at(first)), _to_db(_at(last + 1)))) for first, last in spans),
        *((_BY_KEY, key) for key in keys),
        *((_BY_ACTIVITY, (activity,)) for activity in activities),
    ]
    for some in in_pieces(asked, 2 * ASKED_AT_ONCE):
        queries, values = [], []
        for query, group in groupby(some, key=itemgetter(0)):
            told = [one for _, one in group]
            places = f"({', '.join(['%s'] * len(told[0]))})"
            queries.append(query.format(table=_table(), values=", ".join([places] * len(told))))
            values += [*chain.from_iterable(told), user.pk]
        found = " UNION ".join(queries)
        if connection.vendor == "postgresql":
            # It takes a join over stretches of time for thousands of rows and compiles for a second; an array is small.
            found = f"SELECT unnest(ARRAY({found}))"
        for row in _columns().filter(pk__in=RawSQL(found, values)):  # noqa: S611  our own words, values apart
            yield _Row(row)


@cache
def _columns() -> Any:
    """The query before anything is asked for: putting it together costs more than answering it."""
    return SourceActivity.objects.order_by().annotate(**_ANNOTATED).values_list(*_COLUMNS)


# What is asked for stands first, so that both databases look it up in an index, one by one: a long chain of ORs would
# have SQLite read everything that the athlete has. Both call the columns of VALUES column1, column2.
_BY_SPAN = (
    "SELECT source.id FROM (VALUES {values}) AS asked CROSS JOIN {table} AS source "
    "WHERE source.start_time BETWEEN asked.column1 AND asked.column2 AND source.parent_id IS NULL "
    "AND source.user_id = %s"
)
_BY_KEY = (
    "SELECT source.id FROM (VALUES {values}) AS asked CROSS JOIN {table} AS source "
    "WHERE source.provider = asked.column1 AND source.external_id = asked.column2 AND source.parent_id IS NULL "
    "AND source.user_id = %s"
)
_BY_ACTIVITY = (
    "SELECT source.id FROM (VALUES {values}) AS asked CROSS JOIN {table} AS source "
    # With a plus SQLite does not take the index by user, which would read all of the athlete's.
    "WHERE source.activity_id = asked.column1 AND +source.user_id = %s"
)


def _table() -> str:
    return connection.ops.quote_name(SourceActivity._meta.db_table)


def _to_db(moment: datetime) -> Any:
    return SourceActivity._meta.get_field("start_time").get_db_prep_value(moment, connection)


def _groups_that_are(user: User, activities: Iterable[int]) -> Iterator[dict[int, list[_Row]]]:
    """The sources of these activities, some activities at a time."""
    for some in in_pieces(list(activities), ASKED_AT_ONCE):
        groups: dict[int, list[_Row]] = {activity: [] for activity in some}
        for row in _rows(user, activities=some):
            if row.activity_id is not None:
                groups[row.activity_id].append(row)
        yield {activity: group for activity, group in groups.items() if group}


# --- having the rows follow -----------------------------------------------------------------


class _Election:
    """Who is shown. The athlete's order is read once, and only where there is a choice."""

    def __init__(self, user: User, order: Order | None = None) -> None:
        self._user = user
        self._order = order

    def of(self, groups: Mapping[int, Sequence[_Row]]) -> dict[int, _Row]:
        """The primary of each group."""
        return {name: group[0] if len(group) == 1 else self._elect(group) for name, group in groups.items()}

    def _elect(self, group: Sequence[_Row]) -> _Row:
        if self._order is None:
            self._order = order_of(self._user, "activities")
        pins = {row.key: row.told["pin"] for row in group if row.told["pin"] is not None}
        key = elect((row.candidate() for row in group), self._order, pins)
        return next(row for row in group if row.key == key)


def _settle(user: User, around: _Around) -> Regrouped:
    """Makes the activities those of the groups; what the groups no longer need leads to where most of it went."""
    done = Regrouped()
    keys = {row.key for row in around.affected}
    told = [it for it in around.decisions if it.one in keys and it.other in keys]
    groups = [[around.rows[key] for key in it] for it in groups_of((row.record for row in around.affected), told)]
    elected = _Election(user).of(dict(enumerate(groups)))
    former = _Former(user, groups)
    homes = _homes(groups, former)
    _make_way(elected, homes)
    _create_missing(user, groups, elected, homes, former.ids, done)
    if former.parting:
        former.settle(homes)
    for number, group in enumerate(groups):
        done.moved |= {row.pk: homes[number] for row in group if row.activity_id != homes[number]}
    update_rows(SourceActivity, ["activity"], {pk: [activity] for pk, activity in done.moved.items()})
    there = {homes[number]: number for number in range(len(groups)) if homes[number] not in done.created}
    _show(
        {activity: groups[number] for activity, number in there.items()},
        {activity: elected[number] for activity, number in there.items()},
        {row.activity_id: row.shown for row in around.affected if row.activity_id is not None},
        done,
    )
    _retire(user, groups, homes, done)
    _suggest(user, around, groups, done)
    return done


def _homes(groups: Sequence[Sequence[_Row]], former: _Former) -> dict[int, int]:
    """The activity of each group that gets one of those there are, by the group's number.

    Of those that join, the one that held most of the members stays, then the older one. Where one parts, it stays with
    most of its members, then with those that have no earlier one to go back to, then with its primary.
    """
    claims = []
    for number, group in enumerate(groups):
        held = Counter(row.activity_id for row in group)
        primaries = {row.activity_id for row in group if row.told["shown_primary_id"] == row.pk}
        claims += [
            (-count, activity, number in former.ids, activity not in primaries, number)
            for activity, count in held.items()
            if activity is not None
        ]
    homes: dict[int, int] = {}
    taken: set[int] = set()
    for _, activity, *_, number in sorted(claims):
        if number not in homes and activity not in taken:
            homes[number] = activity
            taken.add(activity)
    return homes


class _Former:
    """Retired ids whose activity parts now: a part that held one gets it back, or is where it leads from now on."""

    def __init__(self, user: User, groups: Sequence[Sequence[_Row]]) -> None:
        # The id that each group gets back unless it keeps one.
        self.ids: dict[int, int] = {}
        self._leads: dict[RetiredActivity, int] = {}
        number_of = {row.key: number for number, group in enumerate(groups) for row in group}
        parts: dict[int, set[int]] = defaultdict(set)
        for number, group in enumerate(groups):
            for row in group:
                if row.activity_id is not None:
                    parts[row.activity_id].add(number)
        self.parting = {activity for activity, numbers in parts.items() if len(numbers) > 1}
        if not self.parting:
            return
        claims = []
        for retired in RetiredActivity.objects.filter(user=user, activity__in=self.parting):
            held = Counter(number_of[key] for key in map(tuple, retired.held) if key in number_of)
            if held:
                count, number = min((-count, number) for number, count in held.items())
                claims.append((count, retired.old_id, number, retired))
        for _, old_id, number, retired in sorted(claims, key=lambda it: it[:3]):
            self._leads[retired] = number
            self.ids.setdefault(number, old_id)

    def settle(self, homes: Mapping[int, int]) -> None:
        """Once every group has its activity."""
        RetiredActivity.objects.filter(pk__in=[it.pk for it in self._leads if it.old_id in homes.values()]).delete()
        moved = {it.pk: [homes[number]] for it, number in self._leads.items() if it.activity_id != homes[number]}
        update_rows(RetiredActivity, ["activity"], moved)


def _make_way(elected: Mapping[int, _Row], homes: Mapping[int, int]) -> None:
    """An activity shows one source and a source is shown once: those that move on are let go of first."""
    leaving = [
        row.pk
        for number, row in elected.items()
        if row.told["shown_primary_id"] == row.pk and row.activity_id != homes.get(number)
    ]
    for some in in_pieces(leaving, IN_ONE_QUERY):
        Activity.objects.filter(primary__in=some).update(primary=None)


def _create_missing(
    user: User,
    groups: Sequence[Sequence[_Row]],
    elected: Mapping[int, _Row],
    homes: dict[int, int],
    former: Mapping[int, int],
    done: Regrouped,
) -> None:
    numbers = [number for number in range(len(groups)) if number not in homes]
    new = []
    for number in numbers:
        primary_id, *state = elected[number].state(pinned=_is_pinned(groups[number]))
        fields = dict(zip(_STATE[1:], state, strict=True))
        new.append(Activity(pk=former.get(number), user=user, primary_id=primary_id, **fields))
    Activity.objects.bulk_create(new)
    homes |= {number: activity.pk for number, activity in zip(numbers, new, strict=True)}
    done.created.update(activity.pk for activity in new)


def _show(
    groups: Mapping[int, Sequence[_Row]],
    elected: Mapping[int, _Row],
    before: Mapping[int, tuple[Any, ...]],
    done: Regrouped,
) -> None:
    """Has each activity, by id, repeat its primary."""
    changed = {}
    for activity, group in groups.items():
        state = elected[activity].state(pinned=_is_pinned(group))
        if state != before[activity]:
            changed[activity] = state
            (done.corrected if state[0] == before[activity][0] else done.switched).add(activity)
    update_rows(Activity, _STATE, changed)


def _is_pinned(group: Sequence[_Row]) -> bool:
    return any(row.told["pin"] is not None for row in group)


def _retire(user: User, groups: Sequence[Sequence[_Row]], homes: Mapping[int, int], done: Regrouped) -> None:
    """Activities without a group become part of the one that got most of their sources."""
    held: dict[int, list[Key]] = defaultdict(list)
    heirs: dict[int, Counter[int]] = defaultdict(Counter)
    kept = set(homes.values())
    for number, group in enumerate(groups):
        for row in group:
            if row.activity_id is not None and row.activity_id not in kept:
                held[row.activity_id].append(row.key)
                heirs[row.activity_id][homes[number]] += 1
    if not heirs:
        return
    done.retired = {old: min(heirs[old].items(), key=lambda it: (-it[1], it[0]))[0] for old in sorted(heirs)}
    RetiredActivity.objects.bulk_create(
        RetiredActivity(user=user, old_id=old, activity_id=new, held=sorted(held[old]))
        for old, new in done.retired.items()
    )
    _move_links(done.retired)
    Activity.objects.filter(pk__in=list(done.retired)).delete()


def _move_links(moves: Mapping[int, int]) -> None:
    """Has every row that names a retired activity name its heir: earlier redirects, notes, links to plans.

    Every foreign key to Activity in any app moves along, but for the sources, which know where they belong.
    """
    for relation in Activity._meta.related_objects:
        if relation.one_to_many and relation.related_model is not SourceActivity:
            name = relation.field.name
            heirs = Case(*(When(**{name: old}, then=Value(new)) for old, new in moves.items()))
            rows: Any = relation.related_model
            rows._default_manager.filter(**{f"{name}__in": list(moves)}).update(**{name: heirs})


def _removed(activities: models.QuerySet[Activity]) -> set[int]:
    """Deletes the activities; their ids."""
    pks = set(activities.values_list("pk", flat=True))
    if pks:
        Activity.objects.filter(pk__in=list(pks)).delete()
    return pks


def _suggest(user: User, around: _Around, groups: Sequence[Sequence[_Row]], done: Regrouped) -> None:
    """Keeps up the near misses of the groups: what is equal keeps its id."""
    mine = {row.key for row in around.affected}
    others: dict[Any, list[Key]] = defaultdict(list)
    for row in around.rows.values():
        if row.key not in mine:
            others[row.activity_id or row.key].append(row.key)
    every = chain(([row.key for row in group] for group in groups), others.values())
    records = [row.record for row in around.rows.values()]
    told: dict[tuple[int, int], tuple[str, str, datetime]] = {}
    for it in suggestions_of(records, every, around.decisions, around=mine):
        one, other = sorted(
            (around.rows[it.one], around.rows[it.other]), key=lambda row: (row.record.start_ms, row.key)
        )
        told[one.pk, other.pk] = (it.reason, it.detail[:200], one.told["start_time"])

    there: dict[tuple[int, int], Suggestion] = {}
    for pks in in_pieces([row.pk for row in around.affected], IN_ONE_QUERY // 2):
        rows = Suggestion.objects.filter(Q(one__in=pks) | Q(other__in=pks))
        there |= {(row.one_id, row.other_id): row for row in rows}
    gone = [row.pk for pair, row in there.items() if pair not in told]
    if gone:
        Suggestion.objects.filter(pk__in=gone).delete()
    Suggestion.objects.bulk_create(
        Suggestion(user=user, one_id=one, other_id=other, reason=reason, detail=detail, start_time=start_time)
        for (one, other), (reason, detail, start_time) in told.items()
        if (one, other) not in there
    )
    changed = {
        row.pk: told[pair]
        for pair, row in there.items()
        if pair in told and told[pair] != (row.reason, row.detail, row.start_time)
    }
    update_rows(Suggestion, ["reason", "detail", "start_time"], changed)
    done.suggested = len(gone) + len(told.keys() - there.keys()) + len(changed)


# --- small things ---------------------------------------------------------------------------


def in_pieces(items: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    """The items, at most so many at a time."""
    for first in range(0, len(items), length):
        yield items[first : first + length]


def _record(told: Mapping[str, Any]) -> Record:
    return Record(
        provider=told["provider"],
        external_id=told["external_id"],
        sport=told["sport"],
        start_ms=(told["start_time"] - EPOCH) // timedelta(milliseconds=1),
        elapsed_ms=_whole_ms(told["elapsed_s"]),
        timer_ms=_whole_ms(told["timer_s"]),
        moving_ms=_whole_ms(told["moving_s"]),
        distance_m=told["distance_m"],
        device=told["device"],
        offset_ms=1000 * (told["utc_offset_s"] or 0),
        day_only=told["day_only"],
    )


def _candidate(told: Mapping[str, Any], computed: Collection[str] | None) -> Candidate:
    """What was worked out from a source's own samples it did not tell."""
    values = {name: value for name, value in told.items() if name not in (computed or ())}
    return Candidate((told["provider"], told["external_id"]), told["device_kind"], richness(values, told["streams"]))


def _whole_ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _at(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _widened(spans: Iterable[Span], by_ms: int) -> list[Span]:
    """The spans, longer at both ends, ascending, and those that meet made one."""
    found: list[Span] = []
    for first, last in sorted((first - by_ms, last + by_ms) for first, last in spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _is_within(span: Span, spans: Iterable[Span]) -> bool:
    return any(first <= span[0] and span[1] <= last for first, last in spans)
