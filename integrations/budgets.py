"""How many requests a provider lets us make, counted in the database, so that all workers share one count.

Each declared `Budget` is a row for its running window. A request takes one from every window that it counts in, or
none and waits. What the provider itself says in its headers corrects the rows: a function for each style of them.
A fifth of every window is left to people who wait for an answer.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from integrations.base import Budget, Provider
from integrations.errors import RateLimited
from integrations.models import RateBudget

Headers = Mapping[str, str]

# Background work stops where four of five are spent.
FOR_ALL, OF = 4, 5
# What a provider that names no time is given after it said "too many".
DEFAULT_WAIT_S = 60.0
# No provider makes us wait longer than until its day ends.
LONGEST_WAIT_S = 86_400.0
# Two tellings of one moment differ by this much: seconds are rounded, and answers take their time.
SLACK = timedelta(seconds=2)


@dataclass(frozen=True)
class Told:
    """What headers say about one window: of `limit` requests `used` are spent. None where they do not say it."""

    window_s: int
    limit: int
    used: int
    resets_in_s: float | None = None
    kind: str = "all"


# --- taking -------------------------------------------------------------------------------------


def reserve(provider: Provider, *, connection_id: int | None, kind: str = "all", urgent: bool = False) -> None:
    """Count one request. Raises RateLimited, and counts nothing, where a window is spent: its wait is until the reset.

    Without `urgent` a fifth is left alone.
    """
    now = timezone.now()
    with transaction.atomic():
        paused = RateBudget.objects.filter(key__in=_pauses(provider, connection_id), resets_at__gt=now)
        for until in paused.values_list("resets_at", flat=True):
            raise _limited(provider, until - now)
        for key, budget in sorted(_windows(provider, connection_id, kind).items()):
            _take(provider, key, budget, now, urgent)


def _take(provider: Provider, key: str, budget: Budget, now: datetime, urgent: bool) -> None:
    row = RateBudget.objects.filter(key=key)
    room = Q(used__lt=F("limit")) if urgent else Q(limit__gt=F("used") * OF / FOR_ALL)
    while not row.filter(room, resets_at__gt=now).update(used=F("used") + 1):
        known = row.first()
        following = _next_reset(budget, now)
        if known is None:
            new = RateBudget(key=key, limit=budget.requests, resets_at=following)
            RateBudget.objects.bulk_create([new], ignore_conflicts=True)
        elif known.resets_at <= now:
            row.filter(resets_at=known.resets_at).update(used=0, limit=budget.requests, resets_at=following)
        else:
            raise _limited(provider, known.resets_at - now)


def _next_reset(budget: Budget, now: datetime) -> datetime:
    """Windows begin at whole multiples since 1970: quarters of an hour and days in UTC, as providers have them."""
    return datetime.fromtimestamp((math.floor(now.timestamp() / budget.window_s) + 1) * budget.window_s, UTC)


def _windows(provider: Provider, connection_id: int | None, kind: str) -> dict[str, Budget]:
    """The rows in which a request of this kind counts."""
    budgets = provider.network.budgets if provider.network else ()
    return {
        _key(provider, budget, connection_id): budget
        for budget in budgets
        if budget.kind in ("all", kind) and (budget.per == "app" or connection_id is not None)
    }


def _key(provider: Provider, budget: Budget, connection_id: int | None) -> str:
    key = f"{provider.slug}:{budget.window_s}:{budget.kind}"
    return key if budget.per == "app" else f"{key}:{connection_id}"


def _pauses(provider: Provider, connection_id: int | None) -> list[str]:
    mine = [] if connection_id is None else [f"{provider.slug}:pause:{connection_id}"]
    return [f"{provider.slug}:pause", *mine]


def _limited(provider: Provider, wait: timedelta) -> RateLimited:
    return RateLimited(
        f"{provider.name} lets us make no more requests for now.", retry_after_s=max(wait.total_seconds(), 0.1)
    )


# --- learning -----------------------------------------------------------------------------------


def learn(
    provider: Provider, headers: Headers, *, connection_id: int | None, kind: str = "all", sent_at: datetime
) -> None:
    """Correct the windows by the headers of an answer to a request that went out at `sent_at`.

    What we counted and the provider has not yet seen (requests under way) stays counted.
    """
    windows = _windows(provider, connection_id, kind)
    told = {(it.kind, it.window_s): it for it in told_by(headers, list(windows.values()))}
    for key, budget in windows.items():
        if found := told.get((budget.kind, budget.window_s)):
            _correct(RateBudget.objects.filter(key=key), found, sent_at)


def _correct(row: QuerySet[RateBudget], told: Told, sent_at: datetime) -> None:
    now = timezone.now()
    running = row.filter(resets_at__gt=now)
    if told.resets_in_s:
        resets_at = now + timedelta(seconds=told.resets_in_s)
        other = Q(resets_at__lt=resets_at - SLACK) | Q(resets_at__gt=resets_at + SLACK)
        if row.filter(other).update(used=told.used, limit=told.limit, resets_at=resets_at):
            return
    else:
        # An answer that comes late tells of the window in which its request was counted.
        running = running.filter(resets_at__lte=sent_at + timedelta(seconds=told.window_s))
    running.filter(Q(used__lt=told.used) | ~Q(limit=told.limit)).update(
        used=Greatest(F("used"), told.used), limit=told.limit
    )


def pause(provider: Provider, headers: Headers, *, connection_id: int | None, kind: str = "all") -> float:
    """After a 429: nobody asks until the provider takes requests again; returns in how many seconds that is."""
    wait_s = retry_after(headers)
    if wait_s is None:
        wait_s = _spent_for(provider, connection_id, kind) or DEFAULT_WAIT_S
    wait_s = min(wait_s, LONGEST_WAIT_S)
    everybody, *mine = _pauses(provider, connection_id)
    key = mine[0] if mine and _is_for_one(provider, headers) else everybody
    until = timezone.now() + timedelta(seconds=wait_s)
    RateBudget.objects.bulk_create([RateBudget(key=key, limit=0, resets_at=until)], ignore_conflicts=True)
    RateBudget.objects.filter(key=key, resets_at__lt=until).update(resets_at=until)
    return wait_s


def _is_for_one(provider: Provider, headers: Headers) -> bool:
    """Whether it is one account that asked too much, not this server."""
    tier = headers.get("x-ratelimit-tier", "").lower()
    if tier:
        return "token" in tier or "user" in tier
    budgets = provider.network.budgets if provider.network else ()
    return any(it.per == "connection" for it in budgets)


def _spent_for(provider: Provider, connection_id: int | None, kind: str) -> float | None:
    """Seconds until every window that is spent has begun anew; None where none is."""
    now = timezone.now()
    spent = RateBudget.objects.filter(
        key__in=_windows(provider, connection_id, kind), used__gte=F("limit"), resets_at__gt=now
    )
    return max((((until - now).total_seconds()) for until in spent.values_list("resets_at", flat=True)), default=None)


# --- what headers say ---------------------------------------------------------------------------


def retry_after(headers: Headers) -> float | None:
    """Seconds that the provider asks us to wait, as a number or a date; None where it does not say."""
    told = headers.get("retry-after", "").strip()
    if not told:
        return None
    try:
        wait_s = float(told)
    except ValueError:
        try:
            moment = parsedate_to_datetime(told)
        except (ValueError, TypeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait_s = (moment - timezone.now()).total_seconds()
    return min(max(wait_s, 0.0), LONGEST_WAIT_S) if math.isfinite(wait_s) else None


def told_by(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """What the headers say about these windows, in whichever style; nothing where they make no sense."""
    for style in STYLES:
        if told := style(headers, budgets):
            return told
    return []


def _used(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """Strava: `X-RateLimit-Limit: 200,2000` and `X-RateLimit-Usage: 12,345`; reads apart in `X-ReadRateLimit-*`."""
    told = []
    for kind, name in (("all", "x-ratelimit"), ("read", "x-readratelimit")):
        limits, used = numbers(headers.get(f"{name}-limit")), numbers(headers.get(f"{name}-usage"))
        told += _matched(budgets, kind, limits, used)
    return told


def _used_and_reset(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """Polar: `RateLimit-Usage: 12, 340`, `RateLimit-Limit: 520, 5100`, `RateLimit-Reset: 314, 45213` in seconds."""
    usage, limits = numbers(headers.get("ratelimit-usage")), numbers(headers.get("ratelimit-limit"))
    return _matched(budgets, "all", limits, usage, numbers(headers.get("ratelimit-reset")))


def _named_windows(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """WHOOP: `X-RateLimit-Limit: 100;window=60, 10000;window=86400`; the rest is about the window that ends first."""
    limits = {
        int(window): int(limit)
        for limit, window in re.findall(r"(\d+)\s*;\s*(?:window|w)=(\d+)", headers.get("x-ratelimit-limit", ""))
    }
    left, reset = numbers(headers.get("x-ratelimit-remaining")), numbers(headers.get("x-ratelimit-reset"))
    if len(left) != 1 or len(reset) != 1:
        return []
    resets_in_s = seconds_until(reset[0])
    fitting = [window for window in sorted(limits) if resets_in_s <= window and left[0] <= limits[window]]
    return [Told(window, limits[window], limits[window] - left[0], resets_in_s) for window in fitting[:1]]


def _one_window(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """Oura: `X-RateLimit-Limit: 5000`, `X-RateLimit-Window: 300`, `X-RateLimit-Reset` as seconds since 1970."""
    limit, window = numbers(headers.get("x-ratelimit-limit")), numbers(headers.get("x-ratelimit-window"))
    reset = numbers(headers.get("x-ratelimit-reset"))
    if not len(limit) == len(window) == len(reset) == 1:
        return []
    # Sent only with a 429, so that all is spent where nothing is said about what is left.
    left = numbers(headers.get("x-ratelimit-remaining")) or [0]
    return [Told(window[0], limit[0], max(limit[0] - left[0], 0), seconds_until(reset[0]))]


def _left(headers: Headers, budgets: Sequence[Budget]) -> list[Told]:
    """Wahoo: `X-RateLimit-Limit: 5000,1000,200`, `X-RateLimit-Remaining: 4990,990,199`, the longest window first."""
    limits, left = numbers(headers.get("x-ratelimit-limit")), numbers(headers.get("x-ratelimit-remaining"))
    if len(limits) != len(left):
        return []
    return _matched(budgets, "all", limits, [max(limit - it, 0) for limit, it in zip(limits, left, strict=True)])


STYLES: tuple[Callable[[Headers, Sequence[Budget]], list[Told]], ...] = (
    _used,
    _used_and_reset,
    _named_windows,
    _one_window,
    _left,
)


def _matched(
    budgets: Sequence[Budget], kind: str, limits: list[int], used: list[int], resets: list[int] | None = None
) -> list[Told]:
    """Lists of numbers, one for each declared window: in whatever order, the longer window has the higher limit."""
    windows = sorted({it.window_s for it in budgets if it.kind == kind})
    if not windows or not len(windows) == len(limits) == len(used):
        return []
    times = [seconds_until(it) for it in resets] if resets and len(resets) == len(limits) else [None] * len(limits)
    ordered = sorted(zip(limits, used, times, strict=True), key=lambda one: one[0])
    return [Told(window, *one, kind=kind) for window, one in zip(windows, ordered, strict=True)]


def numbers(header: str | None) -> list[int]:
    """ "200, 2000" as numbers; nothing where anything else stands there."""
    parts = [part.strip() for part in (header or "").split(",")]
    return [int(part) for part in parts] if all(re.fullmatch(r"\d{1,12}", part) for part in parts) else []


def seconds_until(reset: int) -> float:
    """A reset told in seconds, or as seconds since 1970."""
    return max(reset - time.time(), 0.0) if reset > 1_000_000_000 else float(reset)
