"""adidas Running, formerly Runtastic: the export of the member's data."""

from __future__ import annotations

from integrations.base import Capabilities, Provider, WayIn
from integrations.files import FILE_KINDS
from integrations.providers.adidas_running import mapping
from integrations.providers.adidas_running.reader import ExportReader
from integrations.providers.adidas_running.sports import SPORTS

PROVIDER = Provider(
    slug=mapping.PROVIDER,
    name="adidas Running",
    summary="Sessions of adidas Running and of Runtastic before it, with route and heart rate.",
    capabilities=Capabilities(activities=True, routes=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Export of your data",
            steps=(
                "Open runtastic.com and sign in; your e-mail address must be confirmed there.",
                "Choose your profile, then “Account & Data”, then “Export Data”.",
                "An e-mail with a link comes after hours or days. Download the zip before the link expires.",
                "Drop the zip here as it is.",
            ),
            accepts=(".zip", ".json", ".gpx"),
            notes=(
                "Each export holds your whole history. Bring a new one whenever you like: only what is new is added.",
                "adidas offers no way to fetch these data over the network.",
            ),
        ),
    ),
    notes=(
        "The export tells no laps and no power.",
        "Photos, shoes, sleep and friends in the export are not read.",
    ),
    mapping_version=1,
    readers=(ExportReader(),),
    parse={"session": mapping.parse_session, **FILE_KINDS},
    sports=SPORTS,
)
