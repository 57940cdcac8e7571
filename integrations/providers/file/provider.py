"""Workout files of whoever made them: every device and app that saves FIT, TCX or GPX."""

from __future__ import annotations

from integrations.base import FILE_ENDINGS, Capabilities, Provider, WayIn
from integrations.providers.file.mapping import FILES
from integrations.providers.file.reader import FilesReader
from integrations.providers.file.sports import SPORTS

PROVIDER = Provider(
    slug="file",
    name="Files",
    summary="FIT, TCX and GPX files of any watch, bike computer or app.",
    capabilities=Capabilities(activities=True, routes=True, metrics=True),
    ways_in=(
        WayIn(
            kind="file",
            title="Workout files",
            steps=(
                "Save or export the workout as FIT where there is a choice, else as TCX, else as GPX.",
                "Drop one file, several, or a zip of a whole folder.",
            ),
            accepts=FILE_ENDINGS,
            notes=(
                "Whose a file is, it tells itself. Where it does not, it is whose you say, or it stays under “Files”.",
                "A copy of a file that is here already, renamed or gzipped, changes nothing.",
            ),
        ),
    ),
    notes=(
        "A GPX file holds a track, and often neither heart rate nor power. Figures that it does not tell are worked "
        "out from its points and marked so.",
        "A planned route or course is kept and is no activity.",
    ),
    mapping_version=1,
    readers=(FilesReader(),),
    parse=FILES,
    sports=SPORTS,
)
