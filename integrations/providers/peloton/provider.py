"""Peloton: the table of workouts that its website offers."""

from __future__ import annotations

from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.peloton import mapping
from integrations.providers.peloton.reader import WorkoutsReader
from integrations.providers.peloton.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Peloton",
    summary="The list of your workouts on bike, tread, row and in the app, with class, output and averages.",
    capabilities=Capabilities(activities=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Workouts from the website",
            steps=(
                "Open members.onepeloton.com on a computer and sign in.",
                "Choose your profile, then Workouts.",
                "Tap “Download Workouts”: your browser saves a file that ends in _workouts.csv.",
                "Drop it here.",
            ),
            accepts=(".csv", ".zip"),
            notes=(
                "The file holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "Peloton offers other services no way to fetch these data over the network.",
            ),
        ),
    ),
    notes=(
        "The file tells one row a workout: starts to the minute, averages, no curves.",
        "The duration is the length of the class.",
        "The calories are those that the screen showed.",
    ),
    mapping_version=1,
    readers=(WorkoutsReader(),),
    parse={**FILE_KINDS, "workout": mapping.parse_workout},
    sports=SPORTS,
)
