"""What a person asks of the lists."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from trainstack.accounts.forms import DeleteAccountForm

__all__ = ["ActivityFilter", "DeleteAccountForm"]


class ActivityFilter(forms.Form):
    """Which activities to list. Unknown sports and sources find nothing; impossible dates are an error."""

    search = forms.CharField(required=False, max_length=100)
    sport = forms.CharField(required=False, max_length=64)
    source = forms.CharField(required=False, max_length=32)
    first = forms.DateField(required=False)
    last = forms.DateField(required=False)

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        first: date | None = told.get("first")
        last: date | None = told.get("last")
        if first and last and last < first:
            self.add_error("last", "This day lies before the first.")
        return told

    def to_filter(self) -> dict[str, Any]:
        """The keyword arguments of `activities_of`; a field with an error asks for nothing."""
        return {name: value for name, value in self.cleaned_data.items() if value}
