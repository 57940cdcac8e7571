"""The words by which TCX and GPX files of many makers, and in several languages, call a sport -> our sports."""

from __future__ import annotations

import re
import unicodedata

from trainstack.sports import GENERIC

# Words as they are compared: without accents, spaces and capitals.
_WORDS: dict[str, str] = {
    "alpine_skiing": (
        "alpineski alpineskiing downhillskiing downhill ski skiing skialpin skialpine resortskiing"
        " resortskiingsnowboarding skifahren abfahrt skialpinisme esquialpino sci backcountryski backcountryskiing"
        " skitour skitouring skitouren touringski randoski skiderandonnee telemark telemarkskiing freeride"
        " mountainskiing"
    ),
    "badminton": "badminton",
    "basketball": "basketball baloncesto",
    "boxing": "boxing boxen boxe",
    "boxing.kickboxing": "kickboxing",
    "cardio": "cardio cardiotraining indoorcardio fitnessequipment workout training fitness crosstrainer",
    "climbing": "climbing rockclimbing indoorclimbing bouldering klettern escalade escalada arrampicata sportclimbing",
    "cycling": (
        "cycling biking bike ride bicycle cycle radfahren rad fahrrad radsport velo cyclisme ciclismo bicicleta"
        " bicicletta fietsen wielrennen kolesarjenje kolo rower cyclotourism cykling sykling pyoraily"
        " touringbicycle citybike unicycle bici bmx recumbentcycling velomobile cyclotransport cyclingtransport"
        " cyclingsport outdoorcycling outdoorbike bikeriding"
    ),
    "cycling+assisted": (
        "ebike ebiking ebikeride ebikefitness eroadbike electricbike etouringbicycle eracebike pedelec"
        " electricbicycle ecycling ebikecycling"
    ),
    "cycling+commute": "commutecycling bikecommute commuting",
    "cycling+stationary": (
        "indoorcycling spinning spin stationarybike ergometer indoorbike indoorbiking cyclingindoor bikeergometer"
        " hometrainer rollentraining indoorradfahren turbotrainer"
    ),
    "cycling+stationary+virtual": "virtualride virtualcycling virtualbike",
    "cycling.cyclocross": "cyclocross crosscycling",
    "cycling.gravel": "gravelride gravelcycling gravel gravelbiking mtbeasy",
    "cycling.gravel+assisted": "emtbeasy egravel",
    "cycling.mountain": (
        "mountainbiking mountainbike mtb mountainbikeride downhillbiking downhillbike endurombt enduromtb"
        " mtbadvanced vtt ciclismodemontana btt mountainbiken crosscountrycycling"
    ),
    "cycling.mountain+assisted": (
        "emtb emountainbikeride ebikemountain eendurombt eenduromtb emountainbiking emtbadvanced"
    ),
    "cycling.road": "roadbiking roadcycling roadbike racebike rennrad racecycling velodecourse roadride",
    "cycling.time_trial": "timetrial",
    "cycling.track": "trackcycling",
    "dance": "dance dancing tanzen",
    "elliptical": "elliptical ellipticaltrainer",
    "golf": "golf golfing",
    "gymnastics": "gymnastics",
    "hand_cycling": "handcycle handcycling handbike indoorhandcycling",
    "hiit": "hiit highintensityintervaltraining",
    "hiit.cross_training": "crossfit crosstraining",
    "horseback_riding": "horsebackriding horseriding riding reiten equitation equestrian",
    "jump_rope": "jumprope",
    "martial_arts": "martialarts mixedmartialarts karate judo",
    "meditation": "meditation breathwork",
    "multisport": "multisport multisportsession",
    "multisport.duathlon": "duathlon",
    "multisport.swimrun": "swimrun",
    "multisport.triathlon": "triathlon",
    "paddling": "paddling paddle rafting whitewaterrafting",
    "paddling.canoe": "canoeing canoe kanu canoa",
    "paddling.kayak": "kayaking kayak kajak",
    "paddling.sup": "standuppaddling standuppaddleboarding sup paddleboarding standuppaddle",
    "padel": "padel paddelball",
    "pickleball": "pickleball",
    "pilates": "pilates",
    "rowing": "rowing row rudern aviron remo canottaggio roeien",
    "rowing+stationary": "indoorrowing rowingmachine rowingindoor",
    "rowing+stationary+virtual": "virtualrow virtualrowing",
    "running": (
        "running run laufen lauf jogging jog courseapied course footing correr carrera corrida corsa hardlopen"
        " bieganie bieg beh lopning loping juoksu tek streetrunning ultrarun ultrarunning obstaclerun orienteering"
    ),
    "running+race": "race runningrace",
    "running+stationary": (
        "treadmill treadmillrunning indoorrunning runningtreadmill runningindoor laufband tapisroulant"
    ),
    "running+stationary+virtual": "virtualrun virtualrunning",
    "running.road": "roadrunning",
    "running.track": "trackrunning",
    "running.trail": "trailrun trailrunning trail mountainrunning skyrunning",
    "sailing": "sail sailing segeln voile vela",
    "skating": "skating skate skateboard skateboarding",
    "skating.ice": "iceskate iceskating schlittschuhlaufen",
    "skating.inline": "inlineskate inlineskating rollerblading rollerskating rollerblade skaten inlineskaten roller",
    "snow_sports": "snowsports wintersports sled sledding snowmobiling rodeln",
    "snowboarding": "snowboard snowboarding splitboarding backcountrysnowboarding",
    "snowshoeing": "snowshoe snowshoeing schneeschuh schneeschuhwandern raquettes",
    "soccer": "soccer football fussball futbol calcio",
    "squash": "squash",
    "stair_climbing": "stairclimbing stairstepper stairs floorclimbing stepper",
    "strength": "weighttraining strengthtraining strength weights krafttraining musculation weightlifting",
    "strength.core": "core coretraining",
    "strength.functional": "functionaltraining functionalstrength",
    "stretching": "stretching mobility flexibility",
    "surfing": "surfing surf kitesurf kitesurfing kiteboarding windsurf windsurfing wakeboarding",
    "swimming": "swim swimming schwimmen natation natacion natacao nuoto zwemmen plavanje plywanie simning",
    "swimming.open_water": "openwaterswimming openwater openwaterswim freiwasserschwimmen swimmingopenwater",
    "swimming.pool": "lapswimming poolswimming poolswim swimmingpool",
    "table_tennis": "tabletennis",
    "tennis": "tennis",
    "transition": "transition transitionv2 swimtobiketransition biketoruntransition runtobiketransition",
    "volleyball": "volleyball",
    "walking": (
        "walking walk gehen spazieren spaziergang marche caminar caminata caminada camminata wandelen hoja spacer"
        " casualwalking speedwalking powerwalking racewalking dogwalking nordicwalking indoorwalking"
    ),
    "walking+stationary": "treadmillwalking walkingtreadmill",
    "walking.hiking": (
        "hiking hike wandern wanderung randonnee senderismo escursionismo trekking rucking mountaineering"
        " mountaineeringadvanced hochtour bergsteigen alpinism pohodnistvo excursion caminhada fastpacking"
        " backpacking"
    ),
    "water_sports": "watersports waterskiing",
    "wheelchair": "wheelchair",
    "wheelchair.run": "wheelchairpushrun",
    "wheelchair.walk": "wheelchairpushwalk",
    "xc_skiing": (
        "nordicski nordicskiing crosscountryskiing xcskiing langlauf nordic skidefond crosscountryski"
        " esquidefondo scidifondo biathlon xcski"
    ),
    "xc_skiing+roller": "rollerski rollerskiing skiroller",
    "xc_skiing.classic": "classicskiing crosscountryskiingclassic",
    "xc_skiing.skate": "skateskiing crosscountryskiingskating",
    "yoga": "yoga",
}
_SPORTS: dict[str, str] = {word: sport for sport, words in _WORDS.items() for word in words.split()}
# Strava's apps wrote these instead of words.
_STRAVA_NUMBERS: dict[str, str] = {
    "1": "cycling",
    "4": "walking.hiking",
    "9": "running",
    "10": "walking",
    "16": "swimming",
}
_SUFFIX = re.compile(r"(_v2|_ws)+$")
_NO_LETTER = re.compile(r"[^a-z0-9]")


def sport_of_word(told: str, creator: str = "") -> str:
    """The sport's code; "generic" for a word that is not known. `creator` made the file: some use numbers."""
    plain = unicodedata.normalize("NFKD", told.strip().lower()).encode("ascii", "ignore").decode()
    if plain.isdigit():
        return _STRAVA_NUMBERS.get(plain, GENERIC) if "strava" in creator.lower() else GENERIC
    return _SPORTS.get(_NO_LETTER.sub("", _SUFFIX.sub("", plain)), GENERIC)
