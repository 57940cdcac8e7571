"""What a person fills in about themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from allauth.account.forms import SignupForm as BaseSignupForm
from django import forms
from django.http import HttpRequest
from django.utils import timezone

from trainstack.accounts.models import AthleteProfile, User
from trainstack.accounts.services import save_profile

OTHER_ZONES = "Other"
# Beyond these a heart rate is a slip of the finger.
LEAST_MAX_BPM, GREATEST_MAX_BPM = 100, 240


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def zone_choices() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every IANA zone, grouped by continent as a select shows them."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(_zones()):
        region, _, place = zone.partition("/")
        if region in {"Etc", "SystemV"} or not place:
            region, place = OTHER_ZONES, zone
        groups.setdefault(region, []).append((zone, place.replace("_", " ").replace("/", ", ")))
    other = groups.pop(OTHER_ZONES, [])
    yield "", [("", "UTC, until you choose")]
    yield from groups.items()
    yield OTHER_ZONES, other


class SignupForm(BaseSignupForm):
    """allauth's form, and the browser's time zone, which our script fills in; a wrong one is ignored."""

    time_zone = forms.CharField(
        required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-browser-zone": ""})
    )

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        return zone if zone in _zones() else ""

    def save(self, request: HttpRequest) -> User:
        user: User = super().save(request)
        save_profile(user, time_zone=self.cleaned_data["time_zone"])
        return user


class SettingsForm(forms.Form):
    """Name, units, time zone, and whether one source fills what another lacks."""

    name = forms.CharField(required=False, max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    units = forms.ChoiceField(choices=AthleteProfile.Units.choices)
    time_zone = forms.ChoiceField(
        required=False,
        choices=zone_choices,
        help_text="Your days begin and end at midnight here. An activity keeps the local time of where it happened.",
    )
    fill_gaps = forms.BooleanField(
        label="Fill gaps from other sources",
        required=False,
        help_text="Where the source that is shown lacks a figure or a chart, the next source of the same activity "
        "stands in, and the page says so. Nothing that was told to us is changed.",
    )


class MaxHeartRateForm(forms.Form):
    """A maximum heart rate and the day from which it holds."""

    value = forms.IntegerField(
        label="Maximum heart rate (bpm)",
        min_value=LEAST_MAX_BPM,
        max_value=GREATEST_MAX_BPM,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    effective_from = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean_effective_from(self) -> date:
        day: date | None = self.cleaned_data["effective_from"]
        return day or timezone.localdate()


class TokenForm(forms.Form):
    """What a new API token is for."""

    name = forms.CharField(label="What is it for?", max_length=80, help_text="So that you know it again.")


class DeleteAccountForm(forms.Form):
    """The person's own address, typed once more."""

    email = forms.EmailField(label="Your e-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.lower() != self.user.email.lower():
            raise forms.ValidationError("This is not the address of this account.")
        return email
