"""What the staff's pages share: they look and never write, and they stay quick however much there is to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trainstack.accounts.models import User

admin.site.site_header = "TrainStack staff"
admin.site.site_title = "TrainStack staff"
admin.site.index_title = "What was told, and what became of it"
# Staff log in where everybody does, behind the same limits on guessing.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

SHOWN_JSON_CHARACTERS = 20_000


class LookOnly:
    """For an admin class or an inline: nobody adds, changes or deletes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(LookOnly, admin.ModelAdmin):
    """A model's rows to look at: found by the user's e-mail, every field shown, JSON indented."""

    actions_on_bottom = False
    list_per_page = 50
    # Counting all rows beside those found takes longer than finding them.
    show_full_result_count = False
    ordering: ClassVar[tuple[str, ...]] = ("-pk",)
    # Fields that a list need not load.
    heavy: ClassVar[tuple[str, ...]] = ()
    # Shown after the model's own fields.
    also: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.shown = [
            json_shown(field.name) if isinstance(field, models.JSONField) else field.name
            for field in model._meta.fields
            if not field.primary_key
        ]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.shown, *self.also]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.shown, *self.also]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows.defer(*self.heavy) if match and str(match.url_name).endswith("_changelist") else rows

    def must_see(self, request: HttpRequest) -> None:
        """Raises PermissionDenied for staff who may not look at these rows."""
        if not self.has_view_permission(request):
            raise PermissionDenied


class LookInline(LookOnly, admin.TabularInline):
    """Rows that hang on what is shown, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True
    ordering: ClassVar[tuple[str, ...]] = ("pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()


class UserFilter(admin.SimpleListFilter):
    """The user by a part of the e-mail address: typed, for a list of everybody would not end."""

    title = "user"
    parameter_name = "user_email"
    template = "admin/typed_filter.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[models.Model],
        model_admin: admin.ModelAdmin,
    ) -> None:
        self.others = [(name, value) for name, value in request.GET.items() if name not in (self.parameter_name, "p")]
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("", "")]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        yield {
            "selected": bool(self.value()),
            "name": self.parameter_name,
            "value": self.value() or "",
            "others": self.others,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        part = self.value()
        return queryset.filter(user__in=User.objects.filter(email__icontains=part)) if part else queryset


def as_json(value: Any) -> SafeString | str:
    """The value as indented JSON; a dash where it holds nothing."""
    if value in (None, "", [], {}):
        return "-"
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if len(text) > SHOWN_JSON_CHARACTERS:
        text = f"{text[:SHOWN_JSON_CHARACTERS]}\n… {len(text) - SHOWN_JSON_CHARACTERS} more characters"
    return format_html('<pre class="payload">{}</pre>', text)


def json_shown(name: str) -> Callable[[Any], SafeString | str]:
    """A field for `readonly_fields` that shows the JSON field of this name."""

    @admin.display(description=name.replace("_", " "))
    def shown(row: Any) -> SafeString | str:
        return as_json(getattr(row, name))

    shown.__name__ = f"{name}_shown"
    return shown


def readable(value: Any) -> SafeString | str:
    """Nested values as tables and lists: a report, whatever its shape."""
    if isinstance(value, Mapping):
        told = {name: one for name, one in value.items() if one not in (None, "", [], {})}
        rows = ((str(name).replace("_", " "), readable(one)) for name, one in told.items())
        return format_html(
            '<table class="told">{}</table>', format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows)
        )
    if isinstance(value, list | tuple):
        if value and all(isinstance(one, Mapping) for one in value):
            return _table(value)
        items = format_html_join("", "<li>{}</li>", ((readable(one),) for one in value))
        return format_html('<ul class="told">{}</ul>', items)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> SafeString:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = format_html_join("", "<th>{}</th>", ((name.replace("_", " "),) for name in names))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((readable(row.get(name)),) for name in names)),) for row in rows),
    )
    return format_html('<table class="told"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body)
