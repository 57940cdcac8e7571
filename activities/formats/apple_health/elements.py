"""Apple's XML read by a forgiving hand: where elements begin and end, what their attributes say.

No document type reaches this module and no entity but XML's own five and character references is known to it, so a
file can ask nothing of the machine. What strict parsers stop at is read: control characters, attributes told twice,
attribute names with spaces, single quotes, a missing quote or closing tag (which costs the one element).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

ROOT = "HealthData"
# Elements that stand directly in the root and nowhere else, but for the Records of a Correlation.
TOP_LEVEL = frozenset(
    {
        "ExportDate", "Me", "Record", "Correlation", "Workout", "ActivitySummary",
        "ClinicalRecord", "Audiogram", "VisionPrescription", ROOT,
    }
)  # fmt: skip
# An element that has no end within so many bytes is taken for broken.
MAX_ELEMENT_BYTES = 32 * 2**20

_NAME = rb"[A-Za-z_:\x80-\xff][^\s<>/\"'=!?]*+"
_KNOWN = rb"<(%b)(?![^\s<>/\"'=!?])" % "|".join(sorted(TOP_LEVEL)).encode()
_OPEN = rb"<(%b)((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>" % _NAME
_OPEN_TAG = re.compile(_OPEN)
_SKIPPED = rb"<!--(?:.*?(-->))?|<!\[CDATA\[(?:.*?(\]\]>))?|<\?(?:.*?(\?>))?"
_SKIP = re.compile(_SKIPPED, re.DOTALL)
_CLOSE_TAG = re.compile(rb"</([^\s<>]*)[^<>]*>")
# Groups: 1-3 end of what is skipped, 4 name of a closing tag, 5 and 6 name and attributes of an opening one, 7 name of
# a known element whose tag is broken.
_TOKEN = re.compile(rb"%b|</([^\s<>]*)[^<>]*>|%b|%b" % (_SKIPPED, _OPEN, _KNOWN), re.DOTALL)
# Group 4 is the name of a known element that begins, or the end of all of them.
_TOP_LEVEL_TAG = re.compile(rb"%b|%b|(?P<end></HealthData\s*>)" % (_SKIPPED, _KNOWN), re.DOTALL)
_COUNTED = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(%b)" % _NAME, re.DOTALL)
_ATTRIBUTE = re.compile(rb"([^\s=<>\"'/][^=<>\"']*?)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s<>\"']+))")
_REFERENCE = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])
_NOT_PLAIN = re.compile("[\x00-\x1f&\ufffe\uffff]")
_SPACES = str.maketrans("\t\n\r", "   ")


class Item(NamedTuple):
    """One stretch of a file: an element of the root, its start tag alone ("root"), or what is passed over.

    `kind` "broken": from here to `end` no element can be made out; `open_end` is 0 where not even its start tag can.
    """

    kind: Literal["element", "root", "broken", "skipped"]
    start: int
    end: int
    tag: str = ""
    # The end of the start tag, and of what stands between it and the closing tag (equal where it closes itself).
    open_end: int = 0
    inner_end: int = 0
    # The start tag's attributes as they stand in the file.
    attributes: bytes = b""


def next_item(data: bytes, position: int, *, at_end: bool) -> Item | None:
    """What comes at or after `position`; None where more bytes are needed to tell (never when `at_end`)."""
    start = data.find(b"<", position)
    if start < 0:
        return Item("skipped", position, len(data)) if at_end or position < len(data) else None
    limit = min(len(data), start + MAX_ELEMENT_BYTES)
    all_here = at_end or limit < len(data)
    if len(data) - start < 9 and not at_end:  # as long as "<![CDATA["
        return None
    if skip := _SKIP.match(data, start, limit):
        if skip.lastindex:
            return Item("skipped", start, skip.end())
        return Item("skipped", start, start + 2) if all_here else None
    if data.startswith(b"</", start):
        if close := _CLOSE_TAG.match(data, start, limit):
            name = _name(close.group(1))
            return Item("skipped", start, close.end(), tag=name)
        return Item("skipped", start, start + 2) if all_here or data.find(b"<", start + 2) > 0 else None
    opened = _OPEN_TAG.match(data, start, limit)
    if opened is None:
        if data.find(b"<", start + 1, limit) < 0 and not all_here:
            return None
        return _broken_tag(data, start, limit, all_here=all_here)
    tag, attributes = _name(opened.group(1)), opened.group(2)
    if tag == ROOT:
        return Item("root", start, opened.end(), tag, opened.end(), opened.end(), attributes)
    if attributes.endswith(b"/"):
        return Item("element", start, opened.end(), tag, opened.end(), opened.end(), attributes[:-1])
    return _find_end(data, opened, tag, limit, all_here=all_here)


def _broken_tag(data: bytes, start: int, limit: int, *, all_here: bool) -> Item | None:
    """A `<` that begins no tag: alone it is passed over, with a name it costs all up to the next known element."""
    if not re.match(_NAME, data[start + 1 : start + 2]):
        return Item("skipped", start, start + 1)
    end = limit
    for found in _TOP_LEVEL_TAG.finditer(data, start + 1, limit):
        if found.end() == limit and not all_here:
            return None
        if found.group(4) or found.group("end"):
            end = found.start()
            break
        if found.lastindex is None and not all_here:
            return None
    else:
        if not all_here:
            return None
    counted = _COUNTED.match(data, start)
    tag = _name(counted.group(1)) if counted and counted.group(1) else ""
    return Item("broken", start, end, tag)


def _find_end(data: bytes, opened: re.Match[bytes], tag: str, limit: int, *, all_here: bool) -> Item | None:
    start, open_end, attributes = opened.start(), opened.end(), opened.group(2)
    depth = 1
    for token in _TOKEN.finditer(data, open_end, limit):
        if token.group(5) is not None:
            name = _name(token.group(5))
            if name in TOP_LEVEL and not (depth == 1 and tag == "Correlation" and name == "Record"):
                return Item("broken", start, token.start(), tag, open_end, token.start(), attributes)
            if not token.group(6).endswith(b"/"):
                depth += 1
        elif token.group(4) is not None:
            depth -= 1
            if not depth:
                kind: Literal["element", "broken"] = "element" if _name(token.group(4)) == tag else "broken"
                return Item(kind, start, token.end(), tag, open_end, token.start(), attributes)
        elif token.group(7) is not None:
            if not all_here and data.find(b"<", token.end(), limit) < 0:
                return None
            if not (depth == 1 and tag == "Correlation" and token.group(7) == b"Record"):
                return Item("broken", start, token.start(), tag, open_end, token.start(), attributes)
        elif token.lastindex is None and not all_here:
            return None
    if not all_here:
        return None
    end = limit if limit == len(data) else open_end
    return Item("broken", start, end, tag, open_end, end, attributes)


def _name(told: bytes) -> str:
    return told.decode("utf-8", "replace")


def count_tags(data: bytes, counts: Counter[str]) -> None:
    """Add every opening tag in the bytes, comments left out."""
    for name in _COUNTED.findall(data):
        if name:
            counts[_name(name)] += 1


def attributes_of(told: bytes) -> dict[str, str]:
    """The attributes of one tag. Of one told twice the first counts.

    Exports of iOS 16 tell `startDate` twice in WorkoutStatistics, where the second means the end.
    """
    attributes: dict[str, str] = {}
    for written, double, single, bare in _ATTRIBUTE.findall(told):
        name = _attribute_name(written)
        value = text_of(double or single or bare)
        if name not in attributes:
            attributes[name] = value
        elif name == "startDate":
            attributes.setdefault("endDate", value)
    return attributes


@lru_cache(maxsize=1024)
def _attribute_name(written: bytes) -> str:
    return " ".join(_name(written).split())


def text_of(told: bytes) -> str:
    """An attribute's value: references resolved, white space as spaces, what is no character in XML left out."""
    text = told.decode("utf-8", "replace")
    return text if _NOT_PLAIN.search(text) is None else _resolved(text)


