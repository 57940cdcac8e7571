"""Webhooks: what providers send is stored before anything else, answered at once, and worked off by the queue.

A delivery that the provider did not send is refused and counted; its body is not kept. Receipts of one provider are
worked off one after another in the order in which they came, by one worker at a time. What they ask for goes through
the connection's queue of requests, where asking twice is asking once: a delivery that is repeated changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django_q.tasks import async_task

from integrations import configuring
from integrations.base import Delivered, Event, Provider, Reply, Subscription, Webhooks
from integrations.credentials import decrypt_text, encrypt_text
from integrations.errors import ProviderError, RateLimited, Unavailable, UnexpectedPayload
from integrations.http import SECRET_PARAMETERS, ApiSession
from integrations.models import Connection, RateBudget, WebhookReceipt, WebhookRefusal, WebhookSubscription
from integrations.registry import PROVIDERS
from integrations.services import asking, connecting, syncing

logger = logging.getLogger(__name__)

# A week of a watch's minutes is far below it.
MAX_BODY_BYTES = 5 * 2**20
# Who proves itself by a header is not written down with it.
SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}
# How long a worker may be at one receipt, and how often one is tried.
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
# How long the queue's task goes on; the schedule comes by every minute.
WORK_S = 50.0
# For how long receipts are kept that were worked off.
KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1000
# A subscription that ends sooner is renewed.
RENEWED_BEFORE = timedelta(days=14)
# How long a worker that makes them keeps others away: Oura wants one for each kind of event.
SUBSCRIBING_FOR = timedelta(minutes=5)


# --- taking deliveries --------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What deliveries of a provider are checked against (`integrations.base.Secrets`)."""

    provider: Provider

    def setting(self, name: str) -> str:
        return configuring.setting(self.provider, name)

    @cached_property
    def subscriptions(self) -> Sequence[Subscription]:
        return [subscription_of(row) for row in WebhookSubscription.objects.filter(provider=self.provider.slug)]


class _Stored(HttpResponse):
    """The answer to a delivery that is stored. The queue hears of it once the provider has its answer."""

    def close(self) -> None:
        nudge()
        super().close()


@csrf_exempt
@never_cache
def receive(request: HttpRequest, slug: str) -> HttpResponse:
    """One delivery, or a handshake. No session, no log-in: the provider proves itself by what only it can know."""
    provider = PROVIDERS.get(slug)
    if provider is None or provider.network is None or provider.network.webhooks is None:
        raise Http404("Nobody sends anything here.")
    if not configuring.takes_webhooks(provider):
        raise Http404("Not configured on this server.")
    if request.method not in ("GET", "POST"):
        return HttpResponse(status=405, headers={"Allow": "GET, POST"})
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        return HttpResponse(status=413)
    delivered = Delivered(
        method=request.method,
        query=request.GET.dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.read(int(length)),
        received_at=timezone.now(),
    )
    try:
        return _answer(provider, provider.network.webhooks, delivered)
    except Unavailable:
        # A key is missing here: the provider sends it again later.
        return HttpResponse(status=503)


def _answer(provider: Provider, webhooks: Webhooks, delivered: Delivered) -> HttpResponse:
    known = Known(provider)
    greeting = webhooks.handshake(delivered, known)
    if greeting is not None:
        if greeting.status >= 400:
            _count_refusal(provider)
        return _response(HttpResponse, greeting)
    if delivered.method == "GET":
        raise Http404("Somebody looks.")
    if not webhooks.is_genuine(delivered, known):
        _count_refusal(provider)
        return HttpResponse(status=403)
    WebhookReceipt.objects.create(
        provider=provider.slug,
        received_at=delivered.received_at,
        headers={name: value for name, value in delivered.headers.items() if name not in SECRET_HEADERS},
        query={name: value for name, value in delivered.query.items() if name.lower() not in SECRET_PARAMETERS},
        body=delivered.body,
        sha256=hashlib.sha256(delivered.body).hexdigest(),
    )
    return _response(_Stored, webhooks.reply)


def _response(kind: type[HttpResponse], reply: Reply) -> HttpResponse:
    return kind(reply.body, status=reply.status, content_type=reply.content_type)


