"""What was told and what was read from it, for staff: found, looked at, followed, and never changed."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from django.utils.text import smart_split, unescape_string_literal

from activities.formats.pretty import Pretty, pretty, side_by_side
from activities.models import (
    Activity,
    DailyMetric,
    Device,
    LinkDecision,
    Pin,
    RawRecord,
    RawSighting,
    Reading,
    RetiredActivity,
    SampleChunk,
    SleepSession,
    SourceActivity,
    SourcePriority,
    Suggestion,
    Tombstone,
)
from activities.selectors.raw import versions
from trainstack.accounts.models import User
from trainstack.staff import LookInline, ReadOnlyAdmin, UserFilter
from trainstack.storage import open_raw

# The kinds that a page of filters offers; any other is found by `?kind=` in the address.
KINDS = ("export", "workout", "route", "electrocardiogram", "element", "file")
# Named as a string, because activities know nothing of providers.
REGISTRY = "integrations.registry.PROVIDERS"
SHOWN_VERSIONS = 50
MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)
ENDINGS = {
    "application/gpx+xml": "gpx",
    "application/gzip": "gz",
    "application/json": "json",
    "application/xml": "xml",
    "application/zip": "zip",
    "text/csv": "csv",
    "text/plain": "txt",
    "text/xml": "xml",
}


class ProviderFilter(admin.SimpleListFilter):
    """The providers of the registry: asking the table for those it holds would read all of it."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(slug, provider.name) for slug, provider in import_string(REGISTRY).items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class ReadFilter(admin.SimpleListFilter):
    """How today's mapping got on with the record."""

    title = "reading"
    parameter_name = "reading"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("problem", "with a problem"), ("well", "read well"), ("none", "not read by itself")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "problem":
            return queryset.filter(reading__isnull=False).exclude(reading__problem="")
        if self.value() == "well":
            return queryset.filter(reading__problem="")
        return queryset.filter(reading=None) if self.value() == "none" else queryset


class PayloadResponse(FileResponse):
    block_size = 1 << 18


@admin.register(RawRecord)
class RawRecordAdmin(ReadOnlyAdmin):
    list_display = ("fetched", "user", "provider", "kind", "external", "size", "sha", "import_file")
    list_select_related = ("user", "import_file")
    list_filter = (ProviderFilter, KindFilter, ReadFilter, UserFilter)
    date_hierarchy = "fetched_at"
    ordering = ("-fetched_at", "-pk")
    # See get_search_results.
    search_fields = ("external_id",)
    search_help_text = "E-mail address, external id or the beginning of a sha256; several words narrow it down."
    change_form_template = "admin/activities/rawrecord/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<path:object_id>/payload/", guarded(self.payload), name="activities_rawrecord_payload"),
            path("<path:object_id>/beside/<int:other_id>/", guarded(self.beside), name="activities_rawrecord_beside"),
            *super().get_urls(),
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # What an import or a connection told, linked from its page.
        theirs = ("sightings__import_file", "sightings__connection")
        return lookup in theirs or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RawRecord], search_term: str
    ) -> tuple[QuerySet[RawRecord], bool]:
        """Records that every word fits: an address by a part, an id and a hash by their beginning."""
        for word in smart_split(search_term):
            if word[0] in "\"'" and word[0] == word[-1] and len(word) > 1:
                word = unescape_string_literal(word)
            if "@" in word:
                queryset = queryset.filter(user__in=User.objects.filter(email__icontains=word))
            else:
                queryset = queryset.filter(Q(external_id__startswith=word) | _hash_begins_with(word.lower()))
        return queryset, False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        record: RawRecord = kwargs["obj"]
        told = list(
            versions(record.user, record.provider, record.kind, record.external_id).select_related("import_file")[
                :SHOWN_VERSIONS
            ]
        )
        context |= {
            "pretty": _pretty(record),
            "versions": told,
            "current": told[0] if told else None,
            "sightings": record.sightings.select_related("import_file", "connection")
            .defer("import_file__report", "connection__credentials")
            .order_by("seen_at", "pk"),
            "reading": Reading.objects.filter(raw=record).first(),
            "source_activities": record.source_activities.select_related("activity").order_by("pk"),
            "sleep_sessions": record.sleep_sessions.order_by("pk"),
            "title": f"{record.provider} {record.kind}",
            "subtitle": None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def payload(self, request: HttpRequest, object_id: str) -> FileResponse:
        """The bytes exactly as they came, to be saved and never shown by the browser."""
        record = self._record(request, object_id)
        try:
            file = open_raw(record.user_id, record.sha256)
        except FileNotFoundError:
            raise Http404(f"The payload of {record} is not in the storage; verify_raw tells of more.") from None
        content_type = record.content_type if MEDIA_TYPE.fullmatch(record.content_type) else "application/octet-stream"
        name = f"{record.provider}-{record.kind}-{record.pk}.{ENDINGS.get(content_type.partition(';')[0], 'bin')}"
        response = PayloadResponse(file, as_attachment=True, filename=name, content_type=content_type)
        response["X-Content-Type-Options"] = "nosniff"
        response["X-Payload-Sha256"] = record.sha256
        return response

    def beside(self, request: HttpRequest, object_id: str, other_id: int) -> TemplateResponse:
        """Two versions of one record, line by line."""
        record = self._record(request, object_id)
        other = self._record(request, str(other_id))
        same = ("user_id", "provider", "kind", "external_id")
        if any(getattr(record, name) != getattr(other, name) for name in same):
            raise Http404("These are not versions of one record.")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Two versions of {record.provider} {record.kind}",
            "pair": (record, other),
            "other": other,
            "rows": side_by_side(_pretty(record).text, _pretty(other).text),
        }
        return TemplateResponse(request, "admin/activities/rawrecord/beside.html", context)

    def _record(self, request: HttpRequest, object_id: str) -> RawRecord:
        self.must_see(request)
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404("There is no such raw record.")
        return record

    @admin.display(description="fetched", ordering="fetched_at")
    def fetched(self, record: RawRecord) -> str:
        return f"{record.fetched_at:%Y-%m-%d %H:%M}"

    @admin.display(description="external id", ordering="external_id")
    def external(self, record: RawRecord) -> str:
        return record.external_id if len(record.external_id) <= 40 else f"{record.external_id[:39]}…"

    @admin.display(description="size", ordering="size_bytes")
    def size(self, record: RawRecord) -> str:
        return filesizeformat(record.size_bytes)

    @admin.display(description="sha256", ordering="sha256")
    def sha(self, record: RawRecord) -> SafeString:
        return format_html('<span class="sha">{}</span>', record.sha256[:12])


