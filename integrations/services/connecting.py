"""Connecting an account of a provider, saying so when it no longer answers, and ending it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from integrations import configuring, oauth
from integrations.base import Account, Provider, Scope
from integrations.credentials import Token, encrypt
from integrations.errors import ProviderError, Revoked
from integrations.http import ApiSession
from integrations.models import Connection, SyncRun, WebhookSubscription
from integrations.registry import PROVIDERS
from integrations.services import runs, syncing, withdrawing
from trainstack.accounts.models import User

logger = logging.getLogger(__name__)

# Where a session keeps the consents that were begun in it, for how long, and how many at once.
SESSION_KEY = "consents"
CONSENT_S = 600
CONSENTS_KEPT = 5
# How long the mail server may be silent.
MAIL_TIMEOUT_S = 20


class CannotConnect(Exception):  # noqa: N818
    """Nothing was connected; the message says why and what to do, in sentences for the athlete."""


@dataclass(frozen=True)
class Connected:
    """A connection that stands, what the athlete did not allow, and whether it stood before."""

    connection: Connection
    missing: tuple[Scope, ...]
    again: bool


# --- connecting ---------------------------------------------------------------------------------


def start(session: MutableMapping[str, Any], user: User, provider: Provider) -> str:
    """The address of the provider's consent page, for the athlete's browser. Raises CannotConnect."""
    if not configuring.is_configured(provider):
        raise CannotConnect(f"{provider.name} is not configured on this server.")
    _refuse_while_deleting(user, provider)
    consent = oauth.begin(provider)
    kept = sorted(_consents(session).items(), key=lambda one: float(one[1]["begun"]))[-(CONSENTS_KEPT - 1) :]
    session[SESSION_KEY] = {
        **dict(kept),
        consent.state: {
            "provider": provider.slug,
            "user": user.pk,
            "verifier": consent.verifier,
            "begun": time.time(),
        },
    }
    return consent.url


def finish(session: MutableMapping[str, Any], user: User, provider: Provider, callback: Mapping[str, str]) -> Connected:
    """The connection that the athlete's return from the consent page makes, being synced. Raises CannotConnect.

    The same account as before takes up its old connection, with all that came over it.
    """
    name = provider.name
    verifier = _spend(session, user, provider, callback.get("state", ""))
    if error := callback.get("error", ""):
        if error == "access_denied":
            raise CannotConnect(f"{name} was not connected, because you did not agree there. Nothing was fetched.")
        raise CannotConnect(f"{name} ended the attempt with an error. Nothing was connected; please try again.")
    if verifier is None:
        raise CannotConnect(
            f"{name} was not connected: this attempt was not begun here, or more than ten minutes ago. "
            "Please start again from this page."
        )
    if not callback.get("code"):
        raise CannotConnect(f"{name} was not connected: the consent there was not finished. Please start again.")
    token = _exchange(provider, callback["code"], verifier)
    scopes = oauth.granted(provider, token, callback)
    missing = oauth.missing_scopes(provider, scopes)
    if lacking := _lacking(provider, scopes, missing):
        _hand_back(user, provider, token)
        raise CannotConnect(
            f"{name} was not connected: nothing can be fetched without what you left out there. "
            f"{' '.join(scope.sentence for scope in lacking)} Please connect again and allow it."
        )
    account = _account(user, provider, token)
    connection, again = _store(user, provider, token, account, scopes)
    return Connected(connection, tuple(missing), again)


def _lacking(provider: Provider, scopes: list[str], missing: list[Scope]) -> list[Scope]:
    """What the connection is good for nothing without: a required scope, or any at all that leads to a feed."""
    if required := [scope for scope in missing if scope.required]:
        return required
    feeds = configuring.network_of(provider).feeds
    return [] if any(set(feed.scopes) <= set(scopes) for feed in feeds) else missing


def _consents(session: MutableMapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Those that were begun in this session and may still be finished."""
    since = time.time() - CONSENT_S
    return {state: it for state, it in session.get(SESSION_KEY, {}).items() if it["begun"] > since}


