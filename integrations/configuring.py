"""What the operator set for a provider: keys, secrets and addresses, read from the environment when asked for.

With `SANDBOX_URL` every address that the environment does not name lies in the sandbox, below the provider's slug and
with its true path, and keys are those that the sandbox takes.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from environ import Env

from integrations.base import Network, Provider, Webhooks

_env = Env()

CLIENT = ("CLIENT_ID", "CLIENT_SECRET")
# What only webhooks need is named so: without it a provider is polled.
WEBHOOK_PREFIX = "WEBHOOK_"
# What our subscriptions' handshakes carry: made by ourselves where the operator does not say.
VERIFY_TOKEN = "VERIFY_TOKEN"  # noqa: S105


def network_of(provider: Provider) -> Network:
    """Its API; LookupError where it has none."""
    if provider.network is None:
        raise LookupError(f"{provider.name} has no API that athletes connect.")
    return provider.network


def webhooks_of(provider: Provider) -> Webhooks:
    """Its webhooks; LookupError where it has none."""
    webhooks = network_of(provider).webhooks
    if webhooks is None:
        raise LookupError(f"{provider.name} sends no webhooks.")
    return webhooks


def variable(provider: Provider, name: str) -> str:
    """The name in the environment: "STRAVA_CLIENT_ID"."""
    return f"{provider.slug.upper()}_{name}"


def setting(provider: Provider, name: str) -> str:
    """What the operator set as `<SLUG>_<name>`, or its default; "" where there is neither.

    Addresses come without a slash at their end. LookupError for a name that the provider does not declare.
    """
    declared = _declared(provider)
    if name not in declared:
        raise LookupError(f"{provider.slug} declares no setting {name}.")
    told = _env.str(variable(provider, name), default="").strip()
    if name.endswith("_URL"):
        return (told or _sandboxed(provider, declared[name])).rstrip("/")
    return told or declared[name] or _invented(provider, name)


def is_configured(provider: Provider) -> bool:
    """Whether athletes can connect it on this server."""
    return provider.network is not None and not missing(provider)


def missing(provider: Provider) -> list[str]:
    """What the operator has still to set before athletes can connect it, by the names in the environment."""
    unset = [] if settings.CREDENTIAL_KEYS else ["CREDENTIAL_KEYS"]
    return unset + [
        variable(provider, name)
        for name in _needed(provider)
        if not name.startswith(WEBHOOK_PREFIX) and not setting(provider, name)
    ]


def missing_for_webhooks(provider: Provider) -> list[str]:
    """What the operator has still to set before its webhooks can be taken."""
    return missing(provider) + [
        variable(provider, name)
        for name in _needed(provider)
        if name.startswith(WEBHOOK_PREFIX) and not setting(provider, name)
    ]


def takes_webhooks(provider: Provider) -> bool:
    """Whether its webhooks can be told from forged ones on this server."""
    network = provider.network
    return network is not None and network.webhooks is not None and not missing_for_webhooks(provider)


def callback_url(provider: Provider) -> str:
    """Where the athlete comes back to after the provider's consent page."""
    return _absolute(reverse("integrations:callback", args=[provider.slug]))


def webhook_url(provider: Provider) -> str:
    """Where the provider is to send its webhooks to."""
    return _absolute(reverse("integrations:webhook", args=[provider.slug]))


def origins(provider: Provider) -> frozenset[tuple[str, str, int]]:
    """Scheme, host and port of every server that requests for this provider may go to."""
    addresses = [setting(provider, name) for name in _declared(provider) if name.endswith("_URL")]
    addresses += [f"https://{host}" for host in network_of(provider).hosts]
    return frozenset(origin_of(address) for address in addresses if address)


def origin_of(address: str) -> tuple[str, str, int]:
    """Scheme, host and port; ValueError for what is no address of a web server."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address of a web server")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def is_sandboxed(provider: Provider) -> bool:
    """Whether its API is the sandbox's."""
    return bool(settings.SANDBOX_URL) and setting(provider, "API_URL").startswith(settings.SANDBOX_URL.rstrip("/"))


def _declared(provider: Provider) -> dict[str, str]:
    """Every name that can be set, and its default."""
    network = network_of(provider)
    return {
        **dict.fromkeys((*CLIENT, VERIFY_TOKEN, "WEBHOOK_SECRET"), ""),
        "AUTHORIZE_URL": network.oauth.authorize_url,
        "TOKEN_URL": network.oauth.token_url,
        "API_URL": network.api_url,
        **{it.name: it.default for it in network.settings},
    }


def _needed(provider: Provider) -> list[str]:
    """What has no default and must be set."""
    declared = [it.name for it in network_of(provider).settings if not it.default]
    return [*CLIENT, *(name for name in declared if name not in CLIENT)]


def _sandboxed(provider: Provider, address: str) -> str:
    if not settings.SANDBOX_URL or not address:
        return address
    return f"{settings.SANDBOX_URL.rstrip('/')}/{provider.slug}{urlsplit(address).path}"


def _invented(provider: Provider, name: str) -> str:
    if name == VERIFY_TOKEN:
        told = f"webhooks of {provider.slug}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), told, hashlib.sha256).hexdigest()[:40]
    if not settings.SANDBOX_URL:
        return ""
    if name == "CLIENT_ID":
        return f"sandbox-{provider.slug}"
    return "sandbox-secret" if name == "CLIENT_SECRET" else f"sandbox-{name.lower()}"


def _absolute(path: str) -> str:
    return settings.BASE_URL.rstrip("/") + path