def _hash_begins_with(word: str) -> Q:
    """A range rather than LIKE, which the index serves on every database: "g" follows the last hexadecimal digit."""
    if not re.fullmatch("[0-9a-f]{4,64}", word):
        return Q(pk__in=())
    return Q(sha256=word) if len(word) == 64 else Q(sha256__gte=word, sha256__lt=f"{word}g")


def _pretty(record: RawRecord) -> Pretty:
    try:
        with open_raw(record.user_id, record.sha256) as file:
            return pretty(file)
    except FileNotFoundError:
        return Pretty("missing", note="The payload is not in the storage.")
    except (OSError, ValueError) as error:
        return Pretty("unreadable", note=f"The payload cannot be read: {error}")


class SourceInline(LookInline):
    model = SourceActivity
    fk_name = "activity"
    verbose_name_plural = "sources"
    fields = ("provider", "external_id", "provider_type", "start_time", "elapsed_s", "distance_m", "raw")


class LegInline(LookInline):
    model = SourceActivity
    fk_name = "parent"
    verbose_name_plural = "parts"
    fields = ("sport", "provider_type", "start_time", "elapsed_s", "distance_m")


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    list_display = ("start_time", "user", "sport", "name", "elapsed_s", "distance_m", "primary")
    list_select_related = ("user", "primary")
    list_filter = (UserFilter,)
    date_hierarchy = "start_time"
    ordering = ("-start_time", "-pk")
    search_fields = ("=user__email", "name", "sport")
    inlines = (SourceInline,)


@admin.register(SourceActivity)
class SourceActivityAdmin(ReadOnlyAdmin):
    list_display = (
        "start_time",
        "user",
        "provider",
        "sport",
        "provider_type",
        "elapsed_s",
        "distance_m",
        "raw",
        "activity",
    )
    list_select_related = ("user", "raw", "activity")
    list_filter = (ProviderFilter, UserFilter)
    date_hierarchy = "start_time"
    ordering = ("-start_time", "-pk")
    search_fields = ("=user__email", "^external_id", "provider_type", "sport")
    inlines = (LegInline,)
    heavy = ("laps", "pauses", "extra", "streams")


@admin.register(LinkDecision)
class LinkDecisionAdmin(ReadOnlyAdmin):
    """What athletes decided by hand about their records; what they took back stays, with the time."""

    list_display = ("made_at", "user", "number", "same", "first_record", "second_record", "withdrawn_at")
    list_select_related = ("user",)
    list_filter = ("same", ("withdrawn_at", admin.EmptyFieldListFilter), UserFilter)
    ordering = ("-made_at", "-pk")
    search_fields = ("=user__email", "^one_external_id", "^other_external_id")

    @admin.display(description="one")
    def first_record(self, decision: LinkDecision) -> str:
        return " ".join(decision.one)

    @admin.display(description="other")
    def second_record(self, decision: LinkDecision) -> str:
        return " ".join(decision.other)


