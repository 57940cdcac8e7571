"""The seed's sentences about Huawei, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, SOMEBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import Completion, CompletionCondition

ALWAYS = ("planned_date_unsupported", "planned_date")


def export_of(drawn, athlete=SOMEBODY):
    """The payload, and the warnings but the one that is always there."""
    payload, warned = exported("huawei", drawn, athlete)
    assert warned[-1:] == [ALWAYS] or ALWAYS in warned
    return payload["actionCombine"], [it for it in warned if it != ALWAYS]


def one_step(*targets, until=None, intensity="active", athlete=SOMEBODY, **more):
    combined, warned = export_of(workout(block(step(intensity, until or time(60), *targets, **more))), athlete)
    return combined[0]["actionList"][0], warned


@pytest.mark.parametrize(
    ("target", "ends", "code"),
    [
        (between("heart_rate", 130, 140), (130, 140), []),
        (between("heart_rate_max_percentage", 80, 90), (148, 166), ["target_converted"]),
        (between("heart_rate_threshold_percentage", 80, 100), (132, 165), ["target_converted"]),
        # Of the highest heart rate, 185.
        (at("heart_rate_zone", 4), (148, 166), ["target_converted"]),
    ],
)
def test_heart_rate_targets_in_bpm(target, ends, code):
    written, warned = one_step(target)

    assert written["strength"] == {"name": "heartRate", "valueH": ends[1], "valueL": ends[0]}
    assert warned == [(it, TARGET) for it in code]


def test_pace_targets_are_milliseconds_a_kilometre():
    written, warned = one_step(between("pace", 240, 250.5))

    assert written["strength"] == {"name": "pace", "valueH": 240_000, "valueL": 250_500}
    assert warned == []


def test_speed_targets_are_milliseconds_a_kilometre():
    written, warned = one_step(between("speed", 3.2, 4.0))

    assert written["strength"] == {"name": "pace", "valueH": 250_000, "valueL": 312_500}
    assert warned == []


def test_a_pace_of_two_hours_is_kept_and_a_standstill_clamped():
    written, warned = one_step(between("pace", 6000, 7200))
    still, clamped = one_step(between("speed", 0, 1))

    assert (written["strength"]["valueL"], warned) == (7_200_000, [])
    assert (still["strength"]["valueL"], clamped) == (7_200_000, [("value_clamped", TARGET)])


def test_cadence_targets_are_the_steps_rate():
    written, warned = one_step(between("cadence", 170, 180))

    assert written["strength"] == {"name": "stepsRate", "valueH": 180, "valueL": 170}
    assert warned == []


def test_calorie_based_completion_conditions():
    written, warned = one_step(until=CompletionCondition(Completion.CALORIES, 90))

    assert written["target"] == {"name": "calories", "value": 90}
    assert warned == []


def test_block_repeats_via_action_combine():
    combined, warned = export_of(workout(block(step("active", distance(400)), step("rest", time(60)), times=4)))

    assert [(it["repeatTimes"], [one["name"] for one in it["actionList"]]) for it in combined] == [
        (4, ["run", "have a rest"])
    ]
    assert warned == []


@pytest.mark.parametrize("sport", ["cycling", "swimming", "strength", "trail_running"])
def test_other_sports_get_a_warning_and_appear_as_a_run(sport):
    combined, warned = export_of(workout(block(step("active", time(60))), sport=sport), NOBODY)

    assert combined[0]["actionList"][0]["name"] == "run"
    assert warned == [("sport_unsupported", "workout.sport")]


@pytest.mark.parametrize(
    "target", [between("power", 200, 220), between("power_percentage", 80, 90), at("power_zone", 3)]
)
def test_no_power_targets(target):
    written, warned = one_step(target)

    assert "strength" not in written
    assert warned == [("target_type_unsupported", f"{TARGET}.target_type")]


def test_single_target_a_step_the_first_prioritized_is_used():
    written, warned = one_step(between("cadence", 170, 180), between("heart_rate", 130, 140))

    assert written["strength"] == {"name": "heartRate", "valueH": 140, "valueL": 130}
    assert written["describe"] == "Active, 170-180 rpm"
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_no_planned_date_a_warning_is_always_returned():
    _, warned = exported("huawei", workout(block(step("active", time(60)))), NOBODY)

    assert warned == [ALWAYS]


@pytest.mark.parametrize("intensity", ["cooldown", "recovery"])
def test_cooldown_and_recovery_become_relax_with_a_warning(intensity):
    written, warned = one_step(intensity=intensity)

    assert written["name"] == "relax"
    assert warned == [("intensity_type_coerced", f"{STEP}.intensity_type")]


def test_single_values_are_expanded_by_5_percent():
    written, warned = one_step(at("heart_rate", 140))

    assert written["strength"] == {"name": "heartRate", "valueH": 147, "valueL": 133}
    assert warned == [("range_widened", TARGET)]


def test_step_level_reps_become_a_repeating_action_combine():
    combined, warned = export_of(workout(block(step("active", reps(6)), step("rest", time(60)))))

    assert [(it["repeatTimes"], it["actionList"][0]["target"]) for it in combined] == [
        (6, {"name": "time", "value": 30}),
        (1, {"name": "time", "value": 60}),
    ]
    assert warned == [("completion_converted", f"{STEP}.completion_condition")]


def test_names_are_unique_by_the_date():
    payload, _ = exported("huawei", workout(block(step("active", time(60))), name="Tempo"))

    assert payload["name"] == "Tempo 2026-12-01"
