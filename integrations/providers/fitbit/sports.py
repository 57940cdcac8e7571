"""Fitbit's exercise types -> our codes: names of Google Health, names that old exports tell, and old numbers."""

from __future__ import annotations

from trainstack.sports import GENERIC

# `exerciseType` of Google Health; its words are also the names that exports tell, spaces for underscores.
TYPES: dict[str, str] = {
    "EXERCISE_TYPE_UNSPECIFIED": GENERIC,
    "RUNNING": "running",
    "WALKING": "walking",
    "BIKING": "cycling",
    "SWIMMING": "swimming",
    "HIKING": "walking.hiking",
    "YOGA": "yoga",
    "PILATES": "pilates",
    "WORKOUT": GENERIC,
    "HIIT": "hiit",
    "WEIGHTLIFTING": "strength",
    "STRENGTH_TRAINING": "strength",
    "OTHER": GENERIC,
    "AEROBIC_WORKOUT": "aerobics",
    "BOOTCAMP": "hiit",
    "CANOEING": "paddling.canoe",
    "CIRCUIT_TRAINING": "hiit",
    "CORE_TRAINING": "strength.core",
    "CROSS_COUNTRY_SKI": "xc_skiing",
    "CROSSFIT": "hiit.cross_training",
    "DANCING": "dance",
    "ELLIPTICAL": "elliptical",
    "GOLF": "golf",
    "INDOOR_CLIMBING": "climbing",
    "INTERVAL_WORKOUT": "hiit",
    "KAYAKING": "paddling.kayak",
    "KICKBOXING": "boxing.kickboxing",
    "MARTIAL_ARTS": "martial_arts",
    "MEDITATE": "meditation",
    "OUTDOOR_BIKE": "cycling",
    "OUTDOOR_WORKOUT": "cardio",
    "PADDLEBOARDING": "paddling.sup",
    "POWERLIFTING": "strength",
    "ROLLERBLADING": "skating.inline",
    "ROWING_MACHINE": "rowing+stationary",
    "SKATING": "skating.ice",
    "SKIING": "alpine_skiing",
    "SNORKELING": "diving",
    "SNOWBOARDING": "snowboarding",
    "SPINNING": "cycling+stationary",
    "SPORT": GENERIC,
    "STAIRCLIMBER": "stair_climbing",
    "STRETCHING": "stretching",
    "SURFING": "surfing",
    "TENNIS": "tennis",
    "TREADMILL": "running+stationary",
    "WEIGHTS": "strength",
    "ARCHERY": "archery",
    "BADMINTON": "badminton",
    "BARRE_CLASS": "barre",
    "BASEBALL": "baseball",
    "BASKETBALL": "basketball",
    "BOWLING": "bowling",
    "BOXING": "boxing",
    "CALISTHENICS": "strength",
    "CLIMBING": "climbing",
    "CRICKET": "cricket",
    "CROSS_TRAINING": "hiit.cross_training",
    "CURLING": "curling",
    "DIVING": "diving",
    "EQUESTRIAN_SPORTS": "horseback_riding",
    "EXERCISE_CLASS": "cardio",
    "FENCING": "fencing",
    "FISHING": "fishing",
    "FITNESS_GAMING": "gaming",
    "FOOTBALL_AMERICAN": "american_football",
    "FOOTBALL_AUSTRALIAN": "australian_football",
    "FRISBEE_PLAYING_GENERAL": "disc_sports",
    "FUNCTIONAL_STRENGTH_TRAINING": "strength",
    "GYMNASTICS": "gymnastics",
    "HANDBALL": "handball",
    "HAND_CYCLING": "hand_cycling",
    "HOCKEY": "hockey",
    "HUNTING": "hunting",
    "JUMPING_ROPE": "jump_rope",
    "LACROSSE": "lacrosse",
    "MULTISPORT": "multisport",
    "PARAGLIDING": GENERIC,
    "PICKELBALL": "pickleball",
    "RACQUETBALL": "racquetball",
    "ROWING": "rowing",
    "RUGBY": "rugby",
    "SAILING": "sailing",
    "SCUBA_DIVING": "diving",
    "SNOWSHOEING": "snowshoeing",
    "SNOW_SPORT": "snow_sports",
    "SOCCER": "soccer",
    "SOFTBALL": "softball",
    "SQUASH": "squash",
    "STEP_TRAINING": "aerobics",
    "SWIMMING_OPEN_WATER": "swimming.open_water",
    "TABLE_TENNIS": "table_tennis",
    "TAI_CHI": "martial_arts.tai_chi",
    "TRACK_AND_FIELD": "track_and_field",
    "VOLLEYBALL": "volleyball",
    "WATER_AEROBICS": "aqua_fitness",
    "WATER_POLO": "water_polo",
    "WATER_SPORT": "water_sports",
    "WHEELCHAIR": "wheelchair",
    "WRESTLING": "martial_arts.wrestling",
    "SWIMMING_POOL": "swimming.pool",
    "UNICYCLING": "cycling",
    "BALLET": "dance",
    "SHOOTING": GENERIC,
    "CLEANING": GENERIC,
    "MOWING_LAWN": GENERIC,
    "GARDENING": GENERIC,
    "CARPENTRY": GENERIC,
    "HOEING": GENERIC,
    "WEEDING": GENERIC,
    "CROQUET": GENERIC,
    "ULTIMATE_FRISBEE": "disc_sports",
    "FIELD_HOCKEY": "hockey",
    "MOTOCROSS": GENERIC,
    "ORIENTEERING": "running",
    "POLO": "horseback_riding",
    "SKATEBOARDING": GENERIC,
    "ROLLER_SKATING": "skating.inline",
    "TRAMPOLINE": "gymnastics",
    "VOLLEYBALL_BEACH": "volleyball",
    "MOTORCYCLE": GENERIC,
    "STROLLER_WALK": "walking",
    "ROCK_CLIMBING": "climbing",
    "WATER_SKIING": "water_sports",
    "WATER_VOLLEYBALL": "water_sports",
    "WATER_JOGGING": "aqua_fitness",
    "ICE_SKATING": "skating.ice",
    "MOUNTAIN_BIKE": "cycling.mountain",
    "CARDIO_SCULPT": "cardio",
    "TABATA_WORKOUT": "hiit",
    "TRX": "strength",
    "YOGA_BIKRAM": "yoga",
    "YOGA_HATHA": "yoga",
    "YOGA_POWER": "yoga",
    "YOGA_VINYASA": "yoga",
    "ZUMBA": "dance",
    "HOUSEHOLD_CHORES": GENERIC,
    "TREADMILL_WALK": "walking+stationary",
    "STATIONARY_BIKE": "cycling+stationary",
    "CARDIO_WORKOUT": "cardio",
    "TRAIL_RUN": "running.trail",
    "INCLINE_RUN": "running+stationary",
    "POWER_WALKING": "walking",
    "RUCKING": "walking.hiking",
    "NORDIC_WALKING": "walking",
    "INCLINE_WALK": "walking+stationary",
    "WALK_WITH_WEIGHTS": "walking.hiking",
    "FREE_WEIGHTS": "strength",
    "BODY_WEIGHT": "strength",
    "WEIGHT_MACHINES": "strength",
    "RESISTANCE_BANDS": "strength",
    "ELECTRIC_BIKE": "cycling+assisted",
    "MODERN_DANCE": "dance",
    "JAZZ_DANCE": "dance",
    "TANGO": "dance",
    "BALLROOM_DANCE": "dance",
    "BREAKDANCING": "dance",
    "HIP_HOP": "dance",
    "KARATE": "martial_arts",
    "JIU_JITSU": "martial_arts",
    "TAEKWONDO": "martial_arts",
    "MUAY_THAI": "martial_arts",
    "MUSICAL_PERFORMANCE": GENERIC,
    "ASSAULT_BIKE": "cycling+stationary",
    "CHEERLEADING": "gymnastics",
    "PARKOUR": GENERIC,
    "SCOOTERING": GENERIC,
    "ELECTRIC_SCOOTER": GENERIC,
    "RACKET_SPORTS": GENERIC,
    "PAINTING": GENERIC,
    "SHOVELING": GENERIC,
    "KITESURFING": "surfing",
    "WAKEBOARDING": "water_sports",
    "WINDSURFING": "surfing",
    "FOILING": "surfing",
    "PADEL": "padel",
    "SYNCHRONIZED_SWIMMING": "swimming",
    "SPEED_SKATING": "skating.ice",
    "SNOWMOBILING": GENERIC,
    "BILLIARDS": GENERIC,
    "BACKPACKING": "walking.hiking",
    "SKYDIVING": GENERIC,
}

