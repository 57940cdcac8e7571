"""The columnar file of a sample series: exact, small, and independent of the order in which samples came."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.domain.reading import SAMPLE_SCHEMA
from activities.domain.series import SampleFile, Series, _paired, decode, encode, gathered, hidden, merge, without
from tests.activities.domain.sampling import sample_table

INT64 = st.integers(-(2**63), 2**63 - 1)
WORD_COLUMNS = SAMPLE_SCHEMA.names[3:]
WORDS = st.one_of(
    st.none(), st.sampled_from(["", "a", "km", "mi", "ü €", '<M k="1"/>']), st.text("aé€😀\n", max_size=3)
)
VALUES = st.one_of(
    st.none(),
    st.floats(),
    st.integers(-300, 300).map(float),
    st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
)
ANY_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "start_ms": st.one_of(st.integers(0, 5).map(lambda n: n * 1000), st.integers(0, 5), INT64),
            "end_ms": st.one_of(st.integers(0, 5).map(lambda n: n * 1000), INT64),
            "value": VALUES,
            "text": WORDS,
            "unit": WORDS,
            "version": WORDS,
            "hardware": WORDS,
            "detail": WORDS,
        }
    ),
    max_size=12,
)
# Few different words and moments, so that many rows are the same sample or nearly so.
CROWDED = st.lists(
    st.fixed_dictionaries(
        {
            "start_ms": st.integers(0, 2),
            "value": st.sampled_from([None, 1.0, 1.00005, 1.00012, 2.0, math.nan]),
            "text": st.sampled_from([None, "x"]),
            "unit": st.sampled_from([None, "km", "mi"]),
            "version": st.sampled_from([None, "1", "2"]),
            "detail": st.sampled_from([None, "d", "dd", "de"]),
        }
    ),
    max_size=10,
)


def series(rows: list[dict[str, Any]], origin: int = 1) -> Series:
    return gathered([(sample_table(rows), origin)])


def rows_of(one: Series) -> list[tuple[Any, ...]]:
    """Rows with the ids of those that told them; NaN as a word, since it equals nothing."""
    columns = [one.table()[name].to_pylist() for name in SAMPLE_SCHEMA.names]
    told = [one.origins[number] for number in one.origin.tolist()]
    return [
        tuple("NaN" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row)
        for row in zip(*columns, told, strict=True)
    ]


def heart_rate(rows: int, seed: int = 1) -> pa.Table:
    """A month of irregular heart rates as a watch tells them: 420 a day, scattered by 22, in three motion contexts."""
    chance = np.random.default_rng(seed)
    start = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    gaps = np.maximum(1, chance.exponential(86400 / 420, rows)).astype(np.int64)
    start_ms = (int(start) + np.cumsum(gaps)) * 1000
    contexts = [f'<MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="{n}"/>' for n in range(3)]

    def words(codes: np.ndarray, vocabulary: list[str]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(vocabulary))

    none = np.zeros(rows)
    columns = {
        "start_ms": start_ms,
        "end_ms": start_ms,
        "value": np.clip(np.round(chance.normal(75, 22, rows)), 35, 205),
        "text": pa.DictionaryArray.from_arrays(pa.array([None] * rows, pa.int32()), pa.array([], pa.string())),
        "unit": words(none, ["count/min"]),
        "version": words(none, ["11.2"]),
        "hardware": words(none, ["Watch7,5"]),
        "detail": words(chance.choice(3, rows, p=[0.5, 0.3, 0.2]), contexts),
    }
    return pa.table(columns, schema=SAMPLE_SCHEMA)


@given(ANY_ROWS)
def test_decode_gives_back_every_row_exactly(rows):
    one = series(rows)

    back = decode(encode(one), one.origins)

    assert rows_of(back) == rows_of(one)
    assert back.same_rows(one)
    assert {repr(row) for row in rows_of(one)} <= {repr((*_told(row), (1,))) for row in rows}


def _told(row: dict[str, Any]) -> tuple[Any, ...]:
    value = row["value"]
    if value is not None:
        value = "NaN" if math.isnan(value) else value + 0.0
    return (*(value if name == "value" else row[name] for name in SAMPLE_SCHEMA.names),)


@given(ANY_ROWS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_equal_rows_make_equal_bytes_in_any_order_and_any_pieces(rows, chance, pieces):
    shuffled = chance.sample(rows, len(rows))
    tables = [(sample_table(shuffled[n::pieces]), 1) for n in range(pieces)]

    assert encode(gathered(tables)) == encode(series(rows))


@given(CROWDED, CROWDED, CROWDED)
def test_merge_does_not_depend_on_order_or_grouping(one, two, three):
    a, b, c = series(one, 1), series(two, 2), series(three, 3)

    together = rows_of(merge(a, b, c))

    assert rows_of(merge(merge(a, b), c)) == together
    assert rows_of(merge(a, merge(b, c))) == together
    assert rows_of(merge(c, b, a)) == together
    assert rows_of(merge(merge(a, b, c), merge(b, a))) == together
    assert encode(merge(merge(c, a), b)) == encode(merge(a, b, c))


@given(CROWDED, CROWDED)
def test_without_takes_back_one_telling_and_leaves_the_others(one, two):
    a, b = series(one, 1), series(two, 2)

    left = without(merge(a, b), 2)

    assert [row[:5] for row in rows_of(left)] == [row[:5] for row in rows_of(a)]
    assert {row[-1] for row in rows_of(left)} <= {(1,)}
    assert rows_of(without(merge(a, b), 3)) == rows_of(merge(a, b))


@given(CROWDED, CROWDED)
def test_more_samples_never_show_fewer(one, two):
    def shown(rows):
        together = series(rows)
        return len(together) - hidden(together).sum()

    assert shown(one) <= shown(one + two)


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        pytest.param([{"value": 1.0}, {"value": 1.0}], [1.0], id="same"),
        pytest.param([{"value": 1.0}, {"value": 1.00005}], [1.0, 1.00005], id="near in one unit"),
        pytest.param([{"value": 1.0, "unit": "mi"}, {"value": 1.00005, "unit": "km"}], [1.00005], id="near in two"),
        pytest.param([{"value": 1.0, "unit": "mi"}, {"value": 1.002, "unit": "km"}], [1.0, 1.002], id="far in two"),
        pytest.param([{"value": 1.0, "unit": "kcal"}, {"value": 1.0, "unit": "Cal"}], [1.0], id="same in two"),
        pytest.param(
            [
                {"value": 1.0, "unit": "km"},
                {"value": 1.00005, "unit": "km"},
                {"value": 1.00003, "unit": "mi"},
                {"value": 1.00009, "unit": "mi"},
                {"value": 1.0001, "unit": "mi"},
            ],
            [1.0, 1.00005, 1.0001],
            id="one for one",
        ),
        pytest.param([{"value": 1.0, "text": "a"}, {"value": 1.0, "text": "b"}], [1.0, 1.0], id="other text"),
        pytest.param([{"detail": "a"}, {"detail": "b"}], [None, None], id="nothing told but detail"),
        pytest.param([{"value": 1.0, "detail": "a"}, {"value": 1.0, "detail": "b"}], [1.0], id="other detail"),
        pytest.param([{"value": 0.0}, {"value": -0.0}], [0.0], id="zero has no sign"),
        pytest.param([{"end_ms": 1, "value": 1.0}, {"end_ms": 2, "value": 1.0}], [1.0, 1.0], id="other end"),
    ],
)
def test_which_rows_are_one_sample(rows, kept):
    data = encode(series([{"start_ms": 0, **row} for row in rows]))

    assert SampleFile(data).table(["value"], 0, 1)["value"].to_pylist() == kept


def test_every_kind_of_nan_is_the_same():
    told = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64)
    one = sample_table([{"start_ms": 0}] * 3).set_column(2, SAMPLE_SCHEMA.field("value"), pa.array(told))

    assert rows_of(gathered([(one, 1)])) == [(0, 0, "NaN", *[None] * 5, (1,))]


def test_of_the_same_sample_the_longest_telling_stays():
    told = [
        {"start_ms": 0, "value": 1.0, "detail": "bb", "version": "2", "hardware": "h"},
        {"start_ms": 0, "value": 1.0, "detail": "ccc", "version": "1", "hardware": "h"},
        {"start_ms": 0, "value": 1.0, "detail": "ddd", "version": "1", "hardware": "g"},
        {"start_ms": 0, "value": 1.0, "version": "9", "hardware": "z"},
    ]
    for _ in range(10):
        random.Random(_).shuffle(told)
        one = merge(*(series([row], origin) for origin, row in enumerate(told, 1)))
        assert rows_of(one) == [(0, 0, 1.0, None, None, "1", "g", "ddd", (1, 2, 3, 4))]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param([72.0, 73.0], [0, 1.0], id="whole"),
        pytest.param([72.0, 72.35], [2, 1.0], id="decimals"),
        pytest.param([float(text) * 1000 for text in ("0.0123457", "1.00123", "4.1")], [7, 1000.0], id="km in m"),
        pytest.param([math.pi, 2.0], None, id="no decimals"),
        pytest.param([math.nan, 2.0], None, id="NaN"),
        pytest.param([2.0**60, 2.0], None, id="beyond the whole numbers of a double"),
    ],
)
def test_values_are_kept_as_integers_where_that_is_exact(value, told):
    one = series([{"start_ms": n, "value": number} for n, number in enumerate(value)])

    file = SampleFile(encode(one))

    assert file.told["scale"] == told
    assert np.array_equal(file.series(((1,),)).value, value, equal_nan=True)


def test_keys_too_wide_for_one_integer_still_sort_alike():
    chance = np.random.default_rng(1)
    keys = [(chance.integers(0, 2**40, 200) // 2**38, 2**40) for _ in range(4)]

    joint = _paired(keys)

    assert np.array_equal(np.lexsort((joint,)), np.lexsort([key for key, _ in reversed(keys)]))
    assert len(np.unique(joint)) == len(set(zip(*(key.tolist() for key, _ in keys), strict=True)))


def test_a_column_of_one_value_costs_nothing():
    rows = [{"start_ms": 1000 * n, "end_ms": 1000 * n + 500, "unit": "km", "text": "w"} for n in range(4000)]

    few, many = encode(series(rows[:4])), encode(series(rows))

    assert len(many) - len(few) < 40
    assert SampleFile(many).table(["start_ms", "end_ms", "unit", "value"], 0, 10**7).to_pylist() == [
        {"start_ms": row["start_ms"], "end_ms": row["end_ms"], "unit": "km", "value": None} for row in rows
    ]


def test_a_heart_rate_sample_costs_at_most_two_and_a_half_bytes():
    rows = 30 * 420

    data = encode(gathered([(heart_rate(rows), 1)]))

    assert len(data) / rows <= 2.5


@given(CROWDED, st.integers(-1, 3), st.integers(-1, 3))
def test_table_gives_the_rows_of_a_stretch(rows, start, end):
    one = series(rows)
    shown = [row for row, hide in zip(rows_of(one), hidden(one), strict=True) if not hide]

    table = SampleFile(encode(one)).table(SAMPLE_SCHEMA.names, start, end)

    told = gathered([(table, 1)])
    assert [row[:-1] for row in rows_of(told)] == [row[:-1] for row in shown if start <= row[0] < end]


@given(CROWDED, st.lists(st.integers(-1, 4), min_size=2, max_size=5).map(sorted))
def test_daily_counts_what_starts_between_the_edges(rows, edges):
    one = series(rows)
    shown = [row for row, hide in zip(rows_of(one), hidden(one), strict=True) if not hide]

    days = SampleFile(encode(one)).daily(np.array(edges))

    for day, (start, end) in enumerate(pairwise(edges)):
        values = [row[2] for row in shown if start <= row[0] < end and row[2] not in (None, "NaN")]
        if any(row[2] is not None for row in rows_of(one)):
            assert days.count[day] == len(values)
        if values:
            assert (days.least[day], days.most[day]) == (min(values), max(values))
            assert days.total[day] == pytest.approx(sum(values))
        else:
            assert np.isnan([days.least[day], days.most[day], days.total[day], days.last[day]]).all()


def test_daily_of_words_counts_them():
    one = series([{"start_ms": n, "text": "asleep"} for n in range(5)])

    days = SampleFile(encode(one)).daily(np.array([0, 2, 5]))

    assert days.count.tolist() == [2, 3]
    assert np.isnan(days.total).all()


def test_tables_of_many_pieces_with_their_own_dictionaries_are_read_alike():
    pieces = [sample_table([{"start_ms": n, "value": 1.0, "detail": word}]) for n, word in enumerate("cab")]

    together = gathered([(pa.concat_tables(pieces), 1)])

    assert [row[-2] for row in rows_of(together)] == ["c", "a", "b"]
