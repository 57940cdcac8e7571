"""What every part of the API shares: whose rows are seen, paging, errors as problem+json, and the OpenAPI of it."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

import pyarrow as pa
from django.conf import settings
from django.core.exceptions import ValidationError as InvalidValue
from django.core.signals import got_request_exception
from django.db.models import Model, Q, QuerySet
from django.utils.timezone import is_naive
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView, exception_handler
from rest_framework.viewsets import GenericViewSet

from trainstack.accounts.models import User

log = logging.getLogger("django.request")

PROBLEM_TYPE = "application/problem+json"


# --- errors ---------------------------------------------------------------------------------


class Conflict(APIException):
    """The thing asked for does not go with the state that the row is in."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class TooLarge(APIException):
    """The body is larger than this server takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class ProblemSerializer(serializers.Serializer[dict[str, Any]]):
    """RFC 9457. `errors` names the fields that were not valid, each with its messages."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField(help_text="The name of the HTTP status.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence for a person.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


def problem_json(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to a failed request, as RFC 9457 has it.

    What nobody foresaw is logged and reported as Django does it, and answered with a 500 that tells nothing; with
    DEBUG it is left to Django's page.
    """
    response = exception_handler(exc, context)
    if response is None:
        if settings.DEBUG:
            return None
        request = context["request"]._request
        log.error("Internal Server Error: %s", request.path, exc_info=exc, extra={"status_code": 500})
        got_request_exception.send(sender=None, request=request)
        response = Response({"detail": "The server failed to answer. It has been logged."}, status=500)
        # Django would log it again, without the traceback.
        response._has_been_logged = True  # type: ignore[attr-defined]
    told = response.data
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(exc, ValidationError):
        errors = told if isinstance(told, dict) else {"": told}
        problem["detail"] = "; ".join(f"{name}: {text}" if name else text for name, text in _sentences(errors))
        problem["errors"] = errors
    else:
        problem["detail"] = str(told["detail"])
    response.data = problem
    response.content_type = PROBLEM_TYPE
    return response


def _sentences(errors: Any, at: str = "") -> list[tuple[str, str]]:
    """Each message with the dotted name of the field it is about."""
    if isinstance(errors, Mapping):
        inner = [(f"{at}.{name}" if at else str(name), value) for name, value in errors.items()]
    elif isinstance(errors, list):
        inner = [(at, value) for value in errors]
    else:
        return [(at, str(errors))]
    return [pair for name, value in inner for pair in _sentences(value, name)]


# --- paging ---------------------------------------------------------------------------------


class CursorPagination(BasePagination):
    """Pages by the key of the last row seen, so that rows that come or go meanwhile shift nothing.

    The order is the queryset's own; it ends with the primary key and no field in it may be null.
    """

    default_size = 50
    max_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        size = self._size(request)
        order = [str(name) for name in queryset.query.order_by]
        if token := request.query_params.get("cursor"):
            queryset = queryset.filter(_after(order, _key_of(token, order, queryset.model)))
        rows = list(queryset[: size + 1])
        self.next_url = None
        if len(rows) > size:
            token = _token_of([getattr(rows[size - 1], name.lstrip("-")) for name in order])
            self.next_url = replace_query_param(request.build_absolute_uri(), "cursor", token)
        return rows[:size]

    def _size(self, request: Request) -> int:
        told = request.query_params.get("page_size", str(self.default_size))
        if not re.fullmatch("[0-9]{1,3}", told) or not 1 <= int(told) <= self.max_size:
            raise ValidationError({"page_size": [f"A number from 1 to {self.max_size}."]})
        return int(told)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next_url, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "The next page; null on the last one.",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the page starts: taken from `next`.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "Rows a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": self.max_size,
                    "default": self.default_size,
                },
            },
        ]


def _after(order: list[str], key: list[Any]) -> Q:
    """What comes after the key in that order."""
    after, equal = Q(), Q()
    for name, value in zip(order, key, strict=True):
        field, step = (name[1:], "lt") if name.startswith("-") else (name, "gt")
        after |= equal & Q(**{f"{field}__{step}": value})
        equal &= Q(**{field: value})
    # Says nothing new, but lets the database enter its index there instead of reading up to there.
    first = order[0].lstrip("-")
    return Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": key[0]}) & after


def _token_of(key: list[Any]) -> str:
    told = json.dumps([value.isoformat() if hasattr(value, "isoformat") else value for value in key])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _key_of(token: str, order: list[str], model: type[Model]) -> list[Any]:
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        meta: Any = model._meta
        names = [name.lstrip("-") for name in order]
        fields = [meta.pk if name == "pk" else meta.get_field(name) for name in names]
        if not isinstance(told, list) or any(value is None for value in told):
            raise ValueError(token)
        key = [field.to_python(value) for field, value in zip(fields, told, strict=True)]
        if any(isinstance(value, datetime) and is_naive(value) for value in key):
            raise ValueError(token)
    except (binascii.Error, ValueError, TypeError, RecursionError, InvalidValue):
        raise ValidationError({"cursor": ["Not a cursor of this list."]}) from None
    return key


# --- what goes in and out --------------------------------------------------------------------


M = TypeVar("M", bound=Model)


class ToldSerializer(serializers.ModelSerializer[M]):
    """A row that only goes out: no field of it can be sent, and each is always there."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.read_only, field.required = True, False
        return fields


class IdField(serializers.IntegerField):
    """The id of a row, as large as a database takes one."""

    def __init__(self, **told: Any) -> None:
        super().__init__(min_value=0, max_value=2**63 - 1, **told)


class ArrowRenderer(BaseRenderer):
    """A `pyarrow.Table` as an Arrow IPC stream; whatever else (an error) as JSON."""

    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if not isinstance(data, pa.Table):
            return JSONRenderer().render(data)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, data.schema) as writer:
            writer.write_table(data)
        return sink.getvalue().to_pybytes()


