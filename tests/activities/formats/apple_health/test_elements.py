from __future__ import annotations

from collections import Counter

import pytest

from activities.formats.apple_health import Element, parse_element
from activities.formats.apple_health.elements import (
    MAX_ELEMENT_BYTES,
    Item,
    attributes_of,
    count_tags,
    next_item,
    text_of,
    verbatim,
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b' a="1" b="2"', {"a": "1", "b": "2"}),
        (b"\n  a = '1'\n b='\"'", {"a": "1", "b": '"'}),
        (b' a="x=\'y\'" b="/"', {"a": "x='y'", "b": "/"}),
        (b' a="1" a="2"', {"a": "1"}),
        (b' startDate="1" startDate="2"', {"startDate": "1", "endDate": "2"}),
        (b' startDate="1" startDate="2" endDate="3"', {"startDate": "1", "endDate": "2"}),
        (b' endDate="3" startDate="1" startDate="2"', {"endDate": "3", "startDate": "1"}),
        (b' Blood  Type="A" Fitzpatrick Skin Type="2"', {"Blood Type": "A", "Fitzpatrick Skin Type": "2"}),
        (b" a=1 b", {"a": "1"}),
        (b' a=""', {"a": ""}),
        ("naïve='é'".encode(), {"naïve": "é"}),
        (b"", {}),
    ],
)
def test_attributes_of(told: bytes, expected: dict[str, str]) -> None:
    assert attributes_of(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b"&lt;&gt;&amp;&quot;&apos;", "<>&\"'"),
        (b"&#8217;&#x2019;&#X41;", "’’A"),
        (b"&amp;lt;", "&lt;"),
        (b"&file;&#;&#x;& &;", "&file;&#;&#x;& &;"),
        (b"&#0;&#11;&#xD800;&#x110000;&#xFFFE;", ""),
        (b"a\tb\r\nc&#10;", "a b  c\n"),
        (b"a\x00\x0b\x1fb", "ab"),
        ("Apple\xa0Watch’s ⌚".encode(), "Apple\xa0Watch’s ⌚"),
        (b"Zo\xeb", "Zo\ufffd"),
    ],
)
def test_text_of(told: bytes, expected: str) -> None:
    assert text_of(told) == expected


def test_verbatim_keeps_references_and_lines() -> None:
    assert verbatim(b'<A b="&amp;\x0b">\n\t</A>') == '<A b="&amp;">\n\t</A>'


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b' <A b="c"/> ', Item("element", 1, 11, "A", 11, 11, b' b="c"')),
        (b"<A><B/><A></A></A>x", Item("element", 0, 18, "A", 3, 14, b"")),
        (b"<A b='>'>t</A>", Item("element", 0, 14, "A", 9, 10, b" b='>'")),
        (b"<A><!-- </A> --></A>", Item("element", 0, 20, "A", 3, 16, b"")),
        (b"<A><![CDATA[</A>]]></A>", Item("element", 0, 23, "A", 3, 19, b"")),
        (b"<HealthData locale='x'><A/>", Item("root", 0, 23, "HealthData", 23, 23, b" locale='x'")),
        (b"</HealthData >", Item("skipped", 0, 14, "HealthData")),
        (b"<!-- <A/> --><B/>", Item("skipped", 0, 13)),
        (b"<?a <A/> ?>", Item("skipped", 0, 11)),
        (b"plain text", Item("skipped", 0, 10)),
        (b"a < b", Item("skipped", 2, 3)),
        (b"<!-- never ends <A/>", Item("skipped", 0, 2)),
        (b'<A b="c<Record/>', Item("broken", 0, 7, "A")),
        (b'<A b="<!-- <Record/> --><Me/>', Item("broken", 0, 24, "A")),
        (b"<A><Record/></A>", Item("broken", 0, 3, "A", 3, 3, b"")),
        (b"<A><Record </A>", Item("broken", 0, 3, "A", 3, 3, b"")),
        (b"<Correlation><Record/></Correlation>", Item("element", 0, 36, "Correlation", 13, 22, b"")),
        (b"<Correlation><B><Record/></B></Correlation>", Item("broken", 0, 16, "Correlation", 13, 16, b"")),
        (b"<A><B></A>", Item("broken", 0, 10, "A", 3, 10, b"")),
        (b"<A></B>", Item("broken", 0, 7, "A", 3, 3, b"")),
        (b"<A><b c=<d></A>", Item("broken", 0, 15, "A", 3, 15, b"")),
        (b'<A><b c="<d/>"></A>', Item("element", 0, 19, "A", 3, 15, b"")),
    ],
)
def test_next_item(data: bytes, expected: Item) -> None:
    assert next_item(data, 0, at_end=True) == expected


@pytest.mark.parametrize(
    "whole",
    [
        b'<A b="c">told<B/></A>  ',
        b"<!-- <A> --><A b='c'></A>   ",
        b'<A><!-- <Record> --></A> <Record type="a"/>',
        b'<A b="c <Record type="a"/> <Me/>',
        b'<A><Record type="a"/> <Me/>    ',
    ],
)
def test_more_bytes_never_change_what_was_found(whole: bytes) -> None:
    """Whatever has been read so far, the answer is that of the whole file or "more"."""
    expected = next_item(whole, 0, at_end=True)
    assert expected is not None

    for length in range(len(whole)):
        found = next_item(whole[:length], 0, at_end=False)
        assert found in (None, expected) or (found and found.kind == "skipped" and not whole[: found.end].strip())


def test_an_element_without_end_costs_its_start_tag_only() -> None:
    data = b"<A>" + b" " * MAX_ELEMENT_BYTES + b"<C/>"

    item = next_item(data, 0, at_end=False)

    assert item == Item("broken", 0, 3, "A", 3, 3, b"")


def test_count_tags_leaves_comments_out() -> None:
    counts: Counter[str] = Counter()

    count_tags(b'<A><B/><!-- <C/> --><![CDATA[<D/>]]><?e <E/> ?></A>< f><B x="', counts)

    assert counts == {"A": 1, "B": 2}


def test_parse_element_makes_a_tree() -> None:
    data = b"""<Workout duration="1" duration="2">
      <!-- <Gone/> -->
      <MetadataEntry key="a" value="x &amp; y"/><MetadataEntry key='b' value=''/>
      <WorkoutActivity uuid="u"><WorkoutStatistics startDate="1" startDate="2"/></WorkoutActivity>
      <Broken a="</Workout>
      <Last/>"""

    tree = parse_element(data)

    statistics = Element("WorkoutStatistics", {"startDate": "1", "endDate": "2"})
    assert tree == Element(
        "Workout",
        {"duration": "1"},
        [
            Element("MetadataEntry", {"key": "a", "value": "x & y"}),
            Element("MetadataEntry", {"key": "b", "value": ""}),
            Element("WorkoutActivity", {"uuid": "u"}, [statistics]),
        ],
    )
    assert [each.get("key") for each in tree.all("MetadataEntry")] == ["a", "b"]
    assert tree.get("nothing", "default") == "default"
    assert [each.tag for each in tree.walk()] == [
        "Workout", "MetadataEntry", "MetadataEntry", "WorkoutActivity", "WorkoutStatistics",
    ]  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"told", b"</A>", b"<A"])
def test_parse_element_wants_one(data: bytes) -> None:
    with pytest.raises(ValueError, match="no element"):
        parse_element(data)
