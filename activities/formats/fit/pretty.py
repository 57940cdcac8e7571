"""A FIT file as a person reads it: every message with its fields by name, bounded in size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from activities.formats.errors import Unreadable
from activities.formats.fit.decode import Column, Decoded, Part, Table, decode

# Of each kind of message so many are shown; there may be a million records.
SHOWN_MESSAGES = 20
SHOWN_CHARACTERS = 400_000
_SHOWN_VALUE = 200


def pretty_fit(data: bytes) -> str:
    """The file's messages as text, by kind in the order of their first appearance, times in UTC: the first of each
    kind, how many there are, fields that nobody documents by number, and what was wrong with the file."""
    try:
        decoded = decode(data)
    except Unreadable as error:
        return f"{error}\n"
    pieces: list[str] = []
    length = 0
    for line in _lines(decoded):
        length += len(line) + 1
        if length > SHOWN_CHARACTERS:
            pieces.append("... only the beginning is shown; the download has all of it.")
            break
        pieces.append(line)
    return "\n".join(pieces) + "\n"


def _lines(decoded: Decoded) -> Iterator[str]:
    for problem in decoded.problems:
        yield f"# {problem.message}"
    for number, part in enumerate(decoded.parts, 1):
        if len(decoded.parts) > 1:
            yield f"# Part {number} of {len(decoded.parts)}"
        yield f"# FIT protocol {part.protocol >> 4}.{part.protocol & 0x0F}, profile {part.profile / 100:.2f}"
        kinds = Counter({name: len(table) for name, table in part.tables.items()})
        yield "# " + ", ".join(f"{count:,} {name}" for name, count in kinds.most_common())
        for table in part.tables.values():
            yield ""
            yield from _table(part, table)


def _table(part: Part, table: Table) -> Iterator[str]:
    rows: list[dict[str, str]] = [{} for _ in range(min(table.count, SHOWN_MESSAGES))]
    fields = table.message.fields
    units = {it.name: it.units for it in fields.values()}
    times = {it.name for it in fields.values() if it.is_time}
    for name, column in (*table.columns.items(), *((f"unknown_{number}", it) for number, it in table.unknown.items())):
        for row, value in _first(column):
            rows[row][name] = _shown(value, name in times, units.get(name, ""))
    for what, column in table.developer.values():
        for row, value in _first(column):
            rows[row][f"{what.name} (app)"] = _shown(value, False, what.units)
    for row, told in enumerate(rows):
        yield f"{table.name} {row + 1}"
        for name, text in told.items():
            yield f"  {name}: {text}"
    if table.count > len(rows):
        yield f"  ... and {table.count - len(rows):,} more of {table.name}"


def _first(column: Column) -> Iterator[tuple[int, Any]]:
    """(row, value) of the column within the messages that are shown."""
    shown = int((column.rows < SHOWN_MESSAGES).sum())
    head = Column(
        column.rows[:shown], column.raw[:shown], column.field, None if column.valid is None else column.valid[:shown]
    )
    yield from zip(head.rows.tolist(), head.told(), strict=True)


def _shown(value: Any, is_time: bool, units: str) -> str:
    if is_time and isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    if units == "semicircles" and isinstance(value, int):
        return f"{value * 180 / 2**31:.6f} degrees"
    text = f"{value:.6g}" if isinstance(value, float) and value != int(value) else str(value)
    if isinstance(value, float) and value == int(value):
        text = str(int(value))
    return text[:_SHOWN_VALUE] + (f" {units}" if units else "")