@admin.register(Pin)
class PinAdmin(ReadOnlyAdmin):
    list_display = ("made_at", "user", "number", "provider", "external_id", "withdrawn_at")
    list_select_related = ("user",)
    list_filter = (ProviderFilter, ("withdrawn_at", admin.EmptyFieldListFilter), UserFilter)
    ordering = ("-made_at", "-pk")
    search_fields = ("=user__email", "^external_id")


@admin.register(RetiredActivity)
class RetiredActivityAdmin(ReadOnlyAdmin):
    """Ids that became part of another activity, and where they lead now."""

    list_display = ("retired_at", "user", "old_id", "activity")
    list_select_related = ("user", "activity")
    list_filter = (UserFilter,)
    ordering = ("-retired_at", "-pk")
    search_fields = ("=user__email", "=old_id")


@admin.register(SourcePriority)
class SourcePriorityAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "changed_at", "ranks", "devices")
    list_select_related = ("user",)
    list_filter = ("kind", UserFilter)
    ordering = ("user", "kind")
    search_fields = ("=user__email",)


@admin.register(Suggestion)
class SuggestionAdmin(ReadOnlyAdmin):
    list_display = ("start_time", "user", "one", "other", "reason", "detail")
    list_select_related = ("user", "one", "other")
    list_filter = ("reason", UserFilter)
    date_hierarchy = "start_time"
    ordering = ("-start_time", "-pk")
    search_fields = ("=user__email",)


@admin.register(SleepSession)
class SleepSessionAdmin(ReadOnlyAdmin):
    list_display = ("date", "user", "provider", "device", "start_time", "end_time", "asleep_s", "is_shown", "is_main")
    list_select_related = ("user", "device")
    list_filter = (ProviderFilter, "is_shown", "is_main", UserFilter)
    date_hierarchy = "date"
    ordering = ("-date", "-pk")
    search_fields = ("=user__email", "^external_id")
    heavy = ("stages",)


@admin.register(DailyMetric)
class DailyMetricAdmin(ReadOnlyAdmin):
    list_display = ("date", "user", "metric", "value", "provider", "device")
    list_select_related = ("user", "device")
    list_filter = (ProviderFilter, UserFilter)
    date_hierarchy = "date"
    ordering = ("-date", "-pk")
    search_fields = ("=user__email", "=metric")
    search_help_text = "E-mail address or metric, in full."
    heavy = ("detail",)


class ChunkInline(LookInline):
    model = SampleChunk
    fields = ("metric", "period", "start", "rows", "size_bytes", "last_at")
    # A watch has thousands; the newest tell whether it still measures.
    SHOWN = 50
    verbose_name_plural = f"newest {SHOWN} chunks"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        device_id = request.resolver_match and request.resolver_match.kwargs.get("object_id")
        chunks = super().get_queryset(request)
        if not str(device_id).isdigit():
            return chunks.none()
        newest = chunks.filter(device=device_id).order_by("-start", "-pk").values("pk")[: self.SHOWN]
        return chunks.filter(pk__in=[row["pk"] for row in newest])


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "provider", "kind", "manufacturer", "model", "hardware")
    list_select_related = ("user",)
    list_filter = (ProviderFilter, "kind", UserFilter)
    search_fields = ("=user__email", "name", "model", "hardware")
    inlines = (ChunkInline,)


@admin.register(SampleChunk)
class SampleChunkAdmin(ReadOnlyAdmin):
    list_display = ("start", "period", "user", "metric", "device", "rows", "size", "last_at")
    list_select_related = ("user", "device")
    list_filter = (ProviderFilter, "period", UserFilter)
    date_hierarchy = "start"
    ordering = ("-start", "-pk")
    search_fields = ("=user__email", "=metric", "^sha256")
    heavy = ("origins",)

    @admin.display(description="size", ordering="size_bytes")
    def size(self, chunk: SampleChunk) -> str:
        return filesizeformat(chunk.size_bytes)


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin):
    """How the mappings got on: what could not be read comes with the reason."""

    list_display = ("read_at", "user", "raw", "mapping_version", "problem")
    list_select_related = ("user", "raw")
    list_filter = (("problem", admin.EmptyFieldListFilter), UserFilter)
    search_fields = ("=user__email", "problem")


@admin.register(RawSighting)
class RawSightingAdmin(ReadOnlyAdmin):
    list_display = ("seen_at", "user", "raw", "stated_at", "import_file", "connection", "withdrawn_at")
    list_select_related = ("user", "raw", "import_file", "connection")
    list_filter = (UserFilter,)
    search_fields = ("=user__email",)


@admin.register(Tombstone)
class TombstoneAdmin(ReadOnlyAdmin):
    """Objects that wait for the sweeper."""

    list_display = ("deleted_at", "owner_id", "sha256", "claimed_at")
    search_fields = ("=owner_id", "^sha256")
