"""The demo: three people at once, and one athlete's Apple Health export through the import like anybody's."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import Import
from integrations.services.imports import receive
from trainstack.accounts.models import User
from trainstack.accounts.services import set_parameter
from trainstack.demo.athlete import ATHLETE
from trainstack.demo.export import exported_at, write_export

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


def parts(now: datetime) -> dict[str, date | None]:
    """The newest export as it is brought: the last weeks first, so that pages live at once, then everything.

    Names of files, and their first days where that is not the export's own.
    """
    return {"last-weeks.zip": exported_at(now).date() - RECENT, "export.zip": None}


def missing(athlete: User, now: datetime) -> dict[str, date | None]:
    """The parts of the newest export that have not been brought."""
    brought = Import.objects.filter(user=athlete, brought_by="demo", created_at__gte=exported_at(now))
    names = set(brought.values_list("name", flat=True))
    return {name: first for name, first in parts(now).items() if name not in names}


def queue_export(athlete: User) -> bool:
    """Lets a worker make and bring the athlete's newest export, unless it is there; returns whether it was queued."""
    if not missing(athlete, timezone.now()):
        return False
    async_task("trainstack.demo.tasks.bring_export", athlete.pk, task_name="demo export", save=False)
    return True


def bring_next(athlete: User) -> Import | None:
    """Makes the next missing part of the athlete's newest export and hands it in; None where nothing is missing.

    The same morning's export is the same to the byte, and the next morning's adds one day to it.
    """
    now = timezone.now()
    for name, first in missing(athlete, now).items():
        return _bring(athlete, name, exported_at(now).date(), first)
    return None


def _bring(athlete: User, name: str, day: date, first: date | None) -> Import:
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / name
        write_export(path, day=day, first=first)
        return receive(athlete, name=name, source=path, brought_by="demo")


def log_ins() -> str:
    """The demo's people and their password, as a block of text for a terminal."""
    lines = [f"    {person.email:24}{person.what}" for person in PEOPLE]
    return "\n".join([f"  Log in with the password {PASSWORD} as", *lines, ""])
