"""What follows from stored samples and activities, step by step: streams, sleeps and days, for the months touched.

Shared by the runs that add, take back and read again. The steps are a function of the tally in the run's row, so that
a slice goes on where the last one ended; each step can be repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import Max, Min

from activities.domain.joining import FEEDS
from activities.domain.metrics import metric_of
from activities.models import RawRecord, SampleChunk, SourceActivity
from activities.selectors.series import samples
from activities.services.derive import SLEEP_METRIC, Derived, Note, StreamMaker, refresh_daily, refresh_sleep
from activities.services.telling import elect_nights
from integrations.base import Provider
from integrations.services.report import Tally, month_name, month_number, months_in
from integrations.services.runs import Lease
from trainstack.accounts.models import AthleteProfile, User
from trainstack.second import Second

# How much of a run this takes, as a part of the reading.
SHARE = 0.15


@dataclass(frozen=True)
class Step:
    """One piece of work, and what it is for a person."""

    doing: str
    do: Callable[[Note], None]
    is_sleep: bool = False
    # Begins what the second process can do of it while another step is done.
    begin: Callable[[], None] | None = None


def with_share(total: int) -> int:
    """The run's total when this follows a reading of `total` bytes."""
    return total + round(total * SHARE)


def plan(lease: Lease, providers: Sequence[Provider], tally: Tally) -> None:
    """Everything is read: note what follows from it for these providers and move the run on."""
    run = lease.run
    with transaction.atomic():
        lease.renew()
        for provider in providers:
            if tally.routes and run.import_file_id:
                new = RawRecord.objects.filter(import_file=run.import_file_id, provider=provider.slug, kind="route")
                paths = new.values_list("external_id", flat=True)
                tally.touch_activities(months_with_routes(run.user, provider, paths))
            if _learn_zone(run.user, provider, tally):
                for other in providers:
                    touch_everything(tally, run.user, other, activities=False)
        lease.save(cursor={"phase": "follow", "step": 0}, counts=tally.as_json(), doing="Working out what follows")


def follow(lease: Lease, providers: Sequence[Provider], second: Second | None = None) -> bool:
    """Do the steps of these providers from the cursor on; whether all are done, or time is up.

    Streams are put together by the second process, if it is there, while this one writes days.
    """
    run = lease.run
    tally = Tally.of(run.counts)
    first = int(run.cursor["step"])
    before = run.total - round(run.total * SHARE / (1 + SHARE))
    steps = [
        step
        for provider in providers
        for step in steps_of(run.user, provider, tally, StreamMaker(run.user, provider, second))
    ]
    if touched := sorted({*tally.months_of(SLEEP_METRIC), *months_in(tally.nights)}):
        steps.append(Step("Choosing whose nights are shown", lambda note: _elect(run.user, touched)))

    def progress(index: int) -> dict[str, Any]:
        """What a person sees before the step of this number."""
        if index == len(steps):
            return {"done": run.total}
        done = before + (run.total - before) * index // len(steps)
        return {"doing": steps[index].doing, "done": max(done, run.done)}

    lease.save(**progress(first))
    for index in range(first, len(steps)):
        step = steps[index]

        def note(derived: Derived, is_sleep: bool = step.is_sleep) -> None:
            tally.add_derived(derived, is_sleep=is_sleep)
            lease.save(counts=tally.as_json())

        # The next of those that are done elsewhere, so that there is something to do while this one is written.
        for begin in [it.begin for it in steps[index:] if it.begin][: 2 if step.begin else 1]:
            begin()
        step.do(note)
        lease.save(cursor={**run.cursor, "step": index + 1}, **progress(index + 1))
        if lease.time_is_up and index + 1 < len(steps):
            return False
    return True


