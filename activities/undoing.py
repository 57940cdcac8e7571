"""Taking back what was just done: the message that says it carries a signed note of how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest

from activities.domain.priority import Order
from activities.services import deciding, priorities
from activities.templatetags.page import TAG
from trainstack.accounts.models import User

SALT = "activities.undoing"
# Whoever comes back to the page next week finds what they decided on the page of the activity.
GOOD_FOR_S = 24 * 3600


class TooLate(Exception):  # noqa: N818
    """The note is not ours, not this person's, or too old."""


def say(request: HttpRequest, words: str, what: str, told: Any) -> None:
    """A message with a button that takes it back: `what` is one of the keys of `_WAYS`, `told` what that needs."""
    note = signing.dumps([request.user.pk, what, told], salt=SALT, compress=True)
    messages.success(request, words, extra_tags=f"{TAG}{note}")


def take_back(user: User, note: str) -> None:
    """Does what the note says, which bears repeating; raises TooLate."""
    try:
        owner, what, told = signing.loads(note, salt=SALT, max_age=GOOD_FOR_S)
    except signing.BadSignature as wrong:
        raise TooLate from wrong
    if owner != user.pk:
        raise TooLate
    _WAYS[what](user, told)


def _links(user: User, ids: list[int]) -> None:
    decisions = list(user.link_decisions.filter(pk__in=ids, withdrawn_at=None))
    if decisions:
        deciding.undo(user, decisions)


def _pin(user: User, ids: list[int]) -> None:
    for pin in user.pins.filter(pk__in=ids, withdrawn_at=None):
        deciding.undo_pin(user, pin)


def _pins_again(user: User, ids: list[int]) -> None:
    pins = list(user.pins.filter(pk__in=ids).exclude(withdrawn_at=None))
    if pins:
        deciding.pin_again(user, pins)


def _order(user: User, told: tuple[str, dict[str, Any] | None]) -> None:
    kind, before = told
    if before is None:
        priorities.reset_priority(user, kind)
    else:
        order = Order.from_json(before)
        priorities.set_priority(user, kind, order.ranks, order.devices)


LINKS, PIN, PINS_AGAIN, ORDER = "links", "pin", "pins_again", "order"
_WAYS: dict[str, Callable[[User, Any], None]] = {LINKS: _links, PIN: _pin, PINS_AGAIN: _pins_again, ORDER: _order}
