"""The API of one's own account: settings, dated figures, tokens."""

from __future__ import annotations

import zoneinfo
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from trainstack.accounts import services
from trainstack.accounts.models import ApiToken, AthleteParameter, AthleteProfile, User
from trainstack.accounts.selectors import parameters_of, tokens_of
from trainstack.accounts.tokens import KEYWORD
from trainstack.api import ApiView, OwnRows

# What a human heart can do, with room: a value outside is a slip of the finger.
PARAMETER_BOUNDS: dict[str, tuple[float, float]] = {
    AthleteParameter.Name.MAX_HEART_RATE_BPM: (80, 250),
}


class AccountSerializer(serializers.Serializer[User]):
    """How the person is called and wants numbers and days shown."""

    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(max_length=120, allow_blank=True, required=False)
    units = serializers.ChoiceField(choices=AthleteProfile.Units.choices, source="profile.units", required=False)
    time_zone = serializers.CharField(
        source="profile.time_zone",
        required=False,
        allow_blank=True,
        help_text="An IANA name, such as Europe/Berlin; empty means UTC.",
    )

    fill_gaps = serializers.BooleanField(
        source="profile.fill_gaps",
        required=False,
        help_text="Whether what the shown source of an activity lacks is shown from the next one.",
    )

    def validate_time_zone(self, value: str) -> str:
        if value and value not in zoneinfo.available_timezones():
            raise serializers.ValidationError("Not the name of a time zone.")
        return value


class AccountView(ApiView):
    @extend_schema(responses=AccountSerializer, operation_id="account_retrieve")
    def get(self, request: Request) -> Response:
        """The account of the person who asks."""
        return Response(AccountSerializer(self.person).data)

    @extend_schema(request=AccountSerializer, responses=AccountSerializer, operation_id="account_update")
    def patch(self, request: Request) -> Response:
        """Changes the settings that are named, and only those. The address is changed on the account page."""
        form = AccountSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told = dict(form.validated_data)
        services.save_profile(self.person, **told.pop("profile", {}), **told)
        return Response(AccountSerializer(self.person).data)


class AthleteParameterSerializer(serializers.ModelSerializer[AthleteParameter]):
    class Meta:
        model = AthleteParameter
        fields = ("id", "name", "value", "effective_from")
        # The day told again corrects the figure, it is not an error.
        validators: ClassVar[list[Any]] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        least, most = PARAMETER_BOUNDS[attrs["name"]]
        if not least <= attrs["value"] <= most:
            raise serializers.ValidationError({"value": f"Between {least:g} and {most:g}."})
        return attrs


class AthleteParameterViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, OwnRows):
    """The athlete's dated figures: each holds from its day on, until a later one."""

    model = AthleteParameter
    serializer_class = AthleteParameterSerializer

    def rows(self) -> QuerySet[AthleteParameter]:
        return parameters_of(self.person)

    @extend_schema(responses={201: AthleteParameterSerializer})
    def create(self, request: Request) -> Response:
        """A figure from a day on; a second one for the same day replaces the first."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        parameter = services.set_parameter(self.person, **form.validated_data)
        return Response(self.get_serializer(parameter).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: AthleteParameter) -> None:
        services.remove_parameter(instance)


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    class Meta:
        model = ApiToken
        fields = ("id", "name", "prefix", "created_at", "last_used_at")
        read_only_fields = ("prefix", "created_at", "last_used_at")


class NewTokenSerializer(TokenSerializer):
    secret = serializers.CharField(read_only=True, help_text="Shown this once; only its sha256 is kept.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class TokenViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, OwnRows):
    """The keys to this API."""

    model = ApiToken
    serializer_class = TokenSerializer

    def rows(self) -> QuerySet[ApiToken]:
        return tokens_of(self.person)

    @extend_schema(responses={201: NewTokenSerializer})
    def create(self, request: Request) -> Response:
        """A new token; `secret` is told in this answer and never again."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        token, secret = services.make_token(self.person, name=form.validated_data["name"])
        return Response({**self.get_serializer(token).data, "secret": secret}, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ApiToken) -> None:
        services.revoke_token(instance)


class TokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the header."""

    target_class = "trainstack.accounts.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{KEYWORD} <secret>`; a token is made on the account page or with `POST /api/v1/tokens/`.",
        }
