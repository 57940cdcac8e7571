"""The API of what a person brings, and of the work that reads it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.models import Import, SyncRun
from integrations.registry import choosable
from integrations.selectors import imports_of, latest_run, progress_of, runs_of
from integrations.services import imports
from trainstack.api import Conflict, OwnRows, ToldSerializer, TooLarge

# What multipart adds around one file: boundaries, headers, the name.
MULTIPART_ROOM_BYTES = 64 * 1024


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
    progress = serializers.SerializerMethodField()
    counts = serializers.DictField()

    class Meta:
        model = SyncRun
        fields = (
            "id",
            "kind",
            "import_file",
            "state",
            "created_at",
            "started_at",
            "finished_at",
            "busy_s",
            "progress",
            "counts",
        )

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: SyncRun) -> Any:
        return ProgressSerializer(progress_of(run)).data


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


class SyncRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """The runs that read, roll back or work out again, newest first."""

    model = SyncRun
    serializer_class = SyncRunSerializer

    def rows(self) -> QuerySet[SyncRun]:
        return runs_of(self.person)
