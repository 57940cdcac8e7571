"""The API of what was told: activities with their sources and streams, raw records, sleep, metrics, devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from numpy.typing import NDArray
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from activities.domain.metrics import metric_of
from activities.domain.parsed import STREAM_UNITS, Stream
from activities.models import (
    Activity,
    DailyMetric,
    Device,
    RawRecord,
    RawSighting,
    Reading,
    SleepSession,
    SourceActivity,
)
from activities.selectors.activities import (
    ActivityDetail,
    activities_of,
    activity_detail,
    laps_of,
    pauses_of,
    shown_streams,
    streams_of,
)
from activities.selectors.filling import why_shown
from activities.selectors.metrics import daily_metrics_of, sample_page
from activities.selectors.payloads import WHOLE_FILES, names_of_providers
from activities.selectors.series import series_of
from activities.selectors.sleep import sleep_of
from activities.services import deciding
from activities.sources_api import PrimarySerializer, primary_of
from trainstack.api import AnyAccept, ApiView, ArrowRenderer, IdField, OwnRows, ToldSerializer, wants_arrow
from trainstack.sports import label
from trainstack.storage import open_raw

PAYLOAD_BLOCK_BYTES = 256 * 1024


# --- activities -----------------------------------------------------------------------------


class LapSerializer(serializers.Serializer[Any]):
    start_time = serializers.DateTimeField()
    elapsed_s = serializers.FloatField()
    kind = serializers.CharField(help_text="lap, length, segment, set, ...")
    timer_s = serializers.FloatField(allow_null=True)
    distance_m = serializers.FloatField(allow_null=True)
    avg_heart_rate_bpm = serializers.FloatField(allow_null=True)
    max_heart_rate_bpm = serializers.FloatField(allow_null=True)
    avg_power_w = serializers.FloatField(allow_null=True)
    avg_cadence_rpm = serializers.FloatField(allow_null=True)
    energy_kcal = serializers.FloatField(allow_null=True)
    name = serializers.CharField()
    extra = serializers.DictField()


class PauseSerializer(serializers.Serializer[Any]):
    start_time = serializers.DateTimeField()
    elapsed_s = serializers.FloatField()
    automatic = serializers.BooleanField()


class SourceSerializer(ToldSerializer[SourceActivity]):
    """One provider's account of an activity; null is "not told"."""

    streams = serializers.DictField(child=serializers.IntegerField(), help_text="Samples by stream name.")

    class Meta:
        model = SourceActivity
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "provider",
            "external_id",
            *SourceActivity.PARSED_FIELDS,
            "streams",
            "raw",
            "parent",
        )


class SourceDetailSerializer(SourceSerializer):
    laps = serializers.SerializerMethodField()
    pauses = serializers.SerializerMethodField()
    extra = serializers.DictField(help_text="Whatever else the source told, under its own names.")

    class Meta(SourceSerializer.Meta):
        fields = (*SourceSerializer.Meta.fields, "laps", "pauses", "extra")

    @extend_schema_field(LapSerializer(many=True))
    def get_laps(self, source: SourceActivity) -> Any:
        return LapSerializer(laps_of(source), many=True).data

    @extend_schema_field(PauseSerializer(many=True))
    def get_pauses(self, source: SourceActivity) -> Any:
        return PauseSerializer(pauses_of(source), many=True).data


class SourceReferenceSerializer(ToldSerializer[SourceActivity]):
    class Meta:
        model = SourceActivity
        fields = ("id", "provider", "external_id", "source_name")


class ActivitySerializer(ToldSerializer[Activity]):
    """One effort; `primary` is the source that is shown, `sources` are all that told of it."""

    sport_label = serializers.SerializerMethodField()
    primary = SourceSerializer()
    sources = SourceReferenceSerializer(many=True)

    class Meta:
        model = Activity
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "sport",
            "sport_label",
            "name",
            "start_time",
            "local_date",
            "elapsed_s",
            "distance_m",
            "pinned",
            "primary",
            "sources",
        )

    def get_sport_label(self, activity: Activity) -> str:
        return label(activity.sport)


class ZoneTimeSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="zone.number")
    name = serializers.CharField(source="zone.name")
    low_bpm = serializers.FloatField(source="zone.low_bpm")
    high_bpm = serializers.FloatField(source="zone.high_bpm", allow_null=True)
    seconds = serializers.FloatField()
    ratio = serializers.FloatField(help_text="Of the measured time, 0-1.")


class ZonesSerializer(serializers.Serializer[Any]):
    """Time in heart-rate zones. What lies between sparse values counts as not measured."""

    max_heart_rate_bpm = serializers.FloatField()
    assumed = serializers.BooleanField(help_text="No maximum was told by that day: a default stands in.")
    below_s = serializers.FloatField(help_text="Seconds below the first zone.")
    covered_s = serializers.FloatField(help_text="Seconds that were measured at all.")
    coverage_ratio = serializers.FloatField(help_text="The measured part of the time without pauses, 0-1.")
    zones = ZoneTimeSerializer(many=True)


class RawReferenceSerializer(ToldSerializer[RawRecord]):
    class Meta:
        model = RawRecord
        fields = ("id", "kind", "external_id", "sha256")


class LentSerializer(serializers.Serializer[Any]):
    """What the shown source lacks and another one tells, where the account is set to fill gaps."""

    name = serializers.CharField(help_text="A field of the source, or `stream:` and the name of a stream.")
    value = serializers.JSONField(allow_null=True, help_text="The field's value; null for a stream: see `streams`.")
    source = serializers.IntegerField(help_text="Id of the source that lends it.")  # type: ignore[assignment]
    provider = serializers.CharField()


class ActivityDetailSerializer(ActivitySerializer):
    """One effort in full: the figures of its primary with laps, pauses, parts, zones and the payloads behind it."""

    why = serializers.CharField(help_text="Why this source is shown, for a person.")
    filled = LentSerializer(many=True)
    primary = SourceDetailSerializer()
    children = SourceSerializer(many=True, help_text="The parts of a multisport effort.")
    heart_rate_zones = ZonesSerializer(allow_null=True)
    raw_records = RawReferenceSerializer(many=True)

    class Meta(ActivitySerializer.Meta):
        fields = (*ActivitySerializer.Meta.fields, "why", "filled", "children", "heart_rate_zones", "raw_records")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        detail: ActivityDetail = instance
        activity = ActivitySerializer(detail.activity).data
        return {
            **activity,
            "why": why_shown(detail.activity.user, detail.sources, names_of_providers()),
            "filled": LentSerializer(_lent(detail), many=True).data,
            "primary": SourceDetailSerializer(detail.source).data,
            "children": SourceSerializer(detail.children, many=True).data,
            "heart_rate_zones": detail.zones and ZonesSerializer(detail.zones).data,
            "raw_records": RawReferenceSerializer(detail.raws, many=True).data,
        }


def _lent(detail: ActivityDetail) -> list[dict[str, Any]]:
    fields = [(name, getattr(detail.shown, name), lender) for name, lender in sorted(detail.lenders.items())]
    streams = [(f"stream:{name}", None, lender) for name, lender in sorted(detail.stream_lenders.items())]
    return [
        {"name": name, "value": value, "source": lender.pk, "provider": lender.provider}
        for name, value, lender in [*fields, *streams]
    ]


class ActivityQuery(serializers.Serializer[Any]):
    sport = serializers.CharField(required=False, help_text="A family, such as running, or an exact code.")
    source = serializers.CharField(required=False, help_text="A provider.")  # type: ignore[assignment]
    first = serializers.DateField(required=False, help_text="From this local day on.")
    last = serializers.DateField(required=False, help_text="Up to and with this local day.")
    search = serializers.CharField(
        required=False, max_length=200, help_text="Words that all occur in name, sport or device."
    )


class StreamsQuery(serializers.Serializer[Any]):
    names = serializers.CharField(required=False, help_text="Stream names, separated by commas; all by default.")
    points = serializers.IntegerField(
        required=False,
        min_value=2,
        max_value=100_000,
        help_text="At most so many samples of each, keeping the least and the greatest of every stretch.",
    )
    start = serializers.FloatField(required=False, help_text="From this second after the start on.")
    end = serializers.FloatField(required=False, help_text="Up to this second after the start.")
    source = IdField(  # type: ignore[assignment]
        required=False,
        help_text="Id of one of the activity's sources; by default the primary, with what others lend it.",
    )