@lru_cache(maxsize=1024)
def _resolved(text: str) -> str:
    return _NO_XML.sub("", _REFERENCE.sub(_character, _NO_XML.sub("", text).translate(_SPACES)))


def verbatim(told: bytes) -> str:
    """The bytes as text, without what is no character in XML; bytes that are no UTF-8 become U+FFFD."""
    if told.isascii():
        return told.translate(None, _CONTROLS).decode("ascii")
    return _NO_XML.sub("", told.decode("utf-8", "replace"))


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else ""


@dataclass
class Element:
    """One element with what is inside it; for the few that are read one by one (workouts and the like)."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> list[Element]:
        """The children with this tag."""
        return [child for child in self.children if child.tag == tag]

    def walk(self) -> Iterator[Element]:
        """This element and everything inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse_element(data: bytes) -> Element:
    """One element's bytes as a tree; what cannot be made out is left out. Raises ValueError where there is none."""
    root: Element | None = None
    stack: list[Element] = []
    for token in _TOKEN.finditer(data):
        if token.group(5) is not None:
            told = token.group(6)
            element = Element(_name(token.group(5)), attributes_of(told.removesuffix(b"/")))
            if stack:
                stack[-1].children.append(element)
            elif root is None:
                root = element
            else:
                break
            if not told.endswith(b"/"):
                stack.append(element)
        elif token.group(4) is not None and stack:
            stack.pop()
            if not stack:
                break
    if root is None:
        raise ValueError("no element")
    return root
