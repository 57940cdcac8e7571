"""The people, for staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from trainstack.accounts.models import ApiToken, AthleteParameter, AthleteProfile, User
from trainstack.staff import LookInline, ReadOnlyAdmin, UserFilter


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        """The address as it is kept: in small letters."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError("There is a user with this address already.")
        return email


class ProfileInline(admin.StackedInline):
    model = AthleteProfile
    can_delete = False


class ParameterInline(LookInline):
    model = AthleteParameter
    fields = ("name", "value", "effective_from")
    show_change_link = False


class TokenInline(LookInline):
    model = ApiToken
    verbose_name_plural = "API tokens"
    fields = ("name", "prefix", "created_at", "last_used_at")
    show_change_link = False


@admin.register(User)
class UserAdmin(BaseUserAdmin):
    """People: made here with an address, switched off here, and deleted by themselves only."""

    form = UserChangeForm
    add_form = NewUserForm
    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("-date_joined", "-pk")
    date_hierarchy = "date_joined"
    list_per_page = 50
    show_full_result_count = False
    readonly_fields = ("date_joined", "last_login", "records")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("What there is of this person", {"fields": ("records",)}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Since", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2", "is_staff")}),)
    inlines = (ProfileInline, ParameterInline, TokenInline)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # The bytes leave when the athlete says so; staff switch an account off.
        return False

    @admin.display(description="records")
    def records(self, user: User) -> SafeString:
        lists = {
            "raw records": "activities_rawrecord",
            "activities": "activities_activity",
            "source activities": "activities_sourceactivity",
            "sleep sessions": "activities_sleepsession",
            "daily metrics": "activities_dailymetric",
            "sample chunks": "activities_samplechunk",
            "devices": "activities_device",
            "imports": "integrations_import",
            "runs": "integrations_syncrun",
        }
        links = ((reverse(f"admin:{name}_changelist", query={"user": user.pk}), label) for label, name in lists.items())
        return format_html_join(" · ", '<a href="{}">{}</a>', links)


@admin.register(AthleteParameter)
class AthleteParameterAdmin(ReadOnlyAdmin):
    list_display = ("user", "name", "value", "effective_from")
    list_select_related = ("user",)
    list_filter = ("name", UserFilter)
    search_fields = ("user__email",)
