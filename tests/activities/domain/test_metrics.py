from __future__ import annotations

import numpy as np
import pytest

from activities.domain.metrics import GROUPS, METRICS, Converted, Metric, UnitRule, converted, metric_of
from activities.domain.parsed import STREAM_UNITS
from trainstack.units import rule

TABLE = {
    "Saturation": UnitRule("oxygen_saturation", "%", fraction=True),
    "Mass": UnitRule("weight", "kg"),
    "Pulse": UnitRule("heart_rate", "bpm"),
    "Temperature": UnitRule("body_temperature", "degC"),
    "Sleep": UnitRule("sleep_stage", ""),
}


@pytest.mark.parametrize(
    ("identifier", "unit", "expected"),
    [
        ("Mass", "lb", Converted("weight", 0.45359237)),
        ("Pulse", "count/s", Converted("heart_rate", 60.0)),
        ("Pulse", "", Converted("heart_rate")),
        ("Sleep", "", Converted("sleep_stage")),
        ("Saturation", "%", Converted("oxygen_saturation", 100.0, 0.0, fraction=True)),
        ("Mass", "", Converted("Mass (no unit)")),
        ("Mass", "furlong", Converted("Mass (furlong)")),
        ("Novelty", "furlong", Converted("Novelty")),
    ],
    ids=["other unit", "rate", "same everywhere", "words", "share", "no unit", "no such unit", "no such type"],
)
def test_converted_loses_and_mixes_nothing(identifier: str, unit: str, expected: Converted) -> None:
    assert converted(TABLE, identifier, unit) == expected


@pytest.mark.parametrize(
    ("identifier", "unit", "told", "expected"),
    [
        ("Saturation", "%", [0.29, 1.0, 97.0, np.nan], [29.0, 100.0, 97.0, np.nan]),
        ("Temperature", "degF", [98.6], [37.0]),
        ("Pulse", "count/min", [0.1 + 0.2], [0.1 + 0.2]),
        ("Mass", "g", [70_123.4], [70.1234]),
    ],
    ids=["shares and per cent", "shifted", "as told", "scaled"],
)
def test_converted_values_are_in_the_metrics_unit(
    identifier: str, unit: str, told: list[float], expected: list[float]
) -> None:
    values = converted(TABLE, identifier, unit).values(np.array(told))

    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("steps", Metric("steps", "Steps", "count", "sum", "activity", 0, merged=True)),
        ("heart_rate", Metric("heart_rate", "Heart rate", "bpm", "mean", "heart", 0, stream="heart_rate")),
        (
            "HKCategoryTypeIdentifierHighHeartRateEvent",
            Metric("HKCategoryTypeIdentifierHighHeartRateEvent", "High heart rate event", "", "count", "other", 2),
        ),
        (
            "HKQuantityTypeIdentifierSomeVO2Reserve",
            Metric("HKQuantityTypeIdentifierSomeVO2Reserve", "Some VO2 reserve", "", "mean", "other", 2),
        ),
        (
            "HKDataTypeSleepDurationGoal",
            Metric("HKDataTypeSleepDurationGoal", "Sleep duration goal", "", "last", "other", 2),
        ),
        (
            "HKQuantityTypeIdentifierBodyMass (no unit)",
            Metric("HKQuantityTypeIdentifierBodyMass (no unit)", "Body mass (no unit)", "", "mean", "other", 2),
        ),
        (
            "HKQuantityTypeIdentifierBodyMass (furlong)",
            Metric("HKQuantityTypeIdentifierBodyMass (furlong)", "Body mass (furlong)", "furlong", "mean", "other", 2),
        ),
        ("", Metric("", "", "", "count", "other", 2)),
    ],
)
def test_metric_of_has_words_for_everything(slug: str, expected: Metric) -> None:
    assert metric_of(slug) == expected


def test_metrics_are_told_apart_and_belong_to_a_group() -> None:
    assert [slug for slug, metric in METRICS.items() if metric.slug != slug or metric.group not in GROUPS] == []
    assert len({metric.label for metric in METRICS.values()}) == len(METRICS)


def test_metrics_feed_streams_in_the_streams_own_unit() -> None:
    wrong = [
        metric.slug
        for metric in METRICS.values()
        if metric.stream and rule(metric.unit, STREAM_UNITS[metric.stream]) != (1.0, 0.0)
    ]

    assert wrong == []


def test_metrics_that_are_merged_are_totals() -> None:
    assert [metric.slug for metric in METRICS.values() if metric.merged and metric.aggregate != "sum"] == []
