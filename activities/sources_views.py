"""Many sources, one truth: what told of an activity, near misses, repair, and the athlete's order of sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from itertools import combinations
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from activities import undoing
from activities.domain.parsed import STREAM_UNITS
from activities.domain.priority import KINDS, Order
from activities.forms import OrderForm, RepairFilter, entries_of
from activities.models import Activity, LinkDecision, SourceActivity
from activities.selectors.activities import CHARTS, NO_CHARTS, POSITION, sources_of, sports_of
from activities.selectors.filling import why_shown
from activities.selectors.payloads import names_of_providers
from activities.selectors.sources import (
    GROUPS,
    PAIRS,
    Choice,
    choices_of,
    groups_of_sources,
    repair_page,
    sources_of_activity,
    suggestions_count,
    suggestions_of,
)
from activities.services import deciding, grouping, priorities
from activities.templatetags.comparing import REASONS, Mark, counted, line_number
from trainstack.accounts.models import User
from trainstack.accounts.requests import PersonRequest

# What a kind of data comes in, for "12 activities would switch": one, several.
UNITS: dict[str, tuple[str, str]] = {
    "activities": ("activity", "activities"),
    "sleep": ("night", "nights"),
    "recovery": ("daily value", "daily values"),
    "daily": ("daily value", "daily values"),
    "body": ("daily value", "daily values"),
}

P = ParamSpec("P")


def _is_htmx(request: HttpRequest, target: str) -> bool:
    """Whether htmx wants this part of the page; coming back in the browser's history it wants the whole."""
    headers = request.headers
    return headers.get("HX-Target") == target and "HX-History-Restore-Request" not in headers


# --- the sources of an activity ---------------------------------------------------------------


@dataclass(frozen=True)
class ToldSource:
    """A source with the payloads behind it."""

    source: SourceActivity
    raws: Sequence[Any]


@dataclass(frozen=True)
class Overlay:
    """One stream, and the sources that draw it."""

    name: str
    unit: str
    marks: tuple[Mark, ...]


