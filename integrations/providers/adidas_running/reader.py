"""The zip of the member's data: a JSON file a session, and files of its points in folders beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.errors import UnexpectedPayload
from integrations.files import content_id
from integrations.providers.adidas_running import mapping
from integrations.told import joined, object_of, text

LOOKS = 25
LOOK_BYTES = 8192
# A day of points each second; a session may have four such files.
MAX_SIDE_BYTES = 16 << 20
_SIGN = re.compile(rb'"sport_type_id"')
# Folders come with spaces, dashes and underscores, in any case.
_FOLDERS: Mapping[str, str] = {"gpsdata": "gps", "heartratedata": "heart_rate", "elevationdata": "elevation"}
_SESSIONS = "sportsessions"


def _folder(member: Member) -> str:
    """The member's own folder, letters only."""
    return re.sub(r"[\s_\-]", "", PurePosixPath(member.path).parent.name).casefold()


def _is_session(member: Member) -> bool:
    return member.name.casefold().endswith(".json") and _folder(member) in (_SESSIONS, "")


@dataclass(frozen=True)
class ExportReader(ArchiveReader):
    """Reads the export of adidas Running and of Runtastic before it, and single sessions."""

    name: str = "adidas Running export"
    index: Mapping[tuple[str, str], Member] = field(default_factory=dict, repr=False)

    def recognise(self, container: Container) -> bool:
        likely = [member for member in container.members if _is_session(member)][:LOOKS]
        return any(_SIGN.search(container.head(member, LOOK_BYTES)) for member in likely)

    def opened(self, container: Container) -> ArchiveReader:
        return ExportReader(self.name, _index(container))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        index = self.index or _index(container)
        if _is_session(member) and _SIGN.search(container.head(member, LOOK_BYTES)):
            return _session(container, member, index)
        part, stem = _FOLDERS.get(_folder(member)), _stem(member)
        if part and ("session", stem) in index:
            return iter(())  # read with its session
        if member.name.casefold().endswith(".gpx"):
            return iter([self.file_piece(container, member, mapping.PROVIDER)])
        return None


def _stem(member: Member) -> str:
    return PurePosixPath(member.name).stem.casefold()


def _index(container: Container) -> dict[tuple[str, str], Member]:
    """The files of each session by what they hold and the name that they share."""
    found: dict[tuple[str, str], Member] = {}
    for member in container.members:
        part, ending = _FOLDERS.get(_folder(member)), PurePosixPath(member.name).suffix.casefold()
        if part and ending in (".json", ".gpx"):
            found["gpx" if ending == ".gpx" else part, _stem(member)] = member
        elif _is_session(member):
            found["session", _stem(member)] = member
    return found


def _session(container: Container, member: Member, index: Mapping[tuple[str, str], Member]) -> Iterator[Piece]:
    data, problems = contents(container, member)
    told = object_of(data)
    parts = {"session": data}
    for part in ("gps", "gpx", "heart_rate", "elevation"):
        side = index.get((part, _stem(member)))
        if side is None:
            continue
        try:
            parts[part], wrong = contents(container, side, MAX_SIDE_BYTES)
        except UnexpectedPayload as error:
            wrong = (container.problem(side, str(error)),)
        problems += wrong
    external_id = text(told.get("id"))[:200] or content_id(data)
    path = path_of(container, member)
    payload = RawPayload("session", external_id, joined(parts), "application/json", path=path)
    yield Piece((payload,), problems=problems)
