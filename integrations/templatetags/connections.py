"""Connections in words: what a provider brings, how its data come, what became of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from activities.models import RawRecord
from integrations.base import Capabilities, Network, Provider
from integrations.models import Connection, SyncRun
from integrations.registry import PROVIDERS
from integrations.selectors import Arriving, Linked, arriving_of, connections_of
from integrations.services.syncing import came_of
from integrations.words import brings_words, every_words, history_lines, keeping_line
from trainstack.accounts.models import User

register = template.Library()

# State of a connection -> how its chip is coloured, and its words.
STATES = {
    Connection.State.ACTIVE: ("chip-good", "connected"),
    Connection.State.BROKEN: ("chip-bad", "connection lost"),
    Connection.State.DISCONNECTED: ("", "not connected"),
}
RUN_STATES = {
    SyncRun.State.QUEUED: ("", "waiting"),
    SyncRun.State.RUNNING: ("", "at work"),
    SyncRun.State.FINISHED: ("chip-good", "finished"),
    SyncRun.State.CANCELLED: ("chip-warn", "stopped"),
    SyncRun.State.FAILED: ("chip-bad", "failed"),
}
# What had a run start -> that in words; a webhook is the provider's own word.
TRIGGERS = {
    "connect": "you connected",
    "manual": "you asked for it",
    "schedule": "by the clock",
    "command": "the operator asked for it",
    "terms": "the provider's terms",
}
# The counts of a run that a page shows, in this order, in words for one and for several.
COUNTS = {
    "new": ("new activity", "new activities"),
    "folded": ("of them known from elsewhere", "of them known from elsewhere"),
    "changed": ("changed", "changed"),
    "sleeps": ("night", "nights"),
    "days": ("daily figure", "daily figures"),
    "samples": ("sample", "samples"),
    "gone": ("gone", "gone"),
    "failed": ("request failed", "requests failed"),
}


@register.simple_tag
def arriving_now(user: User) -> Sequence[Arriving]:
    """What is being brought in right now, the one that is at work first."""
    return arriving_of(user)


@register.simple_tag
def is_unconnected(user: User) -> bool:
    """Whether the athlete has never connected anything."""
    return not connections_of(user).exists()


@register.filter
def connection_chip(row: Connection) -> str:
    return STATES[Connection.State(row.state)][0]


@register.filter
def connection_words(row: Connection) -> str:
    return STATES[Connection.State(row.state)][1]


@register.filter
def run_chip(run: SyncRun) -> str:
    return RUN_STATES[SyncRun.State(run.state)][0]


@register.filter
def run_words(run: SyncRun) -> str:
    return RUN_STATES[SyncRun.State(run.state)][1]


@register.filter
def trigger_words(run: SyncRun) -> str:
    """What had the run start."""
    if run.kind == SyncRun.Kind.FORGET:
        return TRIGGERS.get(run.trigger, "what came is removed")
    if run.trigger == "webhook":
        provider = PROVIDERS.get(run.connection.provider) if run.connection else None
        return f"{provider.name if provider else 'the provider'} told of news"
    return TRIGGERS.get(run.trigger, run.trigger)


@register.filter
def counts_words(run: SyncRun) -> list[str]:
    """What a run brought, each count in words; none that is nought."""
    came = came_of(run)
    came["folded"] = max(came["new"] - came["activities"], 0)
    return [f"{came[name]:,} {words[came[name] != 1]}" for name, words in COUNTS.items() if came[name]]


@register.filter
def brings(what: Capabilities) -> str:
    """What comes in, as words in a row."""
    return brings_words(what)


@register.filter
def network_brings(provider: Provider) -> str:
    """What its API brings, as words in a row."""
    return brings_words(provider.network.brings) if provider.network else ""


@register.filter
def by_file(provider: Provider) -> bool:
    """Whether it has a way in by a file."""
    return any(way.kind == "file" for way in provider.ways_in)


@register.filter
def histories(network: Network) -> list[str]:
    """How far back each of its feeds goes, in sentences."""
    return history_lines(network)


@register.simple_tag
def keeping(provider: Provider) -> str:
    """What this server does about how long the provider's terms let data be kept; "" where they do not say."""
    return keeping_line(provider)


@register.simple_tag
def looked_at(linked: Linked) -> str:
    """How a connection learns of news, in a sentence."""
    provider = linked.provider
    if provider is None or provider.network is None:
        return ""
    every = every_words(min(feed.every_s for feed in provider.network.feeds))
    if linked.hearing == "speaking":
        return f"{provider.name} tells of news by itself."
    if linked.hearing == "silent":
        return f"{provider.name} has told nothing by itself for long, so it is asked {every}."
    if linked.hearing == "waiting":
        return f"{provider.name} will tell of news by itself; until the first word it is asked {every}."
    return f"{provider.name} is asked for news {every}."


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, in one unit: "4 minutes ago"."""
    if moment is None:
        return ""
    if timezone.now() - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, depth=1)} ago".replace("\xa0", " ")


@register.filter
def ahead(moment: datetime | None) -> str:
    """In how long, in one unit: "in 4 minutes"."""
    if moment is None:
        return ""
    if moment - timezone.now() < timedelta(minutes=1):
        return "within a minute"
    return f"in {timeuntil(moment, depth=1)}".replace("\xa0", " ")


@register.filter
def any_from_api(raws: Sequence[RawRecord]) -> bool:
    """Whether a provider's API told any of these, rather than a file that somebody brought."""
    return any(raw.import_file_id is None for raw in raws)


@register.filter
def terms_of(slug: str) -> Any:
    """What the provider's terms ask of us where its data are shown; None where it has no API."""
    provider = PROVIDERS.get(slug)
    return provider.network.terms if provider and provider.network else None
