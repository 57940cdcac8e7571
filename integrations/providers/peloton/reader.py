"""The workouts.csv of Peloton's website: alone, or inside a zip."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

from activities.domain.reading import RawPayload
from activities.formats.container import Container, Member
from integrations.archives import ArchiveReader, Piece, contents, path_of
from integrations.gathering import in_pieces
from integrations.told import rows_of

LOOKS = 50
LOOK_BYTES = 2048
_KEY = ("Workout Timestamp", "Title", "Fitness Discipline", "Length (minutes)")


def is_workouts(container: Container, member: Member) -> bool:
    """Whether it is such a table, by its header."""
    head = container.head(member, LOOK_BYTES).partition(b"\n")[0]
    return b"Workout Timestamp" in head and b"Fitness Discipline" in head


@dataclass(frozen=True)
class WorkoutsReader(ArchiveReader):
    """Reads `*_workouts.csv`, under whatever name."""

    name: str = "Peloton workouts.csv"

    def recognise(self, container: Container) -> bool:
        return any(is_workouts(container, member) for member in container.members[:LOOKS] if _may_be(member))

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        return _workouts(container, member) if is_workouts(container, member) else None


def _may_be(member: Member) -> bool:
    return not member.name.lower().endswith((".json", ".xml", ".fit", ".gpx", ".tcx", ".gz", ".jpg", ".png"))


def _workouts(container: Container, member: Member) -> Iterator[Piece]:
    """Each row as a table of its own: the header and the row. It has no id, so its key is made from what stays."""
    data, problems = contents(container, member)
    path = path_of(container, member)

    def payloads() -> Iterator[RawPayload]:
        for row in rows_of(data):
            key = "\n".join(row.get(name, "").strip() for name in _KEY)
            external_id = hashlib.sha256(key.encode()).hexdigest()[:32]
            target = io.StringIO(newline="")
            csv.writer(target, lineterminator="\n").writerows([row.keys(), row.values()])
            yield RawPayload("workout", external_id, target.getvalue().encode(), "text/csv", path=path)

    return in_pieces(payloads(), problems)
