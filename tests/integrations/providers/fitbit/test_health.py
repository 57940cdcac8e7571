from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from activities.domain.parsed import DayValue, Lap, Parsed, ParsedActivity, Pause
from activities.domain.reading import DeviceFacts
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.adapter import FEED_OF, LISTED
from integrations.providers.fitbit.health import PARSE
from tests.integrations.providers.conftest import Sample

EDT, UTC_ = timezone(timedelta(hours=-4)), timezone(timedelta())
DAY = date(2026, 5, 2)


def test_parse_exercise_reads_figures_splits_and_pauses(sample: Sample) -> None:
    start = datetime(2026, 5, 2, 11, 0, 10, tzinfo=EDT)

    assert PARSE["health_exercise"](sample("health_exercise/run_with_splits_and_a_pause.json"), "3001") == Parsed(
        activities=(
            ParsedActivity(
                external_id="3001",
                sport="running.trail",
                start_time=start,
                provider="fitbit",
                provider_type="TRAIL_RUN",
                name="Lunch run",
                utc_offset_s=-14_400,
                elapsed_s=2460.0,
                timer_s=2400.5,
                distance_m=6500.5,
                elevation_gain_m=85.0,
                energy_kcal=402.5,
                avg_heart_rate_bpm=149.0,
                avg_cadence_rpm=171.5,
                avg_speed_mps=2.7085,
                device="Fitbit Charge 6",
                device_kind="band",
                source_name="FITBIT",
                laps=(
                    Lap(
                        start,
                        350.0,
                        "auto_lap",
                        timer_s=350.0,
                        distance_m=1000.0,
                        avg_heart_rate_bpm=141.0,
                        energy_kcal=60.0,
                    ),
                ),
                pauses=(Pause(datetime(2026, 5, 2, 11, 20, tzinfo=EDT), 59.5, automatic=True),),
                extra={
                    "exerciseMetadata": {"hasGps": True},
                    "steps": "6100",
                    "activeZoneMinutes": "70",
                    "heartRateZoneDurations": {"vigorousTime": "1200s"},
                    "mobilityMetrics": {"avgCadenceStepsPerMinute": 171.5},
                },
            ),
        )
    )


def test_parse_sleep_lays_short_awakenings_over_the_stages(sample: Sample) -> None:
    # Known by its start on the wall, as the export's record of the same night.
    assert PARSE["health_sleep"](sample("health_sleep/staged_with_a_short_awakening.json"), "4001") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 5, 1, 23, 0, tzinfo=EDT),
                end_time=datetime(2026, 5, 2, 1, 0, tzinfo=EDT),
                utc_offset_s=-14_400,
                date=DAY,
                stages=(
                    (0.0, 1800.0, "light"),
                    (1800.0, 60.0, "awake"),
                    (1860.0, 1740.0, "light"),
                    (3600.0, 1800.0, "deep"),
                    (5400.0, 1800.0, "rem"),
                ),
                in_bed_s=7200.0,
                asleep_s=7140.0,
                awake_s=60.0,
                light_s=3540.0,
                deep_s=1800.0,
                rem_s=1800.0,
                efficiency_ratio=0.992,
                external_id="2026-05-01T23:00:00",
            ),
        )
    )


def test_parse_sleep_of_the_classic_kind_tells_no_stages_apart(sample: Sample) -> None:
    [nap] = PARSE["health_sleep"](sample("health_sleep/classic_nap.json"), "4002").sleeps

    assert (nap.start_time, nap.stages) == (
        datetime(2026, 5, 2, 17, 0, tzinfo=UTC_),
        ((0.0, 1200.0, "asleep"), (1200.0, 600.0, "awake")),
    )
    assert (nap.light_s, nap.deep_s, nap.rem_s, nap.asleep_s, nap.awake_s) == (None, None, None, 1200.0, 600.0)


DAYS = {
    "health_resting_heart_rate/with_sleep.json": [
        DayValue("resting_heart_rate", DAY, 54.0, {"calculationMethod": "WITH_SLEEP"})
    ],
    "health_hrv/night.json": [
        DayValue(
            "hrv_rmssd",
            DAY,
            41.5,
            {"deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds": 47.25, "entropy": 2.75},
        ),
        DayValue("sleeping_heart_rate", DAY, 51.0),
    ],
    "health_oxygen/night.json": [DayValue("oxygen_saturation", DAY, 96.5, {"min": 93.5, "max": 99.0})],
    "health_respiratory_rate/night.json": [DayValue("respiratory_rate", DAY, 14.5)],
    "health_temperature/warm.json": [
        DayValue("skin_temperature", DAY, 34.25),
        DayValue("skin_temperature_deviation", DAY, 0.25),
    ],
    "health_vo2max/estimated.json": [DayValue("vo2max", DAY, 48.5, {"estimated": True})],
    "health_steps/day.json": [DayValue("steps", DAY, 10_402.0)],
    "health_distance/day.json": [DayValue("distance", DAY, 8123.5)],
    # Protobuf leaves a nought out.
    "health_floors/none_climbed.json": [DayValue("flights_climbed", DAY, 0.0)],
    "health_calories/day.json": [DayValue("total_energy", DAY, 2450.5)],
    "health_sedentary/day.json": [DayValue("sedentary_time", DAY, 600.0)],
    "health_zone_minutes/day.json": [
        DayValue("fitbit_active_zone_minutes", DAY, 64.0, {"sumInFatBurnHeartZone": "20", "sumInCardioHeartZone": "44"})
    ],
    # It was still the first where she lives.
    "health_weight/evening_before.json": [DayValue("weight", date(2026, 5, 1), 70.25)],
    "health_body_fat/evening_before.json": [DayValue("body_fat", date(2026, 5, 1), 21.5)],
    "health_height/evening_before.json": [DayValue("height", date(2026, 5, 1), 1.745)],
}


@pytest.mark.parametrize(("path", "days"), DAYS.items(), ids=DAYS.keys())
def test_figures_of_a_day_are_read(sample: Sample, path: str, days: list[DayValue]) -> None:
    assert PARSE[path.partition("/")[0]](sample(path), "any") == Parsed(days=tuple(days))


def test_a_day_without_a_sum_tells_nothing() -> None:
    empty = b'{"civilStartTime":{"date":{"year":2026,"month":5,"day":2}}}'

    assert PARSE["health_steps"](empty, "any") == Parsed()
    assert PARSE["health_zone_minutes"](empty, "any") == Parsed()


def test_parse_heart_rate_makes_samples_of_minutes(sample: Sample) -> None:
    [table] = PARSE["health_heart_rate"](sample("health_heart_rate/two_minutes.json"), "2026-05-02").samples

    device = DeviceFacts("Google Health", "Google Health", "watch", "Google")
    assert (table.metric, table.device) == ("heart_rate", device)
    begin = round(datetime(2026, 5, 2, tzinfo=UTC_).timestamp() * 1000)
    assert table.columns.select(["start_ms", "end_ms", "value"]).to_pydict() == {
        "start_ms": [begin],
        "end_ms": [begin + 60_000],
        "value": [55.5],
    }


@pytest.mark.parametrize("kind", PARSE)
@pytest.mark.parametrize("data", [b"{}", b'{"exercise":{"interval":{"startTime":"soon"}}}', b"{", b"7"])
def test_what_tells_nothing_is_unexpected(kind: str, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        PARSE[kind](data, "any")


def test_every_kind_is_brought_by_a_feed() -> None:
    assert PARSE.keys() == FEED_OF.keys()
    assert LISTED.keys() < FEED_OF.keys()
