"""HKWorkoutActivityType -> our sports, and what tells a discipline: indoor, pool or open water, a virtual world."""

from __future__ import annotations

from activities.formats.apple_health.identity import source_key
from trainstack.sports import GENERIC, family

PREFIX = "HKWorkoutActivityType"

# Raw value (what the metadata and the SDK tell), name (what the export tells) and our code. 81 is not used.
_TYPES: tuple[tuple[int, str, str], ...] = (
    (1, "AmericanFootball", "american_football"),
    (2, "Archery", "archery"),
    (3, "AustralianFootball", "australian_football"),
    (4, "Badminton", "badminton"),
    (5, "Baseball", "baseball"),
    (6, "Basketball", "basketball"),
    (7, "Bowling", "bowling"),
    (8, "Boxing", "boxing"),
    (9, "Climbing", "climbing"),
    (10, "Cricket", "cricket"),
    (11, "CrossTraining", "hiit.cross_training"),
    (12, "Curling", "curling"),
    (13, "Cycling", "cycling"),
    (14, "Dance", "dance"),
    (15, "DanceInspiredTraining", "dance"),
    (16, "Elliptical", "elliptical"),
    (17, "EquestrianSports", "horseback_riding"),
    (18, "Fencing", "fencing"),
    (19, "Fishing", "fishing"),
    (20, "FunctionalStrengthTraining", "strength.functional"),
    (21, "Golf", "golf"),
    (22, "Gymnastics", "gymnastics"),
    (23, "Handball", "handball"),
    (24, "Hiking", "walking.hiking"),
    (25, "Hockey", "hockey"),
    (26, "Hunting", "hunting"),
    (27, "Lacrosse", "lacrosse"),
    (28, "MartialArts", "martial_arts"),
    (29, "MindAndBody", "meditation"),
    (30, "MixedMetabolicCardioTraining", "cardio"),
    (31, "PaddleSports", "paddling"),
    (32, "Play", GENERIC),
    (33, "PreparationAndRecovery", "recovery"),
    (34, "Racquetball", "racquetball"),
    (35, "Rowing", "rowing"),
    (36, "Rugby", "rugby"),
    (37, "Running", "running"),
    (38, "Sailing", "sailing"),
    (39, "SkatingSports", "skating"),
    (40, "SnowSports", "snow_sports"),
    (41, "Soccer", "soccer"),
    (42, "Softball", "softball"),
    (43, "Squash", "squash"),
    (44, "StairClimbing", "stair_climbing"),
    (45, "SurfingSports", "surfing"),
    (46, "Swimming", "swimming"),
    (47, "TableTennis", "table_tennis"),
    (48, "Tennis", "tennis"),
    (49, "TrackAndField", "track_and_field"),
    (50, "TraditionalStrengthTraining", "strength"),
    (51, "Volleyball", "volleyball"),
    (52, "Walking", "walking"),
    (53, "WaterFitness", "aqua_fitness"),
    (54, "WaterPolo", "water_polo"),
    (55, "WaterSports", "water_sports"),
    (56, "Wrestling", "martial_arts.wrestling"),
    (57, "Yoga", "yoga"),
    (58, "Barre", "barre"),
    (59, "CoreTraining", "strength.core"),
    (60, "CrossCountrySkiing", "xc_skiing"),
    (61, "DownhillSkiing", "alpine_skiing"),
    (62, "Flexibility", "stretching"),
    (63, "HighIntensityIntervalTraining", "hiit"),
    (64, "JumpRope", "jump_rope"),
    (65, "Kickboxing", "boxing.kickboxing"),
    (66, "Pilates", "pilates"),
    (67, "Snowboarding", "snowboarding"),
    (68, "Stairs", "stair_climbing"),
    (69, "StepTraining", "aerobics"),
    (70, "WheelchairWalkPace", "wheelchair.walk"),
    (71, "WheelchairRunPace", "wheelchair.run"),
    (72, "TaiChi", "martial_arts.tai_chi"),
    (73, "MixedCardio", "cardio"),
    (74, "HandCycling", "hand_cycling"),
    (75, "DiscSports", "disc_sports"),
    (76, "FitnessGaming", "gaming"),
    (77, "CardioDance", "dance"),
    (78, "SocialDance", "dance"),
    (79, "Pickleball", "pickleball"),
    (80, "Cooldown", "cooldown"),
    (82, "SwimBikeRun", "multisport.triathlon"),
    (83, "Transition", "transition"),
    (84, "UnderwaterDiving", "diving"),
    (3000, "Other", GENERIC),
)

SPORTS: dict[str, str] = {PREFIX + name: code for _, name, code in _TYPES}
NAME_OF: dict[int, str] = {raw: PREFIX + name for raw, name, _ in _TYPES}

# Sports of which the taxonomy knows an indoor form.
_STATIONARY = frozenset({"cycling", "rowing", "running", "walking"})
# Apps whose rides, runs and rows happen in a virtual world. They write their own name as the source.
_VIRTUAL_APPS = (
    "bkool", "fulgaz", "indievelo", "kinomap", "mywhoosh", "onelap", "rgt cycling", "rouvy", "tacx training",
    "trainingpeaks virtual", "wahoo rgt", "zwift",
)  # fmt: skip


def sport_of(
    activity_type: str, *, indoor: bool | None = None, swimming_location: int | None = None, source_name: str = ""
) -> str:
    """The sport's code; an unknown type is "generic". `swimming_location`: 1 pool, 2 open water."""
    code = SPORTS.get(activity_type, GENERIC)
    if code == "swimming":
        return {1: "swimming.pool", 2: "swimming.open_water"}.get(swimming_location or 0, code)
    if code == family(code) and code in _STATIONARY:
        virtual = code != "walking" and indoor is not False
        if virtual and source_key(source_name).casefold().startswith(_VIRTUAL_APPS):
            return f"{code}+stationary+virtual"
        if indoor:
            return f"{code}+stationary"
    return code
