"""`sport_type_id` -> our codes. From 110 on public tables disagree; those are marked."""

from __future__ import annotations

from trainstack.sports import GENERIC

SPORTS: dict[str, str] = {
    "1": "running",  # Running
    "2": "walking",  # Nordic Walking
    "3": "cycling",  # Cycling
    "4": "cycling.mountain",  # Mountain Biking
    "5": GENERIC,  # Other
    "6": "skating.inline",  # Inline Skating
    "7": "walking.hiking",  # Hiking
    "8": "xc_skiing",  # Cross-country Skiing
    "9": "alpine_skiing",  # Skiing
    "10": "snowboarding",  # Snowboarding
    "11": GENERIC,  # Motorbiking
    "13": "snowshoeing",  # Snowshoeing
    "14": "running+stationary",  # Treadmill
    "15": "cycling+stationary",  # Ergometer
    "16": "elliptical",  # Elliptical
    "17": "rowing",  # Rowing
    "18": "swimming",  # Swimming
    "19": "walking",  # Walking
    "20": "horseback_riding",  # Riding (horse)
    "21": "golf",  # Golfing
    "22": "cycling.road",  # Race Cycling
    "23": "tennis",  # Tennis
    "24": "badminton",  # Badminton
    "25": "squash",  # Squash
    "26": "yoga",  # Yoga
    "27": "aerobics",  # Aerobics
    "28": "martial_arts",  # Martial Arts
    "29": "sailing",  # Sailing
    "30": "surfing",  # Windsurfing
    "31": "pilates",  # Pilates
    "32": "climbing",  # Rock Climbing
    "33": "disc_sports",  # Frisbee
    "34": "strength",  # Strength Training
    "35": "volleyball",  # Volleyball
    "36": "hand_cycling",  # Handbike
    "37": "skating.inline",  # Cross Skating
    "38": "soccer",  # Soccer
    "42": "surfing",  # Surfing
    "43": "surfing",  # Kitesurfing
    "44": "paddling.kayak",  # Kayaking
    "45": "basketball",  # Basketball
    "46": "cycling+stationary",  # Spinning
    "47": GENERIC,  # Paragliding
    "48": "water_sports",  # Wakeboarding
    "50": "diving",  # Diving
    "51": "table_tennis",  # Table Tennis
    "52": "handball",  # Handball
    "53": "alpine_skiing",  # Back-country Skiing
    "54": "skating.ice",  # Ice Skating
    "55": "snow_sports",  # Sledding
    "58": "curling",  # Curling
    "60": "xc_skiing",  # Biathlon
    "61": "snow_sports",  # Kite Skiing
    "62": "alpine_skiing",  # Speed Skiing
    "63": "strength",  # Push-ups
    "64": "strength.core",  # Sit-ups
    "65": "strength",  # Pull-ups
    "66": "strength",  # Squats
    "67": "american_football",  # American Football
    "68": "baseball",  # Baseball
    "69": "hiit.cross_training",  # Crossfit
    "70": "dance",  # Dancing
    "71": "hockey",  # Ice Hockey
    "72": GENERIC,  # Skateboarding
    "73": "dance",  # Zumba
    "74": "gymnastics",  # Gymnastics
    "75": "rugby",  # Rugby
    "76": "paddling.sup",  # Stand-up Paddling
    "77": "strength.core",  # Sixpack
    "78": "strength",  # Butt Training
    "80": "strength",  # Leg Training
    "81": "strength",  # Results workout
    "82": "running.trail",  # Trail Running
    "84": "running",  # Plogging
    "85": "wheelchair",  # Wheelchair
    "86": "cycling+assisted",  # E-Biking
    "87": GENERIC,  # Scootering
    "88": "rowing+stationary",  # Rowing Machine
    "89": "stair_climbing",  # Stair Climbing
    "90": "jump_rope",  # Jumping Rope
    "91": "gymnastics",  # Trampoline
    "92": "strength",  # Body-weight Training
    "93": "hiit",  # Tabata
    "94": "strength",  # Callisthenics
    "95": "strength",  # Suspension Training
    "96": "strength",  # Powerlifting
    "97": "strength",  # Olympic Weightlifting
    "98": "stretching",  # Stretching
    "99": "meditation",  # Meditation
    "100": "climbing",  # Bouldering
    "101": "climbing",  # Via Ferrata
    "102": "padel",  # Padel
    "103": "dance",  # Pole Dancing
    "104": "boxing",  # Boxing
    "105": "cricket",  # Cricket
    "106": "hockey",  # Field Hockey
    "107": "track_and_field",  # Track & Field
    "108": "fencing",  # Fencing
    "109": GENERIC,  # Skydiving
    "110": GENERIC,  # Cheerleading
    "111": "gaming",  # E-Sports
    "113": "lacrosse",  # Lacrosse
    "114": GENERIC,  # Beach Volleyball (public tables give 114 twice)
    "115": "running+stationary+virtual",  # Virtual Running
    "116": "cycling+stationary+virtual",  # Virtual Cycling
}


def sport_of(sport_type_id: object, *, indoor: bool = False) -> str:
    """The sport's code; an unknown number is "generic". `indoor` as old exports tell it."""
    code = SPORTS.get(str(sport_type_id), GENERIC)
    return f"{code}+stationary" if indoor and code in ("running", "walking", "cycling", "rowing") else code
