"""What people brought and the runs that read it, for staff: why one failed, and how to have it done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from activities.admin import ProviderFilter, RawRecordAdmin
from activities.models import RawRecord
from integrations.models import Import, SyncRun
from integrations.services import imports, renormalising, runs
from trainstack.accounts.models import User
from trainstack.staff import LookInline, ReadOnlyAdmin, UserFilter, readable

# More records than this are a matter of `manage.py renormalise`.
RENORMALISED_AT_ONCE = 2000


def may_start_runs(request: HttpRequest) -> bool:
    """Whether this is one of the staff who may have work done, and not only look."""
    return bool(request.user.has_perm("integrations.add_syncrun"))


class WorkAdmin(ReadOnlyAdmin):
    """Rows with work behind them, which some of the staff may start and stop."""

    def has_start_permission(self, request: HttpRequest) -> bool:
        return may_start_runs(request)

    def do(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: str) -> None:
        """Acts on each row and says how many took it; a ValueError says why one did not."""
        count = 0
        for row in rows.select_related("user"):
            try:
                act(row)
            except ValueError as refusal:
                self.message_user(request, f"{row}: {refusal}", messages.WARNING)
            else:
                count += 1
        if count:
            self.message_user(request, f"{done}: {count}.", messages.SUCCESS)


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in model_admin.model.State.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class ImportProviderFilter(ProviderFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(import_file__provider=self.value()) if self.value() else queryset


class RunInline(LookInline):
    model = SyncRun
    fields = ("kind", "state", "created_at", "finished_at", "slices", "attempts", "error")


@admin.register(Import)
class ImportAdmin(WorkAdmin):
    list_display = (
        "created_at",
        "user",
        "name",
        "provider",
        "size",
        "state",
        "brought_by",
        "finished_at",
        "first_problem",
    )
    list_select_related = ("user",)
    list_filter = (StateFilter, ProviderFilter, "brought_by", UserFilter)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    search_fields = ("=user__email", "name", "^sha256")
    search_help_text = "E-mail address in full, a part of the file's name, or the beginning of a sha256."
    inlines = (RunInline,)
    also = ("what_came_in", "records")
    actions = ("cancel", "roll_back")

    def __init__(self, model: type[Import], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.shown = [name for name in self.shown if getattr(name, "__name__", "") != "report_shown"]

    @admin.display(description="size", ordering="size_bytes")
    def size(self, import_file: Import) -> str:
        return filesizeformat(import_file.size_bytes)

    @admin.display(description="problem")
    def first_problem(self, import_file: Import) -> str:
        problems = import_file.report.get("problems") or []
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return truncatechars(problems[0].get("message", ""), 100) + more if problems else ""

    @admin.display(description="what came in")
    def what_came_in(self, import_file: Import) -> SafeString | str:
        return readable(import_file.report) if import_file.report else "-"

    @admin.display(description="raw records")
    def records(self, import_file: Import) -> SafeString:
        link = reverse("admin:activities_rawrecord_changelist", query={"sightings__import_file": import_file.pk})
        return format_html('<a href="{}">All that it told</a>', link)

    @admin.action(description="Stop reading", permissions=["start"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        self.do(request, queryset, _cancel_import, "Stopping at the next checkpoint")

    @admin.action(description="Roll back", permissions=["start"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[Import]) -> None:
        self.do(request, queryset, imports.roll_back, "Rolling back")


def _cancel_import(import_file: Import) -> None:
    if not imports.can_cancel(import_file):
        raise ValueError("there is no reading to stop.")
    imports.cancel(import_file)


@admin.register(SyncRun)
class SyncRunAdmin(WorkAdmin):
    list_display = ("created_at", "user", "kind", "state", "why", "import_file", "how_far", "attempts")
    list_select_related = ("user", "import_file")
    list_filter = (StateFilter, "kind", ImportProviderFilter, UserFilter)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    search_fields = ("=user__email", "import_file__name", "error")
    heavy = ("cursor", "counts")
    actions = ("retry", "cancel")

    @admin.display(description="done")
    def how_far(self, run: SyncRun) -> str:
        return f"{min(run.done / run.total, 1):.0%}" if run.total else ""

    @admin.display(description="error")
    def why(self, run: SyncRun) -> str:
        return truncatechars(run.error, 100)

    @admin.action(description="Try again", permissions=["start"])
    def retry(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        self.do(request, queryset, runs.retry, "Queued again")

    @admin.action(description="Cancel", permissions=["start"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[SyncRun]) -> None:
        self.do(request, queryset, _cancel_run, "Stopping at the next checkpoint")


def _cancel_run(run: SyncRun) -> None:
    if not run.is_open:
        raise ValueError("it is over.")
    runs.cancel(run)


@admin.action(description="Read again with today's mapping (renormalise)", permissions=["start"])
def renormalise(model_admin: RawRecordAdmin, request: HttpRequest, queryset: QuerySet[RawRecord]) -> None:
    """Queues one run for each user whose records are chosen."""
    chosen = list(queryset.order_by().values_list("user", "pk")[: RENORMALISED_AT_ONCE + 1])
    if len(chosen) > RENORMALISED_AT_ONCE:
        told = f"More than {RENORMALISED_AT_ONCE} records: use manage.py renormalise --user or --provider."
        model_admin.message_user(request, told, messages.ERROR)
        return
    by_user: dict[int, list[int]] = {}
    for user_id, pk in chosen:
        by_user.setdefault(user_id, []).append(pk)
    for user in User.objects.filter(pk__in=by_user):
        renormalising.request_renormalise(user, raw_ids=by_user[user.pk])
    model_admin.message_user(request, f"Queued: {len(chosen)} records of {len(by_user)} users.", messages.SUCCESS)


class RawRecordWithRunsAdmin(RawRecordAdmin):
    """Raw records belong to activities, which know of no runs: the action that starts one joins here."""

    actions = (renormalise,)

    def has_start_permission(self, request: HttpRequest) -> bool:
        return may_start_runs(request)


admin.site.unregister(RawRecord)
admin.site.register(RawRecord, RawRecordWithRunsAdmin)
