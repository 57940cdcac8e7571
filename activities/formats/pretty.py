"""A payload as a person reads it: indented text, or a listing.

Works on the text and never on what it means: nothing is parsed into objects, no entity is expanded, nothing is left
out, so that a damaged or hostile payload is shown just as well. Linear in what is shown. FIT alone, which is no text,
is decoded.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

from activities.formats.fit.decode import MAGIC
from activities.formats.fit.pretty import pretty_fit

SHOWN_BYTES = 200 << 10
# Indenting can make much of little.
SHOWN_CHARACTERS = 4 * SHOWN_BYTES
SHOWN_MEMBERS = 500
SHOWN_HEX_BYTES = 512
# Comparing takes longer than showing.
COMPARED_LINES = 1000
# A FIT file is decoded whole, or as far as this.
DECODED_BYTES = 64 << 20
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r")
INDENT = "  "
DEEPEST = 40


@dataclass(frozen=True)
class Member:
    """One file in an archive; bytes when unpacked, and as it lies there."""

    name: str
    size_bytes: int
    packed_bytes: int


@dataclass(frozen=True)
class Pretty:
    """`kind` is "xml", "json", "text", "fit", "zip", "binary" or "empty"; `note` says what is not shown."""

    kind: str
    text: str = ""
    members: tuple[Member, ...] = ()
    note: str = ""


def pretty(file: BinaryIO) -> Pretty:
    """The beginning of a payload, made readable. Its bytes decide what it is, not its name."""
    head = file.read(SHOWN_BYTES + 1)
    if head.startswith(b"PK\x03\x04"):
        return _listing(file)
    packed = head.startswith(b"\x1f\x8b")
    stored = head
    if packed:
        head = _unpacked(head)
    if head[8:12] == MAGIC:
        whole = stored + file.read(DECODED_BYTES)
        return Pretty("fit", pretty_fit(_unpacked(whole, DECODED_BYTES) if packed else whole), note="FIT, decoded.")
    if not head:
        return Pretty("empty")
    text = _text(head[:SHOWN_BYTES], is_cut=len(head) > SHOWN_BYTES)
    if text is None:
        shown = head[:SHOWN_HEX_BYTES]
        return Pretty("binary", _hex(shown), note=f"Binary; the first {len(shown)} bytes.")
    start = text.lstrip("\ufeff \t\r\n")[:1]
    kind = {"<": "xml", "{": "json", "[": "json"}.get(start, "text")
    if kind == "xml":
        text = "\n".join(_xml_lines(text))
    elif kind == "json":
        text = "".join(_json_pieces(text))
    notes = ["Unpacked from gzip."] if packed else []
    if len(head) > SHOWN_BYTES or len(text) > SHOWN_CHARACTERS:
        notes.append("Only the beginning is shown; the download has all of it.")
    return Pretty(kind, _printable(text[:SHOWN_CHARACTERS]), note=" ".join(notes))


@dataclass(frozen=True)
class Beside:
    """One line of two texts side by side; an empty side has no such line."""

    left: str
    right: str
    differs: bool


def side_by_side(left: str, right: str) -> list[Beside]:
    """Two texts line by line, equal lines beside each other; the first COMPARED_LINES of each."""
    lines = left.splitlines()[:COMPARED_LINES], right.splitlines()[:COMPARED_LINES]
    rows = []
    for what, from_left, to_left, from_right, to_right in SequenceMatcher(None, *lines).get_opcodes():
        pairs = zip_longest(lines[0][from_left:to_left], lines[1][from_right:to_right], fillvalue="")
        rows += [Beside(one, other, differs=what != "equal") for one, other in pairs]
    return rows


def _text(data: bytes, is_cut: bool) -> str | None:
    """The bytes as text; None where they are none. A character cut in two at the end is left out."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if len(data.translate(None, _CONTROLS)) < len(data) * 3 // 4:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if is_cut and error.start >= len(data) - 3:
            return data[: error.start].decode()
    return None if 0 in data else data.decode("utf-8", "backslashreplace")