def wants_arrow(request: Request) -> bool:
    """Whether the answer goes out as Arrow: asked for by `Accept` or `?format=arrow`."""
    return isinstance(request.accepted_renderer, ArrowRenderer)


class AnyAccept(DefaultContentNegotiation):
    """For answers whose type is their own: any Accept header will do, and errors are JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


# --- views ----------------------------------------------------------------------------------


class Schema(AutoSchema):
    """The OpenAPI of a view, with what its failures look like."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        problem = self.resolve_serializer(ProblemSerializer(), "response")
        return {
            **super()._get_response_bodies(direction),
            "default": {
                "description": "Anything else: RFC 9457.",
                "content": {PROBLEM_TYPE: {"schema": problem.ref}},
            },
        }


class ApiView(APIView):
    """A view of this API: JSON in, JSON out."""

    schema: Any = Schema()
    parser_classes: Sequence[type[BaseParser]] = (JSONParser,)

    @property
    def largest_body_bytes(self) -> int:
        """What a request may bring. Django's own limit reaches neither DRF's parsers nor uploaded files."""
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Comes before the log-in: to look for a session's CSRF token, Django reads the whole body.
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if not announced.isdecimal() or int(announced) > self.largest_body_bytes:
            raise TooLarge(f"The request is larger than the {self.largest_body_bytes:,} bytes that this server takes.")
        super().initial(request, *args, **kwargs)

    @property
    def person(self) -> User:
        """Who asks. Permissions have let nobody else in."""
        return cast("User", self.request.user)

    def query(self, kind: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The query's parameters, checked; raises ValidationError."""
        asked = kind(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


class OwnRows(ApiView, GenericViewSet[Any]):
    """Rows of the person who asks and of nobody else: another's row is not found, on any route.

    `model` types the paths of the OpenAPI document; `rows` selects.
    """

    model: ClassVar[type[Model]]
    pagination_class = CursorPagination
    lookup_value_converter = "int"

    def rows(self) -> QuerySet[Any]:
        """The person's rows, in order."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.rows()


class NoSuchRoute(ApiView):
    """Whatever is not a route: a problem, not a page."""

    schema = None
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("There is nothing at this address.")
