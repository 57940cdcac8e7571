"""Payloads as a person reads them."""

from __future__ import annotations

import gzip
import json
import time
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.formats.pretty import (
    COMPARED_LINES,
    SHOWN_BYTES,
    SHOWN_CHARACTERS,
    Beside,
    Member,
    Pretty,
    pretty,
    side_by_side,
)


def of(data: bytes) -> Pretty:
    return pretty(BytesIO(data))


def lines(*told: str) -> str:
    return "\n".join(told)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (
            b'<?xml version="1.0"?>\n<a x="1 &gt; 0"><b>text</b><c/><d>\n <e></e></d></a>',
            lines(
                '<?xml version="1.0"?>',
                '<a x="1 &gt; 0">',
                "  <b>text</b>",
                "  <c/>",
                "  <d>",
                "    <e></e>",
                "  </d>",
                "</a>",
            ),
        ),
        (
            b'<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;<!-- <b> --><![CDATA[<c>]]></a>',
            lines('<!DOCTYPE a [<!ENTITY x "boom">]>', "<a>&x;", "  <!-- <b> -->", "  <![CDATA[<c>]]>", "</a>"),
        ),
        (b"<a title='x > y'/>", "<a title='x > y'/>"),
        (b"<a><b>cut", lines("<a>", "  <b>cut")),
        (b"<a></b></c>", lines("<a></b>", "</c>")),
        (b'<a b="never closed><c/>', lines('<a b="never closed>', "  <c/>")),
    ],
    ids=["nested", "entity_comment_cdata", "angle_in_quotes", "cut", "too_many_ends", "open_quote"],
)
def test_pretty_indents_xml_and_changes_nothing_else(data, shown):
    assert of(data) == Pretty("xml", shown)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (
            b'{"a":[1.50,{"b":null}],"c":{},"d":"x, {y} \\" z","a":2}',
            lines(
                "{",
                '  "a": [',
                "    1.50,",
                "    {",
                '      "b": null',
                "    }",
                "  ],",
                '  "c": {},',
                '  "d": "x, {y} \\" z",',
                '  "a": 2',
                "}",
            ),
        ),
        (b" [ ]", "[]"),
        (b'["cut', lines("[", '  "cut')),
    ],
    ids=["nested", "empty", "cut"],
)
def test_pretty_indents_json_and_changes_nothing_else(data, shown):
    assert of(data) == Pretty("json", shown)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON.filter(lambda value: isinstance(value, dict | list)))
def test_pretty_json_still_says_the_same(value):
    assert json.loads(of(json.dumps(value).encode()).text) == value


@given(st.text(alphabet="<>/ab\"'![]-? \n&;", max_size=200))
def test_pretty_xml_loses_no_character_but_white_space(text):
    shown = of(b"<" + text.encode()).text

    assert "".join(shown.split()) == "".join(("<" + text).split())


def test_pretty_lists_a_zip_without_unpacking_it():
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("export.xml", b"x" * 10_000)
        archive.writestr("routes/r.gpx", b"y")

    shown = of(file.getvalue())

    packed = [it.packed_bytes for it in shown.members]
    assert shown == Pretty(
        "zip",
        members=(Member("export.xml", 10_000, packed[0]), Member("routes/r.gpx", 1, packed[1])),
        note="2 files, 10001 bytes when unpacked.",
    )
    assert packed[0] < 100


def test_pretty_says_when_a_zip_is_broken():
    shown = of(b"PK\x03\x04 and nothing else")

    assert (shown.kind, shown.members) == ("zip", ())
    assert shown.note.startswith("The archive cannot be listed: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Pretty("empty")),
        (b"a,b\n1,2\n", Pretty("text", "a,b\n1,2\n")),
        ("Läufe\x00\x01".encode(), Pretty("text", "Läufe␀␁")),
        ("\ufeff<a/>".encode(), Pretty("xml", "\ufeff\n<a/>")),
        ("<a/>".encode("utf-16"), Pretty("xml", "<a/>")),
        (b"caf\xe9 au lait, caf\xe9 au lait", Pretty("text", "caf\\xe9 au lait, caf\\xe9 au lait")),
        (gzip.compress(b"[1]"), Pretty("json", "[\n  1\n]", note="Unpacked from gzip.")),
        (
            b"\x0e\x10\x00\x00.FIT\xff",
            Pretty(
                "binary",
                "000000  0e 10 00 00 2e 46 49 54 ff                       .....FIT.",
                note="Binary; the first 9 bytes.",
            ),
        ),
    ],
    ids=["empty", "csv", "control_characters", "bom", "utf_16", "latin_1", "gzip", "binary"],
)
def test_pretty_shows_everything_else_as_it_is(data, expected):
    assert of(data) == expected


@pytest.mark.parametrize(
    "data",
    [b"<a>" * 200_000, b"<!--" * 200_000, b'<a "' * 200_000, b"[" * 400_000, b'"\\' * 400_000, b'["\\' * 200_000],
    ids=["depth", "comments", "quotes", "brackets", "escapes", "escapes_in_list"],
)
def test_pretty_is_quick_and_small_whatever_it_is_given(data):
    started = time.process_time()

    shown = of(data)

    assert time.process_time() - started < 5
    assert len(shown.text) <= SHOWN_CHARACTERS
    assert shown.note == "Only the beginning is shown; the download has all of it."


def test_pretty_reads_no_more_than_it_shows():
    file = BytesIO(b"x" * (3 * SHOWN_BYTES))

    shown = pretty(file)

    assert (len(shown.text), file.tell()) == (SHOWN_BYTES, SHOWN_BYTES + 1)


def test_pretty_does_not_break_a_character_in_two():
    data = b"x" * (SHOWN_BYTES - 1) + "ä".encode() + b"x" * 10

    assert of(data).text == "x" * (SHOWN_BYTES - 1)


def test_side_by_side_puts_equal_lines_beside_each_other():
    assert side_by_side("a\nb\nd", "a\nc\nc2\nd\ne") == [
        Beside("a", "a", differs=False),
        Beside("b", "c", differs=True),
        Beside("", "c2", differs=True),
        Beside("d", "d", differs=False),
        Beside("", "e", differs=True),
    ]


def test_side_by_side_ends_somewhere():
    assert len(side_by_side("a\n" * 50_000, "a\n" * 50_000)) == COMPARED_LINES
