from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activities.formats.apple_health.dates import date_ms, date_of, dates_ms, day_ms

AT = int(datetime(2026, 3, 2, 16, 10, 4, tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-03-02 17:10:04 +0100", AT),
        ("2026-03-02 17:10:04 +01:00", AT),
        ("2026-03-02T16:10:04Z", AT),
        ("2026-03-02 16:10:04", AT),
        (" 2026-3-2 9:10:04 -0700 ", AT),
        ("2026-03-02 16:10:04.5 +0000", AT + 500),
        ("4001-01-01 00:00:00 +0000", 64_092_211_200_000),
        ("0001-01-01 00:00:00 +0000", None),
        ("9999-12-31 23:59:59 -1200", None),
        ("2026-02-29 00:00:00 +0000", None),
        ("2024-02-29 00:00:00 +0000", 1_709_164_800_000),
        ("2026-13-01 00:00:00 +0000", None),
        ("2026-03-02 24:00:00 +0000", None),
        ("2026-03-02 17:60:00 +0000", None),
        ("2026-03-02 17:10:60 +0000", None),
        ("2026-03-02 17:10:04 +2400", None),
        ("2026-03-02", None),
        ("٢٠٢٦-03-02 17:10:04 +0100", None),
        ("", None),
    ],
)
def test_date_ms(told: str, expected: int | None) -> None:
    assert date_ms(told) == expected


def test_date_of_keeps_the_offset() -> None:
    expected = datetime(2026, 3, 2, 10, 40, 4, tzinfo=timezone(-timedelta(hours=5, minutes=30)))

    found = date_of("2026-03-02 10:40:04 -0530")

    assert found == expected
    assert found is not None
    assert found.utcoffset() == expected.utcoffset()
    assert date_of("never") is None


@pytest.mark.parametrize(
    ("told", "expected"), [("2026-03-02", AT // 86_400_000 * 86_400_000), ("2026-02-30", None), ("0", None), ("", None)]
)
def test_day_ms(told: str, expected: int | None) -> None:
    assert day_ms(told) == expected


written = st.builds(
    "{:04d}-{:02d}-{:02d} {:02d}:{:02d}:{:02d} {}{:02d}{:02d}".format,
    st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25), st.integers(0, 61),
    st.integers(0, 61), st.sampled_from("+-"), st.integers(0, 25), st.integers(0, 61),
)  # fmt: skip
spoiled = st.builds(
    lambda told, at, byte: told[:at] + byte + told[at + 1 :],
    written, st.integers(0, 24), st.characters(min_codepoint=1, max_codepoint=127),
)  # fmt: skip


@given(st.lists(written | spoiled, min_size=1, max_size=20))
@example(["2026-03-02 17:10:04 +0100"])
def test_dates_by_the_column_are_those_one_by_one(told: list[str]) -> None:
    rows = np.frombuffer("".join(told).encode(), np.uint8).reshape(-1, 25)

    milliseconds, good = dates_ms(rows)

    for each, found, is_good in zip(told, milliseconds.tolist(), good.tolist(), strict=True):
        # What the column does not take is read one by one; what it takes must be the same.
        assert not is_good or found == date_ms(each)
        assert is_good or date_ms(each) is None or not each.isascii() or _unlike_apple(each)


def _unlike_apple(told: str) -> bool:
    """A date in another form than Apple's, which only the slower way reads."""
    marks = "".join(told[at] for at in (4, 7, 10, 13, 16, 19))
    return marks != "-- :: " or told[20] not in "+-" or not (told[21:25].isdigit() and told[:4].isdigit())


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)), st.integers(0, 86_399), st.integers(-1439, 1439))
def test_every_moment_has_its_milliseconds(day: date, second: int, minutes: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone(timedelta(minutes=minutes)))
    moment = midnight + timedelta(seconds=second)
    told = f"{moment:%Y-%m-%d %H:%M:%S %z}".zfill(25)

    milliseconds, good = dates_ms(np.frombuffer(told.encode(), np.uint8).reshape(1, 25))

    assert good.all()
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert milliseconds.tolist() == [date_ms(told)] == [expected]
