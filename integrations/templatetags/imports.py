"""Providers by name, imports under way, and the words for what an import did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import template

from activities.domain.metrics import metric_of
from integrations.models import Import
from integrations.registry import PROVIDERS
from integrations.selectors import Progress, imports_of, latest_run, progress_of
from trainstack.accounts.models import User

register = template.Library()

# State -> how a chip is coloured, and its words.
STATES = {
    Import.State.WAITING: ("", "waiting"),
    Import.State.READING: ("", "being read"),
    Import.State.FINISHED: ("chip-good", "finished"),
    Import.State.CANCELLED: ("chip-warn", "cancelled"),
    Import.State.FAILED: ("chip-bad", "failed"),
    Import.State.ROLLING_BACK: ("", "being rolled back"),
    Import.State.ROLLED_BACK: ("chip-warn", "rolled back"),
}


@register.filter
def provider_name(slug: str) -> str:
    """The provider's name for people; the slug itself where none of ours is called so."""
    provider = PROVIDERS.get(slug)
    return provider.name if provider else slug


@register.filter
def state_chip(row: Import) -> str:
    return STATES[Import.State(row.state)][0]


@register.filter
def state_words(row: Import) -> str:
    return STATES[Import.State(row.state)][1]


@register.simple_tag
def open_imports(user: User) -> list[tuple[Import, Progress | None]]:
    """What is waiting or being read right now, the oldest first: it is the one that is at work."""
    under_way = (Import.State.WAITING, Import.State.READING, Import.State.ROLLING_BACK)
    rows = imports_of(user).filter(state__in=under_way)[:5]
    return [(row, progress_of(run) if (run := latest_run(row)) else None) for row in reversed(rows)]


@register.filter
def day(told: str | date | None) -> date | None:
    """A date as JSON has it."""
    return date.fromisoformat(told[:10]) if isinstance(told, str) else told


@register.filter
def whose(row: Import) -> list[str]:
    """Whose records an import brought, by name; before it is read, whose file it is."""
    slugs = [slug for slug, count in row.report.get("providers", {}).items() if count] or [row.provider]
    return sorted(provider_name(slug) for slug in slugs if slug)


# What became of a file -> how a chip is coloured, and its words.
OUTCOMES = {
    "new": ("chip-good", "new"),
    "known": ("", "known already"),
    "unreadable": ("chip-bad", "unreadable"),
}


@register.filter
def outcome_chip(outcome: str) -> str:
    return OUTCOMES.get(outcome, ("", ""))[0]


@register.filter
def outcome_words(outcome: str) -> str:
    return OUTCOMES.get(outcome, ("", outcome))[1]


@register.filter
def lower_first(words: str) -> str:
    """A title in the middle of a line: its first letter small, unless it begins an abbreviation."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _plain(label: str) -> str:
    """A kind's own word as a person would write it; tags of Apple's export stand as they are."""
    return label.replace("_", " ").capitalize() if label.islower() else label


# Kinds of records that an export tells -> what they are, for people.
KINDS = {
    "fit": "FIT files",
    "tcx": "TCX files",
    "gpx": "GPX files",
    "file": "Files that are none",
    "row": "Lines of the table",
    "summary": "Summaries of activities",
    "leg": "Summaries of legs",
    "sleep": "Nights",
    "daily": "Days",
    "health": "Nightly measurements",
    "weight": "Weighings",
    "max_met": "VO2 max",
    "session": "Sessions",
    "training_session": "Training sessions",
    "exercise": "Exercises",
    "google_exercise": "Exercises (Google Health)",
    "google_sleep": "Nights (Google Health)",
    "workout": "Workouts",
    "metrics": "Lines of metrics",
    "nightly_recovery": "Nightly recovery",
    "sample": "Samples",
}


@register.filter
def kind_label(kind: dict[str, Any]) -> str:
    """What a line of the report is about, for people."""
    label: str = KINDS.get(kind["kind"]) or _plain(kind.get("label") or metric_of(kind["kind"]).label)
    return label


@register.filter
def has_days(kinds: Sequence[dict[str, Any]]) -> bool:
    """Whether any line tells a first day."""
    return any(kind.get("first") for kind in kinds)


@register.filter
def total(kinds: Sequence[dict[str, Any]], column: str) -> int:
    return sum(kind.get(column) or 0 for kind in kinds)


@register.filter
def count(number: float | None) -> str:
    """A whole number with its thousands parted; a report that lacks it counts none."""
    return f"{number or 0:,.0f}"


@register.filter
def attribute(ratio: float | None) -> str:
    """A ratio as an HTML attribute wants it, whatever the language of the page."""
    return f"{ratio or 0:.4f}"
