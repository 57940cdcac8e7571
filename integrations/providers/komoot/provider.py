"""Komoot: GPX files of your tours."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.providers.komoot.mapping import FILES
from integrations.providers.komoot.sports import SPORTS

PROVIDER = Provider(
    slug="komoot",
    name="Komoot",
    summary="Recorded tours, with their tracks and heights.",
    capabilities=Capabilities(activities=True, routes=True, sleep=False, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="GPX files of your tours",
            steps=(
                "Open the tour on komoot.com, choose the three dots and “Download GPX track”.",
                "For all of them at once ask Komoot for your personal data, in the privacy settings.",
                "Drop the files or the zip here as they are.",
            ),
            accepts=FILE_ENDINGS,
        ),
    ),
    notes=(
        "A planned tour has a line and no times. It is kept and is no activity.",
        "Komoot's files hold neither heart rate nor power.",
    ),
    mapping_version=1,
    parse=FILES,
    sports=SPORTS,
)