def _count_refusal(provider: Provider) -> None:
    today = timezone.now().date()
    row = WebhookRefusal.objects.filter(provider=provider.slug, day=today)
    if not row.update(count=F("count") + 1):
        WebhookRefusal.objects.bulk_create([WebhookRefusal(provider=provider.slug, day=today)], ignore_conflicts=True)
        row.update(count=F("count") + 1)


def nudge() -> None:
    """Have a worker look at what came; it goes on until nothing is left, so that one message does for many."""
    waiting = WebhookReceipt.objects.filter(state=WebhookReceipt.State.WAITING)
    if len(waiting.values_list("pk", flat=True)[:2]) > 1:
        # Whoever brought the other one has said so already.
        return
    # A queue that is out of reach loses nothing: the schedule comes by every minute.
    try:
        async_task("integrations.tasks.work_webhooks", task_name="webhooks", save=False)
    except Exception:
        logger.exception("The queue did not take the webhooks' task")


# --- working them off ---------------------------------------------------------------------------


def work_off(*, seconds: float = WORK_S) -> int:
    """Work off what came, each provider's in the order in which it came; how many receipts that were."""
    ends = time.monotonic() + seconds
    done = 0
    waiting = WebhookReceipt.objects.filter(state=WebhookReceipt.State.WAITING)
    for slug in sorted(set(waiting.values_list("provider", flat=True).distinct())):
        while time.monotonic() < ends and (receipt := _claim(slug)):
            _work(receipt)
            done += 1
    return done


def _claim(slug: str) -> WebhookReceipt | None:
    """The provider's oldest receipt, held for a while; None where there is none or somebody is at it."""
    now = timezone.now()
    waiting = WebhookReceipt.objects.filter(provider=slug, state=WebhookReceipt.State.WAITING)
    oldest = waiting.order_by("received_at", "pk").first()
    if oldest is None:
        return None
    free = waiting.filter(pk=oldest.pk).filter(Q(leased_until=None) | Q(leased_until__lte=now))
    if not free.update(leased_until=now + LEASE, attempts=F("attempts") + 1):
        return None
    oldest.refresh_from_db()
    return oldest


def _work(receipt: WebhookReceipt) -> None:
    provider = PROVIDERS.get(receipt.provider)
    if provider is None or provider.network is None or provider.network.webhooks is None:
        _close(receipt, WebhookReceipt.State.FAILED, "This server no longer takes webhooks of this provider.")
        return
    if receipt.attempts > MAX_ATTEMPTS:
        _close(receipt, WebhookReceipt.State.FAILED, "Each time the worker ended without a word.")
        return
    try:
        with transaction.atomic():
            events = provider.network.webhooks.events(delivered_of(receipt))
            notes = [_take(provider, event, _key(receipt, number)) for number, event in enumerate(events)]
            _close(receipt, WebhookReceipt.State.DONE, "\n".join(notes) or "It says nothing that concerns us.")
    except UnexpectedPayload as error:
        _close(receipt, WebhookReceipt.State.FAILED, str(error))
    except Exception as error:
        logger.exception("Webhook receipt %s stopped", receipt.pk)
        note = f"{type(error).__name__}: {error}"[:2000]
        if receipt.attempts >= MAX_ATTEMPTS:
            _close(receipt, WebhookReceipt.State.FAILED, note)
        else:
            WebhookReceipt.objects.filter(pk=receipt.pk).update(note=note)


def delivered_of(receipt: WebhookReceipt) -> Delivered:
    """The delivery as it came, but for what proves who sent it."""
    return Delivered("POST", receipt.query, receipt.headers, bytes(receipt.body), receipt.received_at)


def _key(receipt: WebhookReceipt, number: int) -> str:
    return f"{receipt.pk}.{number}" if number else str(receipt.pk)


def _close(receipt: WebhookReceipt, state: str, note: str) -> None:
    WebhookReceipt.objects.filter(pk=receipt.pk).update(
        state=state, note=note, done_at=timezone.now(), leased_until=None
    )


