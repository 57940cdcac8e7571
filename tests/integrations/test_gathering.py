from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Iterator
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.formats.container import Container, open_file
from integrations.errors import UnexpectedPayload
from integrations.gathering import list_elements, table_lines
from integrations.told import elements

MIB = 1 << 20
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def archive(data: bytes) -> Container:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("list.json", data)
    return open_file(BytesIO(target.getvalue()), "a.zip")


def read(data: bytes, key: str = "") -> tuple[list[tuple[bytes, object]], str]:
    """The elements that were told, and the error after them."""
    with archive(data) as container:
        return taken(list_elements(container, container.members[0], key=key))


def taken(found: Iterator[tuple[bytes, object]]) -> tuple[list[tuple[bytes, object]], str]:
    told: list[tuple[bytes, object]] = []
    try:
        told.extend(found)
    except UnexpectedPayload as error:
        return told, str(error)
    return told, ""


@given(st.lists(DOCUMENTS, max_size=5), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_list_is_read_as_it_would_be_at_once(told: list[object], indent: int | None, is_ascii: bool) -> None:
    data = json.dumps(told, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    try:
        data.decode()
    except UnicodeDecodeError:
        return

    assert read(data) == (list(elements(data)), "")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_list_that_breaks_off_tells_what_stands_before(draw: st.DataObject) -> None:
    data = json.dumps(draw.draw(st.lists(DOCUMENTS, min_size=1, max_size=5))).encode()
    cut = data[: draw.draw(st.integers(0, len(data) - 1))]

    assert read(cut) == taken(elements(cut))


def test_a_list_longer_than_what_is_looked_at() -> None:
    # Elements end on, before and behind the edges of what is fetched; one is far longer than that.
    numbers = random.Random(7)
    told = [{"at": at, "text": "ä" * numbers.randrange(200_000)} for at in range(40)] + ["x" * (5 * MIB), 123456, 7]

    found, error = read(json.dumps(told, ensure_ascii=False).encode())

    assert ([value for _, value in found], error) == (told, "")
    assert [json.loads(data) for data, _ in found] == told


def test_a_list_inside_an_object() -> None:
    assert read(b'{"version": "1", "days" : [ {"a": 1}, 2 ], "more": [3]}', key="days") == (
        [(b'{"a": 1}', {"a": 1}), (b"2", 2)],
        "",
    )
    assert read(b'{"other": [1]}', key="days") == ([], "A list was expected here.")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "A list was expected here."),
        (b'{"no": "list"}', "A list was expected here."),
        (b"[1, 2 3]", "This list breaks off at character 5."),
        (b"[1, 2,, 3]", "This list breaks off at character 6."),
        (b"[" * 100_000, "This list breaks off at character 1."),
        (b'["\xff\xff"]', "This is not text, so it cannot be read as JSON."),
        (b"[" + b" " * (3 * MIB) + b"x", f"This list breaks off at character {3 * MIB + 1:,}."),
        (b"[1" + b" " * (3 * MIB) + b"x]", "This list breaks off at character 2."),
    ],
)
def test_what_is_no_list_is_refused_in_a_sentence(data: bytes, error: str) -> None:
    assert read(data)[1] == error


def test_table_lines_go_on_to_the_end() -> None:
    with archive(b'a,b\r\n1,"x\ny"\n\0\n') as container:
        assert list(table_lines(container, container.members[0])) == [["a", "b"], ["1", "x\ny"], []]
