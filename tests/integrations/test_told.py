from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Stream
from activities.domain.reading import SAMPLE_SCHEMA, DeviceFacts
from integrations.errors import UnexpectedPayload
from integrations.told import (
    as_json,
    aware,
    clock_ms,
    day_of,
    duration_s,
    elements,
    elements_under,
    joined,
    json_of,
    moment_ms,
    number,
    offset_s,
    positions,
    positive,
    rows_of,
    sample_table,
    scaled,
    stream_of,
    value_under,
    zone_named,
    zone_of_offset,
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [(1, 1.0), ("1.5", 1.5), (" -2e3 ", -2000.0), (".5", 0.5), ("", None), ("NaN", None), (float("inf"), None),
     (True, None), (None, None), ([], None), ("1,5", None), ("0x1", None), ("1_0", None), (10**400, None),
     ("1e999", None)],
)  # fmt: skip
def test_number_is_finite_or_none(told: object, expected: float | None) -> None:
    assert number(told) == expected


def test_positive_and_scaled_leave_the_arithmetics_digits_out() -> None:
    assert (positive(0), positive("3"), scaled("0.1", 3), scaled(0, 2), scaled(0, 2, only_positive=True)) == (
        None,
        3.0,
        0.3,
        0.0,
        None,
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [("+05:30", 19_800), ("UTC-0800", -28_800), ("-08", -28_800), ("Z", 0), ("GMT+1", 3600), ("PDT", None),
     ("+19", None), ("", None), (3600, None)],
)  # fmt: skip
def test_offset_s_reads_words(told: object, expected: int | None) -> None:
    assert offset_s(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [("PT" + "9" * 306 + "H", None),
     ("PT1H2M3.5S", 3723.5), ("PT0S", 0.0), ("P1DT1S", 86_401.0), ("-PT5S", -5.0), ("1830s", 1830.0), ("PT", None),
     ("5 min", None), ("", None), ("PT1.2.3S", None)],
)  # fmt: skip
def test_duration_s_reads_iso_and_seconds(told: str, expected: float | None) -> None:
    assert duration_s(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [("2026-03-02T23:00:00Z", date(2026, 3, 2)), ("03/02/26 10:00:00", date(2026, 3, 2)), ("2026-13-02", None),
     ("02.03.2026", None), (None, None), ("03/02/2026", None)],
)  # fmt: skip
def test_day_of_reads_the_date_at_the_start(told: object, expected: date | None) -> None:
    assert day_of(told) == expected


def test_aware_keeps_a_told_offset_and_takes_the_zone_for_none() -> None:
    cet = timezone(timedelta(hours=1))

    assert aware("2026-03-02T10:00:00", cet) == datetime(2026, 3, 2, 10, tzinfo=cet)
    assert aware("2026-03-02T10:00:00Z", cet) == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert aware("0001-01-01T00:00:00", cet) is None
    assert (moment_ms("1772445600000"), moment_ms(1e20), moment_ms(None)) == (
        datetime(2026, 3, 2, 10, tzinfo=UTC),
        None,
        None,
    )
    assert (zone_of_offset(1e9), zone_named("../etc/passwd"), zone_named("")) == (UTC, None, None)


def test_clock_ms_reads_both_forms_and_marks_the_others() -> None:
    told = [
        "03/02/26 10:00:00",
        "2026-03-02T10:00:00",
        "2026-03-02T10:00:00.250Z",
        "2026-03-02T11:00:00+01:00",
        "02/30/26 10:00:00",
        "",
    ]

    assert clock_ms(told).tolist() == [1772445600000, 1772445600000, 1772445600250, 1772445600000, -1, -1]


def test_elements_keep_their_own_bytes_and_stop_where_the_list_breaks_off() -> None:
    assert [told for told, _ in elements(b'\xef\xbb\xbf [ {"a" : 1.50}, "\xc3\xa4" ] ')] == [
        b'{"a" : 1.50}',
        '"ä"'.encode(),
    ]
    assert list(elements(b"[]")) == []
    broken = elements(b"[1, {")
    assert next(broken) == (b"1", 1)
    with pytest.raises(UnexpectedPayload, match="breaks off at character 4"):
        next(broken)


