"""How many requests are made in a window: counted for all workers, corrected by what providers say in their headers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from integrations import budgets
from integrations.base import Budget, Provider
from integrations.budgets import Told
from integrations.errors import RateLimited
from integrations.models import RateBudget
from tests.integrations.racing import Race
from tests.integrations.tempo import tempo

QUARTER, DAY = 900, 86_400
TWO = (Budget(100, QUARTER), Budget(1000, DAY))


@pytest.fixture(autouse=True)
def in_the_middle_of_a_day() -> None:
    """Not in the last seconds of a window, where it would end meanwhile."""
    left = QUARTER - time.time() % QUARTER
    if left < 5:
        time.sleep(left + 0.1)


def rows() -> dict[str, tuple[int, int]]:
    return {row.key: (row.used, row.limit) for row in RateBudget.objects.all()}


def take(provider: Provider, count: int, *, connection_id: int | None = None, urgent: bool = False) -> int:
    """How many of so many requests there was room for."""
    for number in range(count):
        try:
            budgets.reserve(provider, connection_id=connection_id, urgent=urgent)
        except RateLimited:
            return number
    return count


def learn(provider: Provider, sent_at: datetime | None = None, **headers: str) -> None:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    budgets.learn(provider, told, connection_id=1, sent_at=sent_at or timezone.now())


# --- counting -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_counts_in_every_window() -> None:
    budgets.reserve(tempo(budgets=TWO), connection_id=1)

    assert rows() == {"tempo:900:all": (1, 100), "tempo:86400:all": (1, 1000)}


@pytest.mark.django_db
def test_windows_end_at_quarters_and_days_in_utc() -> None:
    budgets.reserve(tempo(budgets=TWO), connection_id=1)

    quarter, day = (RateBudget.objects.get(key=f"tempo:{it}:all").resets_at for it in (QUARTER, DAY))
    assert (quarter.minute % 15, quarter.second, quarter.microsecond) == (0, 0, 0)
    assert (day.hour, day.minute, day.second) == (0, 0, 0)
    assert timezone.now() < quarter <= timezone.now() + timedelta(minutes=15)


@pytest.mark.django_db
def test_kinds_are_counted_apart_and_together() -> None:
    provider = tempo(budgets=(Budget(200, QUARTER), Budget(100, QUARTER, kind="read")))

    budgets.reserve(provider, connection_id=1, kind="read")
    budgets.reserve(provider, connection_id=1)

    assert rows() == {"tempo:900:all": (2, 200), "tempo:900:read": (1, 100)}


@pytest.mark.django_db
def test_accounts_are_counted_apart_where_the_provider_does() -> None:
    provider = tempo(budgets=(Budget(5, QUARTER, per="connection"),))

    assert [take(provider, 9, connection_id=number, urgent=True) for number in (1, 2)] == [5, 5]
    assert rows() == {"tempo:900:all:1": (5, 5), "tempo:900:all:2": (5, 5)}


@pytest.mark.django_db
def test_requests_in_no_accounts_name_count_only_for_the_app() -> None:
    provider = tempo(budgets=(Budget(5, QUARTER, per="connection"), Budget(10, QUARTER)))

    budgets.reserve(provider, connection_id=None)

    assert rows() == {"tempo:900:all": (1, 10)}


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "background"), [(100, 80), (10, 8), (5, 4), (3, 3), (1, 1)])
def test_a_fifth_is_left_to_people(limit: int, background: int) -> None:
    provider = tempo(budgets=(Budget(limit, DAY),))

    assert take(provider, limit + 1) == background
    assert take(provider, limit + 1, urgent=True) == limit - background


@pytest.mark.django_db
def test_a_spent_window_says_when_it_ends_and_counts_in_no_other() -> None:
    provider = tempo(budgets=(Budget(1, QUARTER), Budget(1000, DAY)))
    budgets.reserve(provider, connection_id=1, urgent=True)

    with pytest.raises(RateLimited) as caught:
        budgets.reserve(provider, connection_id=1, urgent=True)

    left = QUARTER - time.time() % QUARTER
    assert caught.value.retry_after_s == pytest.approx(left, abs=2)
    assert rows() == {"tempo:900:all": (1, 1), "tempo:86400:all": (1, 1000)}


@pytest.mark.django_db
def test_a_window_that_is_over_begins_anew() -> None:
    provider = tempo(budgets=(Budget(2, QUARTER),))
    RateBudget.objects.create(
        key="tempo:900:all", limit=7, used=7, resets_at=timezone.now() - timedelta(milliseconds=1)
    )

    assert take(provider, 5, urgent=True) == 2


@pytest.mark.django_db
def test_without_budgets_nothing_is_counted() -> None:
    assert take(tempo(), 10, connection_id=1) == 10
    assert rows() == {}


@pytest.mark.django_db(transaction=True)
def test_workers_together_take_no_more_than_there_is(race: Race) -> None:
    taken = race("reserve", 3, 300)

    assert sum(it["taken"] for it in taken) == 300
    assert sum(it["taken"] > 0 for it in taken) > 1, "nobody met anybody"


# --- what providers say ---------------------------------------------------------------------------

STRAVA = (
    Budget(200, QUARTER), Budget(2000, DAY), Budget(100, QUARTER, kind="read"), Budget(1000, DAY, kind="read"),
)  # fmt: skip
WAHOO = (Budget(200, 300), Budget(1000, 3600), Budget(5000, DAY))


@pytest.mark.parametrize(
    ("windows", "headers", "told"),
    [
        pytest.param(
            STRAVA,
            {
                "x-ratelimit-limit": "200,2000", "x-ratelimit-usage": "12,345",
                "x-readratelimit-limit": "100,1000", "x-readratelimit-usage": "11,321",
            },
            [
                Told(QUARTER, 200, 12), Told(DAY, 2000, 345),
                Told(QUARTER, 100, 11, kind="read"), Told(DAY, 1000, 321, kind="read"),
            ],
            id="strava",
        ),
        pytest.param(
            TWO,
            {"ratelimit-usage": "12, 340", "ratelimit-limit": "520, 5100", "ratelimit-reset": "314, 45213"},
            [Told(QUARTER, 520, 12, 314), Told(DAY, 5100, 340, 45213)],
            id="polar",
        ),
        pytest.param(
            (Budget(100, 60), Budget(10_000, DAY)),
            {
                "x-ratelimit-limit": "100, 100;window=60, 10000;window=86400",
                "x-ratelimit-remaining": "98", "x-ratelimit-reset": "3",
            },
            [Told(60, 100, 2, 3)],
            id="whoop, the minute",
        ),
        pytest.param(
            (Budget(100, 60), Budget(10_000, DAY)),
            {
                "x-ratelimit-limit": "100;window=60, 10000;window=86400",
                "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4000",
            },
            [Told(DAY, 10_000, 10_000, 4000)],
            id="whoop, the day",
        ),
        pytest.param(
            WAHOO,
            {
                "x-ratelimit-limit": "5000,1000,200", "x-ratelimit-remaining": "4990,900,0",
                "x-ratelimit-reset": "77",
            },
            [Told(300, 200, 200), Told(3600, 1000, 100), Told(DAY, 5000, 10)],
            id="wahoo",
        ),
        pytest.param(TWO, {}, [], id="nothing"),
        pytest.param(TWO, {"x-ratelimit-limit": "100,1000"}, [], id="half"),
        pytest.param(TWO, {"x-ratelimit-limit": "100", "x-ratelimit-usage": "1"}, [], id="another number of windows"),
        pytest.param(TWO, {"x-ratelimit-limit": "a,b", "x-ratelimit-usage": "1,2"}, [], id="no numbers"),
    ],
)  # fmt: skip
def test_headers_are_read_in_every_style(
    windows: tuple[Budget, ...], headers: Mapping[str, str], told: list[Told]
) -> None:
    assert budgets.told_by(headers, windows) == told


def test_headers_of_one_window_with_an_absolute_end() -> None:
    """As Oura sends them with a 429."""
    headers = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-window": "300",
        "x-ratelimit-reset": str(int(time.time() + 90)),
    }

    (told,) = budgets.told_by(headers, [Budget(5000, 300)])

    assert (told.window_s, told.limit, told.used) == (300, 5000, 5000)
    assert told.resets_in_s == pytest.approx(90, abs=2)


@given(st.dictionaries(st.sampled_from(sorted({
    "x-ratelimit-limit", "x-ratelimit-usage", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-window",
    "ratelimit-usage", "ratelimit-limit", "ratelimit-reset", "x-readratelimit-limit", "x-readratelimit-usage",
    "retry-after",
})), st.text("0123456789,;=window. -", max_size=30)))  # fmt: skip
def test_headers_that_make_no_sense_harm_nobody(headers: dict[str, str]) -> None:
    for told in budgets.told_by(headers, STRAVA):
        assert told.limit >= 0
        assert told.used >= 0
    wait_s = budgets.retry_after(headers)
    assert wait_s is None or 0 <= wait_s <= DAY


@pytest.mark.django_db
def test_headers_correct_what_we_counted_and_the_limit() -> None:
    provider = tempo(budgets=TWO)
    budgets.reserve(provider, connection_id=1)

    learn(provider, x_ratelimit_limit="200,2000", x_ratelimit_usage="60,61")

    assert rows() == {"tempo:900:all": (60, 200), "tempo:86400:all": (61, 2000)}


@pytest.mark.django_db
def test_requests_under_way_stay_counted() -> None:
    provider = tempo(budgets=TWO)
    take(provider, 5, connection_id=1)

    learn(provider, x_ratelimit_limit="100,1000", x_ratelimit_usage="2,2")

    assert rows() == {"tempo:900:all": (5, 100), "tempo:86400:all": (5, 1000)}


@pytest.mark.django_db
def test_an_answer_that_comes_late_says_nothing_about_the_next_window() -> None:
    provider = tempo(budgets=(Budget(100, QUARTER),))
    begun = datetime.fromtimestamp(time.time() // QUARTER * QUARTER, UTC)
    budgets.reserve(provider, connection_id=1)

    learn(provider, sent_at=begun - timedelta(milliseconds=5), x_ratelimit_limit="100", x_ratelimit_usage="99")

    assert rows() == {"tempo:900:all": (1, 100)}


@pytest.mark.django_db
def test_the_providers_end_of_a_window_holds() -> None:
    provider = tempo(budgets=(Budget(100, 60), Budget(10_000, DAY)))
    take(provider, 3, connection_id=1)
    told = {"x_ratelimit_limit": "100;window=60, 10000;window=86400", "x_ratelimit_remaining": "90"}

    learn(provider, x_ratelimit_reset="55", **told)

    row = RateBudget.objects.get(key="tempo:60:all")
    # Where the ends agree, what is under way stays counted; otherwise it is the provider's window that counts.
    assert row.used == 10
    assert (row.resets_at - timezone.now()).total_seconds() == pytest.approx(55, abs=2.1)


@pytest.mark.django_db
def test_a_spent_window_that_a_provider_tells_of_stops_everybody() -> None:
    provider = tempo(budgets=TWO)
    budgets.reserve(provider, connection_id=1)

    learn(provider, ratelimit_usage="520, 600", ratelimit_limit="520, 5100", ratelimit_reset="314, 45213")

    with pytest.raises(RateLimited) as caught:
        budgets.reserve(provider, connection_id=2, urgent=True)
    assert caught.value.retry_after_s == pytest.approx(314, abs=2)


# --- too many -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "999999999"}, DAY),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    ],
    ids=str,
)
def test_retry_after_in_all_its_forms(told: dict[str, str], wait_s: float | None) -> None:
    assert budgets.retry_after(told) == wait_s


def test_retry_after_as_a_date() -> None:
    told = {"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)}

    assert budgets.retry_after(told) == pytest.approx(100, abs=2)


def waits(provider: Provider) -> Iterator[bool]:
    for connection_id in (1, 2, None):
        try:
            budgets.reserve(provider, connection_id=connection_id, urgent=True)
        except RateLimited:
            yield True
        else:
            yield False


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("windows", "tier", "waiting"),
    [
        (TWO, "", [True, True, True]),
        ((), "", [True, True, True]),
        ((Budget(9, 60, per="connection"), *TWO), "", [True, False, False]),
        (TWO, "token", [True, False, False]),
        ((Budget(9, 60, per="connection"),), "application", [True, True, True]),
    ],
    ids=["one for all", "none declared", "one for each account", "a token's, as told", "everybody's, as told"],
)
def test_pause_stops_whom_the_limit_is_about(windows: tuple[Budget, ...], tier: str, waiting: list[bool]) -> None:
    provider = tempo(budgets=windows)

    assert budgets.pause(provider, {"retry-after": "30", "x-ratelimit-tier": tier}, connection_id=1) == 30
    assert list(waits(provider)) == waiting


@pytest.mark.django_db
def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    provider = tempo()
    budgets.pause(provider, {"retry-after": "100"}, connection_id=None)
    budgets.pause(provider, {"retry-after": "10"}, connection_id=None)

    with pytest.raises(RateLimited) as caught:
        budgets.reserve(provider, connection_id=None)
    assert caught.value.retry_after_s == pytest.approx(100, abs=2)


@pytest.mark.django_db
def test_a_pause_without_a_time_is_a_minute() -> None:
    assert budgets.pause(tempo(), {}, connection_id=None) == budgets.DEFAULT_WAIT_S
