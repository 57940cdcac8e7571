"""What the shown source of an activity lacks and another one tells, for athletes who want gaps filled.

Only what is shown changes: source and raw rows stay as they were told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from activities.domain.priority import LENT, Candidate, Told, filled, ranking, why
from activities.models import SourceActivity
from activities.services.grouping import candidate_of, order_of, pins_of
from trainstack.accounts.models import User


@dataclass(frozen=True)
class Filling:
    """The shown source with what others lend it, never to be saved, and who lends what.

    `lenders` go by field name, `streams` by stream name; both are empty where nothing is filled.
    """

    shown: SourceActivity
    lenders: Mapping[str, SourceActivity] = field(default_factory=dict)
    streams: Mapping[str, SourceActivity] = field(default_factory=dict)


def filling_of(user: User, shown: SourceActivity, sources: Sequence[SourceActivity]) -> Filling:
    """What the other sources lend the shown one where the athlete wants that: two queries, else none."""
    if len(sources) < 2 or not user.profile.fill_gaps:
        return Filling(shown)
    by_key = {(source.provider, source.external_id): source for source in sources}
    others = [by_key[one.key] for one in ranked(user, sources) if by_key[one.key].pk != shown.pk]
    lent = filled(_told(shown), map(_told, others))
    lenders = {name: by_key[key] for name, key in lent.origins.items()}
    whole = copy(shown)
    for name, value in lent.values.items():
        setattr(whole, name, value)
    return Filling(
        whole,
        {name: source for name, source in lenders.items() if name in lent.values},
        {name.removeprefix("stream:"): source for name, source in lenders.items() if name not in lent.values},
    )


def _told(source: SourceActivity) -> Told:
    values: dict[str, Any] = {name: getattr(source, name) for name in LENT}
    return Told((source.provider, source.external_id), values, frozenset(source.streams))


def ranked(user: User, sources: Sequence[SourceActivity]) -> list[Candidate]:
    """The sources of one activity in the order in which they would be shown: two queries."""
    return ranking(map(candidate_of, sources), order_of(user, "activities"), pins_of(user, sources))


def why_shown(user: User, sources: Sequence[SourceActivity], names: Mapping[str, str]) -> str:
    """Why the first of them is shown, a sentence without its full stop; `names` are the providers': two queries."""
    return why(map(candidate_of, sources), order_of(user, "activities"), pins_of(user, sources), names)
