from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from activities.domain.parsed import DayValue, Parsed, ParsedActivity, Problem
from activities.domain.sleep import ParsedSleep
from integrations.errors import UnexpectedPayload
from integrations.providers.fitbit.mapping import (
    DAY_FILES,
    device_kind,
    parse_exercise,
    parse_google_exercise,
    parse_google_sleep,
    parse_sleep,
)
from tests.integrations.providers.conftest import Sample

IST, CET, CEST = (timezone(timedelta(hours=hours)) for hours in (5.5, 1, 2))


def test_parse_exercise_reads_utc_and_takes_the_offset_of_googles_row(sample: Sample) -> None:
    assert parse_exercise(sample("exercise/run_with_googles_row.json"), "51200100300") == Parsed(
        activities=(
            ParsedActivity(
                external_id="51200100300",
                sport="running",
                start_time=datetime(2026, 3, 2, 21, 34, 10, tzinfo=IST),
                provider="fitbit",
                provider_type="Run",
                utc_offset_s=19_800,
                elapsed_s=1950.0,
                timer_s=1860.0,
                distance_m=5600.0,
                elevation_gain_m=42.5,
                energy_kcal=402.0,
                avg_heart_rate_bpm=148.0,
                max_heart_rate_bpm=171.0,
                avg_speed_mps=3.0,
                device="Charge 6",
                device_kind="band",
                source_name="Charge 6",
                extra={
                    "activityLevel": [{"minutes": 0, "name": "sedentary"}, {"minutes": 31, "name": "very"}],
                    "steps": 5120,
                    "logType": "tracker",
                    "originalStartTime": "03/02/26 16:04:10",
                },
            ),
        )
    )


def test_parse_exercise_reads_miles_and_the_zone_of_the_profile(sample: Sample) -> None:
    [walk] = parse_exercise(sample("exercise/manual_walk_in_miles.json"), "1").activities

    assert (walk.sport, walk.distance_m, walk.start_time, walk.utc_offset_s) == (
        "walking",
        1609.344,
        datetime(2025, 7, 1, 12, 0, tzinfo=CEST),
        7200,
    )
    assert (walk.device, walk.device_kind, walk.source_name) == ("", "app", "Fitbit for Android")


def test_parse_google_exercise_reads_zeros_as_not_measured(sample: Sample) -> None:
    assert parse_google_exercise(sample("google_exercise/walk_without_pulse.json"), "990002").activities == (
        ParsedActivity(
            external_id="990002",
            sport="walking",
            start_time=datetime(2026, 5, 12, 8, 30, tzinfo=CEST),
            provider="fitbit",
            provider_type="Outdoor Walk",
            utc_offset_s=7200,
            elapsed_s=1800.0,
            distance_m=2400.0,
            energy_kcal=120.5,
            extra={"log_type": "TRACKER", "tracker_total_steps": "3100", "tracker_cardio_load": "11"},
        ),
    )


def test_parse_sleep_lays_short_awakenings_over_the_stages(sample: Sample) -> None:
    assert parse_sleep(sample("sleep/night_with_stages_score_and_offset.json"), "46500200100") == Parsed(
        sleeps=(
            ParsedSleep(
                start_time=datetime(2026, 3, 1, 23, 0, tzinfo=IST),
                end_time=datetime(2026, 3, 2, 0, 30, tzinfo=IST),
                utc_offset_s=19_800,
                date=date(2026, 3, 2),
                stages=(
                    (0.0, 480.0, "awake"),
                    (480.0, 720.0, "light"),
                    (1200.0, 120.0, "awake"),
                    (1320.0, 1680.0, "light"),
                    (3000.0, 1800.0, "deep"),
                    (4800.0, 600.0, "rem"),
                ),
                in_bed_s=5400.0,
                asleep_s=4800.0,
                awake_s=600.0,
                light_s=2400.0,
                deep_s=1800.0,
                rem_s=600.0,
                efficiency_ratio=0.91,
                external_id="2026-03-01T23:00:00",
                score=83.0,
            ),
        )
    )


