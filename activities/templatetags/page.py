"""What every page draws: icons, sports, sources, and links that keep the rest of the query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from activities.models import SourceActivity
from activities.selectors.sources import suggestions_count
from trainstack import sports
from trainstack.accounts.models import User

register = template.Library()

# Marks a message that can be taken back; see `activities.undoing`.
TAG = "undo:"
# The icon of a sport -> the colour that the style sheet has for it.
_COLOURS = {
    "run": "running",
    "ride": "cycling",
    "swim": "swimming",
    "walk": "walking",
    "climb": "walking",
    "strength": "strength",
    "fight": "strength",
    "ski": "winter",
    "skate": "winter",
    "paddle": "water",
    "water": "water",
    "calm": "mind",
    "ball": "ball",
    "racket": "ball",
    "multisport": "multisport",
}


def sport_group(code: str) -> str:
    """The name of the sport's colour."""
    return _COLOURS.get(sports.icon(code), "other")


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """One icon of the sprite; says nothing to a screen reader, the words stand beside it."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f" icon-{size}" if size else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def sport_glyph(code: str, size: str = "") -> SafeString:
    """The sport's icon on a disc in the sport's colour."""
    return format_html(
        '<span class="glyph sport-{}{}">{}</span>',
        sport_group(code),
        f" glyph-{size}" if size else "",
        icon(f"sport-{sports.icon(code)}"),
    )


@register.filter
def sport_colour(code: str) -> str:
    return f"sport-{sport_group(code)}"


@register.filter
def sport_label(code: str) -> str:
    return sports.label(code)


@register.filter
def title_of(activity: Any) -> str:
    """What an activity is called: its name, else its sport."""
    return activity.name or sports.label(activity.sport)


# What a payload is, in words; an unknown kind keeps its own.
_RAW_KINDS = {
    "export": "The whole export",
    "file": "The whole file",
    "workout": "This workout",
    "route": "Its route",
    "fit": "Its FIT file",
    "tcx": "Its TCX file",
    "gpx": "Its GPX file",
    "row": "Its line in the export's table",
    "summary": "Its line in the provider's list",
    "detail": "Its details",
    "streams": "Its series",
    "laps": "Its laps",
}


@register.filter
def raw_kind(kind: str) -> str:
    return _RAW_KINDS.get(kind, kind.replace("_", " ").capitalize())


@register.simple_tag
def told_besides(source: SourceActivity) -> list[tuple[str, str]]:
    """Name and value of whatever a source told that has no place of its own on the page, as it told it."""
    groups = (source.extra.get(name) for name in ("metadata", "attributes"))
    pairs = [pair for group in groups if isinstance(group, dict) for pair in group.items()]
    return [(name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)) for name, value in pairs]


@dataclass(frozen=True)
class SegmentEffort:
    """One effort on a segment that others ride and run too; a rank is the place in its list, where in the first ten."""

    name: str
    elapsed_s: float | None
    distance_m: float | None
    avg_heart_rate_bpm: float | None
    avg_power_w: float | None
    rank: int | None
    # The place among the athlete's own efforts, one to three.
    own_rank: int | None
    url: str


@dataclass(frozen=True)
class Segments:
    """The efforts of one source on segments."""

    source: SourceActivity
    efforts: tuple[SegmentEffort, ...]


@register.simple_tag
def segments(sources: Iterable[SourceActivity]) -> Segments | None:
    """The first source that tells of segments, and its efforts; None where none does."""
    for source in sources:
        told = source.extra.get("segment_efforts")
        if isinstance(told, list) and (efforts := tuple(_effort(one) for one in told if isinstance(one, dict))):
            return Segments(source, efforts)
    return None


def _effort(told: Mapping[str, Any]) -> SegmentEffort:
    return SegmentEffort(
        name=str(told.get("name") or ""),
        elapsed_s=told.get("elapsed_s"),
        distance_m=told.get("distance_m"),
        avg_heart_rate_bpm=told.get("avg_heart_rate_bpm"),
        avg_power_w=told.get("avg_power_w"),
        rank=told.get("rank"),
        own_rank=told.get("pr_rank"),
        url=web_address(told.get("segment_url")),
    )


@register.filter
def web_address(told: Any) -> str:
    """An address that a source told, if a link may lead there; else ""."""
    return told if isinstance(told, str) and told.startswith("https://") else ""


@register.filter
def any_told(things: Iterable[Any], name: str) -> bool:
    """Whether one of them at least tells this."""
    return any(getattr(one, name) is not None for one in things)


@register.simple_tag
def undo_note(message: Message) -> str:
    """What takes back that of which the message speaks; "" where nothing does."""
    tags = message.extra_tags or ""
    return tags.removeprefix(TAG) if tags.startswith(TAG) else ""


@register.simple_tag
def to_review(user: User) -> int:
    """How many pairs wait for the athlete's word."""
    return suggestions_count(user)


@register.filter
def nav_number(count: int) -> str:
    """A count that fits beside a word of the navigation."""
    return str(count) if count < 100 else "99+"


@register.simple_tag(takes_context=True)
def here(context: template.Context, *namespaces: str) -> SafeString | str:
    """`aria-current="page"` where the current page's name begins with one of these, else nothing."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = match.view_name if match else ""
    return SafeString(' aria-current="page"') if name.startswith(namespaces) else ""
