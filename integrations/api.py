"""The API of what a person brings and is connected with, and of the work on it."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import configuring
from integrations.base import Provider
from integrations.models import Connection, Import, SyncRun
from integrations.registry import PROVIDERS, choosable
from integrations.selectors import (
    Hearing,
    Remedy,
    connections_of,
    failed_asks_of,
    imports_of,
    latest_run,
    links_of,
    progress_of,
    runs_of,
)
from integrations.services import connecting, imports, syncing
from trainstack.api import Conflict, IdField, OwnRows, ToldSerializer, TooLarge

# What multipart adds around one file: boundaries, headers, the name.
MULTIPART_ROOM_BYTES = 64 * 1024
# How many failed requests one answer tells.
FAILED_TOLD = 100


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is; null where it cannot be told (yet)."""

    doing = serializers.CharField(help_text="What is being read, in words.")
    done = serializers.IntegerField(help_text="Bytes or steps done ...")
    total = serializers.IntegerField(help_text="... of so many.")
    ratio = serializers.FloatField(allow_null=True, help_text="0-1.")
    per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    error = serializers.CharField()


class SyncRunSerializer(ToldSerializer[SyncRun]):
    """One run of work. `counts` of a sync say what came: requests, new and changed activities, nights, days, ..."""

    progress = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    class Meta:
        model = SyncRun
        fields = (
            "id",
            "kind",
            "import_file",
            "connection",
            "trigger",
            "state",
            "created_at",
            "started_at",
            "finished_at",
            "waits_until",
            "busy_s",
            "progress",
            "counts",
        )

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: SyncRun) -> Any:
        return ProgressSerializer(progress_of(run)).data

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_counts(self, run: SyncRun) -> Any:
        return syncing.came_of(run) if run.kind == SyncRun.Kind.SYNC else run.counts


class ImportSerializer(ToldSerializer[Import]):
    """One file that was brought. `progress` is that of its latest run; `report` says in the end what came in."""

    progress = serializers.SerializerMethodField()
    report = serializers.DictField()

    class Meta:
        model = Import
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "name",
            "sha256",
            "size_bytes",
            "provider",
            "chosen_provider",
            "brought_by",
            "state",
            "created_at",
            "finished_at",
            "progress",
            "report",
        )

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, import_file: Import) -> Any:
        run = latest_run(import_file)
        return run and ProgressSerializer(progress_of(run)).data


class UploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, help_text="Any file or zip that this server reads.")
    provider = serializers.ChoiceField(
        choices=[provider.slug for provider in choosable()],
        allow_blank=True,
        default="",
        help_text="Whose workout files they are where neither file nor archive tells.",
    )


class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """The files that were brought, newest first."""

    model = Import
    serializer_class = ImportSerializer
    parser_classes = (MultiPartParser,)

    def rows(self) -> QuerySet[Import]:
        return imports_of(self.person)

    @property
    def largest_body_bytes(self) -> int:
        return settings.IMPORT_MAX_UPLOAD_BYTES + MULTIPART_ROOM_BYTES

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        responses={202: OpenApiResponse(ImportSerializer, "Taken in; `Location` is where to watch it being read.")},
    )
    def create(self, request: Request) -> Response:
        """Brings a file. It is kept as it came, and read in the background."""
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data["file"]
        try:
            import_file = imports.receive(
                self.person, name=file.name, source=file, brought_by="api", provider=form.validated_data["provider"]
            )
        except imports.TooLarge as error:
            raise TooLarge(str(error)) from None
        return self._accepted(import_file)

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """Stops the reading at its next checkpoint. What was read stays, and can be rolled back."""
        import_file = self.get_object()
        if not imports.can_cancel(import_file):
            raise Conflict("This import is not being read.")
        return self._accepted(imports.cancel(import_file))

    @extend_schema(request=None, responses={202: ImportSerializer})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: int) -> Response:
        """Takes back what only this import brought, in the background."""
        try:
            return self._accepted(imports.roll_back(self.get_object()))
        except imports.NotNow as error:
            raise Conflict(str(error)) from None

    def _accepted(self, import_file: Import) -> Response:
        """202 with the import as it stands and the address at which to watch it."""
        location = reverse("import-detail", args=[import_file.pk])
        return Response(
            self.get_serializer(self.rows().get(pk=import_file.pk)).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": self.request.build_absolute_uri(location)},
        )


class SyncRunQuery(serializers.Serializer[Any]):
    connection = IdField(required=False, help_text="Only those about this connection.")


class SyncRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """The runs that read, sync, roll back or work out again, newest first."""

    model = SyncRun
    serializer_class = SyncRunSerializer

    def rows(self) -> QuerySet[SyncRun]:
        return runs_of(self.person)

    @extend_schema(parameters=[SyncRunQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = self.query(SyncRunQuery)
        rows = self.rows()
        if "connection" in asked:
            rows = rows.filter(connection=asked["connection"])
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)


# --- connections ----------------------------------------------------------------------------


class ScopeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="As the provider calls it.")
    sentence = serializers.CharField(help_text="What it gives, for the athlete.")
    required = serializers.BooleanField(help_text="Whether a connection is good for nothing without it.")  # type: ignore[assignment]


class ConnectionSerializer(serializers.Serializer[Any]):
    """A link with an account at a provider. Its credentials are told to nobody."""

    id = serializers.IntegerField(source="row.pk")
    provider = serializers.CharField(source="row.provider")
    account_id = serializers.CharField(source="row.account_id")
    account_name = serializers.CharField(source="row.account_name")
    state = serializers.ChoiceField(choices=Connection.State.choices, source="row.state")
    granted = ScopeSerializer(many=True, help_text="What the athlete allowed.")
    missing = ScopeSerializer(many=True, help_text="What was asked for and not allowed.")
    connected_at = serializers.DateTimeField(source="row.connected_at")
    disconnected_at = serializers.DateTimeField(source="row.disconnected_at", allow_null=True)
    last_success_at = serializers.DateTimeField(source="row.last_success_at", allow_null=True)
    next_sync_at = serializers.DateTimeField(source="row.next_sync_at", allow_null=True)
    webhooks = serializers.ChoiceField(
        choices=get_args(Hearing),
        source="hearing",
        help_text="none: the provider sends none; off: it was not asked to; waiting: none came yet; "
        "silent: for so long that it is polled again.",
    )
    last_event_at = serializers.DateTimeField(source="row.last_event_at", allow_null=True)
    problem = serializers.CharField(source="row.problem", help_text="What is wrong, for a person; empty: nothing.")
    problem_since = serializers.DateTimeField(source="row.problem_since", allow_null=True)
    remedy = serializers.ChoiceField(
        choices=get_args(Remedy),
        help_text="The one thing to do; empty: wait. reconnect: open the provider's `connect_url`.",
    )
    open_requests = serializers.IntegerField(source="open_asks", help_text="Requests still to be made.")
    failed_requests = serializers.IntegerField(source="failed_asks", help_text="Requests that were given up.")
    run = SyncRunSerializer(allow_null=True, help_text="The newest run.")


class WayInSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="oauth2 or file.")
    title = serializers.CharField()
    steps = serializers.ListField(child=serializers.CharField(), help_text="What the person does, in order.")
    notes = serializers.ListField(child=serializers.CharField())


class TermsSerializer(serializers.Serializer[Any]):
    sentences = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField()
    keep_days = serializers.IntegerField(allow_null=True, help_text="How long data may be kept; null: no limit.")
    only_athlete = serializers.BooleanField(help_text="Whether nobody else may be shown its data.")
    attribution = serializers.CharField(help_text="The line that must stand beside its data.")
    attribution_url = serializers.CharField()
    enforced = serializers.BooleanField(help_text="Whether this server acts on them.")


class ProviderSerializer(serializers.Serializer[Any]):
    """A provider and the ways in which its data come here."""

    slug = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    ways_in = WayInSerializer(many=True)
    brings = serializers.ListField(child=serializers.CharField(), help_text="What its API brings.")
    scopes = ScopeSerializer(many=True, help_text="What the athlete is asked to allow.")
    not_offered = serializers.ListField(child=serializers.CharField(), help_text="What its API does not tell.")
    terms = TermsSerializer(allow_null=True, help_text="null: it has no API here.")
    configured = serializers.BooleanField(help_text="Whether this server can be connected with it.")
    connect_url = serializers.URLField(
        allow_null=True,
        help_text="Where the athlete connects, or connects again: opened in a browser in which they are logged in, "
        "for the consent is theirs alone to give. null: it cannot be connected here.",
    )
    connection = serializers.IntegerField(allow_null=True, help_text="The athlete's live connection.")


class SyncSerializer(serializers.Serializer[Any]):
    full = serializers.BooleanField(
        default=False, help_text="Look through everything once more instead of asking for news."
    )


class TryAgainSerializer(serializers.Serializer[Any]):
    request = IdField(required=False, help_text="Id of one request that failed; without it all of them are tried.")


class FailedRequestSerializer(serializers.Serializer[Any]):
    """A request that was given up after many attempts."""

    id = serializers.IntegerField(source="pk")
    what = serializers.CharField(help_text="What it would have brought.")
    key = serializers.CharField(help_text="Of which record or page.")
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    failed_at = serializers.DateTimeField()


class DisconnectSerializer(serializers.Serializer[Any]):
    data = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[("keep", "keep"), ("delete", "delete")],
        help_text="What becomes of what came over it; what was also brought by file stays in any case.",
    )


