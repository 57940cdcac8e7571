"""The account page: how things are shown, figures about the athlete, keys to the API; and the demo's mailbox."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from trainstack.accounts import mailbox, services
from trainstack.accounts.forms import MaxHeartRateForm, SettingsForm, TokenForm
from trainstack.accounts.models import AthleteParameter
from trainstack.accounts.requests import PersonRequest
from trainstack.accounts.selectors import parameters_of, tokens_of

# Another form on the page has a name, too.
TOKEN_IDS = "token_%s"  # noqa: S105


@login_required
def account(request: PersonRequest) -> HttpResponse:
    """The page; POST saves name, units, time zone and whether gaps are filled."""
    if request.method != "POST":
        return _page(request)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, settings_form=form)
    services.save_profile(request.user, **form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("accounts:settings")


@login_required
@require_POST
def set_max_heart_rate(request: PersonRequest) -> HttpResponse:
    form = MaxHeartRateForm(request.POST)
    if not form.is_valid():
        return _page(request, heart_rate_form=form)
    services.set_parameter(request.user, name=AthleteParameter.Name.MAX_HEART_RATE_BPM, **form.cleaned_data)
    messages.success(request, "Saved. Your heart-rate zones follow it.")
    return redirect("accounts:settings")


@login_required
@require_POST
def remove_parameter(request: PersonRequest, pk: int) -> HttpResponse:
    services.remove_parameter(get_object_or_404(parameters_of(request.user), pk=pk))
    messages.success(request, "Removed.")
    return redirect("accounts:settings")


@login_required
@require_POST
@never_cache
def make_token(request: PersonRequest) -> HttpResponse:
    """The page with the secret on it: this once, and in no redirect, session or log."""
    form = TokenForm(request.POST, auto_id=TOKEN_IDS)
    if not form.is_valid():
        return _page(request, token_form=form)
    token, secret = services.make_token(request.user, **form.cleaned_data)
    return _page(request, new_token=token, secret=secret)


@login_required
@require_POST
def revoke_token(request: PersonRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(tokens_of(request.user), pk=pk)
    services.revoke_token(token)
    messages.success(request, f"“{token.name}” opens nothing from now on.")
    return redirect("accounts:settings")


def _page(request: PersonRequest, **changed: object) -> HttpResponse:
    """The account page; a form that was sent and refused comes back with status 422."""
    user = request.user
    refused = any(isinstance(value, forms.Form) for value in changed.values())
    context = {
        "settings_form": SettingsForm(
            initial={
                "name": user.name,
                "units": user.profile.units,
                "time_zone": user.profile.time_zone,
                "fill_gaps": user.profile.fill_gaps,
            }
        ),
        "heart_rate_form": MaxHeartRateForm(),
        "token_form": TokenForm(auto_id=TOKEN_IDS),
        "max_heart_rates": parameters_of(user).filter(name=AthleteParameter.Name.MAX_HEART_RATE_BPM),
        "tokens": tokens_of(user),
        **changed,
    }
    return render(request, "accounts/account.html", context, status=422 if refused else 200)


@require_GET
def mails(request: HttpRequest) -> HttpResponse:
    """Every mail that the demo has sent; open to all, because who has just signed up cannot log in yet."""
    if not settings.MAILBOX:
        raise Http404
    return render(request, "accounts/mails.html", {"mails": mailbox.messages()})
