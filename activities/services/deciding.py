"""What the athlete decides by hand: these are one effort, these are two, this source is shown; and taking it back.

A decision names records, not rows, and is never undone by anything that arrives. Each function is a transaction of its
own, safe to repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from activities.domain.matching import Key
from activities.models import Activity, LinkDecision, Pin, SourceActivity
from activities.selectors.raw import IN_ONE_QUERY
from activities.services.grouping import in_pieces, lock, reelect, regroup
from trainstack.accounts.models import User

# A source, or an activity with all the sources that it has.
Side = SourceActivity | Activity
# Pairs that one bulk decision may hold: it is one transaction, so that it counts and is undone as one.
MOST_AT_ONCE = 50


class NotPossible(ValueError):  # noqa: N818
    """What was asked makes no sense here; the message is a sentence for a person."""


def say_same(user: User, one: Side, other: Side) -> list[LinkDecision]:
    """The two are one effort. What was decided, newest last; nothing where it stood so already."""
    return decide(user, [(one, other)], same=True)


def say_different(user: User, one: Side, other: Side) -> list[LinkDecision]:
    """The two are not one effort; a source and the activity that it belongs to: the source does not belong there."""
    return decide(user, [(one, other)], same=False)


def split_off(user: User, source: SourceActivity) -> list[LinkDecision]:
    """The source is an effort of its own: it is kept apart from every other source of its activity."""
    source.refresh_from_db(fields=["activity"])
    if source.activity is None:
        raise NotPossible("A part of a multisport activity goes where the whole goes.")
    return decide(user, [(source, source.activity)], same=False)


@transaction.atomic
def decide(user: User, pairs: Iterable[tuple[Side, Side]], *, same: bool) -> list[LinkDecision]:
    """Says the same of every pair, as one batch that `undo` takes back as one."""
    lock(user)
    asked = list(pairs)
    if len(asked) > MOST_AT_ONCE:
        raise NotPossible(f"At most {MOST_AT_ONCE} pairs can be decided at once.")
    told: dict[tuple[Key, Key], tuple[SourceActivity, SourceActivity]] = {}
    for one, other in asked:
        sides = _sources(user, one), _sources(user, other)
        for pair in _as_one(*sides) if same else _apart(*sides, one, other):
            first, second = sorted(pair, key=_key)
            told[_key(first), _key(second)] = first, second
    standing = _standing(user, told)
    new = [
        keys
        for keys, (first, second) in told.items()
        if standing.get(keys) != same or (first.activity_id == second.activity_id) != same
    ]
    number = next_number(user)
    made = LinkDecision.objects.bulk_create(
        LinkDecision(
            user=user,
            number=number + index,
            batch=number,
            same=same,
            one_provider=one[0],
            one_external_id=one[1],
            other_provider=other[0],
            other_external_id=other[1],
        )
        for index, (one, other) in enumerate(new)
    )
    _regroup(user, made)
    return made


@transaction.atomic
def undo(user: User, decisions: Iterable[LinkDecision]) -> None:
    """Takes decisions back, each with what was decided in one go with it; they stay on record as taken back."""
    lock(user)
    batches = {decision.batch for decision in decisions}
    live = list(LinkDecision.objects.filter(user=user, batch__in=batches, withdrawn_at=None))
    LinkDecision.objects.filter(pk__in=[decision.pk for decision in live]).update(withdrawn_at=timezone.now())
    _regroup(user, live)


@transaction.atomic
def make_primary(user: User, source: SourceActivity) -> Pin:
    """The source is shown from now on, whatever the athlete's order says, in whatever group it is."""
    lock(user)
    (source,) = _sources(user, source)
    newest = _pins(user, _members(user, source)).last()
    if newest is not None and (newest.provider, newest.external_id) == _key(source):
        return newest
    pin = Pin.objects.create(
        user=user, number=next_number(user), provider=source.provider, external_id=source.external_id
    )
    reelect(user, [source.activity_id] if source.activity_id else [])
    return pin


@transaction.atomic
def back_to_automatic(user: User, activity: Activity) -> list[Pin]:
    """The athlete's order decides again what the activity shows; the pins that were taken back."""
    lock(user)
    pins = list(_pins(user, _sources(user, activity)))
    _withdraw(user, pins)
    return pins


@transaction.atomic
def undo_pin(user: User, pin: Pin) -> None:
    """Takes one pin back: an earlier one on the same group counts again."""
    lock(user)
    _withdraw(user, [pin])


