from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.formats import gpx_file, tcx, xml_points
from activities.formats.xml_points import NO_TIME, Dialect, Points, time_of
from activities.formats.xml_text import plain_text
from tests.activities.formats.sheets import Row, bytes_of, files_of


def assert_same(one: Points, other: Points, dialect: Dialect) -> None:
    assert one.time_ms.tolist() == other.time_ms.tolist()
    for name in dialect.names:
        np.testing.assert_array_equal(one.column(name), other.column(name), name)
    assert (one.offset_s, one.zoneless) == (other.offset_s, other.zoneless)


@pytest.mark.parametrize("row", files_of("tcx") + files_of("gpx"))
def test_both_ways_read_the_same_of_real_files(row: Row) -> None:
    module = tcx if row["kind"] == "tcx" else gpx_file
    text = plain_text(bytes_of(row), module.ROOT) or b""

    for start, end in xml_points._cut(text, module.DIALECT)[1].values():
        fast = xml_points._fast(text[start:end], module.DIALECT)
        if fast is not None:
            assert_same(fast, xml_points._slowly(text[start:end], module.DIALECT), module.DIALECT)


_NUMBERS = st.sampled_from(["0", "1", "-1.5", "200", "1e3", " 7", "x", "", "nan", "1,5", "12.25", "&#49;"])
_TIMES = st.sampled_from(
    ["2026-03-02T16:04:05Z", "2026-03-02T16:04:05.250Z", "2026-03-02T17:04:05+01:00", "2026-03-02T16:04:05", "soon", "",
     "0001-01-01T00:00:00Z", "2026-03-02T16:04:05.123456789Z", "2026-03-02"]
)  # fmt: skip
_NAMES = st.sampled_from(["AltitudeMeters", "Cadence", "a:Speed", "Watts", "Unknown", "HeartRateBpm"])


@st.composite
def _inside(draw: st.DrawFn) -> str:
    name = draw(_NAMES)
    if draw(st.integers(0, 9)) == 0:
        return draw(
            st.sampled_from(["<Extensions>", "</Extensions>", "<x/>", "<Extensions><x y='1'/></Extensions>", "<"])
        )
    value = draw(_NUMBERS)
    return f"<{name}><Value>{value}</Value></{name}>" if draw(st.booleans()) else f"<{name}>{value}</{name}>"


@st.composite
def _tcx_points(draw: st.DrawFn) -> str:
    one_time = draw(st.booleans())
    time = draw(_TIMES)
    points = []
    for _ in range(draw(st.integers(0, 6))):
        inside = "".join(draw(st.lists(_inside(), max_size=4)))
        points.append(f"<Trackpoint><Time>{time if one_time else draw(_TIMES)}</Time>{inside}</Trackpoint>")
    return draw(st.sampled_from(["", "\n  "])).join(points)


@given(_tcx_points())
def test_both_ways_read_the_same_of_odd_points(text: str) -> None:
    fast = xml_points._fast(text.encode(), tcx.DIALECT)

    if fast is not None:
        assert_same(fast, xml_points._slowly(text.encode(), tcx.DIALECT), tcx.DIALECT)


_ATTRIBUTES = st.sampled_from(
    [
        'lat="1" lon="2"', 'lon="2.5" lat="-1"', "lat='1' lon='2'", 'lat="x" lon="2"', 'lat="1"', "",
        'lat="1" lon="2" a="3"',
    ]
)  # fmt: skip


@given(st.lists(st.tuples(_ATTRIBUTES, st.sampled_from(["/>", "><ele>3</ele></trkpt>", "></trkpt>"])), max_size=6))
def test_both_ways_read_the_same_positions(points: list[tuple[str, str]]) -> None:
    text = "".join(f"<trkpt {attributes}{rest}" for attributes, rest in points).encode()

    fast = xml_points._fast(text, gpx_file.DIALECT)

    if fast is not None:
        assert_same(fast, xml_points._slowly(text, gpx_file.DIALECT), gpx_file.DIALECT)


def test_a_long_track_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    points = "".join(
        f"<Trackpoint><Time>2026-03-02T16:{second // 60:02}:{second % 60:02}Z</Time><Cadence>{second % 99}</Cadence>"
        "</Trackpoint>\n"
        for second in range(500)
    )
    data = (
        "<TrainingCenterDatabase><Activity><Lap StartTime='2026-03-02T16:00:00Z'><Track>"
        f"{points}</Track></Lap></Activity></TrainingCenterDatabase>"
    ).encode()
    whole = tcx.parse_tcx(data, "f1")

    monkeypatch.setattr(xml_points, "PIECE_BYTES", 1000)

    assert tcx.parse_tcx(data, "f1") == whole
    assert len(whole.activities[0].streams["cadence"]) == 500


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-03-02T16:04:05Z", (1_772_467_445_000, None, False)),
        ("2026-03-02T16:04:05.2504Z", (1_772_467_445_250, None, False)),
        (" 2026-03-02T17:04:05+01:00\n", (1_772_467_445_000, 3600, False)),
        ("2026-03-02T16:04:05+00:00", (1_772_467_445_000, None, False)),
        ("2026-03-02T16:04:05", (1_772_467_445_000, None, True)),
        ("1969-12-31T23:59:59.5Z", (-500, None, False)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times(told: str, time: tuple[int, int | None, bool] | None) -> None:
    assert time_of(told) == time


def test_points_that_tell_other_columns_are_joined() -> None:
    one = Points(np.array([1]), {"speed": np.array([2.0])})
    other = Points(np.array([NO_TIME]), {"power": np.array([3.0])}, 3600)

    joined = Points.joined([Points(), one, other])

    assert joined.time_ms.tolist() == [1, NO_TIME]
    np.testing.assert_array_equal(joined.column("speed"), [2, np.nan])
    np.testing.assert_array_equal(joined.column("power"), [np.nan, 3])
    assert (joined.offset_s, len(Points.joined([]))) == (3600, 0)
