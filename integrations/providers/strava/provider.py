"""Strava: the archive of an account."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.strava import mapping
from integrations.providers.strava.reader import ExportReader
from integrations.providers.strava.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="Strava",
    summary="Every activity of an account with its original file, its name, gear and description.",
    capabilities=Capabilities(activities=True, routes=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Archive of the account",
            steps=(
                "On strava.com open Settings, then My Account.",
                "Under “Download or Delete Your Account” choose “Get Started”.",
                "In step 2 choose “Request Your Archive”. The link comes by e-mail, mostly within some hours.",
                "Drop the zip here as it is.",
            ),
            accepts=(".zip", ".csv", *FILE_ENDINGS[:4]),
            notes=("Only the second step is needed: nothing is deleted by it.",),
        ),
    ),
    notes=(
        "What the file tells counts first. Name, type, gear and description come from Strava's own table.",
        "An archive holds the files as they were uploaded: crops made on Strava are not in them.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={**FILE_KINDS, "row": mapping.parse_row},
    sports=SPORTS,
)