def test_parse_sleep_keeps_local_times_where_no_zone_is_told(sample: Sample) -> None:
    [nap] = parse_sleep(sample("sleep/classic_nap_of_no_known_zone.json"), "13200100").sleeps

    assert nap == ParsedSleep(
        start_time=datetime(2016, 12, 13, 14, 0, tzinfo=UTC),
        end_time=datetime(2016, 12, 13, 15, 0, tzinfo=UTC),
        utc_offset_s=0,
        date=date(2016, 12, 13),
        stages=((0.0, 1800.0, "asleep"), (1800.0, 180.0, "awake"), (1980.0, 1620.0, "asleep")),
        in_bed_s=3600.0,
        asleep_s=3420.0,
        awake_s=180.0,
        efficiency_ratio=0.95,
        external_id="2016-12-13T14:00:00",
    )


def test_parse_google_sleep_ends_in_the_offset_of_the_morning(sample: Sample) -> None:
    [night] = parse_google_sleep(sample("google_sleep/night_over_a_change_of_clocks.json"), "7002").sleeps

    assert night == ParsedSleep(
        start_time=datetime(2026, 3, 29, 0, 30, tzinfo=CET),
        end_time=datetime(2026, 3, 29, 3, 30, tzinfo=CEST),
        utc_offset_s=3600,
        date=date(2026, 3, 29),
        stages=((0.0, 4200.0, "light"), (4200.0, 600.0, "awake"), (4800.0, 2400.0, "rem")),
        in_bed_s=7200.0,
        asleep_s=6600.0,
        awake_s=600.0,
        light_s=4200.0,
        deep_s=0.0,
        rem_s=2400.0,
        external_id="2026-03-29T00:30:00",
    )


MARCH_1, MARCH_2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "resting_heart_rate/padded_with_unknown_days.json",
            [DayValue("resting_heart_rate", MARCH_1, 54.25, {"error": 6.5})],
        ),
        (
            "daily_hrv/night_without_value.csv",
            [DayValue("hrv_rmssd", MARCH_1, 41.25, {"non_rem_heart_rate_bpm": 52.5, "entropy": 2.9})],
        ),
        (
            "sleep_score/one_night.csv",
            [
                DayValue(
                    "fitbit_sleep_score",
                    MARCH_2,
                    83.0,
                    {"composition_score": 20.0, "duration_score": 41.0, "deep_sleep_in_minutes": 30.0},
                )
            ],
        ),
        (
            "calories/over_midnight.json",
            [DayValue("total_energy", MARCH_1, 1.25), DayValue("total_energy", MARCH_2, 3.5)],
        ),
        (
            "weight/scale_and_nothing.json",
            [
                DayValue("bmi", MARCH_1, 23.1),
                DayValue("body_fat", MARCH_1, 17.5),
                DayValue("weight", MARCH_1, 74.84274105, {"source": "Aria"}),
            ],
        ),
    ],
)
def test_day_files_tell_days(sample: Sample, path: str, expected: list[DayValue]) -> None:
    parsed = DAY_FILES[path.partition("/")[0]](sample(path), "any")

    assert sorted(parsed.days, key=lambda day: (day.metric, day.date)) == expected
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (
            "respiratory_rate",
            "timestamp,full_sleep_breathing_rate,deep_sleep_breathing_rate\n2026-03-01T07:00:00,15.2,13.8",
            DayValue("respiratory_rate", MARCH_1, 15.2, {"deep": 13.8}),
        ),
        ("respiratory_rate", "timestamp,daily_respiratory_rate\n2026-03-01T00:00:00,14.6",
         DayValue("respiratory_rate", MARCH_1, 14.6)),
        (
            "daily_spo2",
            "timestamp,average_value,lower_bound,upper_bound\n2026-03-01T00:00:00Z,96.5,92.1,99.0",
            DayValue("oxygen_saturation", MARCH_1, 96.5, {"min": 92.1, "max": 99.0}),
        ),
        (
            "computed_temperature",
            "type,sleep_start,sleep_end,temperature_samples,nightly_temperature\n"
            "SKIN,2026-02-28T23:10,2026-03-01T06:50,460,33.79",
            DayValue("wrist_temperature", MARCH_1, 33.79, {"samples": 460.0, "sensor": "SKIN"}),
        ),
        ("stress_score", "DATE,UPDATED_AT,STRESS_SCORE,SLEEP_POINTS\n2026-03-01T00:00:00,x,84,29",
         DayValue("fitbit_stress_score", MARCH_1, 84.0, {"sleep_points": 29.0})),
        ("readiness", "date,readiness_score_value,readiness_state\n2026-03-01,61,GOOD",
         DayValue("fitbit_readiness", MARCH_1, 61.0, {"state": "GOOD"})),
        (
            "active_zone_minutes",
            "date_time,heart_zone_id,total_minutes\n2026-03-01T10:00,FAT_BURN,1\n2026-03-01T10:01,PEAK,2",
            DayValue("fitbit_active_zone_minutes", MARCH_1, 3.0, {"fat_burn": 1.0, "peak": 2.0}),
        ),
        ("very_active_minutes", '[{"dateTime":"03/01/26 00:00:00","value":"31"}]',
         DayValue("vigorous_activity_time", MARCH_1, 31.0)),
        ("demographic_vo2_max", '[{"dateTime":"03/01/26 00:00:00","value":{"demographicVO2Max":47.1}}]',
         DayValue("vo2max", MARCH_1, 47.1)),
        ("height", '[{"dateTime":"03/01/26 00:00:00","value":"1780"}]', DayValue("height", MARCH_1, 1.78)),
    ],
)  # fmt: skip
def test_day_files_of_every_kind(kind: str, data: str, expected: DayValue) -> None:
    assert DAY_FILES[kind](data.encode(), "any") == Parsed(days=(expected,))


