"""What was told and what was read from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import factory

from activities.models import (
    Activity,
    DailyMetric,
    Device,
    LinkDecision,
    Pin,
    RawRecord,
    RetiredActivity,
    SleepSession,
    SourceActivity,
    SourcePriority,
    Suggestion,
)
from activities.services.raw import store_raw
from tests.factories.accounts import UserFactory

START = datetime(2026, 5, 2, 7, 30, tzinfo=UTC)


class RawRecordFactory(factory.Factory[RawRecord]):
    """A payload in the raw storage with its row, through `store_raw`; `data` is what it holds."""

    class Meta:
        model = RawRecord

    user = factory.SubFactory(UserFactory)
    provider = "apple_health"
    kind = "workout"
    external_id = factory.Sequence(lambda n: f"workout-{n}")
    data = factory.LazyAttribute(lambda it: f'<Workout id="{it.external_id}"/>'.encode())
    content_type = "application/xml"

    @classmethod
    def _create(cls, model_class: type[RawRecord], *args: Any, **fields: Any) -> RawRecord:
        return store_raw(**fields)[0]


class ActivityFactory(factory.django.DjangoModelFactory[Activity]):
    """An activity without a source; SourceActivityFactory makes one with its activity."""

    class Meta:
        model = Activity

    user = factory.SubFactory(UserFactory)
    sport = "running"
    name = "Morning run"
    start_time = factory.Sequence(lambda n: START + timedelta(days=n))
    local_date = factory.LazyAttribute(lambda it: it.start_time.date())
    elapsed_s = 1800.0
    distance_m = 5000.0


class SourceActivityFactory(factory.django.DjangoModelFactory[SourceActivity]):
    """A source activity with its raw record and the activity that shows it."""

    class Meta:
        model = SourceActivity
        skip_postgeneration_save = True

    user = factory.SubFactory(UserFactory)
    provider = "apple_health"
    external_id = factory.Sequence(lambda n: f"workout-{n}")
    raw = factory.SubFactory(
        RawRecordFactory,
        user=factory.SelfAttribute("..user"),
        provider=factory.SelfAttribute("..provider"),
        external_id=factory.SelfAttribute("..external_id"),
    )
    sport = "running"
    provider_type = "HKWorkoutActivityTypeRunning"
    start_time = factory.Sequence(lambda n: START + timedelta(days=n))
    utc_offset_s = 7200
    elapsed_s = 1800.0
    distance_m = 5000.0
    activity = factory.SubFactory(
        ActivityFactory,
        user=factory.SelfAttribute("..user"),
        sport=factory.SelfAttribute("..sport"),
        start_time=factory.SelfAttribute("..start_time"),
        elapsed_s=factory.SelfAttribute("..elapsed_s"),
        distance_m=factory.SelfAttribute("..distance_m"),
    )

    @factory.post_generation
    def shown(self, create: bool, extracted: bool | None, **kwargs: object) -> None:
        """The activity's first source is its primary; `shown=False` leaves the activity's primary alone."""
        if create and self.activity and self.activity.primary_id is None and extracted is not False:
            self.activity.primary = self
            self.activity.save(update_fields=["primary"])


class LinkDecisionFactory(factory.django.DjangoModelFactory[LinkDecision]):
    """Two records are one effort, says the athlete; neither needs to be there."""

    class Meta:
        model = LinkDecision

    user = factory.SubFactory(UserFactory)
    number = factory.Sequence(lambda n: n + 1)
    batch = factory.SelfAttribute("number")
    same = True
    one_provider = "apple_health"
    one_external_id = "one"
    other_provider = "garmin"
    other_external_id = "other"


class PinFactory(factory.django.DjangoModelFactory[Pin]):
    class Meta:
        model = Pin

    user = factory.SubFactory(UserFactory)
    number = factory.Sequence(lambda n: n + 1)
    provider = "apple_health"
    external_id = "one"


class RetiredActivityFactory(factory.django.DjangoModelFactory[RetiredActivity]):
    class Meta:
        model = RetiredActivity

    activity = factory.SubFactory(ActivityFactory)
    user = factory.SelfAttribute("activity.user")
    old_id = factory.Sequence(lambda n: 1_000_000 + n)


class SourcePriorityFactory(factory.django.DjangoModelFactory[SourcePriority]):
    class Meta:
        model = SourcePriority

    user = factory.SubFactory(UserFactory)
    kind = "activities"
    ranks = factory.LazyFunction(lambda: [["garmin"], ["apple_health", "strava"]])


class SuggestionFactory(factory.django.DjangoModelFactory[Suggestion]):
    """The second began ten minutes into the first."""

    class Meta:
        model = Suggestion

    user = factory.SubFactory(UserFactory)
    one = factory.SubFactory(SourceActivityFactory, user=factory.SelfAttribute("..user"))
    other = factory.SubFactory(
        SourceActivityFactory,
        user=factory.SelfAttribute("..user"),
        provider="garmin",
        start_time=factory.LazyAttribute(lambda it: it.factory_parent.one.start_time + timedelta(minutes=10)),
    )
    reason = "inside"
    detail = "one lies inside the other"
    start_time = factory.SelfAttribute("one.start_time")


class DeviceFactory(factory.django.DjangoModelFactory[Device]):
    class Meta:
        model = Device

    user = factory.SubFactory(UserFactory)
    provider = "apple_health"
    key = factory.Sequence(lambda n: f"Watch {n}")
    name = factory.SelfAttribute("key")
    kind = Device.Kind.WATCH
    manufacturer = "Apple Inc."


class SleepSessionFactory(factory.django.DjangoModelFactory[SleepSession]):
    """Eight hours in bed, seven and a half asleep."""

    class Meta:
        model = SleepSession

    device = factory.SubFactory(DeviceFactory, user=factory.SelfAttribute("..user"))
    user = factory.SubFactory(UserFactory)
    provider = "apple_health"
    external_id = factory.LazyAttribute(lambda it: f"{it.start_time:%Y%m%dT%H%M%S}")
    start_time = factory.Sequence(lambda n: START + timedelta(days=n, hours=15))
    end_time = factory.LazyAttribute(lambda it: it.start_time + timedelta(hours=8))
    utc_offset_s = 7200
    date = factory.LazyAttribute(lambda it: it.end_time.date())
    stages = factory.LazyFunction(lambda: [[0, 900, "awake"], [900, 18000, "light"], [18900, 9900, "deep"]])
    in_bed_s = 28800.0
    asleep_s = 27900.0
    awake_s = 900.0
    light_s = 18000.0
    deep_s = 9900.0


class DailyMetricFactory(factory.django.DjangoModelFactory[DailyMetric]):
    class Meta:
        model = DailyMetric

    user = factory.SubFactory(UserFactory)
    provider = "apple_health"
    metric = "steps"
    date = factory.Sequence(lambda n: date(2026, 5, 2) + timedelta(days=n))
    value = 8000.0
