"""The API of many sources: which one is shown, what the athlete decided by hand, near misses, the order of sources."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from activities.domain.matching import REASONS
from activities.domain.priority import DEVICE_KINDS, KINDS, Order
from activities.models import Activity, LinkDecision, SourceActivity, Suggestion
from activities.selectors.filling import why_shown
from activities.selectors.payloads import names_of_providers
from activities.selectors.priorities import orders_of
from activities.selectors.sources import choices_of, suggestions_of
from activities.services import deciding, priorities
from activities.services.deciding import NotPossible
from trainstack.accounts.models import User
from trainstack.api import ApiView, Conflict, IdField, OwnRows, ToldSerializer

# --- which source is shown --------------------------------------------------------------------


class PrimarySerializer(serializers.Serializer[Any]):
    """The source that an activity shows."""

    source = IdField(help_text="Id of the source.")  # type: ignore[assignment]
    provider = serializers.CharField(read_only=True)
    external_id = serializers.CharField(read_only=True)
    pinned = serializers.BooleanField(
        read_only=True, help_text="Whether the athlete chose it; else their order of sources did."
    )
    why = serializers.CharField(read_only=True, help_text="The reason, for a person.")


def primary_of(user: User, activity: Activity) -> dict[str, Any]:
    """What PrimarySerializer tells of an activity; raises Http404 where no source is left."""
    sources = sorted(
        activity.sources.order_by("provider", "external_id"), key=lambda source: source.pk != activity.primary_id
    )
    if not sources:
        raise Http404
    return {
        "source": sources[0].pk,
        "provider": sources[0].provider,
        "external_id": sources[0].external_id,
        "pinned": activity.pinned,
        "why": why_shown(user, sources, names_of_providers()),
    }


# --- what the athlete decided -----------------------------------------------------------------


class LinkKeySerializer(serializers.Serializer[Any]):
    provider = serializers.CharField()
    external_id = serializers.CharField()


class LinkSerializer(ToldSerializer[LinkDecision]):
    """A decision by hand about two source records. It names the records, so it outlives every import of them."""

    one = serializers.SerializerMethodField()
    other = serializers.SerializerMethodField()

    class Meta:
        model = LinkDecision
        fields = ("id", "number", "batch", "same", "one", "other", "made_at", "withdrawn_at")

    @extend_schema_field(LinkKeySerializer)
    def get_one(self, link: LinkDecision) -> dict[str, str]:
        return {"provider": link.one_provider, "external_id": link.one_external_id}

    @extend_schema_field(LinkKeySerializer)
    def get_other(self, link: LinkDecision) -> dict[str, str]:
        return {"provider": link.other_provider, "external_id": link.other_external_id}


class NewLinkSerializer(serializers.Serializer[Any]):
    """One source and another one, or one source and an activity with all its sources."""

    same = serializers.BooleanField(help_text="true: one effort; false: not the same effort.")
    one = IdField(help_text="Id of a source.")
    other = IdField(required=False, help_text="Id of another source.")
    activity = IdField(
        required=False,
        help_text="Id of an activity instead of `other`: with all its sources. "
        "With `same` false, the source's own activity is the one that it is split off from.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("other" in attrs) == ("activity" in attrs):
            raise ValidationError({"other": ["Name either another source or an activity."]})
        return attrs


class LinkQuery(serializers.Serializer[Any]):
    withdrawn = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Those that were taken back, instead of those that hold.",
    )


class LinkViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """What the athlete decided by hand, newest first. No sync and no import undoes it."""

    model = LinkDecision
    serializer_class = LinkSerializer

    def rows(self) -> QuerySet[LinkDecision]:
        return self.person.link_decisions.order_by("-number")

    @extend_schema(parameters=[LinkQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        withdrawn = bool(self.query(LinkQuery)["withdrawn"])
        page = self.paginate_queryset(self.rows().filter(withdrawn_at__isnull=not withdrawn))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=NewLinkSerializer, responses={201: LinkSerializer(many=True)})
    def create(self, request: Request) -> Response:
        """Says that two are one effort, or are not. The answer is what was decided; empty where it stood so already."""
        form = NewLinkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        told = form.validated_data
        one = self._named("one", self.person.source_activities, told["one"])
        if "other" in told:
            other: Any = self._named("other", self.person.source_activities, told["other"])
        else:
            other = self._named("activity", self.person.activities, told["activity"])
        say = deciding.say_same if told["same"] else deciding.say_different
        try:
            decisions = say(self.person, one, other)
        except NotPossible as wrong:
            raise Conflict(str(wrong)) from None
        return Response(self.get_serializer(decisions, many=True).data, status=status.HTTP_201_CREATED)

    def _named(self, name: str, rows: Any, pk: int) -> Any:
        found = rows.filter(pk=pk).first()
        if found is None:
            raise ValidationError({name: [f"You have none with the id {pk}."]})
        return found

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Takes the decision back, with those of its `batch`; one that was taken back already stays so."""
        deciding.undo(self.person, [self.get_object()])
        return Response(status=status.HTTP_204_NO_CONTENT)


# --- near misses ------------------------------------------------------------------------------


