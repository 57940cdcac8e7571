"""An athlete who agrees at the sandbox: the whole way over real HTTP, without a browser."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from integrations.registry import PROVIDERS
from integrations.services import connecting
from integrations.services.connecting import Connected
from tests.integrations.sandbox.serving import Running
from trainstack.accounts.models import User


def consent(
    sandbox: Running, url: str, *, scopes: Iterable[str], account: str = "demo", answer: str = "allow"
) -> dict[str, str]:
    """What the athlete comes back with from the consent page at this address."""
    slug = urlsplit(url.removeprefix(sandbox.url)).path.split("/")[1]
    form = {
        "provider": slug,
        "query": urlsplit(url).query,
        "account": account,
        "scope": list(scopes),
        "answer": answer,
    }
    answered = sandbox.post("/-/consent", form=form)
    assert answered.status == 303, answered.body
    return dict(parse_qsl(urlsplit(answered.headers["location"]).query))


def connect(
    user: User, slug: str, sandbox: Running, *, scopes: Iterable[str] | None = None, account: str = "demo"
) -> Connected:
    """Connects the sandbox's account of this provider; everything is allowed unless `scopes` names less."""
    provider = PROVIDERS[slug]
    assert provider.network is not None
    session: MutableMapping[str, Any] = {}
    url = connecting.start(session, user, provider)
    allowed = [scope.name for scope in provider.network.oauth.scopes] if scopes is None else scopes
    return connecting.finish(session, user, provider, consent(sandbox, url, scopes=allowed, account=account))