def _take(provider: Provider, event: Event, key: str) -> str:
    """Do what one event asks for; what was done, in a sentence."""
    known = Connection.objects.filter(provider=provider.slug, account_id=event.account_id)
    connection = known.exclude(state=Connection.State.DISCONNECTED).select_related("user").first()
    if connection is None:
        return "Nobody here is connected with this account."
    if event.revoked:
        connecting.breaks(connection, f"You took the permission back at {provider.name}.")
        return f"Connection {connection.pk}: the athlete took the permission back."
    if connection.is_live:
        syncing.take(connection, event, key)
    else:
        # It is made when the athlete connects again: what a delivery carries itself comes only once.
        asks = list(event.asks)
        if event.payloads or event.gone:
            asks.append(asking.ask_of_event(event, key))
        asking.add(connection, asks)
        Connection.objects.filter(pk=connection.pk).update(last_event_at=timezone.now())
    counts = {"asked for": len(event.asks), "brought": len(event.payloads), "gone": len(event.gone)}
    return f"Connection {connection.pk}: {', '.join(f'{count} {what}' for what, count in counts.items() if count)}."


def forget_receipts() -> int:
    """Remove receipts that were worked off long ago; how many."""
    old = WebhookReceipt.objects.exclude(state=WebhookReceipt.State.WAITING).filter(
        received_at__lt=timezone.now() - KEPT_FOR
    )
    forgotten = 0
    while batch := list(old.order_by("pk").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        forgotten += WebhookReceipt.objects.filter(pk__in=batch).delete()[0]
    return forgotten


# --- subscriptions ------------------------------------------------------------------------------


def subscription_of(row: WebhookSubscription) -> Subscription:
    """What the provider told us about it, with the secret that it signs with."""
    return Subscription(
        external_id=row.external_id,
        callback_url=row.callback_url,
        secret=decrypt_text(row.secret) if row.secret else "",
        expires_at=row.expires_at,
        topic=row.topic,
    )


def with_subscriptions() -> Iterator[tuple[Provider, Webhooks]]:
    """The providers whose webhooks are asked for by call and can be taken on this server."""
    for provider in PROVIDERS.values():
        webhooks = provider.network.webhooks if provider.network else None
        if webhooks and webhooks.by_call and configuring.takes_webhooks(provider):
            yield provider, webhooks


def can_be_reached(provider: Provider) -> bool:
    """Whether the provider could send anything here: the sandbox can, others want HTTPS."""
    return settings.BASE_URL.startswith("https://") or configuring.is_sandboxed(provider)


def keep_subscriptions() -> list[str]:
    """Make and renew what connected providers need; what was done and what failed, in sentences."""
    connected = set(
        Connection.objects.filter(state=Connection.State.ACTIVE).values_list("provider", flat=True).distinct()
    )
    said: list[str] = []
    for provider, _ in with_subscriptions():
        if provider.slug not in connected or not can_be_reached(provider):
            continue
        try:
            said += subscribe(provider)
        except ProviderError as error:
            logger.warning("Subscriptions of %s: %s", provider.slug, error)
            said.append(f"{provider.name}: {error}")
    return said


def subscribe(provider: Provider) -> list[str]:
    """Every subscription that there is to be, made where it is missing and renewed where it ends soon; what was done.

    One that leads to an address that is ours no longer, or whose secret we do not hold, is made anew. Those that
    others made for other addresses are left alone. Raises ProviderError.
    """
    with _alone(provider):
        return _subscribe(provider, _webhooks_of(provider))


def _subscribe(provider: Provider, webhooks: Webhooks) -> list[str]:
    api = ApiSession.of_app(provider)
    told = {it.external_id: it for it in webhooks.subscriptions(api)}
    rows = {row.external_id: row for row in WebhookSubscription.objects.filter(provider=provider.slug)}
    said = []
    standing: dict[str, Subscription] = {}
    for external_id in rows.keys() - told.keys():
        rows[external_id].delete()
    address = configuring.webhook_url(provider)
    for external_id, one in told.items():
        row = rows.get(external_id)
        leads_here = _bare(one.callback_url) == address
        if row is not None and leads_here:
            standing[one.topic] = replace(one, secret=one.secret or subscription_of(row).secret)
        elif row is not None or leads_here:
            webhooks.unsubscribe(api, one)
            WebhookSubscription.objects.filter(provider=provider.slug, external_id=external_id).delete()
            said.append(f"{provider.name}: ended {_named(one)}, which was out of date.")
    token = configuring.setting(provider, configuring.VERIFY_TOKEN)
    for topic in webhooks.topics:
        stands = standing.get(topic)
        if stands is None:
            made = webhooks.subscribe(api, address, token, topic)
            _keep(provider, made if made.topic else replace(made, topic=topic))
            said.append(f"{provider.name}: subscribed to {topic or 'everything'}.")
        elif stands.expires_at and stands.expires_at < timezone.now() + RENEWED_BEFORE:
            _keep(provider, _renewed(webhooks, api, stands))
            said.append(f"{provider.name}: renewed {_named(stands)}.")
        else:
            _keep(provider, stands)
    return said


@contextmanager
def _alone(provider: Provider) -> Iterator[None]:
    """Two workers that make subscriptions at once would make each twice; raises RateLimited for the second."""
    now = timezone.now()
    until = now + SUBSCRIBING_FOR
    key = f"{provider.slug}:subscribing"
    row = RateBudget.objects.filter(key=key)
    RateBudget.objects.bulk_create([RateBudget(key=key, limit=1, resets_at=now)], ignore_conflicts=True)
    if not row.filter(resets_at__lte=now).update(resets_at=until):
        raise RateLimited(
            f"Another worker makes the subscriptions of {provider.name} just now.",
            retry_after_s=SUBSCRIBING_FOR.total_seconds(),
        )
    try:
        yield
    finally:
        row.filter(resets_at=until).update(resets_at=timezone.now())


def renew(provider: Provider) -> list[str]:
    """Every subscription of ours with a later end; what was done. Raises ProviderError."""
    webhooks = _webhooks_of(provider)
    api = ApiSession.of_app(provider)
    said = []
    for row in WebhookSubscription.objects.filter(provider=provider.slug).order_by("pk"):
        one = subscription_of(row)
        _keep(provider, _renewed(webhooks, api, one))
        said.append(f"{provider.name}: renewed {_named(one)}.")
    return said


def unsubscribe(provider: Provider, *, external_id: str = "") -> list[str]:
    """End our subscriptions, or the one named, whosever it is; what was done. Raises ProviderError."""
    webhooks = _webhooks_of(provider)
    api = ApiSession.of_app(provider)
    ours = set(WebhookSubscription.objects.filter(provider=provider.slug).values_list("external_id", flat=True))
    said = []
    for one in webhooks.subscriptions(api):
        if one.external_id == external_id if external_id else one.external_id in ours:
            webhooks.unsubscribe(api, one)
            said.append(f"{provider.name}: ended {_named(one)}.")
            ours.add(one.external_id)
    gone = {external_id} if external_id else ours
    WebhookSubscription.objects.filter(provider=provider.slug, external_id__in=gone).delete()
    return said


def _renewed(webhooks: Webhooks, api: ApiSession, one: Subscription) -> Subscription:
    renewed = webhooks.renew(api, one)
    return replace(renewed, secret=renewed.secret or one.secret, topic=renewed.topic or one.topic)


def _keep(provider: Provider, one: Subscription) -> None:
    rows = WebhookSubscription.objects.filter(provider=provider.slug, external_id=one.external_id)
    known = rows.first()
    told: dict[str, Any] = {
        "topic": one.topic,
        "callback_url": _bare(one.callback_url) or configuring.webhook_url(provider),
        "expires_at": one.expires_at,
    }
    if known is None or (subscription_of(known).secret != one.secret and one.secret):
        told["secret"] = encrypt_text(one.secret) if one.secret else b""
    WebhookSubscription.objects.update_or_create(provider=provider.slug, external_id=one.external_id, defaults=told)


def _webhooks_of(provider: Provider) -> Webhooks:
    webhooks = configuring.webhooks_of(provider)
    if not webhooks.by_call:
        raise LookupError(f"{provider.name} makes no subscriptions by call.")
    return webhooks


def _bare(address: str) -> str:
    """The address without its query, which may hold what nobody else is to know."""
    parts = urlsplit(address)
    return parts._replace(query="", fragment="").geturl()


def _named(one: Subscription) -> str:
    return f"subscription {one.external_id}" + (f" ({one.topic})" if one.topic else "")