def _spend(session: MutableMapping[str, Any], user: User, provider: Provider, state: str) -> str | None:
    """The code verifier of the consent with this state, which is good this once; None where there is none."""
    kept = _consents(session)
    begun = kept.pop(state, None)
    session[SESSION_KEY] = kept
    if begun is None or (begun["provider"], begun["user"]) != (provider.slug, user.pk):
        return None
    return str(begun["verifier"])


def _exchange(provider: Provider, code: str, verifier: str) -> Token:
    try:
        return oauth.exchange(provider, code=code, verifier=verifier)
    except oauth.Refused:
        raise CannotConnect(
            f"{provider.name} was not connected: the permission was used already or is too old. Please start again."
        ) from None
    except ProviderError as error:
        raise CannotConnect(f"{error} Nothing was connected; please try again in a while.") from None


def _account(user: User, provider: Provider, token: Token) -> Account:
    adapter = configuring.network_of(provider).adapter
    try:
        account = adapter.account(ApiSession.of_token(provider, token))
    except ProviderError as error:
        _hand_back(user, provider, token)
        raise CannotConnect(f"{error} Nothing was connected; please try again in a while.") from None
    if not account.id:
        raise CannotConnect(f"{provider.name} did not say whose account it is. Nothing was connected.")
    return account


def _store(
    user: User, provider: Provider, token: Token, account: Account, scopes: list[str]
) -> tuple[Connection, bool]:
    taken = CannotConnect(
        f"This {provider.name} account is connected to another account of this server. It has to be disconnected "
        "there first."
    )
    now = timezone.now()
    told = {
        "state": Connection.State.ACTIVE,
        "account_name": account.name[:255],
        "credentials": encrypt(token),
        "token_expires_at": oauth.ends_at(token),
        "refreshing_until": None,
        "scopes": scopes,
        "connected_at": now,
        "disconnected_at": None,
        "problem": "",
        "problem_since": None,
        "mailed_at": None,
    }
    for is_last in (False, True):
        try:
            with transaction.atomic():
                _refuse_while_deleting(user, provider)
                live = Connection.objects.filter(provider=provider.slug).exclude(state=Connection.State.DISCONNECTED)
                if live.filter(account_id=account.id).exclude(user=user).exists():
                    raise taken
                other = live.filter(user=user).exclude(account_id=account.id).first()
                if other is None:
                    connection, created = Connection.objects.update_or_create(
                        user=user, provider=provider.slug, account_id=account.id, defaults=told
                    )
                    syncing.request_sync(connection, "connect")
                    transaction.on_commit(lambda: _ask_for_webhooks(provider))
                    return connection, not created
                break
        except IntegrityError:
            # Somebody was faster by a moment; now it shows who.
            if is_last:
                raise taken from None
    assert other is not None
    _revoke(ApiSession.of_token(provider, token, account_id=account.id))
    raise CannotConnect(
        f"You are connected with another {provider.name} account ({other.account_name or other.account_id}). "
        "Disconnect that one first."
    )


def _refuse_while_deleting(user: User, provider: Provider) -> None:
    """What an earlier connection brought is still being removed: new records would get in its way."""
    deleting = SyncRun.objects.filter(
        kind=SyncRun.Kind.FORGET,
        state__in=runs.OPEN,
        connection__user=user,
        connection__provider=provider.slug,
        connection__state=Connection.State.DISCONNECTED,
    )
    if deleting.exists():
        raise CannotConnect(
            f"What came from {provider.name} before is still being deleted. Connect again once that is done."
        )


def _hand_back(user: User, provider: Provider, token: Token) -> None:
    """End a consent that leads nowhere, unless a connection that stands may rest on it."""
    standing = Connection.objects.filter(user=user, provider=provider.slug, state=Connection.State.ACTIVE)
    if not standing.exists():
        _revoke(ApiSession.of_token(provider, token))


def _ask_for_webhooks(provider: Provider) -> None:
    """Have the first connection of a provider bring its webhooks along."""
    webhooks = configuring.network_of(provider).webhooks
    if webhooks is None or not webhooks.by_call:
        return
    if WebhookSubscription.objects.filter(provider=provider.slug).exists():
        return
    # A queue that is out of reach loses nothing: the schedule makes them later.
    try:
        async_task("integrations.tasks.keep_subscriptions", task_name=f"webhooks of {provider.slug}", save=False)
    except Exception:
        logger.exception("The queue did not take the subscriptions of %s", provider.slug)


