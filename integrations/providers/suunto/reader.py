"""Recordings as a watch itself writes them down: JSON documents that begin with "DeviceLog", alone or in a zip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.files import HEAD_BYTES, content_id, file_kind

# So many members are looked into before an archive counts as somebody else's.
LOOKS = 50
_BEGINS = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"DeviceLog"\s*:')


@dataclass(frozen=True)
class DeviceLogReader(ArchiveReader):
    """Reads the recordings, and the workout files that lie beside them."""

    name: str = "Suunto recordings"

    def recognise(self, container: Container) -> bool:
        return any(_is_log(container, member) for member in container.members[:LOOKS])

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        if _is_log(container, member):
            return iter([_log(container, member)])
        if file_kind(container.head(member, HEAD_BYTES)):
            return iter([self.file_piece(container, member)])
        return None


def _is_log(container: Container, member: Member) -> bool:
    return _BEGINS.match(container.head(member, 256)) is not None


def _log(container: Container, member: Member) -> Piece:
    data, problems = contents(container, member)
    path = path_of(container, member)
    return Piece((RawPayload("device_log", content_id(data), data, "application/json", path=path),), problems=problems)
