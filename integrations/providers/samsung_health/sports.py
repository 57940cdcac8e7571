"""Samsung's exercise types -> our codes: numbers of the export, names of the Data SDK."""

from __future__ import annotations

from trainstack.sports import GENERIC

CODES: dict[str, str] = {
    "0": GENERIC,  # Custom type
    "1001": "walking",  # Walking
    "1002": "running",  # Running
    "2001": "baseball",  # Baseball
    "2002": "softball",  # Softball
    "2003": "cricket",  # Cricket
    "3001": "golf",  # Golf
    "3002": GENERIC,  # Billiards
    "3003": "bowling",  # Bowling
    "4001": "hockey",  # Hockey
    "4002": "rugby",  # Rugby
    "4003": "basketball",  # Basketball
    "4004": "soccer",  # Football
    "4005": "handball",  # Handball
    "4006": "american_football",  # American football
    "5001": "volleyball",  # Volleyball
    "5002": "volleyball",  # Beach volleyball
    "6001": "squash",  # Squash
    "6002": "tennis",  # Tennis
    "6003": "badminton",  # Badminton
    "6004": "table_tennis",  # Table tennis
    "6005": "racquetball",  # Racquetball
    "7001": "martial_arts.tai_chi",  # T'ai chi
    "7002": "boxing",  # Boxing
    "7003": "martial_arts",  # Martial arts
    "8001": "dance",  # Ballet
    "8002": "dance",  # Dancing
    "8003": "dance",  # Ballroom dancing
    "9001": "pilates",  # Pilates
    "9002": "yoga",  # Yoga
    "10001": "stretching",  # Stretching
    "10002": "jump_rope",  # Jump rope
    "10003": "cardio",  # Hula-hooping
    "10004": "strength",  # Push-ups
    "10005": "strength",  # Pull-ups
    "10006": "strength.core",  # Sit-ups
    "10007": "hiit",  # Circuit training
    "10008": "cardio",  # Mountain climbers
    "10009": "cardio",  # Jumping jacks
    "10010": "hiit",  # Burpee
    "10011": "strength",  # Bench press
    "10012": "strength",  # Squats
    "10013": "strength",  # Lunges
    "10014": "strength",  # Leg presses
    "10015": "strength",  # Leg extensions
    "10016": "strength",  # Leg curls
    "10017": "strength",  # Back extensions
    "10018": "strength",  # Lat pull-downs
    "10019": "strength",  # Deadlifts
    "10020": "strength",  # Shoulder presses
    "10021": "strength",  # Front raises
    "10022": "strength",  # Lateral raises
    "10023": "strength.core",  # Crunches
    "10024": "strength.core",  # Leg raises
    "10025": "strength.core",  # Plank
    "10026": "strength",  # Arm curls
    "10027": "strength",  # Arm extensions
    "11001": "skating.inline",  # Inline skating
    "11002": GENERIC,  # Hang gliding
    "11003": GENERIC,  # Pistol shooting
    "11004": "archery",  # Archery
    "11005": "horseback_riding",  # Horseback riding
    "11007": "cycling",  # Cycling
    "11008": "disc_sports",  # Flying disc
    "11009": "skating.inline",  # Roller skating
    "12001": "aerobics",  # Aerobics
    "13001": "walking.hiking",  # Hiking
    "13002": "climbing",  # Rock climbing
    "13003": "walking.hiking",  # Backpacking
    "13004": "cycling.mountain",  # Mountain biking
    "13005": "running",  # Orienteering
    "14001": "swimming",  # Swimming
    "14002": "aqua_fitness",  # Aquarobics
    "14003": "paddling.canoe",  # Canoeing
    "14004": "sailing",  # Sailing
    "14005": "diving",  # Scuba diving
    "14006": "diving",  # Snorkeling
    "14007": "paddling.kayak",  # Kayaking
    "14008": "surfing",  # Kitesurfing
    "14009": "paddling",  # Rafting
    "14010": "rowing",  # Rowing
    "14011": "surfing",  # Windsurfing
    "14012": "sailing",  # Yachting
    "14013": "water_sports",  # Water skiing
    "15001": "stair_climbing",  # Step machine
    "15002": "strength",  # Weight machine
    "15003": "cycling+stationary",  # Exercise bike
    "15004": "rowing+stationary",  # Rowing machine
    "15005": "running+stationary",  # Treadmill
    "15006": "elliptical",  # Elliptical trainer
    "16001": "xc_skiing",  # Cross-country skiing
    "16002": "alpine_skiing",  # Skiing
    "16003": "skating.ice",  # Ice dancing
    "16004": "skating.ice",  # Ice skating
    "16006": "hockey",  # Ice hockey
    "16007": "snowboarding",  # Snowboarding
    "16008": "alpine_skiing",  # Alpine skiing
    "16009": "snowshoeing",  # Snowshoeing
}

