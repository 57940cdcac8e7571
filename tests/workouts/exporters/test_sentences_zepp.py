"""The seed's sentences about Zepp, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, SOMEBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import OPEN, ControlType, StepControl, Strength, Stroke, SwimStep


def one_step(*targets, until=None, sport="running", athlete=SOMEBODY, **more):
    drawn = workout(block(step("active", until or time(90), *targets, **more)), sport=sport)
    payload, warned = exported("zepp", drawn, athlete)
    return payload["steps"][0], warned


@pytest.mark.parametrize(
    ("sport", "native"),
    [("running", "RUNNING"), ("cycling", "CYCLING"), ("swimming", "LAP_SWIMMING"), ("trail_running", "TRAILRUN")],
)
def test_running_cycling_and_swimming(sport, native):
    payload, warned = exported("zepp", workout(block(step("active", time(90))), sport=sport), NOBODY)

    assert (payload["sport"], warned) == (native, [])


@pytest.mark.parametrize(
    ("target", "written"),
    [
        (between("heart_rate_max_percentage", 80, 100), {"type": "HEART_RATE", "low": 148, "high": 185}),
        (between("heart_rate_threshold_percentage", 80, 100), {"type": "HEART_RATE", "low": 132, "high": 165}),
        # Of the heart rate at threshold, 165.
        (at("heart_rate_zone", 3), {"type": "HEART_RATE", "low": 148, "high": 157}),
        (between("power_percentage", 80, 90), {"type": "POWER", "low": 200, "high": 225}),
        (at("power_zone", 3), {"type": "POWER", "low": 188, "high": 225}),
        (between("speed_percentage", 90, 100), {"type": "SPEED", "low": 3.6, "high": 4}),
    ],
)
def test_percentages_and_zones_become_absolute(target, written):
    told, warned = one_step(target)

    assert told["target"] == written
    assert warned == [("target_converted", TARGET)]


def test_cadence_as_a_secondary_target_beside_a_primary_one():
    written, warned = one_step(between("power", 200, 220), between("cadence", 85, 95), sport="cycling")

    assert written["target"] == {"type": "POWER", "low": 200, "high": 220}
    assert written["secondaryTarget"] == {"type": "CADENCE", "low": 85, "high": 95}
    assert warned == []


def test_cadence_as_the_only_target_returns_a_warning():
    written, warned = one_step(between("cadence", 85, 95))

    assert (written["target"], written["secondaryTarget"], written["description"]) == (None, None, "85-95 rpm")
    assert warned == [("cadence_needs_primary", f"{TARGET}.target_type")]


def test_more_than_one_primary_target():
    written, warned = one_step(between("heart_rate", 130, 140), between("pace", 240, 250))

    assert written["target"] == {"type": "HEART_RATE", "low": 130, "high": 140}
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_block_repeats():
    payload, warned = exported("zepp", workout(block(step("active", distance(400)), times=4)))

    (repeat,) = payload["steps"]
    assert (repeat["type"], repeat["times"], len(repeat["steps"])) == ("REPEAT", 4, 1)
    assert warned == []


def test_pace_targets_are_converted_from_seconds_a_km_to_metres_a_second():
    written, warned = one_step(between("pace", 240, 250))

    assert written["target"] == {"type": "SPEED", "low": 4, "high": 4.167}
    assert warned == []


def test_no_swim_stroke_types():
    written, warned = one_step(sport="swimming", swimming=SwimStep(Stroke.BUTTERFLY), athlete=NOBODY)

    assert written["description"] == "butterfly"
    assert warned == [("stroke_ignored", f"{STEP}.swimming.stroke_type")]


def test_no_equipment_weight_targets():
    written, warned = one_step(strength=Strength(weight=20.0))

    assert written["description"] == "20 kg"
    assert warned == [("equipment_weight_ignored", f"{STEP}.strength.weight")]


def test_no_controls_support():
    written, warned = one_step(controls=(StepControl(ControlType.RESISTANCE, 5.0),))

    assert written["description"] == "Resistance 5"
    assert warned == [("control_unsupported", f"{STEP}.controls[0]")]


@pytest.mark.parametrize("sport", ["strength", "mountain_biking", "backcountry_skiing", "yoga", "hiking"])
def test_unsupported_sports_default_to_running_with_a_warning(sport):
    payload, warned = exported("zepp", workout(block(step("active", time(90))), sport=sport))

    assert payload["sport"] == "RUNNING"
    assert warned == [("sport_unsupported", "workout.sport")]


def test_missing_completion_conditions_default_to_60_seconds():
    written, warned = one_step(until=OPEN)

    assert written["completion"] == {"type": "TIME", "value": 60}
    assert warned == [("completion_defaulted", f"{STEP}.completion_condition")]


def test_step_level_reps_are_wrapped_in_repeat_blocks():
    written, warned = one_step(until=reps(6))

    assert (written["type"], written["times"]) == ("REPEAT", 6)
    assert [it["completion"] for it in written["steps"]] == [{"type": "TIME", "value": 60}]
    assert warned == [("block_wrapped", f"{STEP}.completion_condition")]


def test_single_values_are_expanded_by_5_percent():
    written, warned = one_step(at("power", 200), sport="cycling")

    assert written["target"] == {"type": "POWER", "low": 190, "high": 210}
    assert warned == [("range_widened", TARGET)]