def test_joined_keeps_documents_byte_for_byte_and_makes_words_of_what_is_none() -> None:
    data = joined({"session": b'\xef\xbb\xbf{"a" : 1.0}\n', "gpx": b"<gpx/>", "none": b""})

    assert data == b'{"session":{"a" : 1.0},"gpx":"<gpx/>","none":""}'


def test_rows_of_cuts_and_fills_rows() -> None:
    data = b"table,1,2\na, b\n1,2,3,\n4\n\n"

    assert list(rows_of(data, skip_lines=1)) == [{"a": "1", "b": "2"}, {"a": "4", "b": ""}]


def test_streams_are_sorted_and_positions_are_on_the_globe() -> None:
    assert stream_of([(2, 5.0), (1, 4.0), (None, 1.0), (3, None)]) == Stream(np.array([1.0, 2.0]), np.array([4.0, 5.0]))
    assert stream_of([(None, 1.0)]) is None
    assert positions([(0, 0.0, 0.0), (1, 91.0, 0.0), (2, 45.0, None)]) == {}


def test_sample_table_leaves_out_what_has_no_time_or_number() -> None:
    table = sample_table(
        "heart_rate",
        DeviceFacts("w", "W"),
        np.array([1000, -(2**62), 3000]),
        np.array([2000, 0, 2000]),
        np.array([60.0, 61.0, 62.0]),
    )

    assert table is not None
    assert table.columns.schema == SAMPLE_SCHEMA
    assert table.columns.to_pylist() == [
        {"start_ms": 1000, "end_ms": 2000, "value": 60.0, "text": None, "unit": "bpm", "version": None,
         "hardware": None, "detail": None}
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@settings(max_examples=100)
def test_as_json_writes_what_json_can_hold(told: object) -> None:
    assert json.loads(as_json({"told": told})) is not None


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_documents_are_read_or_refused(data: bytes) -> None:
    for read in (json_of, lambda it: list(elements(it)), lambda it: list(rows_of(it))):
        try:
            read(data)
        except UnexpectedPayload:
            continue


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"next":"a","records":[{"id": 1.50}, {"id":2}]}', ([b'{"id": 1.50}', b'{"id":2}'], {"next": "a"})),
        (b' \n{ "records" : [ "\xc3\xa9" ] , "total" : 1 } ', ([b'"\xc3\xa9"'], {"total": 1})),
        (b'{"records":[1],"records":[2, 3]}', ([b"2", b"3"], {})),
        (b'{"data":{"records":[1]},"records":[]}', ([], {"data": {"records": [1]}})),
        (b'{"records":null}', ([], {})),
        (b"{}", ([], {})),
    ],
    ids=["bytes as served", "blanks", "told twice", "one inside", "null", "none"],
)
def test_elements_under_keeps_each_elements_bytes(data: bytes, expected: tuple[list[bytes], dict[str, object]]) -> None:
    rows, other = elements_under(data, "records")

    assert ([row for row, _ in rows], other) == expected
    assert [json.loads(row) for row, _ in rows] == [value for _, value in rows]


@pytest.mark.parametrize("data", [b"[]", b'{"records":{}}', b'{"records":[1', b"", b'{"records":[1]} x'])
def test_elements_under_refuses_what_is_no_object_with_a_list(data: bytes) -> None:
    with pytest.raises(UnexpectedPayload):
        elements_under(data, "records")


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists)), st.lists(st.text()))
@settings(max_examples=60)
def test_elements_under_finds_the_list_whatever_stands_around(around: dict[str, object], rows: list[str]) -> None:
    whole = {**around, "records": rows, "end": 1}

    found, other = elements_under(json.dumps(whole, indent=1).encode(), "records")

    assert [value for _, value in found] == rows
    assert other == {key: value for key, value in whole.items() if key != "records"}


def test_value_under_gives_the_very_bytes_of_a_member() -> None:
    data = b'{"error" : null, "payload" :{"b": 1.50, "a": [ ]} ,"metadata":{"payload":2}}'

    assert value_under(data, "payload") == b'{"b": 1.50, "a": [ ]}'
    assert value_under(data, "error") == b"null"
    assert value_under(data, "none") == b""
    with pytest.raises(UnexpectedPayload):
        value_under(b"[1]", "payload")
