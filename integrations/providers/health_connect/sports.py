"""Health Connect's exercise types -> our codes.

There are two numberings. The exported database has the platform's (8 is calisthenics), apps that push have Jetpack's
(8 is biking): only the platform's numbers are keys here, beside the names that both share.
"""

from __future__ import annotations

from trainstack.sports import GENERIC

# Number in the database -> our code.
PLATFORM: dict[str, str] = {
    "0": GENERIC,  # UNKNOWN
    "1": "badminton",  # BADMINTON
    "2": "baseball",  # BASEBALL
    "3": "basketball",  # BASKETBALL
    "4": "cycling",  # BIKING
    "5": "cycling+stationary",  # BIKING_STATIONARY
    "6": "hiit",  # BOOT_CAMP
    "7": "boxing",  # BOXING
    "8": "strength",  # CALISTHENICS
    "9": "cricket",  # CRICKET
    "10": "dance",  # DANCING
    "11": "cardio",  # EXERCISE_CLASS
    "12": "fencing",  # FENCING
    "13": "american_football",  # FOOTBALL_AMERICAN
    "14": "australian_football",  # FOOTBALL_AUSTRALIAN
    "15": "disc_sports",  # FRISBEE_DISC
    "16": "golf",  # GOLF
    "17": "meditation",  # GUIDED_BREATHING
    "18": "gymnastics",  # GYMNASTICS
    "19": "handball",  # HANDBALL
    "20": "hiit",  # HIGH_INTENSITY_INTERVAL_TRAINING
    "21": "walking.hiking",  # HIKING
    "22": "hockey",  # ICE_HOCKEY
    "23": "skating.ice",  # ICE_SKATING
    "24": "martial_arts",  # MARTIAL_ARTS
    "25": "paddling",  # PADDLING
    "26": GENERIC,  # PARAGLIDING
    "27": "pilates",  # PILATES
    "28": "racquetball",  # RACQUETBALL
    "29": "climbing",  # ROCK_CLIMBING
    "30": "hockey",  # ROLLER_HOCKEY
    "31": "rowing",  # ROWING
    "32": "rugby",  # RUGBY
    "33": "running",  # RUNNING
    "34": "running+stationary",  # RUNNING_TREADMILL
    "35": "sailing",  # SAILING
    "36": "diving",  # SCUBA_DIVING
    "37": "skating",  # SKATING
    "38": "alpine_skiing",  # SKIING
    "39": "snowboarding",  # SNOWBOARDING
    "40": "snowshoeing",  # SNOWSHOEING
    "41": "soccer",  # SOCCER
    "42": "softball",  # SOFTBALL
    "43": "squash",  # SQUASH
    "44": "stair_climbing",  # STAIR_CLIMBING
    "45": "strength",  # STRENGTH_TRAINING
    "46": "stretching",  # STRETCHING
    "47": "surfing",  # SURFING
    "48": "swimming.open_water",  # SWIMMING_OPEN_WATER
    "49": "swimming.pool",  # SWIMMING_POOL
    "50": "table_tennis",  # TABLE_TENNIS
    "51": "tennis",  # TENNIS
    "52": "volleyball",  # VOLLEYBALL
    "53": "walking",  # WALKING
    "54": "water_polo",  # WATER_POLO
    "55": "strength",  # WEIGHTLIFTING
    "56": "wheelchair",  # WHEELCHAIR
    "57": "yoga",  # YOGA
    "58": GENERIC,  # OTHER_WORKOUT
    "59": "stair_climbing",  # STAIR_CLIMBING_MACHINE
    "60": "elliptical",  # ELLIPTICAL
    "61": "rowing+stationary",  # ROWING_MACHINE
}