def of_activity(
    view: Callable[Concatenate[PersonRequest, Activity, P], HttpResponse],
) -> Callable[Concatenate[PersonRequest, int, P], HttpResponse]:
    """The view gets the person's activity; one that became part of another is looked for there.

    Whoever only looks is sent to its address.
    """

    @wraps(view)
    def found(request: PersonRequest, pk: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            activity = grouping.activity_of(request.user, pk)
        except Activity.DoesNotExist as missing:
            raise Http404("No such activity.") from missing
        if activity.pk != pk and request.method in ("GET", "HEAD"):
            return redirect("activities:sources", activity.pk, permanent=True)
        return view(request, activity, *args, **kwargs)

    return found


@login_required
@of_activity
def sources(request: PersonRequest, activity: Activity) -> HttpResponse:
    """Every source side by side, their streams over each other, and what can be done about them."""
    try:
        told = sources_of_activity(request.user, activity)
    except Activity.DoesNotExist as missing:
        raise Http404("No source tells of this activity.") from missing
    names = names_of_sources(told.sources)
    marks = marks_of(told.sources, names)
    overlays = overlays_of(told.sources, marks)
    by_name = {one.name: one for one in overlays}
    route_of = [one.pk for one in told.sources if set(POSITION) <= one.streams.keys()]
    return render(
        request,
        "activities/sources.html",
        {
            "activity": activity,
            "shown": told.shown,
            "sources": told.sources,
            "told_sources": [ToldSource(source, told.raws[source.pk]) for source in told.sources],
            "names": names,
            "columns": len(told.sources) + 1,
            "why": why_shown(request.user, told.sources, names_of_providers()),
            "decisions": told.decisions,
            "marks": [vars(mark) for mark in marks],
            "has_route": bool(route_of),
            "route_of": route_of,
            "charts": [by_name[name] for name in CHARTS if name in by_name],
            "more_charts": [one for one in overlays if one.name not in CHARTS],
            "seconds": max(
                (source.elapsed_s or 0) + mark.shift for source, mark in zip(told.sources, marks, strict=True)
            ),
        },
    )


def names_of_sources(sources: Sequence[SourceActivity]) -> list[str]:
    """What each source is called: its provider, with what recorded it where a provider tells twice."""
    providers = names_of_providers()
    often = Counter(source.provider for source in sources)
    seen: Counter[str] = Counter()
    names = []
    for source in sources:
        name = providers.get(source.provider, source.provider)
        if often[source.provider] > 1:
            seen[source.provider] += 1
            name = f"{name} ({source.device or source.source_name or seen[source.provider]})"
        names.append(name)
    return names


def marks_of(sources: Sequence[SourceActivity], names: Sequence[str]) -> list[Mark]:
    """How the charts draw each source; they begin with the earliest."""
    first = min(source.start_time for source in sources)
    return [
        Mark(source.pk, names[index], line_number(index), (source.start_time - first).total_seconds())
        for index, source in enumerate(sources)
    ]


def overlays_of(sources: Sequence[SourceActivity], marks: Sequence[Mark]) -> list[Overlay]:
    """The streams that have a chart, as pages order them, each with the sources that have it."""
    order = list(STREAM_UNITS)
    names = {name for source in sources for name in source.streams} - set(NO_CHARTS)
    return [
        Overlay(
            name,
            STREAM_UNITS.get(name, ""),
            tuple(mark for source, mark in zip(sources, marks, strict=True) if name in source.streams),
        )
        for name in sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    ]


@login_required
@require_POST
@of_activity
def make_primary(request: PersonRequest, activity: Activity, source: int) -> HttpResponse:
    """Shows this source from now on, whatever the order says."""
    chosen = get_object_or_404(activity.sources, pk=source)
    pin = deciding.make_primary(request.user, chosen)
    undoing.say(request, f"{_name_of(chosen)} is shown from now on.", undoing.PIN, [pin.pk])
    return redirect("activities:sources", activity.pk)


@login_required
@require_POST
@of_activity
def automatic(request: PersonRequest, activity: Activity) -> HttpResponse:
    """Your order decides again which source is shown."""
    pins = deciding.back_to_automatic(request.user, activity)
    undoing.say(request, "Your order decides again which source is shown.", undoing.PINS_AGAIN, _ids(pins))
    return redirect("activities:sources", activity.pk)


@login_required
@require_POST
@of_activity
def split_off(request: PersonRequest, activity: Activity, source: int) -> HttpResponse:
    """Not the same effort: the source becomes an activity of its own and stays one."""
    apart = get_object_or_404(activity.sources, pk=source)
    try:
        decisions = deciding.split_off(request.user, apart)
    except deciding.NotPossible as wrong:
        messages.error(request, str(wrong))
        return redirect("activities:sources", activity.pk)
    undoing.say(request, f"{_name_of(apart)} is an activity of its own now.", undoing.LINKS, _ids(decisions))
    apart.refresh_from_db(fields=["activity"])
    return redirect("activities:sources", activity.pk if activity.sources.exists() else apart.activity_id)


@login_required
@require_POST
@of_activity
def withdraw(request: PersonRequest, activity: Activity, decision: int) -> HttpResponse:
    """Takes back what was decided earlier about two sources, with what was decided in the same go."""
    row = get_object_or_404(request.user.link_decisions, pk=decision, withdrawn_at=None)
    deciding.undo(request.user, [row])
    messages.success(request, "Taken back.")
    return redirect(_after(request.user, activity.pk))


def _after(user: User, pk: int) -> str:
    """The sources of the activity, or of what it became; the list where it is gone."""
    try:
        return reverse("activities:sources", args=[grouping.activity_of(user, pk).pk])
    except Activity.DoesNotExist:
        return reverse("activities:activities")


def _name_of(source: SourceActivity) -> str:
    return names_of_providers().get(source.provider, source.provider)


def _ids(rows: Iterable[Any]) -> list[int]:
    return [row.pk for row in rows]


@login_required
@require_POST
def undo(request: PersonRequest) -> HttpResponse:
    """Takes back what a message's button names, and goes on where the person was."""
    try:
        undoing.take_back(request.user, request.POST.get("note", ""))
    except (undoing.TooLate, deciding.NotPossible):
        messages.error(request, "This cannot be taken back any more.")
    else:
        messages.success(request, "Taken back.")
    if _is_htmx(request, "review"):
        return _review(request)
    where = request.POST.get("next", "")
    return redirect(where if url_has_allowed_host_and_scheme(where, {request.get_host()}) else "activities:today")


# --- near misses ------------------------------------------------------------------------------


@login_required
@vary_on_headers("HX-Request", "HX-Target")
def review(request: PersonRequest) -> HttpResponse:
    """One pair at a time, newest first; `after` names the pair that was passed over."""
    return _review(request)


def _review(request: PersonRequest) -> HttpResponse:
    waiting = suggestions_of(request.user)
    after = request.GET.get("after", "")
    passed = waiting.filter(pk=after).first() if after.isdecimal() and len(after) < 19 else None
    pair = None
    if passed is not None:
        earlier = Q(start_time__lt=passed.start_time) | Q(start_time=passed.start_time, pk__lt=passed.pk)
        pair = waiting.filter(earlier).first()
    pair = pair or waiting.first()
    is_part = _is_htmx(request, "review")
    context = {"pair": pair, "count": suggestions_count(request.user), "is_part": is_part}
    return render(request, "activities/_review.html" if is_part else "activities/review.html", context)


@login_required
@require_POST
@vary_on_headers("HX-Request", "HX-Target")
def answer(request: PersonRequest, pk: int, same: bool) -> HttpResponse:
    """The athlete's word on a pair: one effort, or two."""
    pair = get_object_or_404(suggestions_of(request.user), pk=pk)
    decisions = deciding.decide(request.user, [(pair.one, pair.other)], same=same)
    words = "They are one effort now." if same else "They stay two efforts."
    undoing.say(request, words, undoing.LINKS, _ids(decisions))
    return _review(request) if _is_htmx(request, "review") else redirect("activities:review")


# --- repair -----------------------------------------------------------------------------------

REPAIR_ROWS = 30
# More than one page of rows is never sent; whoever sends more is no page of ours.
MOST_CHOSEN = 200


@login_required
@vary_on_headers("HX-Request", "HX-Target")
def repair(request: PersonRequest) -> HttpResponse:
    """Every activity of several sources and every suspicious pair, newest first; POST acts on those that are chosen."""
    if request.method == "POST":
        return _repaired(request)
    form = RepairFilter(request.GET)
    form.is_valid()
    asked = form.to_filter()
    before = request.GET.get("before", "")
    try:
        page = repair_page(request.user, limit=REPAIR_ROWS, before=before, **asked)
    except (ValueError, OverflowError) as wrong:
        raise Http404("No list has this page.") from wrong
    query = {name: value for name, value in form.data.items() if value and name in form.fields}
    context = {"form": form, "page": page, "before": before, "is_filtered": bool(asked), "query": urlencode(query)}
    if _is_htmx(request, "repair-rows"):
        return render(request, "activities/_repair_rows.html", context)
    context |= {
        "sports": sports_of(request.user),
        "providers": sources_of(request.user),
        "reasons": REASONS,
        "groups": GROUPS,
        "pairs": PAIRS,
    }
    return render(request, "activities/repair.html", context)


def _repaired(request: PersonRequest) -> HttpResponse:
    """What is to be done with the chosen rows; rows of the other kind are passed over."""
    where = request.POST.get("next", "")
    back = redirect(where if url_has_allowed_host_and_scheme(where, {request.get_host()}) else "activities:repair")
    action = _ACTIONS.get(request.POST.get("action", ""))
    if action is None:
        raise Http404("No such action.")
    chosen: dict[str, list[int]] = {GROUPS: [], PAIRS: []}
    for token in request.POST.getlist("chosen")[:MOST_CHOSEN]:
        kind, _, pk = token.partition("~")
        if kind in chosen and pk.isdecimal() and len(pk) < 19:
            chosen[kind].append(int(pk))
    try:
        if not action(request, chosen):
            messages.warning(request, "Nothing that was chosen takes this.")
    except deciding.NotPossible as wrong:
        messages.error(request, str(wrong))
    return back


def _join(request: PersonRequest, chosen: Mapping[str, Sequence[int]], *, same: bool) -> int:
    pairs = list(suggestions_of(request.user).filter(pk__in=chosen[PAIRS]))
    if pairs:
        decisions = _decide(request.user, [(pair.one, pair.other) for pair in pairs], same=same)
        words = counted(len(pairs), ("pair is", "pairs are"))
        end = "one effort now." if same else "kept as two."
        undoing.say(request, f"{words} {end}", undoing.LINKS, _ids(decisions))
    return len(pairs)


def _decide(user: User, pairs: Sequence[Any], *, same: bool) -> list[LinkDecision]:
    """The decisions about many pairs, in as many goes as it takes."""
    pieces = grouping.in_pieces(pairs, deciding.MOST_AT_ONCE)
    return [decision for some in pieces for decision in deciding.decide(user, some, same=same)]


def _take_apart(request: PersonRequest, chosen: Mapping[str, Sequence[int]]) -> int:
    groups = list(groups_of_sources(request.user).filter(pk__in=chosen[GROUPS]))
    if groups:
        pairs = [pair for group in groups for pair in combinations(group.sources.all(), 2)]
        decisions = _decide(request.user, pairs, same=False)
        words = counted(len(groups), ("activity is", "activities are"))
        undoing.say(request, f"{words} taken apart: each source stands by itself.", undoing.LINKS, _ids(decisions))
    return len(groups)


def _automatic(request: PersonRequest, chosen: Mapping[str, Sequence[int]]) -> int:
    groups = list(groups_of_sources(request.user).filter(pk__in=chosen[GROUPS], pinned=True))
    pins = [pin for group in groups for pin in deciding.back_to_automatic(request.user, group)]
    if groups:
        words = counted(len(groups), ("activity follows", "activities follow"))
        undoing.say(request, f"{words} your order again.", undoing.PINS_AGAIN, _ids(pins))
    return len(groups)


_ACTIONS: dict[str, Callable[[PersonRequest, Mapping[str, Sequence[int]]], int]] = {
    "same": partial(_join, same=True),
    "different": partial(_join, same=False),
    "apart": _take_apart,
    "automatic": _automatic,
}


# --- the order of sources ---------------------------------------------------------------------


@login_required
def priorities_page(request: PersonRequest, kind: str = "activities") -> HttpResponse:
    """The athlete's order for one kind of data. POST saves it, steps with an arrow, or resets it."""
    if kind not in KINDS:
        raise Http404("No such kind of data.")
    user = request.user
    choices = choices_of(user, kind)
    before = grouping.order_of(user, kind)
    if request.method != "POST":
        return _order_page(request, kind, before, choices)
    if "reset" in request.POST:
        return _reset(request, kind, before)
    form = OrderForm(request.POST, choices)
    if not form.is_valid():
        messages.error(request, form.error)
        return _order_page(request, kind, before, choices, status=422)
    order = form.to_order()
    if form.is_move or "preview" in request.POST:
        preview = priorities.preview_priority(user, kind, order.ranks, order.devices)
        return _order_page(request, kind, order, choices, preview=preview)
    preview = priorities.preview_priority(user, kind, order.ranks, order.devices)
    was_set = user.source_priorities.filter(kind=kind).exists()
    priorities.set_priority(user, kind, order.ranks, order.devices)
    words = f"Saved. {preview_words(preview, kind, 'switched')}"
    undoing.say(request, words, undoing.ORDER, [kind, before.to_json() if was_set else None])
    return redirect("activities:priorities", kind)


def _reset(request: PersonRequest, kind: str, before: Order) -> HttpResponse:
    if request.user.source_priorities.filter(kind=kind).exists():
        priorities.reset_priority(request.user, kind)
        words = "All sources are level again: the one that tells most is shown."
        undoing.say(request, words, undoing.ORDER, [kind, before.to_json()])
    return redirect("activities:priorities", kind)


@login_required
@require_POST
def preview(request: PersonRequest, kind: str) -> HttpResponse:
    """What would change with the order that was sent, in words."""
    if kind not in KINDS:
        raise Http404("No such kind of data.")
    form = OrderForm(request.POST, choices_of(request.user, kind))
    if not form.is_valid():
        return render(request, "activities/_preview.html", {"error": form.error}, status=422)
    order = form.to_order()
    found = priorities.preview_priority(request.user, kind, order.ranks, order.devices)
    return render(request, "activities/_preview.html", {"words": preview_words(found, kind, "would switch")})


def preview_words(preview: Any, kind: str, verb: str) -> str:
    """`12 activities would switch to Garmin, 1 activity to Strava.`"""
    if not preview.total:
        return "Nothing would change." if verb.startswith("would") else "Nothing had to change."
    names = names_of_providers()
    told = sorted((preview.by_provider or {}).items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{counted(count, UNITS[kind])} to {names.get(provider, provider)}" for provider, count in told]
    first, rest = parts[0].replace(" to ", f" {verb} to ", 1), parts[1:]
    return ", ".join([first, *rest]) + "."


def _order_page(
    request: PersonRequest,
    kind: str,
    order: Order,
    choices: Sequence[Choice],
    *,
    preview: Any = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "kind": kind,
        "title": KINDS[kind],
        "kinds": KINDS,
        "unit": UNITS[kind],
        "entries": entries_of(order, choices),
        "is_set": request.user.source_priorities.filter(kind=kind).exists(),
        "is_unsaved": preview is not None,
        "words": preview_words(preview, kind, "would switch") if preview is not None else "",
    }
    return render(request, "activities/priorities.html", context, status=status)