def _printable(text: str) -> str:
    """Control characters as their pictures, so that they are seen."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", lambda found: chr(0x2400 + ord(found[0])), text)


# --- XML ----------------------------------------------------------------------------------------
# A quoted value holds no "<": the text of one tag ends before the next begins, so that broken text stays linear.
_TAG = re.compile(r"""<(?:[^<>"']|"[^"<]*"|'[^'<]*')*>""")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}


def _xml_tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        if text[at] != "<":
            end = text.find("<", at)
            end = len(text) if end < 0 else end
        elif opening := next((it for it in _ENDS if text.startswith(it, at)), None):
            found = text.find(_ENDS[opening], at)
            end = len(text) if found < 0 else found + len(_ENDS[opening])
        elif text.startswith("<!DOCTYPE", at):
            end = _doctype_end(text, at)
        elif tag := _TAG.match(text, at):
            end = tag.end()
        else:
            end = text.find("<", at + 1)
            end = len(text) if end < 0 else end
        yield text[at:end]
        at = end


def _doctype_end(text: str, at: int) -> int:
    bracket, angle = text.find("[", at), text.find(">", at)
    if 0 <= bracket < angle:
        closing = text.find("]", bracket)
        angle = text.find(">", closing) if closing >= 0 else -1
    return angle + 1 if angle >= 0 else len(text)


def _xml_lines(text: str) -> Iterator[str]:
    """One tag a line, indented; an element that holds but a short text stays on one."""
    depth = 0
    pending = ""  # an opening tag, and the text after it, that its closing tag may join
    for token in _xml_tokens(text):
        if not token.strip():
            continue
        is_tag = token.startswith("<") and not token.startswith(("<!", "<?"))
        if token.startswith("</"):
            depth = max(depth - 1, 0)
            if pending:
                yield INDENT * min(depth, DEEPEST) + pending + token
                pending = ""
            else:
                yield INDENT * min(depth, DEEPEST) + token
            continue
        if pending:
            if not is_tag and "<" not in token and "\n" not in token.strip():
                pending += token.strip()
                continue
            yield INDENT * min(depth - 1, DEEPEST) + pending
            pending = ""
        if is_tag and token.endswith(">") and not token.endswith("/>"):
            pending = token
            depth += 1
        else:
            yield INDENT * min(depth, DEEPEST) + token.strip()
    if pending:
        yield INDENT * min(depth - 1, DEEPEST) + pending


# --- JSON ---------------------------------------------------------------------------------------
_JSON_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+|"', re.DOTALL)


def _json_pieces(text: str) -> Iterator[str]:
    """The same pieces on lines of their own, indented."""
    depth = 0
    before = ""
    for found in _JSON_PIECE.finditer(text):
        piece = found[0]
        if piece in "}]":
            depth = max(depth - 1, 0)
        if before and (before in "{[," or piece in "}]") and not (before in "{[" and piece in "}]"):
            yield "\n" + INDENT * min(depth, DEEPEST)
        if piece in "{[":
            depth += 1
        if piece == '"':  # a string that has no end, as where the payload is cut: shown as it is
            yield text[found.start() :]
            return
        yield ": " if piece == ":" else piece
        before = piece


# --- everything else ----------------------------------------------------------------------------
def _listing(file: BinaryIO) -> Pretty:
    try:
        with ZipFile(file) as archive:
            found = archive.infolist()
    except (BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        return Pretty("zip", note=f"The archive cannot be listed: {error}.")
    members = tuple(Member(it.filename, it.file_size, it.compress_size) for it in found[:SHOWN_MEMBERS])
    note = f"{len(found)} files, {sum(it.file_size for it in found)} bytes when unpacked."
    if len(found) > SHOWN_MEMBERS:
        note += f" The first {SHOWN_MEMBERS}."
    return Pretty("zip", members=members, note=note)


def _unpacked(head: bytes, limit: int = SHOWN_BYTES + 1) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, limit)
    except zlib.error:
        return head


def _hex(data: bytes) -> str:
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:06x}  {row.hex(' '):<47}  {letters}")
    return "\n".join(lines)