NAMES: dict[str, str] = {
    "UNKNOWN": GENERIC,
    "OTHER_WORKOUT": GENERIC,
    "BACK_EXTENSION": "strength",
    "BADMINTON": "badminton",
    "BARBELL_SHOULDER_PRESS": "strength",
    "BASEBALL": "baseball",
    "BASKETBALL": "basketball",
    "BENCH_PRESS": "strength",
    "BENCH_SIT_UP": "strength.core",
    "BIKING": "cycling",
    "BIKING_STATIONARY": "cycling+stationary",
    "BOOT_CAMP": "hiit",
    "BOXING": "boxing",
    "BURPEE": "hiit",
    "CALISTHENICS": "strength",
    "CRICKET": "cricket",
    "CRUNCH": "strength.core",
    "DANCING": "dance",
    "DEADLIFT": "strength",
    "DUMBBELL_CURL_LEFT_ARM": "strength",
    "DUMBBELL_CURL_RIGHT_ARM": "strength",
    "DUMBBELL_FRONT_RAISE": "strength",
    "DUMBBELL_LATERAL_RAISE": "strength",
    "DUMBBELL_TRICEPS_EXTENSION_LEFT_ARM": "strength",
    "DUMBBELL_TRICEPS_EXTENSION_RIGHT_ARM": "strength",
    "DUMBBELL_TRICEPS_EXTENSION_TWO_ARM": "strength",
    "ELLIPTICAL": "elliptical",
    "EXERCISE_CLASS": "cardio",
    "FENCING": "fencing",
    "FOOTBALL_AMERICAN": "american_football",
    "FOOTBALL_AUSTRALIAN": "australian_football",
    "FORWARD_TWIST": "strength.core",
    "FRISBEE_DISC": "disc_sports",
    "GOLF": "golf",
    "GUIDED_BREATHING": "meditation",
    "GYMNASTICS": "gymnastics",
    "HANDBALL": "handball",
    "HIGH_INTENSITY_INTERVAL_TRAINING": "hiit",
    "HIKING": "walking.hiking",
    "ICE_HOCKEY": "hockey",
    "ICE_SKATING": "skating.ice",
    "JUMPING_JACK": "cardio",
    "JUMP_ROPE": "jump_rope",
    "LAT_PULL_DOWN": "strength",
    "LUNGE": "strength",
    "MARTIAL_ARTS": "martial_arts",
    "PADDLING": "paddling",
    "PARAGLIDING": GENERIC,
    "PILATES": "pilates",
    "PLANK": "strength.core",
    "RACQUETBALL": "racquetball",
    "ROCK_CLIMBING": "climbing",
    "ROLLER_HOCKEY": "hockey",
    "ROWING": "rowing",
    "ROWING_MACHINE": "rowing+stationary",
    "RUGBY": "rugby",
    "RUNNING": "running",
    "RUNNING_TREADMILL": "running+stationary",
    "SAILING": "sailing",
    "SCUBA_DIVING": "diving",
    "SKATING": "skating",
    "SKIING": "alpine_skiing",
    "SNOWBOARDING": "snowboarding",
    "SNOWSHOEING": "snowshoeing",
    "SOCCER": "soccer",
    "SOFTBALL": "softball",
    "SQUASH": "squash",
    "SQUAT": "strength",
    "STAIR_CLIMBING": "stair_climbing",
    "STAIR_CLIMBING_MACHINE": "stair_climbing",
    "STRENGTH_TRAINING": "strength",
    "STRETCHING": "stretching",
    "SURFING": "surfing",
    "SWIMMING_OPEN_WATER": "swimming.open_water",
    "SWIMMING_POOL": "swimming.pool",
    "TABLE_TENNIS": "table_tennis",
    "TENNIS": "tennis",
    "UPPER_TWIST": "strength.core",
    "VOLLEYBALL": "volleyball",
    "WALKING": "walking",
    "WATER_POLO": "water_polo",
    "WEIGHTLIFTING": "strength",
    "WHEELCHAIR": "wheelchair",
    "YOGA": "yoga",
}

SPORTS: dict[str, str] = {**PLATFORM, **NAMES}


def sport_of(code: object) -> str:
    """The code of a session in the exported database; an unknown number is "generic"."""
    return PLATFORM.get(str(code), GENERIC)