class SuggestedSerializer(serializers.Serializer[SourceActivity]):
    """One side of a pair: the source whose figures nearly match, and the activity that it belongs to."""

    source = serializers.IntegerField(source="pk", help_text="Id of the source: what `links/` takes.")  # type: ignore[assignment]
    activity = serializers.IntegerField(source="activity_id")
    provider = serializers.CharField()
    sport = serializers.CharField()
    name = serializers.CharField()
    start_time = serializers.DateTimeField()
    elapsed_s = serializers.FloatField(allow_null=True)
    distance_m = serializers.FloatField(allow_null=True)


class SuggestionSerializer(ToldSerializer[Suggestion]):
    """Two activities that may be one effort. Decide with `POST links/`; either answer ends the suggestion."""

    one = SuggestedSerializer()
    other = SuggestedSerializer()

    class Meta:
        model = Suggestion
        fields = ("id", "reason", "detail", "start_time", "one", "other")


class SuggestionQuery(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, help_text=f"One of {', '.join(sorted(REASONS))}.")


class SuggestionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OwnRows):
    """Pairs that nearly match and wait for the athlete's word, newest first."""

    model = Suggestion
    serializer_class = SuggestionSerializer

    def rows(self) -> QuerySet[Suggestion]:
        return suggestions_of(self.person)

    @extend_schema(parameters=[SuggestionQuery])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.rows().filter(**self.query(SuggestionQuery)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


# --- the order of sources ---------------------------------------------------------------------

KIND_CHOICES = list(KINDS.items())
_RANKS = "Highest first; those of one inner list are level with each other."


class RanksField(serializers.ListField):
    """Ranks of names: those of the first list stand above those of the second."""

    child = serializers.ListField(child=serializers.CharField(max_length=32), max_length=100)

    def __init__(self, **told: Any) -> None:
        super().__init__(max_length=100, **told)


class OrderSerializer(serializers.Serializer[Any]):
    """An order of sources for one kind of data."""

    kind = serializers.ChoiceField(choices=KIND_CHOICES)
    ranks = RanksField(help_text=f"Providers. {_RANKS} Whoever is not named comes last.")
    devices = serializers.DictField(
        child=RanksField(),
        required=False,
        help_text=f"By provider, its kinds of device ({', '.join(DEVICE_KINDS)}). {_RANKS}",
    )


class ChoiceSerializer(serializers.Serializer[Any]):
    provider = serializers.CharField()
    count = serializers.IntegerField(help_text="What it tells: activities, sleeps or daily figures.")
    device_kinds = serializers.ListField(child=serializers.CharField())


class StandingOrderSerializer(OrderSerializer):
    title = serializers.CharField()
    is_set = serializers.BooleanField(help_text="Whether the athlete made it; else all are level.")
    choices = ChoiceSerializer(many=True, help_text="The providers that tell of this kind of data.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What an order switches: activities, nights or daily figures."""

    total = serializers.IntegerField()
    by_provider = serializers.DictField(child=serializers.IntegerField(), help_text="How many would be told by whom.")


class KindQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KIND_CHOICES)


class SourcePrioritiesView(ApiView):
    @extend_schema(responses=StandingOrderSerializer(many=True), operation_id="source_priorities_list")
    def get(self, request: Request) -> Response:
        """The athlete's order of sources for every kind of data."""
        return Response(StandingOrderSerializer(self._standing(), many=True).data)

    @extend_schema(request=OrderSerializer, responses=StandingOrderSerializer, operation_id="source_priorities_update")
    def put(self, request: Request) -> Response:
        """Saves the order for one kind of data; everything shows what it elects when the answer comes."""
        told = _order_of(request)
        try:
            priorities.set_priority(self.person, told["kind"], told["ranks"], told.get("devices", {}))
        except NotPossible as wrong:
            raise ValidationError({"ranks": [str(wrong)]}) from None
        return Response(StandingOrderSerializer(self._standing(told["kind"])[0]).data)

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, required=True, enum=list(KINDS))],
        responses={204: None},
        operation_id="source_priorities_destroy",
    )
    def delete(self, request: Request) -> Response:
        """Back to the default: all sources are level, and the one that tells most is shown."""
        priorities.reset_priority(self.person, self.query(KindQuery)["kind"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _standing(self, only: str = "") -> list[dict[str, Any]]:
        orders = orders_of(self.person)
        return [
            {
                "kind": kind,
                "title": title,
                "is_set": kind in orders,
                **orders.get(kind, Order()).to_json(),
                "choices": [vars(choice) for choice in choices_of(self.person, kind)],
            }
            for kind, title in KINDS.items()
            if not only or kind == only
        ]


class PreviewView(ApiView):
    @extend_schema(
        request=OrderSerializer, responses=PreviewSerializer, operation_id="source_priorities_preview_create"
    )
    def post(self, request: Request) -> Response:
        """What saving this order would switch; writes nothing."""
        told = _order_of(request)
        try:
            found = priorities.preview_priority(self.person, told["kind"], told["ranks"], told.get("devices", {}))
        except NotPossible as wrong:
            raise ValidationError({"ranks": [str(wrong)]}) from None
        return Response(PreviewSerializer(found).data)


def _order_of(request: Request) -> dict[str, Any]:
    form = OrderSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    return form.validated_data
