from dataclasses import replace

import pytest

from tests.workouts.workouts import at, between
from workouts.domain.athlete import AthleteParameters
from workouts.domain.coercion import Code, CoercionWarning, Warnings
from workouts.domain.structure import IntensityTarget, TargetType
from workouts.domain.targets import Range, in_unit, range_of, widened
from workouts.domain.zones import TABLES, Zone, zone_range

PATH = "workout.step_blocks[0].steps[0].intensity_targets[0]"
ATHLETE = AthleteParameters(ftp=280, max_heart_rate=180, threshold_heart_rate=160, threshold_speed=4)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (at("heart_rate", 150), Range("heart_rate", "absolute", 150, 150, is_single=True)),
        (between("power", 200, 220), Range("power", "absolute", 200, 220)),
        (between("pace", 240, 250), Range("speed", "absolute", 4, 1000 / 240)),
        (between("power_percentage", 88, 94), Range("power", "ftp", 88, 94)),
        (
            IntensityTarget(TargetType.SPEED_PERCENTAGE, value_high=90),
            Range("speed", "threshold_speed", 90, 90, is_single=True),
        ),
        (at("heart_rate_zone", 3), Range("heart_rate", "zone", 3, 3, is_single=True)),
        (at("rpe", 6), Range("rpe", "absolute", 6, 6, is_single=True)),
    ],
    ids=["value", "range", "pace", "percentage", "one end", "zone", "rpe"],
)
def test_range_of_reads_a_target(target, expected):
    assert range_of(target) == expected


def test_widened_makes_five_per_cent_to_either_side_and_says_so():
    warnings = Warnings()

    wide = widened(range_of(at("power", 200)), PATH, warnings)

    assert (wide.low, wide.high, wide.is_single) == (190, 210, False)
    assert warnings.in_order() == (
        CoercionWarning(Code.RANGE_WIDENED, PATH, "A single value was widened by 5 % to either side: 190 to 210."),
    )


@pytest.mark.parametrize("target", [at("rpe", 6), at("power_zone", 2), between("power", 200, 220)])
def test_widened_leaves_exertion_zones_and_ranges_alone(target):
    warnings = Warnings()

    assert widened(range_of(target), PATH, warnings) == range_of(target)
    assert warnings.in_order() == ()


def convert(target, accepted, preferred, athlete=ATHLETE, base="max_heart_rate"):
    warnings = Warnings()
    result = in_unit(
        range_of(target),
        accepted,
        preferred=preferred,
        zone_base=base,
        athlete=athlete,
        path=PATH,
        warnings=warnings,
        provider="Tempo",
    )
    return (result.unit, round(result.low, 6), round(result.high, 6)), [
        (it.code, it.path) for it in warnings.in_order()
    ]


@pytest.mark.parametrize(
    ("target", "accepted", "preferred", "base", "expected"),
    [
        (between("power_percentage", 95, 100), {"absolute"}, "absolute", "ftp", ("absolute", 266, 280)),
        (between("power", 266, 280), {"ftp"}, "ftp", "ftp", ("ftp", 95, 100)),
        (at("power_zone", 3), {"absolute"}, "absolute", "max_heart_rate", ("absolute", 210, 252)),
        (at("power_zone", 3), {"ftp"}, "ftp", "max_heart_rate", ("ftp", 75, 90)),
        (at("heart_rate_zone", 3), {"absolute"}, "absolute", "max_heart_rate", ("absolute", 126, 144)),
        (at("heart_rate_zone", 3), {"absolute"}, "absolute", "threshold_heart_rate", ("absolute", 144, 152)),
        (between("heart_rate_zone", 2, 3), {"max_heart_rate"}, "max_heart_rate", "max_heart_rate",
         ("max_heart_rate", 60, 80)),
        (between("heart_rate_threshold_percentage", 90, 100), {"max_heart_rate"}, "max_heart_rate", "max_heart_rate",
         ("max_heart_rate", 80, 88.888889)),
        (between("speed_percentage", 90, 100), {"absolute"}, "absolute", "ftp", ("absolute", 3.6, 4)),
    ],
)  # fmt: skip
def test_in_unit_converts_by_the_athletes_numbers_and_says_so(target, accepted, preferred, base, expected):
    assert convert(target, accepted, preferred, base=base) == (expected, [(Code.TARGET_CONVERTED, PATH)])


def test_in_unit_leaves_what_is_taken_alone():
    assert convert(between("power_percentage", 95, 100), {"ftp", "absolute"}, "absolute") == (("ftp", 95, 100), [])


def test_in_unit_uses_the_same_stand_in_for_what_nobody_told_and_names_it_last():
    assert convert(between("power_percentage", 95, 100), {"absolute"}, "absolute", athlete=AthleteParameters()) == (
        ("absolute", 190, 200),
        [(Code.TARGET_CONVERTED, PATH), (Code.ATHLETE_PARAMETER_MISSING, "ftp")],
    )


def test_in_unit_takes_the_athletes_own_zones():
    own = replace(ATHLETE, zones={"ftp": tuple(Zone(low, low + 10) for low in range(0, 70, 10))})

    assert convert(at("power_zone", 2), {"ftp"}, "ftp", athlete=own)[0] == ("ftp", 10, 20)


@pytest.mark.parametrize("base", list(TABLES))
def test_zone_tables_have_no_gap_and_no_overlap(base):
    table = TABLES[base]

    assert [one.high for one in table[:-1]] == [one.low for one in table[1:]]
    assert all(one.low < one.high for one in table)
    assert zone_range(base, 1, len(table)) == (table[0].low, table[-1].high)