NAMES: dict[str, str] = {
    "WALKING": "walking",
    "RUNNING": "running",
    "BASEBALL": "baseball",
    "SOFTBALL": "softball",
    "CRICKET": "cricket",
    "GOLF": "golf",
    "BOWLING": "bowling",
    "HOCKEY": "hockey",
    "RUGBY": "rugby",
    "BASKETBALL": "basketball",
    "SOCCER": "soccer",
    "HANDBALL": "handball",
    "AMERICAN_FOOTBALL": "american_football",
    "VOLLEYBALL": "volleyball",
    "BEACH_VOLLEYBALL": "volleyball",
    "SQUASH": "squash",
    "TENNIS": "tennis",
    "BADMINTON": "badminton",
    "TABLE_TENNIS": "table_tennis",
    "RACQUETBALL": "racquetball",
    "BOXING": "boxing",
    "MARTIAL_ARTS": "martial_arts",
    "BALLET": "dance",
    "DANCING": "dance",
    "BALLROOM_DANCING": "dance",
    "PILATES": "pilates",
    "YOGA": "yoga",
    "STRETCHING": "stretching",
    "JUMP_ROPE": "jump_rope",
    "HULA_HOOPING": "cardio",
    "PUSH_UPS": "strength",
    "PULL_UPS": "strength",
    "SIT_UPS": "strength.core",
    "CIRCUIT_TRAINING": "hiit",
    "MOUNTAIN_CLIMBERS": "cardio",
    "JUMPING_JACKS": "cardio",
    "BURPEES": "hiit",
    "BENCH_PRESS": "strength",
    "SQUATS": "strength",
    "LUNGES": "strength",
    "LEG_PRESSES": "strength",
    "LEG_EXTENSIONS": "strength",
    "LEG_CURLS": "strength",
    "BACK_EXTENSIONS": "strength",
    "LAT_PULLDOWNS": "strength",
    "DEADLIFTS": "strength",
    "SHOULDER_PRESSES": "strength",
    "FRONT_RAISES": "strength",
    "LATERAL_RAISES": "strength",
    "CRUNCH": "strength.core",
    "LEG_RAISES": "strength.core",
    "PLANK": "strength.core",
    "ARM_CURLS": "strength",
    "ARM_EXTENSIONS": "strength",
    "INLINE_SKATING": "skating.inline",
    "HANG_GLIDING": GENERIC,
    "ARCHERY": "archery",
    "HORSEBACK_RIDING": "horseback_riding",
    "BIKING": "cycling",
    "FLYING_DISC": "disc_sports",
    "ROLLER_SKATING": "skating.inline",
    "AEROBICS": "aerobics",
    "HIKING": "walking.hiking",
    "ROCK_CLIMBING": "climbing",
    "BACKPACKING": "walking.hiking",
    "MOUNTAIN_BIKING": "cycling.mountain",
    "ORIENTEERING": "running",
    "AQUA_AEROBICS": "aqua_fitness",
    "CANOEING": "paddling.canoe",
    "SAILING": "sailing",
    "SCUBA_DIVING": "diving",
    "SNORKELING": "diving",
    "KAYAKING": "paddling.kayak",
    "KITESURFING": "surfing",
    "RAFTING": "paddling",
    "WINDSURFING": "surfing",
    "YACHTING": "sailing",
    "WATER_SKIING": "water_sports",
    "STEP_MACHINE": "stair_climbing",
    "WEIGHT_MACHINE": "strength",
    "STATIONARY_BIKING": "cycling+stationary",
    "ROWING_MACHINE": "rowing+stationary",
    "TREADMILL": "running+stationary",
    "ELLIPTICAL": "elliptical",
    "CROSS_COUNTRY_SKIING": "xc_skiing",
    "SKIING": "alpine_skiing",
    "ICE_DANCING": "skating.ice",
    "ICE_SKATING": "skating.ice",
    "ICE_HOCKEY": "hockey",
    "SNOWBOARDING": "snowboarding",
    "ALPINE_SKIING": "alpine_skiing",
    "SNOWSHOEING": "snowshoeing",
    "UNDEFINED": GENERIC,
    "OTHER": GENERIC,
    "STAIR_CLIMBING": "stair_climbing",
    "TRACK_RUNNING": "running.track",
    "SKATERS": "cardio",
    "HIGH_KNEES": "cardio",
    "POOL_SWIMMING": "swimming.pool",
    "ROWING": "rowing",
    "STAIR_CLIMBING_MACHINE": "stair_climbing",
}

SPORTS: dict[str, str] = {**CODES, **NAMES}
# The athlete's own types have only a title; these words in it tell more than "custom".
_WORDS = {**{name.replace("_", " "): code for name, code in NAMES.items()}, "GYM": "strength"}


def sport_of(code: str, title: str = "") -> str:
    """The sport's code; for a type of the athlete's own by its title. Unknown is "generic"."""
    sport = SPORTS.get(code, GENERIC)
    return _WORDS.get(" ".join(title.upper().split()), GENERIC) if sport == GENERIC else sport