@transaction.atomic
def pin_again(user: User, pins: Iterable[Pin]) -> None:
    """Has pins that were taken back count again, as if they had never been."""
    lock(user)
    again = list(Pin.objects.filter(user=user, pk__in=[pin.pk for pin in pins]))
    Pin.objects.filter(pk__in=[pin.pk for pin in again]).update(withdrawn_at=None)
    reelect(user, _activities_of(user, again))


def next_number(user: User) -> int:
    """One more than any decision or pin of the athlete has; the caller holds the lock."""
    numbers = (
        LinkDecision.objects.filter(user=user).aggregate(last=Max("number"))["last"],
        Pin.objects.filter(user=user).aggregate(last=Max("number"))["last"],
    )
    return 1 + max(number or 0 for number in numbers)


# --- what is meant --------------------------------------------------------------------------


def _sources(user: User, side: Side) -> list[SourceActivity]:
    """The source itself, or all sources of the activity, as they stand."""
    mine = SourceActivity.objects.filter(user=user, parent=None).defer("laps", "pauses", "extra", "streams")
    found = mine.filter(pk=side.pk) if isinstance(side, SourceActivity) else mine.filter(activity=side.pk)
    sources = list(found.order_by("provider", "external_id"))
    if not sources:
        raise NotPossible("That activity is no longer there.")
    return sources


def _as_one(
    ones: Sequence[SourceActivity], others: Sequence[SourceActivity]
) -> list[tuple[SourceActivity, SourceActivity]]:
    """The pairs that make one effort of both sides: a bond from the first to each."""
    hub = ones[0]
    found = {source.pk: source for source in (*ones, *others) if source.pk != hub.pk}
    if not found:
        raise NotPossible("One source cannot be joined with itself.")
    return [(hub, source) for source in found.values()]


def _apart(
    ones: Sequence[SourceActivity], others: Sequence[SourceActivity], one: Side, other: Side
) -> list[tuple[SourceActivity, SourceActivity]]:
    """Every pair across; a source is taken out of an activity that holds it, and an activity cannot leave itself."""
    if isinstance(one, Activity) and isinstance(other, Activity) and one.pk == other.pk:
        raise NotPossible("Name the source that does not belong to this activity.")
    pairs = [(first, second) for first, second in product(ones, others) if first.pk != second.pk]
    if not pairs:
        raise NotPossible("This is the only source of its activity.")
    return pairs


def _standing(
    user: User, told: dict[tuple[Key, Key], tuple[SourceActivity, SourceActivity]]
) -> dict[tuple[Key, Key], bool]:
    """What was said last of each pair and not taken back."""
    found: dict[tuple[Key, Key], bool] = {}
    for ids in in_pieces(sorted({key[1] for pair in told for key in pair}), IN_ONE_QUERY):
        live = LinkDecision.objects.filter(user=user, withdrawn_at=None, one_external_id__in=ids).order_by("number")
        found |= {(decision.one, decision.other): decision.same for decision in live}
    return found


def _key(source: SourceActivity) -> Key:
    return source.provider, source.external_id


def _members(user: User, source: SourceActivity) -> list[SourceActivity]:
    if source.activity_id is None:
        raise NotPossible("A part of a multisport activity cannot be shown by itself.")
    return list(SourceActivity.objects.filter(user=user, activity=source.activity_id).only("provider", "external_id"))


# --- what follows ---------------------------------------------------------------------------


def _regroup(user: User, decisions: Sequence[LinkDecision]) -> None:
    keys = {key for decision in decisions for key in (decision.one, decision.other)}
    if keys:
        regroup(user, keys=keys)


def _pins(user: User, sources: Iterable[SourceActivity]) -> QuerySet[Pin]:
    """The pins that count on these sources, newest last."""
    either = Q(pk__in=())
    for source in sources:
        either |= Q(provider=source.provider, external_id=source.external_id)
    return Pin.objects.filter(either, user=user, withdrawn_at=None).order_by("number")


def _withdraw(user: User, pins: Sequence[Pin]) -> None:
    mine = Pin.objects.filter(user=user, pk__in=[pin.pk for pin in pins], withdrawn_at=None)
    mine.update(withdrawn_at=timezone.now())
    reelect(user, _activities_of(user, pins))


def _activities_of(user: User, pins: Iterable[Pin]) -> set[int]:
    either = Q(pk__in=())
    for pin in pins:
        either |= Q(provider=pin.provider, external_id=pin.external_id)
    rows = SourceActivity.objects.filter(either, user=user, activity__isnull=False)
    return {pk for pk in rows.values_list("activity", flat=True) if pk is not None}
