"""What is measured all day long: one row a metric, with its name for people, its unit and how a day sums it up.

Providers bring tables of `UnitRule` that say which of their types is which metric. A type that no table knows keeps the
provider's own identifier as its metric, and `metric_of` makes a row for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainstack.units import rule

# How a day sums up: "count" counts the samples, "duration" adds up their lengths in the metric's unit, "none" has no
# figure for a day (stages of sleep become sessions instead).
Aggregate = Literal["sum", "mean", "last", "min", "max", "count", "duration", "none"]
Group = Literal[
    "heart", "sleep", "activity", "body", "vitals", "running", "cycling", "swimming", "nutrition", "hearing",
    "mobility", "other",
]  # fmt: skip
# The groups in the order in which a page shows them.
GROUPS: dict[str, str] = {
    "heart": "Heart",
    "sleep": "Sleep",
    "activity": "Activity",
    "body": "Body",
    "vitals": "Vital signs",
    "running": "Running",
    "cycling": "Cycling",
    "swimming": "Swimming and water",
    "mobility": "Mobility",
    "hearing": "Hearing",
    "nutrition": "Nutrition",
    "other": "Other",
}


@dataclass(frozen=True)
class Metric:
    """One metric. `merged`: phone and watch tell the same moments, so a day's total counts each moment once.

    `stream` names the stream of a workout that its samples feed; `decimals` are those that a person is shown.
    """

    slug: str
    label: str
    unit: str
    aggregate: Aggregate
    group: Group
    decimals: int = 0
    merged: bool = False
    stream: str | None = None


class Converted(NamedTuple):
    """Where a told unit leads: the metric, and `told * scale + offset` in its unit.

    `fraction`: values at or below 1 are shares of 1 and become per cent, values above 1 are per cent already.
    """

    metric: str
    scale: float = 1.0
    offset: float = 0.0
    fraction: bool = False

    def values(self, told: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values in the metric's unit, without the digits that only the arithmetic adds."""
        if self.fraction:
            return np.round(told * np.where(told <= 1.0, 100.0, 1.0), 9)
        if self.scale == 1.0 and self.offset == 0.0:
            return told
        return np.round(told * self.scale + self.offset, 9)


# Units that are the same in every country: a sample of these that tells no unit means this one.
_WORLDWIDE = frozenset({"", "bpm", "count", "%", "ms", "breaths/min", "min", "W", "rpm", "mmHg", "mL/kg/min", "dBASPL"})


@dataclass(frozen=True)
class UnitRule:
    """One type of a provider: the metric it is, and the metric's unit. `fraction` as in `Converted`."""

    metric: str
    unit: str
    fraction: bool = False

    def convert(self, unit: str) -> tuple[float, float] | None:
        """(scale, offset) into the metric's unit; None where the told unit cannot become it. Shares become per cent."""
        if not unit and self.unit not in _WORLDWIDE:
            return None
        factors = rule(unit or self.unit, self.unit)
        return (100.0, 0.0) if factors and self.fraction else factors


# A provider's identifier -> what it is here.
MetricTable = Mapping[str, UnitRule]


def converted(table: MetricTable, identifier: str, unit: str) -> Converted:
    """Where samples of this type and unit belong.

    An unknown type keeps its identifier and its values as told. A known type in a unit that cannot become the
    metric's is neither lost nor mixed with the others: it gets a metric of its own, `identifier (unit)`.
    """
    known = table.get(identifier)
    if known is None:
        return Converted(identifier)
    factors = known.convert(unit)
    if factors is None:
        return Converted(f"{identifier} ({unit or 'no unit'})")
    return Converted(known.metric, *factors, known.fraction)


def metric_of(slug: str) -> Metric:
    """The metric's row; for a slug of no row, one made from the identifier's own words."""
    known = METRICS.get(slug)
    if known:
        return known
    identifier, _, unit = slug.partition(" (")
    unit = unit.removesuffix(")")
    match = _IDENTIFIER.fullmatch(identifier)
    kind, words = (match.group(1), match.group(2)) if match else ("", identifier)
    label = _WORDS.sub(" ", words.replace("_", " ")).strip() or slug
    label = label[:1].upper() + re.sub(r"\b[A-Z](?=[a-z])", lambda first: first.group().lower(), label[1:])
    return Metric(
        slug=slug,
        label=f"{label} ({unit})" if unit else label,
        unit="" if unit == "no unit" else unit,
        aggregate="mean" if kind == "Quantity" or unit else "last" if kind == "Data" else "count",
        group="other",
        decimals=2,
    )


