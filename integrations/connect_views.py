"""The way to a provider's consent page and back."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from integrations.base import Provider
from integrations.registry import PROVIDERS
from integrations.services import connecting
from trainstack.accounts.requests import PersonRequest

# Was sent to BASE_URL once: a proxy that tells another host name would have it go round for ever.
MOVED = "moved"


def _provider(slug: str) -> Provider:
    provider = PROVIDERS.get(slug)
    if provider is None or provider.network is None:
        raise Http404("Nobody of this name can be connected.")
    return provider


@require_GET
@never_cache
def go(request: HttpRequest, slug: str) -> HttpResponse:
    """Off to the provider. The athlete comes back to BASE_URL, so that is where the attempt has to begin."""
    provider = _provider(slug)
    if request.get_host() != urlsplit(settings.BASE_URL).netloc and MOVED not in request.GET:
        return HttpResponseRedirect(f"{settings.BASE_URL.rstrip('/')}{request.path}?{MOVED}=1")
    answer: HttpResponse = _go(request, provider)  # type: ignore[arg-type]
    return answer


@login_required
def _go(request: PersonRequest, provider: Provider) -> HttpResponse:
    try:
        url = connecting.start(request.session, request.user, provider)
    except connecting.CannotConnect as reason:
        messages.warning(request, str(reason))
        return redirect("integrations:connections")
    return HttpResponseRedirect(url)


@require_GET
@never_cache
@login_required
def callback(request: PersonRequest, slug: str) -> HttpResponse:
    """Back from the provider, with a permission or without."""
    provider = _provider(slug)
    try:
        made = connecting.finish(request.session, request.user, provider, request.GET.dict())
    except connecting.CannotConnect as reason:
        messages.warning(request, str(reason))
    else:
        whose = f" ({made.connection.account_name})" if made.connection.account_name else ""
        again = "connected again" if made.again else "connected"
        messages.success(request, f"{provider.name}{whose} is {again}. What is there is being fetched now.")
        if made.missing:
            left_out = " ".join(scope.sentence for scope in made.missing)
            messages.warning(request, f"You did not allow everything at {provider.name}. Left out: {left_out}")
    return redirect("integrations:connections")
