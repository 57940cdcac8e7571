"""XML files as people have them, made safe and plain: UTF-8 from the root element on, and nothing in it but elements.

What stands before the root is left behind, a document type with it, so that a file can neither expand entities nor ask
for others. Comments and processing instructions go, CDATA becomes text, and so do bytes that XML does not allow.
"""

from __future__ import annotations

import re
from contextlib import suppress
from html import escape, unescape

from activities.formats.container import encoding_of

_CONTROL = bytes(each for each in range(32) if each not in b"\t\n\r")
_NO_ELEMENT = re.compile(rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[(.*?)(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_ATTRIBUTES = re.compile(rb"(?:\s+[\w.:\-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*\s*/?>")
_UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


def plain_text(data: bytes, root: bytes) -> bytes | None:
    """The file from the element of this name on, whatever its prefix; None where there is none."""
    text = _utf_8(data).translate(None, _CONTROL)
    found = re.search(rb"<(?:[\w.\-]+:)?" + root + rb"(?=[\s/>])", text)
    if found is None:
        return None
    if _ATTRIBUTES.match(text, found.end()):
        text = text[found.start() :]
    else:  # a broken tag would cost all that follows
        text = b"<" + root + b">" + text[max(text.find(b"<", found.end()), found.end()) :]
    if b"<!" in text or b"<?" in text:
        text = _NO_ELEMENT.sub(lambda match: _escaped(match.group(1) or b""), text)
    return text


def words_of(element: bytes, text: bytes) -> str:
    """What the first element of this name says, whatever its prefix, on one line; empty where there is none."""
    found = re.search(
        rb"<(?:[\w.\-]+:)?%b(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?([^<\]]*)" % re.escape(element), text, re.DOTALL
    )
    return " ".join(unescape(found.group(1).decode("utf-8", "replace")).split()) if found else ""


def _utf_8(data: bytes) -> bytes:
    encoding, bom = encoding_of(data[:1024])
    if encoding not in _UTF_8:
        with suppress(LookupError):
            return data[bom:].decode(encoding, "replace").encode()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        # Cut off inside a letter, or in another encoding than it says (none): that of most Windows programs.
        if error.start < len(data) - 3:
            return data.decode("cp1252", "replace").encode()
        return data[: error.start]
    return data


def _escaped(told: bytes) -> bytes:
    return escape(told.decode("utf-8", "replace"), quote=False).encode() if told else b""