@pytest.mark.parametrize(
    "data",
    ['[{"dateTime":"03/01/26 00:00:00","value":"0"}]', '[{"dateTime":"03/01/26 00:00:00","value":"1440"}]', "[]"],
    ids=["no minute", "all minutes", "empty"],
)
def test_minutes_of_days_without_a_tracker_are_not_told(data: str) -> None:
    assert DAY_FILES["sedentary_minutes"](data.encode(), "any") == Parsed()


def test_day_files_count_rows_without_a_date() -> None:
    data = b"timestamp,rmssd\nyesterday,41\n2026-03-01T00:00:00,40\n"

    assert DAY_FILES["daily_hrv"](data, "any") == Parsed(
        days=(DayValue("hrv_rmssd", MARCH_1, 40.0),),
        problems=(Problem("", "A row has no date that can be read.", 1),),
    )


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (parse_exercise, b'{"exercise":{"startTime":"soon"}}'),
        (parse_exercise, b"[]"),
        (parse_exercise, b"{"),
        (parse_google_exercise, b'{"google":{"exercise_start":""}}'),
        (parse_sleep, b'{"sleep":{"startTime":"2026-03-01T23:00:00.000"}}'),
        (parse_google_sleep, b'{"google":{"sleep_start":"2026-03-01T23:00:00Z"}}'),
        (DAY_FILES["weight"], b"\xff\xfe"),
        (DAY_FILES["weight"], b"[" * 100_000),
    ],
)
def test_what_tells_nothing_is_unexpected(parse, data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        parse(data, "any")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Charge 6", "band"), ("Pixel Watch 4", "watch"), ("Versa 3", "watch"), ("Google Fitbit Air", "band"),
     ("MobileTrack", "phone"), ("Fit Health Connect", "app"), ("Aria Air", "scale"), ("Something", "unknown")],
)  # fmt: skip
def test_device_kind_knows_fitbits_names(name: str, kind: str) -> None:
    assert device_kind(name) == kind