class StreamSerializer(serializers.Serializer[Any]):
    source_activity = serializers.IntegerField(help_text="Id of the source that told it.")
    unit = serializers.CharField()
    time_s = serializers.ListField(child=serializers.FloatField(), help_text="Seconds after the start.")
    value = serializers.ListField(child=serializers.FloatField(allow_null=True))


class StreamsSerializer(serializers.Serializer[Any]):
    source_activity = serializers.IntegerField()
    start_time = serializers.DateTimeField()
    samples = serializers.DictField(child=serializers.IntegerField(), help_text="All there are, by stream name.")
    streams = serializers.DictField(child=StreamSerializer())


class ActivityViewSet(mixins.ListModelMixin, OwnRows):
    """Efforts, newest first. The id of one that became part of another leads there: 308 with `Location`."""

    model = Activity
    serializer_class = ActivitySerializer

    def rows(self) -> QuerySet[Activity]:
        return activities_of(self.person)

    def handle_exception(self, exc: Exception) -> Response:
        """What was not found may have become part of another activity."""
        if isinstance(exc, Http404 | NotFound) and "pk" in self.kwargs and self.request.user.is_authenticated:
            retired = self.person.retired_activities.filter(old_id=self.kwargs["pk"]).first()
            match = self.request.resolver_match
            if retired is not None and match is not None:
                path = reverse(match.view_name, args=[retired.activity_id])
                query = self.request.META.get("QUERY_STRING", "")
                where = self.request.build_absolute_uri(f"{path}?{query}" if query else path)
                moved = {"id": retired.activity_id, "detail": "This activity became part of another one."}
                return Response(moved, status=status.HTTP_308_PERMANENT_REDIRECT, headers={"Location": where})
        return super().handle_exception(exc)

    @extend_schema(parameters=[ActivityQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(activities_of(self.person, **self.query(ActivityQuery)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses=ActivityDetailSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        try:
            detail: Any = activity_detail(self.person, pk)
        except Activity.DoesNotExist:
            raise NotFound from None
        if detail.activity.pk != pk:
            raise NotFound
        return Response(ActivityDetailSerializer(detail).data)

    @extend_schema(methods=["GET"], responses=PrimarySerializer)
    @extend_schema(methods=["PUT"], request=PrimarySerializer, responses=PrimarySerializer)
    @extend_schema(methods=["DELETE"], responses={200: PrimarySerializer})
    @action(detail=True, methods=["get", "put", "delete"], pagination_class=None)
    def primary(self, request: Request, pk: int) -> Response:
        """The source that is shown, and why. PUT shows another one from now on; DELETE lets the order decide again."""
        activity = self.get_object()
        if request.method == "PUT":
            form = PrimarySerializer(data=request.data)
            form.is_valid(raise_exception=True)
            source = activity.sources.filter(pk=form.validated_data["source"]).first()
            if source is None:
                raise ValidationError({"source": ["Not a source of this activity."]})
            deciding.make_primary(self.person, source)
        elif request.method == "DELETE":
            deciding.back_to_automatic(self.person, activity)
        activity.refresh_from_db()
        return Response(PrimarySerializer(primary_of(self.person, activity)).data)

    @extend_schema(responses=SourceDetailSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def sources(self, request: Request, pk: int) -> Response:
        """Every source of the activity with all it told, the primary first."""
        activity = self.get_object()
        sources = sorted(
            activity.sources.order_by("provider", "external_id"), key=lambda one: one.pk != activity.primary_id
        )
        return Response(SourceDetailSerializer(sources, many=True).data)

    @extend_schema(
        parameters=[StreamsQuery],
        responses={
            (200, "application/json"): StreamsSerializer,
            (200, ArrowRenderer.media_type): OpenApiResponse(
                OpenApiTypes.BINARY, "Columns stream, time_s and value; one row a sample."
            ),
        },
    )
    @action(detail=True, pagination_class=None, renderer_classes=[JSONRenderer, ArrowRenderer])
    def streams(self, request: Request, pk: int) -> Response:
        """The time series of one source by column; latitude and longitude always share their moments."""
        asked = self.query(StreamsQuery)
        activity = self.get_object()
        source = get_object_or_404(activity.sources, pk=asked.get("source", activity.primary_id))
        names = [name.strip() for name in asked["names"].split(",")] if "names" in asked else None
        cut = {"points": asked.get("points"), "start_s": asked.get("start"), "end_s": asked.get("end")}
        if "source" in asked:
            told = {name: (source, stream) for name, stream in streams_of(source, names, **cut).items()}
        else:
            told = shown_streams(self.person, activity, names, **cut)
        if wants_arrow(request):
            return Response(_streams_table({name: stream for name, (_, stream) in told.items()}))
        columns = {
            name: {
                "source_activity": teller.pk,
                "unit": STREAM_UNITS.get(name, ""),
                "time_s": it.time_s.tolist(),
                "value": _listed(it.values),
            }
            for name, (teller, it) in told.items()
        }
        lent = {name: teller.streams[name] for name, (teller, _) in told.items() if name not in source.streams}
        return Response(
            {
                "source_activity": source.pk,
                "start_time": source.start_time,
                "samples": {**source.streams, **lent},
                "streams": columns,
            }
        )


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    """The values for JSON, which has no NaN."""
    if not np.isnan(values).any():
        return values.tolist()
    return [None if value != value else value for value in values.tolist()]


def _streams_table(streams: Mapping[str, Stream]) -> pa.Table:
    names = [name for name, stream in streams.items() for _ in range(len(stream))]
    empty = np.empty(0)
    return pa.table(
        {
            "stream": pa.array(names, pa.string()).dictionary_encode(),
            "time_s": np.concatenate([empty, *(stream.time_s for stream in streams.values())]),
            "value": np.concatenate([empty, *(stream.values for stream in streams.values())]),
        }
    )


# --- raw records ----------------------------------------------------------------------------


class ReadingSerializer(ToldSerializer[Reading]):
    class Meta:
        model = Reading
        fields = ("mapping_version", "read_at", "problem")


class SightingSerializer(ToldSerializer[RawSighting]):
    class Meta:
        model = RawSighting
        fields = ("import_file", "seen_at", "stated_at")


class RawRecordSerializer(ToldSerializer[RawRecord]):
    """What is known of a payload; the bytes themselves are at `payload`."""

    reading = serializers.SerializerMethodField()
    payload = serializers.HyperlinkedIdentityField(view_name="raw-record-payload")

    class Meta:
        model = RawRecord
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "provider",
            "kind",
            "external_id",
            "sha256",
            "size_bytes",
            "content_type",
            "fetched_at",
            "stated_at",
            "request_url",
            "import_file",
            "reading",
            "payload",
        )

    @extend_schema_field(ReadingSerializer(allow_null=True))
    def get_reading(self, raw: RawRecord) -> Any:
        reading = getattr(raw, "reading", None)
        return reading and ReadingSerializer(reading).data


class RawRecordDetailSerializer(RawRecordSerializer):
    sightings = SightingSerializer(many=True, help_text="Each time that these bytes came.")
    source_activities = serializers.PrimaryKeyRelatedField(many=True, read_only=True)  # type: ignore[var-annotated]

    class Meta(RawRecordSerializer.Meta):
        fields = (*RawRecordSerializer.Meta.fields, "sightings", "source_activities")


class RawRecordQuery(serializers.Serializer[Any]):
    provider = serializers.CharField(required=False)
    kind = serializers.CharField(required=False, help_text="export, workout, route, ...")
    external_id = serializers.CharField(required=False)
    sha256 = serializers.RegexField("^[0-9a-f]{64}$", required=False)


class RawRecordViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """Payloads exactly as they came, newest first. Nothing changes them."""

    model = RawRecord
    serializer_class = RawRecordSerializer

    def rows(self) -> QuerySet[RawRecord]:
        return self.person.raw_records.select_related("reading").order_by("-id")

    @extend_schema(parameters=[RawRecordQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.rows().filter(**self.query(RawRecordQuery)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses=RawRecordDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.rows().prefetch_related("sightings", "source_activities")
        raw = get_object_or_404(rows, pk=self.kwargs["pk"])
        return Response(RawRecordDetailSerializer(raw, context=self.get_serializer_context()).data)

    @extend_schema(
        responses={(200, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, "The payload, in its own content type.")}
    )
    @action(detail=True, pagination_class=None, content_negotiation_class=AnyAccept)
    def payload(self, request: Request, pk: int) -> HttpResponseBase:
        """The bytes as they came: their sha256 is the record's."""
        raw = self.get_object()
        response = StreamingHttpResponse(
            _blocks(open_raw(raw.user_id, raw.sha256)), content_type=raw.content_type or "application/octet-stream"
        )
        # What a provider sent may be a page with script in it: it is saved, never shown as ours.
        response["Content-Disposition"] = content_disposition_header(True, _file_name(raw))
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Length"] = str(raw.size_bytes)
        response["ETag"] = f'"{raw.sha256}"'
        return response


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(PAYLOAD_BLOCK_BYTES):
            yield block


EXTENSIONS = {
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/json": ".json",
    "application/zip": ".zip",
    "application/gpx+xml": ".gpx",
    "text/csv": ".csv",
}


def _file_name(raw: RawRecord) -> str:
    """A name to save under: as the file was brought, else the record's id with the extension of its content type."""
    told = raw.import_file.name if raw.import_file and raw.kind in WHOLE_FILES else raw.external_id
    name = PurePosixPath(told.replace("\\", "/")).name or raw.sha256[:12]
    extension = EXTENSIONS.get(raw.content_type.partition(";")[0].strip(), "")
    return name if name.lower().endswith(extension) else name + extension


# --- sleep ----------------------------------------------------------------------------------


class SleepSerializer(ToldSerializer[SleepSession]):
    """One sleep as one source tells it; of a night's sources one is shown, and naps are not the main sleep."""

    stages = serializers.ListField(
        child=serializers.ListField(), help_text="[seconds from start, length in seconds, stage], in order."
    )
    device_name = serializers.CharField(source="device.name", default="", help_text="Who recorded it.")

    class Meta:
        model = SleepSession
        fields = (
            "id",
            "date",
            "start_time",
            "end_time",
            "utc_offset_s",
            "provider",
            "external_id",
            "device",
            "device_name",
            "is_shown",
            "is_main",
            "in_bed_s",
            "asleep_s",
            "awake_s",
            "light_s",
            "deep_s",
            "rem_s",
            "score",
            "efficiency_ratio",
            "stages",
        )


class SleepQuery(serializers.Serializer[Any]):
    first = serializers.DateField(required=False, help_text="Woken up on this day or later.")
    last = serializers.DateField(required=False, help_text="Woken up on this day or earlier.")
    shown = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only what is shown, or only the other sources."
    )
    main = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only nights, or only naps."
    )


class SleepViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """Sleep, newest first, of every source."""

    model = SleepSession
    serializer_class = SleepSerializer

    def rows(self) -> QuerySet[SleepSession]:
        return sleep_of(self.person)

    @extend_schema(parameters=[SleepQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        lookups = {"first": "date__gte", "last": "date__lte", "shown": "is_shown", "main": "is_main"}
        page = self.paginate_queryset(self.rows().filter(**_lookups(self.query(SleepQuery), lookups)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _lookups(asked: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in asked.items() if value is not None}


# --- metrics --------------------------------------------------------------------------------


class DailyMetricSerializer(ToldSerializer[DailyMetric]):
    """One metric on one local day. Without a device it counts each moment once over all devices of the provider."""

    unit = serializers.SerializerMethodField()
    detail = serializers.DictField(help_text="min, max, count, goal, ... where known.")

    class Meta:
        model = DailyMetric
        fields = ("id", "metric", "date", "value", "unit", "provider", "device", "detail")

    def get_unit(self, daily: DailyMetric) -> str:
        return metric_of(daily.metric).unit


class DailyMetricQuery(serializers.Serializer[Any]):
    metric = serializers.CharField(required=False)
    first = serializers.DateField(required=False, help_text="From this local day on.")
    last = serializers.DateField(required=False, help_text="Up to and with this local day.")
    device = IdField(required=False, help_text="Only what this device measured.")
    totals = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only totals over devices, or only single devices."
    )


class DailyMetricViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """Daily figures by metric, and of each the newest first."""

    model = DailyMetric
    serializer_class = DailyMetricSerializer

    def rows(self) -> QuerySet[DailyMetric]:
        return daily_metrics_of(self.person)

    @extend_schema(parameters=[DailyMetricQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        lookups = {
            "metric": "metric",
            "first": "date__gte",
            "last": "date__lte",
            "device": "device",
            "totals": "device__isnull",
        }
        page = self.paginate_queryset(self.rows().filter(**_lookups(self.query(DailyMetricQuery), lookups)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class SeriesSerializer(serializers.Serializer[Any]):
    """One series of samples: a metric of one device."""

    metric = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    group = serializers.CharField()
    unit = serializers.CharField()
    provider = serializers.CharField()
    device = serializers.IntegerField()
    device_name = serializers.CharField()
    rows = serializers.IntegerField()
    bytes = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class SeriesView(ApiView):
    @extend_schema(responses=SeriesSerializer(many=True), operation_id="metrics_list")
    def get(self, request: Request) -> Response:
        """Every series of samples that there is."""
        told = []
        for series in series_of(self.person):
            metric = metric_of(series.metric)
            told.append(
                {
                    "metric": metric.slug,
                    "label": metric.label,
                    "group": metric.group,
                    "unit": metric.unit,
                    "provider": series.provider,
                    "device": series.device.pk,
                    "device_name": series.device.name,
                    "rows": series.rows,
                    "bytes": series.bytes,
                    "first_at": series.first_at,
                    "last_at": series.last_at,
                }
            )
        return Response(SeriesSerializer(told, many=True).data)


class SamplesQuery(serializers.Serializer[Any]):
    metric = serializers.CharField()
    start = serializers.DateTimeField(required=False, default=None, help_text="Samples that begin here or later.")
    end = serializers.DateTimeField(required=False, default=None, help_text="Samples that begin before.")
    device = IdField(required=False, default=None)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100_000, default=10_000)


class SamplesSerializer(serializers.Serializer[Any]):
    """Samples by column. A value is null where the source told a word; then `text` holds it."""

    metric = serializers.CharField()
    unit = serializers.CharField()
    next = serializers.URLField(allow_null=True, help_text="What follows; null where nothing does.")
    start_ms = serializers.ListField(child=serializers.IntegerField(), help_text="Milliseconds since 1970 in UTC.")
    end_ms = serializers.ListField(child=serializers.IntegerField())
    value = serializers.ListField(child=serializers.FloatField(allow_null=True))
    text = serializers.ListField(child=serializers.CharField(allow_null=True))
    device = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of sample-devices.")


class SamplesView(ApiView):
    renderer_classes = (JSONRenderer, ArrowRenderer)

    @extend_schema(
        parameters=[SamplesQuery],
        responses={
            (200, "application/json"): SamplesSerializer,
            (200, ArrowRenderer.media_type): OpenApiResponse(
                OpenApiTypes.BINARY, "Columns start_ms, end_ms, value, text and device; the next page is in `Link`."
            ),
        },
        operation_id="metrics_samples_retrieve",
    )
    def get(self, request: Request) -> Response:
        """The samples of one metric by their start. About `limit` at once: none is split off its own millisecond."""
        asked = self.query(SamplesQuery)
        metric = asked.pop("metric")
        page = sample_page(self.person, metric, **asked)
        following = None
        if page.next_start is not None:
            start = page.next_start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            following = replace_query_param(request.build_absolute_uri(), "start", start)
        table = page.table.rename_columns(["start_ms", "end_ms", "value", "text", "device"])
        if wants_arrow(request):
            return Response(table, headers={"Link": f'<{following}>; rel="next"'} if following else None)
        columns = {name: table[name].to_pylist() for name in table.column_names}
        return Response({"metric": metric, "unit": metric_of(metric).unit, "next": following, **columns})


class DeviceSerializer(ToldSerializer[Device]):
    class Meta:
        model = Device
        fields = ("id", "provider", "name", "kind", "manufacturer", "model", "hardware")


class DeviceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """What measured samples: watches, phones, scales, apps."""

    model = Device
    serializer_class = DeviceSerializer

    def rows(self) -> QuerySet[Device]:
        return self.person.sample_devices.order_by("id")
