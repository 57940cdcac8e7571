"""The demo: three people at once, and one athlete's files through the import like anybody's.

Her phone, her bike computer and Strava tell of the same two years, each in its own way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from integrations import configuring
from integrations.base import Provider
from integrations.models import Connection, Import
from integrations.registry import PROVIDERS
from integrations.services.imports import receive
from trainstack.accounts.models import User
from trainstack.accounts.services import set_parameter
from trainstack.demo.athlete import ATHLETE
from trainstack.demo.export import exported_at, first_day, write_export
from trainstack.demo.rides import write_folder
from trainstack.demo.strava import write_archive

PASSWORD = "trainstack-demo"  # noqa: S105
RECENT = timedelta(days=35)


class DemoRefused(Exception):  # noqa: N818
    """This server is not a place for accounts whose password is public; the message says so to a person."""


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    what: str
    is_staff: bool = False


ATHLETE_PERSON = Person("athlete@demo.example", ATHLETE.name, "athlete with two years of training")
COACH = Person("coach@demo.example", "Marek Sandoval", "coach")
STAFF = Person("staff@demo.example", "Robin Okafor", "staff: /admin/", is_staff=True)
PEOPLE = (ATHLETE_PERSON, COACH, STAFF)


@dataclass(frozen=True)
class People:
    athlete: User
    coach: User
    staff: User


def ensure_people(*, force: bool = False) -> People:
    """The three demo accounts, made where they are absent; an account that is there stays as its owner left it.

    Raises DemoRefused when DEBUG is off, unless forced.
    """
    if not (settings.DEBUG or force):
        raise DemoRefused("The demo's password is public: its accounts are made with DEBUG=1 only.")
    return People(*(_ensure(person) for person in PEOPLE))


@transaction.atomic
def _ensure(person: Person) -> User:
    user = User.objects.filter(email=person.email).first()
    if user is None:
        user = User.objects.create_user(
            person.email, PASSWORD, name=person.name, is_staff=person.is_staff, is_superuser=person.is_staff
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        if person is ATHLETE_PERSON:
            set_parameter(
                user,
                name="max_heart_rate_bpm",
                value=ATHLETE.max_heart_rate_bpm,
                effective_from=date(timezone.now().year - 3, 1, 1),
            )
    return user


def parts(now: datetime) -> dict[str, Callable[[Path], None]]:
    """The files of this morning in the order in which they are brought, by name, and what writes each.

    The last weeks of the phone's export come first, so that pages live at once, and the whole of it comes last.
    """
    day = exported_at(now).date()
    return {
        "last-weeks.zip": partial(write_export, day=day, first=day - RECENT),
        "bike-computer.zip": partial(write_folder, day=day, first=first_day(day)),
        "strava-archive.zip": partial(write_archive, day=day, first=first_day(day)),
        "export.zip": partial(write_export, day=day, first=first_day(day)),
    }


def missing(athlete: User, now: datetime) -> dict[str, Callable[[Path], None]]:
    """The parts of this morning's files that have not been brought."""
    brought = Import.objects.filter(user=athlete, brought_by="demo", created_at__gte=exported_at(now))
    names = set(brought.values_list("name", flat=True))
    return {name: write for name, write in parts(now).items() if name not in names}


def queue_export(athlete: User) -> bool:
    """Lets a worker make and bring the athlete's newest files, unless they are there; returns whether it was queued."""
    if not missing(athlete, timezone.now()):
        return False
    async_task("trainstack.demo.tasks.bring_export", athlete.pk, task_name="demo export", save=False)
    return True


def bring_next(athlete: User) -> Import | None:
    """Makes the next missing part of the athlete's newest files and hands it in; None where nothing is missing.

    The same morning's files are the same to the byte, and the next morning's add one day to them.
    """
    for name, write in missing(athlete, timezone.now()).items():
        with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
            path = Path(folder) / name
            write(path)
            return receive(athlete, name=name, source=path, brought_by="demo")
    return None


def to_connect(user: User) -> list[Provider]:
    """The providers that the sandbox plays and that this person has not connected; none without a sandbox."""
    known = set(Connection.objects.filter(user=user).values_list("provider", flat=True))
    return [
        provider
        for provider in PROVIDERS.values()
        if provider.network and provider.slug not in known and configuring.is_sandboxed(provider)
    ]


def log_ins(*, url: str = "") -> str:
    """The demo's people and their password, as a block of text for a terminal; with the first thing to do at `url`."""
    lines = [f"    {person.email:24}{person.what}" for person in PEOPLE]
    first = ["", f"  First of all connect {ATHLETE.name}'s providers, all of them: {url}/connections/"] if url else []
    return "\n".join([f"  Log in with the password {PASSWORD} as", *lines, *first, ""])
