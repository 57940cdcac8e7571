"""Connections: what is connected and how it fares, what can be connected, and the end of a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from integrations import configuring
from integrations.base import Provider, WayIn
from integrations.forms import DisconnectForm
from integrations.models import Connection
from integrations.registry import FILE, PROVIDERS
from integrations.selectors import (
    Linked,
    connection_runs_of,
    connections_of,
    ended_of,
    failed_asks_of,
    linked_of,
)
from integrations.services import connecting, syncing, withdrawing
from trainstack.accounts.models import User
from trainstack.accounts.requests import PersonRequest

RUNS_SHOWN = 20
FAILED_SHOWN = 20


@dataclass(frozen=True)
class Connectable:
    """A provider with an API that the athlete has no live connection with."""

    provider: Provider
    # Names of the environment that the operator has not set; none where it can be connected.
    unset: Sequence[str]
    # The connection that there was once.
    ended: Connection | None

    @property
    def is_ready(self) -> bool:
        return not self.unset

    @property
    def file_way(self) -> WayIn | None:
        return file_way_of(self.provider)


def file_way_of(provider: Provider) -> WayIn | None:
    """Its way in by a file, where it has one."""
    return next((way for way in provider.ways_in if way.kind == "file"), None)


def connectable_of(user: User, linked: Sequence[Linked]) -> list[Connectable]:
    """The providers that the athlete could connect, those that this server is set up for first."""
    taken = {one.row.provider for one in linked}
    ended = ended_of(user)
    found = [
        Connectable(provider, configuring.missing(provider), ended.get(provider.slug))
        for provider in PROVIDERS.values()
        if provider.network is not None and provider.slug not in taken
    ]
    return sorted(found, key=lambda one: (not one.is_ready, one.provider.name.lower()))


def by_file_only() -> list[tuple[Provider, WayIn]]:
    """The providers that have no API here, with their way in by a file; what reads any file comes last."""
    found = [
        (provider, way)
        for provider in PROVIDERS.values()
        if provider.network is None and (way := file_way_of(provider)) is not None
    ]
    return sorted(found, key=lambda one: (one[0] is FILE, one[0].name.lower()))


@login_required
def connections(request: PersonRequest) -> HttpResponse:
    """A card for every provider: what is connected, what can be, and what comes by file."""
    linked = linked_of(request.user)
    connectable = connectable_of(request.user, linked)
    context = {
        "linked": linked,
        "ready": [one for one in connectable if one.is_ready],
        "unready": [one for one in connectable if not one.is_ready],
        "by_file": by_file_only(),
        "is_busy": any(one.is_busy for one in linked),
        "sandbox_url": settings.SANDBOX_URL,
    }
    return render(request, "integrations/connection_list.html", context)


@login_required
@never_cache
def live(request: PersonRequest) -> HttpResponse:
    """The moving part of each card, asked for while anything is at work."""
    linked = linked_of(request.user)
    context = {"linked": linked, "is_busy": any(one.is_busy for one in linked)}
    return render(request, "integrations/_connections_live.html", context)


@login_required
def connect(request: PersonRequest, slug: str) -> HttpResponse:
    """What will be shared, and on what terms, before the athlete goes to the provider to agree."""
    provider = PROVIDERS.get(slug)
    if provider is None or provider.network is None:
        raise Http404("Nobody of this name can be connected.")
    linked = next((one for one in linked_of(request.user) if one.row.provider == slug), None)
    context = {
        "provider": provider,
        "network": provider.network,
        "linked": linked,
        "unset": configuring.missing(provider),
        "callback_url": configuring.callback_url(provider),
        "file_way": file_way_of(provider),
        "sandbox_url": settings.SANDBOX_URL,
    }
    return render(request, "integrations/connection_connect.html", context)


def _linked(request: PersonRequest, pk: int) -> Linked:
    found = linked_of(request.user, pk)
    if not found:
        raise Http404("No such connection.")
    return found[0]


def _context(request: PersonRequest, pk: int) -> dict[str, object]:
    linked = _linked(request, pk)
    rows = connection_runs_of(linked.row)
    before = request.GET.get("before", "")
    if before:
        if not before.isdecimal() or len(before) > 18:
            raise Http404("No list has this page.")
        rows = rows.filter(pk__lt=int(before))
    runs = list(rows[: RUNS_SHOWN + 1])
    failed = list(failed_asks_of(linked.row)[:FAILED_SHOWN]) if linked.failed_asks else []
    return {
        "linked": linked,
        "runs": runs[:RUNS_SHOWN],
        "older": runs[RUNS_SHOWN - 1].pk if len(runs) > RUNS_SHOWN else None,
        "before": before,
        "failed": failed,
    }


@login_required
def connection(request: PersonRequest, pk: int) -> HttpResponse:
    return render(request, "integrations/connection_detail.html", _context(request, pk))


@login_required
@never_cache
def work(request: PersonRequest, pk: int) -> HttpResponse:
    """The moving part of a connection's page: how it fares, its runs, what failed."""
    return render(request, "integrations/_connection_work.html", _context(request, pk))