# Names of old exports that are no type of Google Health.
NAMES: dict[str, str] = {
    "RUN": "running",
    "TREADMILL": "running+stationary",
    "WALK": "walking",
    "BIKE": "cycling",
    "OUTDOOR BIKE": "cycling",
    "SWIM": "swimming",
    "HIKE": "walking.hiking",
    "DANCE": "dance",
    "CROSSFIT": "hiit.cross_training",
    "OUTDOOR WALK": "walking",
    "OUTDOOR RUN": "running",
    "MOUNTAIN BIKING": "cycling.mountain",
    "STRUCTURED WORKOUT": GENERIC,
    "CANOEING / KAYAKING": "paddling.kayak",
    "CORE": "strength.core",
    "SPORT": GENERIC,
}

# `activityTypeId`. Public clients disagree on several of them: a name that we know wins.
IDS: dict[str, str] = {
    "1071": "cycling",  # Outdoor Bike
    "2040": "hiit",  # Circuit Training
    "2131": "strength",  # Weights
    "3000": GENERIC,  # Workout
    "3001": "aerobics",  # Aerobic Workout
    "12350": "stair_climbing",  # Stairclimber
    "15000": GENERIC,  # Sport
    "15200": "fencing",  # Fencing
    "15255": "golf",  # Golf
    "15430": "martial_arts",  # Martial Arts
    "15580": GENERIC,  # Skateboarding
    "15675": "tennis",  # Tennis
    "18050": "paddling.kayak",  # Canoeing / Kayaking
    "20001": "cycling+stationary",  # Spinning
    "20047": "elliptical",  # Elliptical
    "52000": "yoga",  # Yoga
    "52001": "yoga",  # Yoga
    "53000": "pilates",  # Pilates
    "55001": "cycling+stationary",  # Spinning
    "55002": "hiit",  # Bootcamp
    "90001": "cycling",  # Bike
    "90009": "running",  # Run
    "90012": "walking.hiking",  # Hike
    "90013": "walking",  # Walk
    "90019": "running+stationary",  # Treadmill
    "90024": "swimming",  # Swim
}

SPORTS: dict[str, str] = {**TYPES, **NAMES, **IDS}


def sport_of(name: str, type_id: int | str | None = None) -> str:
    """The sport's code, by the name as an export tells it, else by the number; unknown is "generic"."""
    words = " ".join(name.replace("_", " ").replace("-", " ").upper().split())
    by_name = NAMES.get(words) or TYPES.get(words.replace(" ", "_"))
    return by_name or IDS.get(str(type_id), GENERIC)
