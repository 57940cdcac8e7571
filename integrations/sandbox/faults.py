"""What goes wrong on demand: which faults there are, and which one strikes a request."""

from __future__ import annotations

import math
import random
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from integrations.sandbox.base import Refused
from integrations.sandbox.store import Store


@dataclass(frozen=True)
class Fault:
    name: str
    words: str
    # What the seconds are about, and how many where nobody says; "" where it has none.
    about: str = ""
    seconds: float = 0.0
    # "before" the request is worked on, "after" it, at the "token" address, or when a code is "given".
    when: str = "before"


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("error_500", "Answers 500, and nothing was done"),
        Fault("error_503", "Answers 503 with Retry-After", "Retry-After", 2),
        Fault("rate_limited", "Answers 429 with Retry-After, whatever was used", "Retry-After", 2),
        Fault("timeout", "Is silent, then answers 504", "silent for", 30),
        Fault("slow_drip", "Sends the body a few bytes at a time", "for the whole body", 20, "after"),
        Fault("cut", "Closes the connection in the middle of the body", when="after"),
        Fault("malformed", "Sends JSON that ends in the middle", when="after"),
        Fault("duplicates", "A list page holds its records twice", when="after"),
        Fault("shuffled", "A list page is out of order", when="after"),
        Fault("unauthorized", "Answers 401 although the token is good"),
        Fault("revoked", "The athlete has withdrawn the consent: 401 from now on"),
        Fault("account_deleted", "The athlete has deleted the account: 401 from now on"),
        Fault("refresh_lost", "A refresh is carried out, and its answer gets lost", when="token"),
        Fault("token_500", "The token address answers 500, and nothing was done", when="token"),
        Fault("code_late", "The code has expired when it comes back from the consent page", when="given"),
    )
}


def add(
    store: Store, provider: str, name: str, *, next: int | None = None, probability: float = 1.0,
    seconds: float | None = None, path: str = "",
) -> int:  # fmt: skip
    """Switches a fault on, for the next n requests or with a probability; `path` is a regular expression."""
    if name not in FAULTS:
        raise Refused(400, f"There is no fault {name!r}; there are {', '.join(FAULTS)}.")
    try:
        re.compile(path)
    except re.error as error:
        raise Refused(400, f"The path is no regular expression: {error}.") from None
    if not 0 < probability <= 1 or not math.isfinite(probability) or (next is not None and next < 1):
        raise Refused(400, "The probability lies above 0 and at most at 1, and next is 1 or more.")
    seconds = FAULTS[name].seconds if seconds is None else min(600.0, max(0.0, seconds))
    number = store.run(
        "INSERT INTO faults (provider, fault, probability, left, seconds, path) VALUES (?, ?, ?, ?, ?, ?)",
        provider, name, probability, next, seconds, path,
    ).lastrowid  # fmt: skip
    assert number is not None
    return number


def clear(store: Store, provider: str = "*", number: int | None = None) -> None:
    """Switches one off, or all of a provider ("*": of all)."""
    if number is not None:
        store.run("DELETE FROM faults WHERE number = ?", number)
    elif provider == "*":
        store.run("DELETE FROM faults")
    else:
        store.run("DELETE FROM faults WHERE provider = ?", provider)


def standing(store: Store, provider: str) -> list[sqlite3.Row]:
    """Those that may still strike."""
    query = "SELECT * FROM faults WHERE provider IN (?, '*') AND (left IS NULL OR left > 0) ORDER BY number"
    return store.rows(query, provider)


def strikes(
    store: Store, provider: str, path: str, *when: str, fits: Callable[[sqlite3.Row], bool] = lambda row: True
) -> sqlite3.Row | None:
    """The fault that strikes now, counted; `fits` says of one whether it makes sense here."""
    for row in standing(store, provider):
        if FAULTS[row["fault"]].when not in when or not re.search(row["path"], path):
            continue
        if not fits(row):
            continue
        if row["probability"] < 1 and random.random() >= row["probability"]:  # noqa: S311
            continue
        query = "UPDATE faults SET fired = fired + 1, left = left - 1 WHERE number = ? AND (left IS NULL OR left > 0)"
        if store.run(query, row["number"]).rowcount:
            return row
    return None
