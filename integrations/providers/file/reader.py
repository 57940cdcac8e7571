"""Single workout files and archives of them, from whichever device or app."""

from __future__ import annotations

from collections.abc import Iterator

from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, head_of
from integrations.files import file_kind

# So many members are looked into for a workout file; those that are named like one come first.
MAX_LOOKS = 500
_ENDINGS = (".fit", ".tcx", ".gpx", ".fit.gz", ".tcx.gz", ".gpx.gz")
# What Zwift writes while a ride lasts: a stale or truncated copy of the file that it becomes.
_UNFINISHED = "inprogressactivity.fit"


class FilesReader(ArchiveReader):
    """Reads a .fit, .tcx or .gpx file, each also gzipped, and every zip that holds some."""

    name = "workout file (FIT, TCX, GPX, also gzipped or in a zip)"

    def recognise(self, container: Container) -> bool:
        likely = sorted(container.members, key=lambda member: not member.name.lower().endswith(_ENDINGS))
        return any(file_kind(head_of(container, member)) for member in likely[:MAX_LOOKS])

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        looks_like_one = member.name.lower().endswith(_ENDINGS)
        if container.kind == "zip" and member.name.lower() == _UNFINISHED:
            return None
        if not looks_like_one and not file_kind(head_of(container, member)):
            return None
        return self._file(container, member)

    def _file(self, container: Container, member: Member) -> Iterator[Piece]:
        data, problems = contents(container, member)
        yield self.file_piece_of(container, member, data, problems)