def missing_scopes(connection: Connection) -> list[Scope]:
    """What we asked for and the athlete did not allow."""
    provider = PROVIDERS.get(connection.provider)
    if provider is None or provider.network is None:
        return []
    return oauth.missing_scopes(provider, connection.scopes)


# --- breaking -----------------------------------------------------------------------------------


def breaks(connection: Connection, sentence: str) -> bool:
    """The provider takes our credentials no longer: say so on the card and, once, by mail.

    False where there is nothing to say: it was said already, or the athlete has connected again meanwhile.
    """
    with transaction.atomic():
        now = timezone.now()
        standing = Connection.objects.filter(
            pk=connection.pk, state=Connection.State.ACTIVE, connected_at=connection.connected_at
        )
        broke = standing.update(
            state=Connection.State.BROKEN, problem=sentence, problem_since=now, mailed_at=None, refreshing_until=None
        )
        if broke:
            transaction.on_commit(lambda: _write(connection.pk))
    connection.refresh_from_db()
    return bool(broke)


def write_about_broken() -> int:
    """Send the mails that could not be sent when connections broke; how many went out."""
    due = Connection.objects.filter(state=Connection.State.BROKEN, mailed_at=None)
    return sum(_write(pk) for pk in due.order_by("pk").values_list("pk", flat=True))


def _write(pk: int) -> bool:
    """The mail about one broken connection, sent by whoever comes first; False where it was sent or cannot be now."""
    due = Connection.objects.filter(pk=pk, state=Connection.State.BROKEN, mailed_at=None)
    if not due.update(mailed_at=timezone.now()):
        return False
    connection = Connection.objects.select_related("user").get(pk=pk)
    provider = PROVIDERS[connection.provider]
    path = reverse("integrations:connections")
    context = {
        "user": connection.user,
        "provider": provider,
        "connection": connection,
        "problem": connection.problem,
        "url": f"{settings.BASE_URL.rstrip('/')}{path}#connection-{pk}",
    }
    subject = render_to_string("integrations/mail/broken_subject.txt", context).strip()
    mail = EmailMessage(
        subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
        body=render_to_string("integrations/mail/broken.txt", context),
        to=[connection.user.email],
        connection=get_connection(timeout=MAIL_TIMEOUT_S),
    )
    try:
        mail.send()
    except Exception:
        logger.exception("The mail about connection %s could not be sent", pk)
        Connection.objects.filter(pk=pk).update(mailed_at=None)
        return False
    return True


# --- ending -------------------------------------------------------------------------------------


def disconnect(connection: Connection, *, delete: bool) -> str:
    """End the connection here and at the provider, and forget its credentials. "" or, where the provider could not be
    told, a sentence that says so.

    What came over it stays, or with `delete` is removed in the background.
    """
    failure = ""
    if connection.credentials:
        failure = _revoke(oauth.session_of(connection, urgent=True))
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state != Connection.State.DISCONNECTED:
            row.disconnected_at = timezone.now()
        row.state = Connection.State.DISCONNECTED
        row.credentials = b""
        row.token_expires_at = row.refreshing_until = row.next_sync_at = None
        row.problem, row.problem_since = "", None
        if delete:
            row.cursors, row.looked_at = {}, {}
        row.save()
        syncing.stop(row, keep_asks=not delete)
        if delete:
            withdrawing.forget(row)
    connection.refresh_from_db()
    return failure


def _revoke(api: ApiSession) -> str:
    """End the consent at the provider; "" or a sentence that says that it could not be done."""
    name = api.provider.name
    try:
        configuring.network_of(api.provider).adapter.revoke(api)
    except Revoked:
        # It has ended there already.
        return ""
    except ProviderError as error:
        return f"{error} Please take the permission back in your account at {name}, too."
    except Exception:
        # An athlete who wants to go is let go, whatever our code thinks of it.
        logger.exception("The consent at %s could not be ended", api.provider.slug)
        return f"{name} could not be told. Please take the permission back in your account there, too."
    return ""
