"""Strava's sport types -> our sports, and the names that an archive gives them in the athlete's language."""

from __future__ import annotations

import re

# sport_type of the API; the archive's English names are the same words with blanks ("Virtual Ride").
SPORTS: dict[str, str] = {
    "AlpineSki": "alpine_skiing",
    "BackcountrySki": "alpine_skiing",
    "Badminton": "badminton",
    "Basketball": "basketball",
    "Canoeing": "paddling.canoe",
    "Cricket": "cricket",
    "Crossfit": "hiit.cross_training",
    "Dance": "dance",
    "EBikeRide": "cycling+assisted",
    "EMountainBikeRide": "cycling.mountain+assisted",
    "Elliptical": "elliptical",
    "Golf": "golf",
    "GravelRide": "cycling.gravel",
    "Handcycle": "hand_cycling",
    "HighIntensityIntervalTraining": "hiit",
    "Hike": "walking.hiking",
    "IceSkate": "skating.ice",
    "InlineSkate": "skating.inline",
    "Kayaking": "paddling.kayak",
    "Kitesurf": "surfing",
    "MountainBikeRide": "cycling.mountain",
    "NordicSki": "xc_skiing",
    "Padel": "padel",
    "PhysicalTherapy": "recovery",
    "Pickleball": "pickleball",
    "Pilates": "pilates",
    "Racquetball": "racquetball",
    "Ride": "cycling",
    "RockClimbing": "climbing",
    "RollerSki": "xc_skiing+roller",
    "Rowing": "rowing",
    "Run": "running",
    "Sail": "sailing",
    "Skateboard": "skating",
    "Snowboard": "snowboarding",
    "Snowshoe": "snowshoeing",
    "Soccer": "soccer",
    "Squash": "squash",
    "StairStepper": "stair_climbing",
    "StandUpPaddling": "paddling.sup",
    "Surfing": "surfing",
    "Swim": "swimming",
    "TableTennis": "table_tennis",
    "Tennis": "tennis",
    "TrailRun": "running.trail",
    "Velomobile": "cycling",
    "VirtualRide": "cycling+stationary+virtual",
    "VirtualRow": "rowing+stationary+virtual",
    "VirtualRun": "running+stationary+virtual",
    "Volleyball": "volleyball",
    "Walk": "walking",
    "WeightTraining": "strength",
    "Wheelchair": "wheelchair",
    "Windsurf": "surfing",
    "Workout": "cardio",
    "Yoga": "yoga",
}

# The commonest types as archives in other languages call them.
_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "Run": ("Lauf", "Laufen", "Course à pied", "Carrera", "Corsa", "Corrida", "Hardloopsessie", "Hardlopen", "Bieg",
            "ランニング", "跑步"),
    "TrailRun": ("Traillauf", "Trail", "Carrera de montaña", "Corsa su sentiero", "Trailrun"),
    "Ride": ("Radfahrt", "Radfahren", "Sortie à vélo", "Vélo", "Ciclismo", "Bicicleta", "Pedalada", "Fietsrit",
             "Fietsen", "Jazda na rowerze", "Giro in bici", "ライド", "骑行"),
    "MountainBikeRide": ("Mountainbike-Fahrt", "Sortie à VTT", "VTT", "Ciclismo de montaña", "Mountainbikerit"),
    "GravelRide": ("Gravelfahrt", "Gravel-Fahrt", "Sortie gravel", "Gravel"),
    "VirtualRide": ("Virtuelle Radfahrt", "Virtuelles Radfahren", "Vélo virtuel", "Ciclismo virtual",
                    "Ciclismo virtuale", "Pedalada virtual", "Virtuele fietsrit"),
    "VirtualRun": ("Virtueller Lauf", "Course à pied virtuelle", "Carrera virtual", "Corsa virtuale"),
    "Hike": ("Wanderung", "Wandern", "Randonnée", "Senderismo", "Excursionismo", "Escursione", "Caminhada na trilha",
             "Hike-tocht"),
    "Walk": ("Spaziergang", "Gehen", "Marche", "Caminata", "Camminata", "Caminhada", "Wandeling", "Spacer",
             "ウォーキング"),
    "Swim": ("Schwimmen", "Natation", "Natación", "Nuoto", "Natação", "Zwemmen", "Pływanie", "スイミング"),
    "WeightTraining": ("Krafttraining", "Musculation", "Entrenamiento con pesas", "Pesas", "Allenamento con i pesi",
                       "Treino com peso", "Krachttraining"),
    "Workout": ("Training", "Entraînement", "Entrenamiento", "Allenamento", "Treino", "Ćwiczenie"),
    "AlpineSki": ("Ski Alpin", "Ski alpin", "Esquí alpino", "Sci alpino", "Alpineskiën"),
    "BackcountrySki": ("Skitour", "Ski de randonnée", "Esquí de travesía", "Sci alpinismo"),
    "NordicSki": ("Skilanglauf", "Langlauf", "Ski nordique", "Ski de fond", "Esquí de fondo", "Sci di fondo"),
    "Rowing": ("Rudern", "Aviron", "Remo", "Canottaggio", "Roeien"),
}  # fmt: skip

_NO_LETTER = re.compile(r"[\W_]+")


def _key(words: str) -> str:
    return _NO_LETTER.sub("", words).casefold()


_BY_KEY: dict[str, str] = {_key(name): name for name in SPORTS} | {
    _key(words): name for name, many in _ELSEWHERE.items() for words in many
}


def sport_of(words: str) -> str | None:
    """The sport that a type is, in whatever language; None where nobody knows it."""
    name = _BY_KEY.get(_key(words))
    return SPORTS[name] if name else None