def steps_of(user: User, provider: Provider, tally: Tally, maker: StreamMaker) -> Iterator[Step]:
    """The steps that follow from what was touched."""
    nights = tally.months_of(SLEEP_METRIC)
    if nights:
        yield Step(
            "Working out the nights", lambda note: refresh_sleep(user, provider, nights, note=note), is_sleep=True
        )
    # Streams are made by the second process while days are written.
    yield from _mingled(
        [
            Step(
                f"Working out the streams of {datetime.strptime(month, '%Y-%m').replace(tzinfo=UTC):%B %Y}",
                partial(maker.write, month),
                begin=partial(maker.begin, month),
            )
            for month in _stream_months(provider, tally)
        ],
        [
            Step(
                f"Working out the days of {metric_of(metric).label.lower()}",
                lambda note, metric=metric: refresh_daily(  # type: ignore[misc]
                    user, provider, metric, tally.months_of(metric), note=note
                ),
            )
            for metric in sorted(tally.touched)
            if metric != SLEEP_METRIC
        ],
    )


def _mingled(one: Sequence[Step], other: Sequence[Step]) -> list[Step]:
    """Both in their order, each spread evenly over the whole."""
    placed = [((place + 1) / len(steps), step) for steps in (one, other) for place, step in enumerate(steps)]
    return [step for _, step in sorted(placed, key=lambda each: each[0])]


def _elect(user: User, months: Sequence[str]) -> None:
    for month in months:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
        last = (first + timedelta(days=31)).replace(day=1)
        elect_nights(user, (first + timedelta(days=day) for day in range((last - first).days + 1)))


def touch_everything(tally: Tally, user: User, provider: Provider, *, activities: bool = True) -> None:
    """Note every month in which the user has anything of the provider."""
    chunks = SampleChunk.objects.filter(user=user, provider=provider.slug)
    for metric, start in chunks.values_list("metric", "start").distinct():
        tally.touch(metric, [f"{start:%Y-%m}"])
    if activities:
        sources = SourceActivity.objects.filter(user=user, provider=provider.slug)
        span = sources.aggregate(first=Min("start_time"), last=Max("start_time"))
        if span["first"]:
            ends = [month_number(f"{span[name].astimezone(UTC):%Y-%m}") for name in ("first", "last")]
            tally.touch_activities(months_in([ends]))


def months_with_routes(user: User, provider: Provider, paths: Iterable[str]) -> set[str]:
    """The UTC months of the activities that one of these routes belongs to."""
    wanted = set(paths)
    if not wanted:
        return set()
    sources = SourceActivity.objects.filter(user=user, provider=provider.slug, parent=None)
    return {
        f"{start:%Y-%m}"
        for start, extra in sources.values_list("start_time", "extra").iterator()
        if wanted.intersection(extra.get("routes", ()))
    }


def _stream_months(provider: Provider, tally: Tally) -> list[str]:
    """Months of activities that are new or whose samples are: one that began in the month before may last.

    None where activities bring their streams themselves.
    """
    if not provider.streams_from_samples:
        return []
    numbers = {number for first, last in tally.activity_months for number in range(first, last + 1)}
    for metric in {metric for metrics in FEEDS.values() for metric in metrics}:
        for first, last in tally.touched.get(metric, []):
            numbers.update(range(first - 1, last + 1))
    return [month_name(number) for number in sorted(numbers)]


def _learn_zone(user: User, provider: Provider, tally: Tally) -> bool:
    """Set the athlete's time zone where none is told yet, from workouts or else from nights; whether it was."""
    profile = user.profile
    if profile.time_zone:
        return False
    zones = Counter(tally.zones) or _zones_of_nights(user, provider, tally)
    for zone, _ in sorted(zones.items(), key=lambda item: (-item[1], item[0])):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            continue
        AthleteProfile.objects.filter(pk=profile.pk, time_zone="").update(time_zone=zone)
        profile.refresh_from_db()
        return True
    return False


def _zones_of_nights(user: User, provider: Provider, tally: Tally) -> Counter[str]:
    months = tally.months_of(SLEEP_METRIC)
    zones: Counter[str] = Counter()
    if months:
        start = datetime.strptime(months[-1], "%Y-%m").replace(tzinfo=UTC)
        end = datetime.strptime(month_name(month_number(months[-1]) + 1), "%Y-%m").replace(tzinfo=UTC)
        table = samples(user, SLEEP_METRIC, start, end, provider=provider.slug, columns=["start_ms", "detail"])
        for detail, count in Counter(table["detail"].to_pylist()).items():
            zone = provider.zone_of(detail) if detail else None
            if zone:
                zones[str(zone)] += count
    return zones