class DisconnectedSerializer(serializers.Serializer[Any]):
    connection = ConnectionSerializer()
    revoke_problem = serializers.CharField(
        help_text="Why the consent could not be taken back at the provider; empty: it was."
    )


class ConnectionViewSet(OwnRows):
    """The person's connections, ended ones included, newest first."""

    model = Connection
    serializer_class = ConnectionSerializer

    def rows(self) -> QuerySet[Connection]:
        return connections_of(self.person)

    def list(self, request: Request) -> Response:
        page = links_of(self.paginate_queryset(self.rows()) or [])
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses=ConnectionSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(self._told(self.get_object()))

    @extend_schema(responses=ProviderSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def providers(self, request: Request) -> Response:
        """Every provider that this server knows, and how its data come in."""
        live = {row.provider: row.pk for row in self.rows() if row.state != Connection.State.DISCONNECTED}
        told = [_provider_told(provider, live.get(provider.slug), request) for provider in PROVIDERS.values()]
        return Response(ProviderSerializer(told, many=True).data)

    @extend_schema(request=SyncSerializer, responses={202: SyncRunSerializer})
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, pk: int) -> Response:
        """Asks the provider for news, before everything else that waits."""
        row = self.get_object()
        form = SyncSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            run = syncing.request_sync(row, "manual", full=form.validated_data["full"])
        except syncing.NotConnected as reason:
            raise Conflict(str(reason)) from None
        return self._accepted(run)

    @extend_schema(responses=FailedRequestSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def failed(self, request: Request, pk: int) -> Response:
        """The requests that were given up, the newest first; a hundred at most."""
        return Response(FailedRequestSerializer(failed_asks_of(self.get_object())[:FAILED_TOLD], many=True).data)

    @extend_schema(request=TryAgainSerializer, responses={202: ConnectionSerializer})
    @action(detail=True, methods=["post"], url_path="try-again")
    def try_again(self, request: Request, pk: int) -> Response:
        """Makes requests that were given up again."""
        row = self.get_object()
        form = TryAgainSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            if "request" in form.validated_data:
                syncing.try_again(get_object_or_404(failed_asks_of(row), pk=form.validated_data["request"]))
            else:
                syncing.try_all_again(row)
        except syncing.NotConnected as reason:
            raise Conflict(str(reason)) from None
        return Response(self._told(row), status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=DisconnectSerializer, responses=DisconnectedSerializer)
    @action(detail=True, methods=["post"])
    def disconnect(self, request: Request, pk: int) -> Response:
        """Ends the connection: takes the consent back at the provider and forgets its credentials."""
        row = self.get_object()
        form = DisconnectSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if row.state == Connection.State.DISCONNECTED:
            raise Conflict("This connection has ended already.")
        problem = connecting.disconnect(row, delete=form.validated_data["data"] == "delete")
        linked = links_of(self.rows().filter(pk=row.pk))[0]
        return Response(DisconnectedSerializer({"connection": linked, "revoke_problem": problem}).data)

    def _told(self, row: Connection) -> Any:
        return self.get_serializer(links_of([row])[0]).data

    def _accepted(self, run: SyncRun) -> Response:
        """202 with the run and the address at which to watch it."""
        location = self.request.build_absolute_uri(reverse("sync-run-detail", args=[run.pk]))
        told = SyncRunSerializer(run).data
        return Response(told, status=status.HTTP_202_ACCEPTED, headers={"Location": location})


def _provider_told(provider: Provider, connection: int | None, request: Request) -> dict[str, Any]:
    """What ProviderSerializer tells of a provider."""
    network = provider.network
    ways = [{"kind": way.kind, "title": way.title, "steps": way.steps, "notes": way.notes} for way in provider.ways_in]
    if network is None:
        return {
            **_named(provider), "ways_in": ways, "brings": [], "scopes": [], "not_offered": [], "terms": None,
            "configured": False, "connect_url": None, "connection": None,
        }  # fmt: skip
    configured = configuring.is_configured(provider)
    connect_url = request.build_absolute_uri(reverse("integrations:connect", args=[provider.slug]))
    terms = {**vars(network.terms), "enforced": settings.PROVIDER_TERMS == "enforce"}
    return {
        **_named(provider),
        "ways_in": [{"kind": "oauth2", "title": f"Connect {provider.name}", "steps": [], "notes": []}, *ways],
        "brings": [name for name, brought in vars(network.brings).items() if brought],
        "scopes": network.oauth.scopes,
        "not_offered": network.not_offered,
        "terms": terms,
        "configured": configured,
        "connect_url": connect_url if configured else None,
        "connection": connection,
    }


def _named(provider: Provider) -> dict[str, str]:
    return {"slug": provider.slug, "name": provider.name, "summary": provider.summary}