def _back(request: PersonRequest, pk: int) -> HttpResponse:
    """To the list, where the button was pressed there, else to the connection's page."""
    if request.POST.get("from") == "list":
        return redirect(f"{reverse('integrations:connections')}#connection-{pk}")
    return redirect("integrations:connection", pk)


@login_required
@require_POST
def sync_now(request: PersonRequest, pk: int) -> HttpResponse:
    """Asks for news before everything else; with `full` for all that there is, once more."""
    row = get_object_or_404(connections_of(request.user), pk=pk)
    full = bool(request.POST.get("full"))
    try:
        syncing.request_sync(row, "manual", full=full)
    except syncing.NotConnected as reason:
        messages.warning(request, str(reason))
    else:
        messages.success(request, f"{_name(row)} is being asked {'for everything once more' if full else 'for news'}.")
    return _back(request, pk)


@login_required
@require_POST
def try_again(request: PersonRequest, pk: int) -> HttpResponse:
    """Makes what failed again: one request (`ask`), or all of them and a look for news."""
    row = get_object_or_404(connections_of(request.user), pk=pk)
    ask = request.POST.get("ask", "")
    if ask and (not ask.isdecimal() or len(ask) > 18):
        raise Http404("No such request.")
    try:
        if ask:
            syncing.try_again(get_object_or_404(failed_asks_of(row), pk=int(ask)))
        else:
            syncing.try_all_again(row)
            syncing.request_sync(row, "manual")
    except syncing.NotConnected as reason:
        messages.warning(request, str(reason))
    else:
        messages.success(request, "It is being tried again." if ask else f"{_name(row)} is being asked again.")
    return _back(request, pk)


@login_required
def disconnect(request: PersonRequest, pk: int) -> HttpResponse:
    """Asks what becomes of what came; POST ends the connection."""
    linked = _linked(request, pk)
    row = linked.row
    if row.state == Connection.State.DISCONNECTED:
        messages.warning(request, f"{linked.name} is not connected any more.")
        return redirect("integrations:connection", pk)
    form = DisconnectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        failure = connecting.disconnect(row, delete=form.deletes)
        messages.success(request, f"{linked.name} is disconnected. {_what_becomes(form.deletes)}")
        if failure:
            messages.warning(request, failure)
        return redirect("integrations:connections")
    context = {"linked": linked, "form": form, "came": withdrawing.what_came(row)}
    return render(request, "integrations/connection_disconnect.html", context, status=422 if form.is_bound else 200)


def _what_becomes(deletes: bool) -> str:
    return "What came over it is being removed." if deletes else "What came over it stays."


def _name(row: Connection) -> str:
    provider = PROVIDERS.get(row.provider)
    return provider.name if provider else row.provider
