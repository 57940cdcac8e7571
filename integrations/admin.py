"""What people brought and are connected with, for staff: why work on it failed, and how to have it done again."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat, truncatechars
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from activities.admin import ProviderFilter, RawRecordAdmin
from activities.formats.pretty import pretty
from activities.models import RawRecord
from integrations.models import (
    Connection,
    Import,
    OpenAsk,
    RateBudget,
    SyncRun,
    WebhookReceipt,
    WebhookRefusal,
    WebhookSubscription,
)
from integrations.services import imports, renormalising, runs, syncing
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


class RunProviderFilter(ProviderFilter):
    """By the provider of what the run is about."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return queryset.filter(Q(import_file__provider=self.value()) | Q(connection__provider=self.value()))


class ConnectionProviderFilter(ProviderFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(connection__provider=self.value()) if self.value() else queryset


class TriggerFilter(admin.SimpleListFilter):
    """What had a run start: a fixed list, for asking the table which there are would read all of it."""

    title = "trigger"
    parameter_name = "trigger"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("connect", "manual", "schedule", "webhook", "command")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(trigger=self.value()) if self.value() else queryset


class RunInline(LookInline):
    model = SyncRun
    fields: ClassVar[tuple[str, ...]] = ("kind", "state", "created_at", "finished_at", "slices", "attempts", "error")


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
    list_display = (
        "created_at",
        "user",
        "kind",
        "trigger",
        "state",
        "why",
        "import_file",
        "connection",
        "how_far",
        "attempts",
    )
    list_select_related = ("user", "import_file", "connection")
    list_filter = (StateFilter, "kind", TriggerFilter, RunProviderFilter, UserFilter)
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


# --- connections ----------------------------------------------------------------------------


class ConnectionRunInline(RunInline):
    fields: ClassVar[tuple[str, ...]] = (
        "kind",
        "trigger",
        "state",
        "created_at",
        "finished_at",
        "waits_until",
        "slices",
        "error",
    )
    # One that is asked every hour has thousands.
    SHOWN = 30
    verbose_name_plural = f"newest {SHOWN} runs"
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        connection_id = request.resolver_match and request.resolver_match.kwargs.get("object_id")
        rows = super().get_queryset(request)
        if not str(connection_id).isdigit():
            return rows.none()
        newest = rows.filter(connection=connection_id).order_by("-pk").values_list("pk", flat=True)[: self.SHOWN]
        return rows.filter(pk__in=list(newest))


@admin.register(Connection)
class ConnectionAdmin(WorkAdmin):
    """Whom people are connected with. Credentials are encrypted, not shown, and cannot be changed."""

    list_display = (
        "connected_at",
        "user",
        "provider",
        "account_id",
        "state",
        "last_success_at",
        "next_sync_at",
        "what_is_wrong",
        "asks_failed",
    )
    list_select_related = ("user",)
    list_filter = (StateFilter, ProviderFilter, ("problem", admin.EmptyFieldListFilter), UserFilter)
    date_hierarchy = "connected_at"
    ordering = ("-connected_at", "-pk")
    search_fields = ("=user__email", "=account_id", "account_name")
    heavy = ("credentials", "cursors")
    also = ("asks", "records")
    inlines = (ConnectionRunInline,)
    actions = ("sync_now", "look_through", "try_again")

    def __init__(self, model: type[Connection], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.shown = [name for name in self.shown if name != "credentials"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).defer("credentials")
        match = request.resolver_match
        if match and str(match.url_name).endswith("_changelist"):
            rows = rows.annotate(failed_asks=Count("asks", filter=Q(asks__failed_at__isnull=False)))
        return rows

    @admin.display(description="problem")
    def what_is_wrong(self, connection: Connection) -> str:
        return truncatechars(connection.problem, 80)

    @admin.display(description="failed requests")
    def asks_failed(self, connection: Any) -> SafeString | str:
        if not connection.failed_asks:
            return ""
        link = reverse("admin:integrations_openask_changelist", query={"connection": connection.pk, "done": "failed"})
        return format_html('<a href="{}">{}</a>', link, connection.failed_asks)

    @admin.display(description="requests to be made")
    def asks(self, connection: Connection) -> SafeString:
        link = reverse("admin:integrations_openask_changelist", query={"connection": connection.pk})
        return format_html(
            '<a href="{}">{} open, {} failed</a>',
            link,
            connection.asks.filter(failed_at=None, empty_at=None).count(),
            connection.asks.filter(failed_at__isnull=False).count(),
        )

    @admin.display(description="raw records")
    def records(self, connection: Connection) -> SafeString:
        link = reverse("admin:activities_rawrecord_changelist", query={"sightings__connection": connection.pk})
        return format_html('<a href="{}">All that came over it</a>', link)

    @admin.action(description="Sync now", permissions=["start"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        self.do(request, queryset, lambda row: _sync(row, full=False), "Asked for news")

    @admin.action(description="Look through everything", permissions=["start"])
    def look_through(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        self.do(request, queryset, lambda row: _sync(row, full=True), "Looking through everything")

    @admin.action(description="Try what failed again", permissions=["start"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        self.do(request, queryset, _try_all_again, "Tried again")


def _sync(connection: Connection, *, full: bool) -> None:
    syncing.request_sync(connection, "command", full=full)


def _try_all_again(connection: Connection) -> None:
    if not syncing.try_all_again(connection):
        raise ValueError("nothing of it has failed.")


class AskStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "done"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "to be made"), ("failed", "failed"), ("empty", "answered with nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "open":
            return queryset.filter(failed_at=None, empty_at=None)
        if self.value() == "failed":
            return queryset.filter(failed_at__isnull=False)
        return queryset.filter(empty_at__isnull=False) if self.value() == "empty" else queryset


class ConnectionUserFilter(UserFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        part = self.value()
        return queryset.filter(connection__user__email__icontains=part) if part else queryset


@admin.register(OpenAsk)
class OpenAskAdmin(ReadOnlyAdmin):
    """Requests that are still to be made, and those that were given up."""

    list_display = ("asked_at", "connection", "what", "key", "rank", "not_before", "attempts", "failed_at", "why")
    list_select_related = ("connection",)
    list_filter = (AskStateFilter, ConnectionProviderFilter, ConnectionUserFilter)
    search_fields = ("=connection__user__email", "=what", "^key", "error")
    heavy = ("params",)
    actions = ("try_again",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "connection" or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_start_permission(self, request: HttpRequest) -> bool:
        return may_start_runs(request)

    @admin.display(description="error")
    def why(self, ask: OpenAsk) -> str:
        return truncatechars(ask.error, 100)

    @admin.action(description="Try again", permissions=["start"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OpenAsk]) -> None:
        count = 0
        for ask in queryset.filter(failed_at__isnull=False).select_related("connection"):
            try:
                syncing.try_again(ask)
            except syncing.NotConnected as reason:
                self.message_user(request, f"{ask}: {reason}", messages.WARNING)
            else:
                count += 1
        told = f"Queued again: {count}." if count else "Of these nothing is tried again: only what was given up is."
        self.message_user(request, told, messages.SUCCESS if count else messages.WARNING)


@admin.register(RateBudget)
class RateBudgetAdmin(ReadOnlyAdmin):
    """How much of each provider's rate limit is spent, as all workers count it."""

    list_display = ("key", "used", "limit", "resets_at")
    ordering = ("key",)
    search_fields = ("^key",)


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ReadOnlyAdmin):
    """Where providers send webhooks to. What they sign with is encrypted and not shown."""

    list_display = ("provider", "topic", "external_id", "callback_url", "made_at", "expires_at")
    list_filter = (ProviderFilter,)
    ordering = ("provider", "topic", "pk")
    search_fields = ("^external_id", "topic")

    def __init__(self, model: type[WebhookSubscription], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.shown = [name for name in self.shown if name != "secret"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("secret")


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ReadOnlyAdmin):
    """Deliveries exactly as they came, and what became of them."""

    list_display = ("received_at", "provider", "state", "size", "sha", "attempts", "done_at", "what_came")
    list_filter = (StateFilter, ProviderFilter)
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    search_fields = ("^sha256", "note")
    heavy = ("headers", "query")
    also = ("body_shown", "download")

    def __init__(self, model: type[WebhookReceipt], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.shown = [name for name in self.shown if name != "body"]

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view(self.payload)
        return [
            path("<path:object_id>/payload/", guarded, name="integrations_webhookreceipt_payload"),
            *super().get_urls(),
        ]

    def payload(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The body exactly as it came, to be saved and never shown by the browser."""
        self.must_see(request)
        receipt = self.get_object(request, unquote(object_id))
        if receipt is None:
            raise Http404("There is no such delivery.")
        response = HttpResponse(bytes(receipt.body), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="{receipt.provider}-webhook-{receipt.pk}.bin"'
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Payload-Sha256"] = receipt.sha256
        return response

    @admin.display(description="size")
    def size(self, receipt: WebhookReceipt) -> str:
        return filesizeformat(len(receipt.body))

    @admin.display(description="sha256", ordering="sha256")
    def sha(self, receipt: WebhookReceipt) -> SafeString:
        return format_html('<span class="sha">{}</span>', receipt.sha256[:12])

    @admin.display(description="note")
    def what_came(self, receipt: WebhookReceipt) -> str:
        return truncatechars(receipt.note, 100)

    @admin.display(description="body")
    def body_shown(self, receipt: WebhookReceipt) -> SafeString | str:
        told = pretty(BytesIO(bytes(receipt.body)))
        return format_html('<pre class="payload" tabindex="0">{}</pre>', told.text) if told.text else told.note or "-"

    @admin.display(description="byte for byte")
    def download(self, receipt: WebhookReceipt) -> SafeString:
        link = reverse("admin:integrations_webhookreceipt_payload", args=[receipt.pk])
        return format_html('<a href="{}">Download</a>', link)


@admin.register(WebhookRefusal)
class WebhookRefusalAdmin(ReadOnlyAdmin):
    """Deliveries that no provider had sent: how many a day."""

    list_display = ("day", "provider", "count")
    list_filter = (ProviderFilter,)
    date_hierarchy = "day"
    ordering = ("-day", "provider")


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
