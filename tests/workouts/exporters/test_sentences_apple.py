"""The seed's sentences about Apple, each by its name."""

import pytest

from tests.workouts.exporters.saying import NOBODY, SOMEBODY, STEP, TARGET, exported
from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.structure import Completion, CompletionCondition, Strength, Stroke, SwimStep


def plan_of(drawn, athlete=SOMEBODY):
    payload, warned = exported("apple", drawn, athlete)
    return payload["plan"], warned


def one_step(*targets, until=None, sport="running", athlete=SOMEBODY, **more):
    drawn = workout(block(step("active", until or time(60), *targets, **more)), sport=sport)
    plan, warned = plan_of(drawn, athlete)
    return plan["blocks"][0]["steps"][0], warned


@pytest.mark.parametrize(
    ("target", "alert", "codes"),
    [
        (between("heart_rate", 130, 140), {"type": "heartRateRange", "min": 130, "max": 140, "unit": "bpm"}, []),
        (
            between("heart_rate_max_percentage", 80, 100),
            {"type": "heartRateRange", "min": 148, "max": 185, "unit": "bpm"},
            ["target_converted"],
        ),
        (
            between("heart_rate_threshold_percentage", 80, 100),
            {"type": "heartRateRange", "min": 132, "max": 165, "unit": "bpm"},
            ["target_converted"],
        ),
        (at("heart_rate_zone", 3), {"type": "heartRateZone", "zone": 3}, []),
    ],
)
def test_heart_rate_targets(target, alert, codes):
    written, warned = one_step(target)

    assert written["alert"] == alert
    assert warned == [(code, TARGET) for code in codes]


@pytest.mark.parametrize(
    ("target", "alert", "codes"),
    [
        (
            between("power", 200, 220),
            {"type": "powerRange", "min": 200, "max": 220, "unit": "W", "metric": "current"},
            [],
        ),
        (
            between("power_percentage", 80, 90),
            {"type": "powerRange", "min": 200, "max": 225, "unit": "W", "metric": "current"},
            ["target_converted"],
        ),
        (at("power_zone", 4), {"type": "powerZone", "zone": 4}, []),
    ],
)
def test_power_targets(target, alert, codes):
    written, warned = one_step(target, sport="cycling")

    assert written["alert"] == alert
    assert warned == [(code, TARGET) for code in codes]


@pytest.mark.parametrize("target", [between("pace", 250, 400), between("speed", 2.5, 4)])
def test_pace_and_speed_targets(target):
    written, warned = one_step(target)

    assert written["alert"] == {"type": "speedRange", "min": 2.5, "max": 4, "unit": "m/s", "metric": "current"}
    assert warned == []


def test_cadence_targets():
    written, warned = one_step(between("cadence", 170, 180))

    assert written["alert"] == {"type": "cadenceRange", "min": 170, "max": 180, "unit": "count/min"}
    assert warned == []


def test_calorie_based_completion_conditions():
    written, warned = one_step(until=CompletionCondition(Completion.CALORIES, 90))

    assert written["goal"] == {"type": "energy", "value": 90, "unit": "kcal"}
    assert warned == []


def test_block_repeats_via_interval_block_iterations():
    plan, warned = plan_of(workout(block(step("active", distance(400)), step("recovery", time(60)), times=4)))

    assert [(it["iterations"], [one["purpose"] for one in it["steps"]]) for it in plan["blocks"]] == [
        (4, ["work", "recovery"])
    ]
    assert warned == []


def test_single_target_a_step():
    written, warned = one_step(between("heart_rate", 130, 140), between("cadence", 170, 180))

    assert written["alert"] == {"type": "heartRateRange", "min": 130, "max": 140, "unit": "bpm"}
    assert written["displayName"] == "170-180 rpm"
    assert warned == [("too_many_targets", f"{STEP}.intensity_targets")]


def test_single_warmup_and_single_cooldown_additional_ones_are_dropped():
    drawn = workout(
        block(step("warmup", time(300))),
        block(step("warmup", time(200))),
        block(step("active", time(600))),
        block(step("cooldown", time(100))),
        block(step("cooldown", time(400))),
    )

    plan, warned = plan_of(drawn)

    goals = [it["goal"]["value"] for it in (plan["warmup"], plan["blocks"][0]["steps"][0], plan["cooldown"])]
    assert (goals, len(plan["blocks"])) == ([300, 600, 400], 1)
    assert warned == [
        ("extra_block_dropped", "workout.step_blocks[1]"),
        ("extra_block_dropped", "workout.step_blocks[3]"),
    ]


def test_a_warmup_in_the_middle_stays_where_it_is():
    drawn = workout(
        block(step("active", time(600))), block(step("warmup", time(300))), block(step("active", time(700)))
    )

    plan, warned = plan_of(drawn)

    assert plan["warmup"] is None
    assert [it["steps"][0]["goal"]["value"] for it in plan["blocks"]] == [600, 300, 700]
    assert warned == [("intensity_type_coerced", "workout.step_blocks[1].steps[0].intensity_type")]


def test_no_exercise_names_and_timed_intervals_instead_of_sets():
    written, warned = one_step(until=reps(8), sport="strength", strength=Strength("Squat", weight=80.0))

    assert (written["goal"], written["displayName"]) == ({"type": "open"}, "8 reps, Squat, 80 kg")
    assert warned == [
        ("completion_unsupported", f"{STEP}.completion_condition"),
        ("exercise_unsupported", f"{STEP}.strength.exercise_name"),
        ("weight_unsupported", f"{STEP}.strength.weight"),
    ]


def test_no_swim_stroke_types():
    written, warned = one_step(
        until=distance(50), sport="swimming", swimming=SwimStep(Stroke.BUTTERFLY), athlete=NOBODY
    )

    assert written["displayName"] == "butterfly"
    assert warned == [("stroke_unsupported", f"{STEP}.swimming.stroke_type")]


def test_no_rpe_targets():
    written, warned = one_step(at("rpe", 7))

    assert (written["alert"], written["displayName"]) == (None, "RPE 7")
    assert warned == [("target_type_unsupported", f"{TARGET}.target_type")]


@pytest.mark.parametrize(
    ("sport", "activity"),
    [
        ("pilates", "mindAndBody"),
        ("cardio", "mixedCardio"),
        ("trail_running", "running"),
        ("mountain_biking", "cycling"),
        ("backcountry_skiing", "crossCountrySkiing"),
    ],
)
def test_unsupported_sports_become_the_closest_activity(sport, activity):
    plan, warned = plan_of(workout(block(step("active", time(60))), sport=sport))

    assert plan["activity"] == activity
    assert warned == [("sport_unsupported", "workout.sport")]


def test_a_rest_is_a_recovery():
    plan, warned = plan_of(workout(block(step("rest", time(60)))))

    assert plan["blocks"][0]["steps"][0]["purpose"] == "recovery"
    assert warned == [("intensity_type_coerced", f"{STEP}.intensity_type")]
