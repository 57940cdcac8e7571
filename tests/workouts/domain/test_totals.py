import pytest

from tests.workouts.workouts import at, between, block, distance, reps, step, time, workout
from workouts.domain.athlete import AthleteParameters
from workouts.domain.structure import OPEN, Completion, CompletionCondition, StepBlock
from workouts.domain.totals import Totals, intensity_share, totals_of

ATHLETE = AthleteParameters(ftp=250, threshold_speed=4.0, threshold_heart_rate=160, max_heart_rate=180)


def rounded(totals: Totals) -> Totals:
    return Totals(round(totals.duration_s, 3), round(totals.distance_m, 3), round(totals.load, 3), totals.is_estimated)


def test_totals_of_adds_up_what_is_told():
    ride = workout(block(step("active", time(720), between("power_percentage", 90, 100)), times=3), sport="cycling")

    # Three times twelve minutes at 95 %: 0.6 h x 0.9025 x 100; at 95 % of 9.5 m/s.
    assert rounded(totals_of(ride, ATHLETE)) == Totals(2160, 19494, 54.15, is_estimated=False)


def test_totals_of_estimates_the_time_of_a_distance_by_its_pace():
    run = workout(block(step("active", distance(1000), between("pace", 240, 250)), step("rest", time(120)), times=4))

    totals = totals_of(run, ATHLETE)

    speed = (4 + 1000 / 240) / 2
    assert totals.duration_s == pytest.approx(4 * (1000 / speed + 120))
    assert totals.distance_m == pytest.approx(4 * (1000 + 120 * 4 * 0.4))
    assert totals.is_estimated


@pytest.mark.parametrize(
    ("condition", "seconds"),
    [
        (reps(5), 30),
        (reps(20), 80),
        (OPEN, 300),
        (CompletionCondition(Completion.HR_LESS_THAN, 120), 300),
        (CompletionCondition(Completion.CALORIES, 50), 300),
    ],
)
def test_totals_of_estimates_what_has_no_length(condition, seconds):
    assert rounded(totals_of(workout(block(step("active", condition)), sport="strength"))) == Totals(
        seconds, 0, round(seconds / 3600 * 64, 3), is_estimated=True
    )


def test_totals_of_repeats_a_block_until_its_time_is_over():
    timed = workout(
        StepBlock((step("active", time(60)), step("rest", time(60))), CompletionCondition(Completion.TIME, 1200)),
        sport="yoga",
    )

    assert totals_of(timed).duration_s == 1200


@pytest.mark.parametrize(
    ("target", "share"),
    [
        (at("power", 250), 1.0),
        (between("heart_rate_zone", 3, 4), 0.95),
        (between("heart_rate_max_percentage", 80, 80.001), 0.9),
        (at("pace", 250), 1.0),
        (at("rpe", 7), 1.0),
        (at("cadence", 90), 0.8),
    ],
)
def test_intensity_share_reads_the_target_else_the_intensity(target, share):
    assert intensity_share(step("active", time(60), target), ATHLETE) == pytest.approx(share, abs=1e-4)
