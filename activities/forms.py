"""What a person asks of the lists, and how they order their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict

from activities.domain.priority import Order, Ranks
from activities.selectors.sources import GROUPS, PAIRS, Choice
from trainstack.accounts.forms import DeleteAccountForm

__all__ = ["ActivityFilter", "DeleteAccountForm", "OrderForm", "RepairFilter"]


class ActivityFilter(forms.Form):
    """Which activities to list. Unknown sports and sources find nothing; impossible dates are an error."""

    search = forms.CharField(required=False, max_length=100)
    sport = forms.CharField(required=False, max_length=64)
    source = forms.CharField(required=False, max_length=32)
    first = forms.DateField(required=False)
    last = forms.DateField(required=False)

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        first: date | None = told.get("first")
        last: date | None = told.get("last")
        if first and last and last < first:
            self.add_error("last", "This day lies before the first.")
        return told

    def to_filter(self) -> dict[str, Any]:
        """The keyword arguments of `activities_of`; a field with an error asks for nothing."""
        return {name: value for name, value in self.cleaned_data.items() if value}


class RepairFilter(ActivityFilter):
    """Which groups and pairs to list; `kind` is GROUPS, PAIRS or the reason of a pair."""

    search = None  # type: ignore[assignment]
    kind = forms.CharField(required=False, max_length=20)

    def to_filter(self) -> dict[str, Any]:
        """The keyword arguments of `repair_page`."""
        told = super().to_filter()
        kind = told.pop("kind", "")
        if kind in (GROUPS, PAIRS):
            told["kind"] = kind
        elif kind:
            told["reason"] = kind
        return told


# --- the order of sources -------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """One entry of an ordered list: its place, from 1, and whether it is level with the entry above it."""

    name: str
    place: int
    tied: bool


def places_of(ranks: Ranks, names: Sequence[str]) -> list[Place]:
    """The names as a list shows them; those that the ranks do not name come last, level with each other."""
    named = [[name for name in rank if name in names] for rank in ranks]
    seen = {name for rank in named for name in rank}
    rest = [name for name in names if name not in seen]
    return [
        Place(name, number, index > 0)
        for number, rank in enumerate(filter(None, [*named, rest]), 1)
        for index, name in enumerate(rank)
    ]


def moved(ranks: Ranks, name: str, step: int) -> Ranks:
    """The ranks after one step of `name`: up where `step` is negative. It leaves those that it was level with."""
    at = next((number for number, rank in enumerate(ranks) if name in rank), None)
    if at is None:
        return ranks
    found = [tuple(other for other in rank if other != name) for rank in ranks]
    alone = not found[at]
    if alone:
        found.pop(at)
        at += -1 if step < 0 else 1
    elif step > 0:
        at += 1
    found.insert(min(max(at, 0), len(found)), (name,))
    return tuple(found)


class OrderForm:
    """An order as the page sends it: `rank` names the providers from the top, `tied` those level with the one above.

    `device-<provider>` and `device-tied-<provider>` tell the same of a provider's kinds of device.
    """

    def __init__(self, told: QueryDict, choices: Sequence[Choice]) -> None:
        self._told = told
        self._choices = {choice.provider: choice for choice in choices}
        self.error = ""

    def is_valid(self) -> bool:
        """Whether every name is one of the athlete's own, and none comes twice."""
        lists: list[tuple[list[str], Sequence[str]]] = [(self._told.getlist("rank"), list(self._choices))]
        lists += [(self._told.getlist(f"device-{one}"), choice.device_kinds) for one, choice in self._choices.items()]
        if any(len(set(names)) < len(names) or not set(names) <= set(known) for names, known in lists):
            self.error = "This order names a source that you do not have. Load the page again."
        return not self.error

    def to_order(self) -> Order:
        """The order that was sent, with `move` ("garmin up", or of a device "garmin watch up") carried out."""
        ranks = _ranks(self._told.getlist("rank"), self._told.getlist("tied"))
        devices = {
            provider: _ranks(names, self._told.getlist(f"device-tied-{provider}"))
            for provider in self._choices
            if (names := self._told.getlist(f"device-{provider}"))
        }
        *names, way = self._told.get("move", "").split(" ") if self.is_move else [""]
        step = -1 if way == "up" else 1
        if len(names) == 1:
            ranks = moved(ranks, names[0], step)
        elif len(names) == 2 and names[0] in devices:
            devices[names[0]] = moved(devices[names[0]], names[1], step)
        return Order(ranks, devices)

    @property
    def is_move(self) -> bool:
        """Whether the person pressed one of the arrows, and not the button that saves."""
        return "move" in self._told


def _ranks(names: Sequence[str], tied: Sequence[str]) -> Ranks:
    ranks: list[tuple[str, ...]] = []
    for name in names:
        if ranks and name in tied:
            ranks[-1] = (*ranks[-1], name)
        else:
            ranks.append((name,))
    return tuple(ranks)


@dataclass(frozen=True)
class Entry:
    """A provider's line on the page of an order, with its own list of kinds of device where it has several."""

    choice: Choice
    place: Place
    devices: tuple[Place, ...]


def entries_of(order: Order, choices: Sequence[Choice]) -> list[Entry]:
    """The lines of the page, from the top."""
    by_name: Mapping[str, Choice] = {choice.provider: choice for choice in choices}
    return [
        Entry(
            by_name[place.name],
            place,
            tuple(places_of(order.devices.get(place.name, ()), by_name[place.name].device_kinds))
            if len(by_name[place.name].device_kinds) > 1
            else (),
        )
        for place in places_of(order.ranks, list(by_name))
    ]
