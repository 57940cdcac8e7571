"""What providers declare, in sentences: for pages, API, admin and the generated documentation alike."""

from __future__ import annotations

from dataclasses import fields

from django.conf import settings

from integrations.base import Budget, Capabilities, Network, Provider, Terms

CAPABILITIES = {
    "activities": "activities",
    "streams": "their series",
    "laps": "laps",
    "files": "original files",
    "routes": "routes",
    "sleep": "sleep",
    "hrv": "heart rate variability",
    "recovery": "recovery scores",
    "metrics": "daily figures",
    "body": "weight and body",
}
_LENGTHS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def brings_words(what: Capabilities) -> str:
    """What comes in: "activities, their series, sleep"; "" where nothing does."""
    return ", ".join(CAPABILITIES[field.name] for field in fields(what) if getattr(what, field.name))


def length_words(seconds: int) -> str:
    """A stretch of time in its largest whole unit: "15 minutes", "1 day"."""
    size, name = next(one for one in _LENGTHS if seconds % one[0] == 0)
    number = seconds // size
    return f"{number} {name}{'' if number == 1 else 's'}"


def every_words(seconds: int) -> str:
    """How often: "every 15 minutes", "every hour"."""
    return f"every {length_words(seconds)}".replace("every 1 ", "every ")


def history_lines(network: Network) -> list[str]:
    """How far back each feed goes, in sentences; one alone where all go as far."""
    depths = dict.fromkeys(feed.history_days for feed in network.feeds)
    if len(depths) == 1:
        return [f"It reaches back {_depth(next(iter(depths)))}."]
    lines = []
    for depth in depths:
        titles = [feed.title for feed in network.feeds if feed.history_days == depth]
        lines.append(f"{_row(titles).capitalize()}: {_depth(depth)}.")
    return lines


def _depth(days: int | None) -> str:
    if days is None:
        return "as far as the account does"
    return f"{days} days"


def _row(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def budget_line(budget: Budget) -> str:
    """A rate limit: "1,000 requests (read) in 1 day, shared by all connections"."""
    kind = "" if budget.kind == "all" else f" ({budget.kind})"
    whose = "shared by all connections" if budget.per == "app" else "for each connection"
    return f"{budget.requests:,} requests{kind} in {length_words(budget.window_s)}, {whose}"


def keeping_line(provider: Provider) -> str:
    """What this server does about how long data may be kept and who may see them; "" where the terms do not say."""
    terms = provider.network.terms if provider.network else Terms()
    asks = []
    if terms.keep_days is not None:
        asks.append(f"that what its API tells is kept for {length_words(terms.keep_days * 86400)} at most")
    if terms.only_athlete:
        asks.append("that nobody but you sees it")
    if not asks:
        return ""
    asked = f"{provider.name}'s terms ask {' and '.join(asks)}."
    if settings.PROVIDER_TERMS != "enforce":
        return f"{asked} This server leaves that to you: nothing is removed by itself."
    does = []
    if terms.keep_days is not None:
        does.append("removes it after that time unless you brought the same by file")
    if terms.only_athlete:
        does.append("shows it to nobody else")
    return f"{asked} This server {' and '.join(does)}."
