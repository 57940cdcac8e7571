"""The athlete's nights: which sleep is shown, and what other sources told of the same night."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import QuerySet

from activities.models import SleepSession
from trainstack.accounts.models import User


@dataclass(frozen=True)
class Night:
    """The sleep of the day of waking up; `previous` and `next` are the nearest other days that have one."""

    date: datetime.date
    shown: SleepSession | None
    naps: tuple[SleepSession, ...]
    others: tuple[SleepSession, ...]
    previous: datetime.date | None
    next: datetime.date | None

    @property
    def also(self) -> tuple[str, ...]:
        """The providers that told of the night as well and are not shown, by name."""
        shown = self.shown.provider if self.shown else None
        return tuple(sorted({other.provider for other in self.others} - {shown}))


def sleep_of(user: User) -> QuerySet[SleepSession]:
    """Every sleep that any source told, newest first, with its device."""
    return user.sleep_sessions.select_related("device").order_by("-date", "-start_time", "-id")


def nights_of(user: User) -> QuerySet[SleepSession]:
    """The shown main sleep of each night, newest first."""
    return sleep_of(user).filter(is_shown=True, is_main=True)


def recent_sleep(user: User, n: int) -> list[SleepSession]:
    """The shown main sleeps of the last `n` nights that have one, newest first: one query."""
    return list(nights_of(user)[:n])


def sleep_night(user: User, day: datetime.date) -> Night | None:
    """All that is known of the night that ended on `day`: three queries; None where nothing is."""
    sessions = sorted(sleep_of(user).filter(date=day), key=lambda session: (session.start_time, session.pk))
    if not sessions:
        return None
    shown = [session for session in sessions if session.is_shown]
    nights = user.sleep_sessions.filter(is_shown=True, is_main=True).values_list("date", flat=True)
    return Night(
        date=day,
        shown=next((session for session in shown if session.is_main), None),
        naps=tuple(session for session in shown if not session.is_main),
        others=tuple(session for session in sessions if not session.is_shown),
        previous=nights.filter(date__lt=day).order_by("-date").first(),
        next=nights.filter(date__gt=day).order_by("date").first(),
    )