_IDENTIFIER = re.compile(r"HK(Quantity|Category|Data|Correlation|Document)?Type(?:Identifier)?(.+)")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _totals(group: Group, *rows: tuple[str, str, str, int], merged: bool = True) -> Iterator[Metric]:
    for slug, label, unit, decimals in rows:
        yield Metric(slug, label, unit, "sum", group, decimals, merged)


def _readings(
    group: Group, aggregate: Aggregate, *rows: tuple[str, str, str, int] | tuple[str, str, str, int, str]
) -> Iterator[Metric]:
    for slug, label, unit, decimals, *stream in rows:
        yield Metric(slug, label, unit, aggregate, group, decimals, stream=stream[0] if stream else None)


METRICS: dict[str, Metric] = {
    metric.slug: metric
    for rows in (
        _readings(
            "heart", "mean",
            ("heart_rate", "Heart rate", "bpm", 0, "heart_rate"),
            ("hrv_sdnn", "Heart rate variability (SDNN)", "ms", 0),
            ("hrv_rmssd", "Heart rate variability (rMSSD)", "ms", 0),
        ),
        _readings(
            "heart", "last",
            ("resting_heart_rate", "Resting heart rate", "bpm", 0),
            ("walking_heart_rate", "Walking heart rate", "bpm", 0),
            ("heart_rate_recovery", "Heart rate recovery, one minute", "bpm", 0),
            ("vo2max", "VO2 max", "mL/kg/min", 1),
            ("atrial_fibrillation_burden", "Atrial fibrillation burden", "%", 1),
            ("sleeping_heart_rate", "Heart rate asleep", "bpm", 0),
            ("fitbit_run_vo2max", "VO2 max by running (Fitbit)", "mL/kg/min", 1),
            ("fitbit_readiness", "Daily readiness (Fitbit)", "score", 0),
            ("fitbit_stress_score", "Stress management score (Fitbit)", "score", 0),
            ("polar_nightly_recharge", "Nightly Recharge status, 1 to 6 (Polar)", "score", 0),
            ("polar_ans_charge", "ANS charge, -10 to 10 (Polar)", "score", 1),
            ("garmin_body_battery", "Body Battery, highest (Garmin)", "score", 0),
            ("samsung_health_energy_score", "Energy score (Samsung Health)", "score", 0),
            ("max_heart_rate", "Maximum heart rate, as known to the provider", "bpm", 0),
            ("whoop_recovery", "Recovery, 0 to 100 % (WHOOP)", "%", 0),
            ("whoop_strain", "Day strain, 0 to 21 (WHOOP)", "score", 1),
            ("oura_readiness", "Readiness score, 0 to 100 (Oura)", "score", 0),
            ("oura_resilience", "Resilience, 1 limited to 5 exceptional (Oura)", "score", 0),
            ("oura_stress_high", "Time in high stress (Oura)", "min", 0),
            ("oura_recovery_high", "Time in high recovery (Oura)", "min", 0),
            ("oura_vascular_age", "Cardiovascular age (Oura)", "years", 0),
            ("pulse_wave_velocity", "Pulse wave velocity", "m/s", 1),
            ("polar_cardio_load", "Cardio load (Polar)", "score", 0),
            ("polar_strain", "Strain, cardio load of the last week (Polar)", "score", 1),
            ("polar_tolerance", "Tolerance, cardio load of the last four weeks (Polar)", "score", 1),
            ("polar_cardio_load_ratio", "Cardio load ratio, strain to tolerance (Polar)", "score", 2),
            ("aerobic_threshold_heart_rate", "Heart rate at the aerobic threshold", "bpm", 0),
            ("anaerobic_threshold_heart_rate", "Heart rate at the anaerobic threshold", "bpm", 0),
        ),
        _readings(
            "heart", "mean",
            ("garmin_stress", "Stress, 0 to 100 (Garmin)", "score", 0),
            ("samsung_health_stress", "Stress, 0 to 100 (Samsung Health)", "score", 0),
            ("suunto_resources", "Resources, 0 to 100 % (Suunto)", "%", 0),
        ),
        _readings("sleep", "none", ("sleep_stage", "Sleep stages", "", 0)),
        _readings(
            "sleep", "last",
            ("wrist_temperature", "Wrist temperature asleep", "degC", 2),
            ("breathing_disturbances", "Breathing disturbances", "count", 1),
            ("fitbit_sleep_score", "Sleep score (Fitbit)", "score", 0),
            ("suunto_sleep_quality", "Sleep quality, 0 to 100 % (Suunto)", "%", 0),
            ("suunto_oxygen_asleep", "Blood oxygen asleep, highest (Suunto)", "%", 0),
            ("whoop_sleep_performance", "Sleep performance, 0 to 100 % of the need (WHOOP)", "%", 0),
            ("whoop_sleep_consistency", "Sleep consistency, 0 to 100 % (WHOOP)", "%", 0),
            ("oura_sleep_score", "Sleep score, 0 to 100 (Oura)", "score", 0),
            ("polar_sleep_score", "Sleep score, 1 to 100 (Polar)", "score", 0),
            ("polar_sleep_charge", "Sleep charge, 1 to 5 (Polar)", "score", 0),
            ("polar_sleep_continuity", "Sleep continuity, 1 to 5 (Polar)", "score", 1),
        ),
        _totals(
            "activity",
            ("steps", "Steps", "count", 0),
            # Of a source that does not tell how it was covered.
            ("distance", "Distance", "m", 0),
            ("distance_walking_running", "Walking and running distance", "m", 0),
            ("distance_cycling", "Cycling distance", "m", 0),
            ("distance_swimming", "Swimming distance", "m", 0),
            ("distance_wheelchair", "Wheelchair distance", "m", 0),
            ("distance_downhill_snow_sports", "Downhill snow sports distance", "m", 0),
            ("distance_cross_country_skiing", "Cross-country skiing distance", "m", 0),
            ("distance_paddle_sports", "Paddling distance", "m", 0),
            ("distance_rowing", "Rowing distance", "m", 0),
            ("distance_skating_sports", "Skating distance", "m", 0),
            ("wheelchair_pushes", "Wheelchair pushes", "count", 0),
            ("flights_climbed", "Flights climbed", "count", 0),
            ("active_energy", "Active energy", "kcal", 0),
            ("basal_energy", "Resting energy", "kcal", 0),
            ("total_energy", "Total energy", "kcal", 0),
            ("elevation_gained", "Elevation gained", "m", 0),
            ("exercise_time", "Exercise time", "min", 0),
            ("move_time", "Move time", "min", 0),
            ("stand_time", "Stand time", "min", 0),
            ("stand_hours", "Stand hours", "count", 0),
            ("active_time", "Active time", "min", 0),
            ("light_activity_time", "Light activity", "min", 0),
            ("moderate_activity_time", "Moderate activity", "min", 0),
            ("vigorous_activity_time", "Vigorous activity", "min", 0),
            ("sedentary_time", "Sedentary time", "min", 0),
            ("fitbit_active_zone_minutes", "Active zone minutes (Fitbit)", "min", 0),
            ("time_in_daylight", "Time in daylight", "min", 0),
            ("nike_fuel", "NikeFuel", "count", 0),
        ),
        _readings("activity", "duration", ("mindful_time", "Mindful time", "min", 0)),
        _readings(
            "activity", "mean",
            ("physical_effort", "Physical effort", "MET", 1),
            # Of a source that does not tell which sport.
            ("speed", "Speed", "m/s", 2, "speed"),
            ("power", "Power", "W", 0, "power"),
            ("rowing_speed", "Rowing speed", "m/s", 2, "speed"),
            ("paddle_sports_speed", "Paddling speed", "m/s", 2, "speed"),
            ("cross_country_skiing_speed", "Cross-country skiing speed", "m/s", 2, "speed"),
        ),
        _readings(
            "activity", "last",
            ("ring_move", "Move ring", "kcal", 0),
            ("ring_move_goal", "Move goal", "kcal", 0),
            ("ring_move_time", "Move ring, time", "min", 0),
            ("ring_move_time_goal", "Move goal, time", "min", 0),
            ("ring_exercise", "Exercise ring", "min", 0),
            ("ring_exercise_goal", "Exercise goal", "min", 0),
            ("ring_stand", "Stand ring", "h", 0),
            ("ring_stand_goal", "Stand goal", "h", 0),
            ("workout_effort", "Workout effort", "score", 0),
            ("oura_activity_score", "Activity score, 0 to 100 (Oura)", "score", 0),
            ("polar_daily_activity", "Daily activity, share of the goal (Polar)", "%", 0),
            ("estimated_workout_effort", "Workout effort, estimated", "score", 0),
        ),
        _readings(
            "body", "last",
            ("weight", "Weight", "kg", 1),
            ("body_fat", "Body fat", "%", 1),
            ("lean_mass", "Lean body mass", "kg", 1),
            ("bmi", "Body mass index", "count", 1),
            ("height", "Height", "m", 2),
            ("skeletal_muscle_mass", "Skeletal muscle mass", "kg", 1),
            ("body_water_mass", "Body water", "kg", 1),
            ("bone_mass", "Bone mass", "kg", 1),
            ("basal_metabolic_rate", "Basal metabolic rate, a day", "kcal", 0),
            ("waist_circumference", "Waist circumference", "m", 2),
        ),
        _readings(
            "vitals", "mean",
            ("oxygen_saturation", "Blood oxygen", "%", 0),
            ("respiratory_rate", "Respiratory rate", "breaths/min", 1),
            ("body_temperature", "Body temperature", "degC", 1),
            ("basal_body_temperature", "Basal body temperature", "degC", 2),
            ("skin_temperature", "Skin temperature", "degC", 1),
            ("skin_temperature_deviation", "Skin temperature, against the usual", "degC", 2),
            ("blood_pressure_systolic", "Blood pressure, systolic", "mmHg", 0),
            ("blood_pressure_diastolic", "Blood pressure, diastolic", "mmHg", 0),
            ("blood_glucose", "Blood glucose", "mg/dL", 0),
            ("peripheral_perfusion_index", "Peripheral perfusion index", "%", 1),
            ("electrodermal_activity", "Electrodermal activity", "mcS", 2),
            ("forced_expiratory_volume", "Forced expiratory volume, 1 s", "L", 2),
            ("forced_vital_capacity", "Forced vital capacity", "L", 2),
            ("peak_expiratory_flow", "Peak expiratory flow", "L/min", 0),
        ),
        _readings("vitals", "max", ("blood_alcohol", "Blood alcohol", "%", 3)),
        _totals(
            "vitals",
            ("insulin_delivery", "Insulin delivery", "IU", 1),
            ("inhaler_usage", "Inhaler usage", "count", 0),
            merged=False,
        ),
        _readings(
            "running", "mean",
            ("running_power", "Running power", "W", 0, "power"),
            ("running_speed", "Running speed", "m/s", 2, "speed"),
            ("step_cadence", "Step cadence", "spm", 0, "cadence"),
            ("stride_length", "Stride length", "m", 2, "stride_length"),
            ("vertical_oscillation", "Vertical oscillation", "cm", 1, "vertical_oscillation"),
            ("ground_contact_time", "Ground contact time", "ms", 0, "ground_contact_time"),
        ),
        _readings(
            "cycling", "mean",
            ("cycling_power", "Cycling power", "W", 0, "power"),
            ("cycling_speed", "Cycling speed", "m/s", 2, "speed"),
            ("cycling_cadence", "Cycling cadence", "rpm", 0, "cadence"),
        ),
        _readings("cycling", "last", ("cycling_ftp", "Functional threshold power", "W", 0)),
        _totals("swimming", ("swimming_strokes", "Swimming strokes", "count", 0)),
        _readings("swimming", "mean", ("water_temperature", "Water temperature", "degC", 1, "temperature")),
        _readings("swimming", "max", ("underwater_depth", "Underwater depth", "m", 1)),
        _readings(
            "mobility", "mean",
            ("walking_speed", "Walking speed", "m/s", 2),
            ("walking_step_length", "Walking step length", "m", 2),
            ("walking_asymmetry", "Walking asymmetry", "%", 1),
            ("walking_double_support", "Walking double support", "%", 1),
            ("stair_ascent_speed", "Stair speed, up", "m/s", 2),
            ("stair_descent_speed", "Stair speed, down", "m/s", 2),
        ),
        _readings(
            "mobility", "last",
            ("six_minute_walk", "Six-minute walk distance", "m", 0),
            ("walking_steadiness", "Walking steadiness", "%", 0),
        ),
        _totals("mobility", ("falls", "Falls", "count", 0), merged=False),
        _readings(
            "hearing", "mean",
            ("environmental_audio", "Environmental sound level", "dBASPL", 0),
            ("headphone_audio", "Headphone sound level", "dBASPL", 0),
            ("environmental_sound_reduction", "Environmental sound reduction", "dBASPL", 0),
        ),
        # Meals and drinks are told by one hand each: several at one moment are several.
        _totals(
            "nutrition",
            ("dietary_energy", "Dietary energy", "kcal", 0),
            ("dietary_water", "Water", "mL", 0),
            ("dietary_carbohydrates", "Carbohydrates", "g", 0),
            ("dietary_protein", "Protein", "g", 0),
            ("dietary_fat", "Fat", "g", 0),
            ("dietary_fat_saturated", "Fat, saturated", "g", 1),
            ("dietary_fat_monounsaturated", "Fat, monounsaturated", "g", 1),
            ("dietary_fat_polyunsaturated", "Fat, polyunsaturated", "g", 1),
            ("dietary_fat_trans", "Fat, trans", "g", 1),
            ("dietary_fiber", "Fibre", "g", 1),
            ("dietary_sugar", "Sugar", "g", 0),
            ("dietary_cholesterol", "Cholesterol", "mg", 0),
            ("dietary_caffeine", "Caffeine", "mg", 0),
            ("dietary_calcium", "Calcium", "mg", 0),
            ("dietary_chloride", "Chloride", "mg", 0),
            ("dietary_copper", "Copper", "mg", 2),
            ("dietary_iron", "Iron", "mg", 1),
            ("dietary_magnesium", "Magnesium", "mg", 0),
            ("dietary_manganese", "Manganese", "mg", 2),
            ("dietary_phosphorus", "Phosphorus", "mg", 0),
            ("dietary_potassium", "Potassium", "mg", 0),
            ("dietary_sodium", "Sodium", "mg", 0),
            ("dietary_zinc", "Zinc", "mg", 1),
            ("dietary_niacin", "Niacin", "mg", 1),
            ("dietary_pantothenic_acid", "Pantothenic acid", "mg", 1),
            ("dietary_riboflavin", "Riboflavin", "mg", 2),
            ("dietary_thiamin", "Thiamin", "mg", 2),
            ("dietary_vitamin_b6", "Vitamin B6", "mg", 2),
            ("dietary_vitamin_c", "Vitamin C", "mg", 0),
            ("dietary_vitamin_e", "Vitamin E", "mg", 1),
            ("dietary_biotin", "Biotin", "mcg", 0),
            ("dietary_chromium", "Chromium", "mcg", 0),
            ("dietary_folate", "Folate", "mcg", 0),
            ("dietary_iodine", "Iodine", "mcg", 0),
            ("dietary_molybdenum", "Molybdenum", "mcg", 0),
            ("dietary_selenium", "Selenium", "mcg", 0),
            ("dietary_vitamin_a", "Vitamin A", "mcg", 0),
            ("dietary_vitamin_b12", "Vitamin B12", "mcg", 1),
            ("dietary_vitamin_d", "Vitamin D", "mcg", 1),
            ("dietary_vitamin_k", "Vitamin K", "mcg", 0),
            ("alcoholic_drinks", "Alcoholic drinks", "count", 0),
            merged=False,
        ),
        _readings("other", "max", ("uv_exposure", "UV index", "count", 0)),
    )
    for metric in rows
}  # fmt: skip
