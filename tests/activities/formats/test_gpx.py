from __future__ import annotations

import csv
import gzip
import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.formats.container import open_file
from activities.formats.gpx import NO_TIME, Track, parse_gpx

NAN = math.nan
AT = 1_772_467_445_000  # 2026-03-02T16:04:05Z


def apple(*points: str, head: str = "", name: str = "Route 2026-03-02 5:47pm") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="Apple Health Export" '
        'xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"{head}  <trk>\n    <name>{name}</name>\n    <trkseg>\n"
        + "".join(f"      {point}\n" for point in points)
        + "    </trkseg>\n  </trk>\n</gpx>"
    ).encode()


def point(
    lon: str = "-3.703790",
    lat: str = "40.416775",
    ele: str = "657.120000",
    time: str = "2026-03-02T16:04:05Z",
    speed: str = "2.910000",
    course: str = "271.000000",
) -> str:
    return (
        f'<trkpt lon="{lon}" lat="{lat}"><ele>{ele}</ele><time>{time}</time><extensions><speed>{speed}</speed>'
        f"<course>{course}</course><hAcc>2.100000</hAcc><vAcc>1.800000</vAcc></extensions></trkpt>"
    )


def track(**told: object) -> Track:
    """A track whose columns are NaN but for those told."""
    length = max(len(value) for value in told.values() if isinstance(value, list))
    columns = ("lat", "lon", "ele", "speed", "course", "h_acc", "v_acc", "hr", "cad", "power", "atemp")
    arrays = {name: np.array(told.pop(name, [NAN] * length), float) for name in columns}
    times = np.array(told.pop("time_ms", [NO_TIME] * length), np.int64)
    return Track(**{"segments": (0,), **told}, time_ms=times, **arrays)  # type: ignore[arg-type]


@pytest.mark.parametrize("fast", [True, False], ids=["by the column", "one by one"])
def test_a_route_of_apple(fast: bool) -> None:
    data = apple(
        point(),
        point("-3.70", "40.4", "-1.5", "2026-03-02T16:04:06Z", "-1", "-1.0"),
        head="  <metadata>\n    <time>2026-03-03T03:43:52Z</time>\n  </metadata>\n",
    )

    assert parse_gpx(data, fast=fast) == [
        track(
            name="Route 2026-03-02 5:47pm",
            creator="Apple Health Export",
            time_ms=[AT, AT + 1000],
            lon=[-3.70379, -3.7],
            lat=[40.416775, 40.4],
            ele=[657.12, -1.5],
            speed=[2.91, -1.0],
            course=[271.0, -1.0],
            h_acc=[2.1, 2.1],
            v_acc=[1.8, 1.8],
        )
    ]


GARMIN = b"""<?xml version="1.0" encoding="UTF-8"?>
<gpx creator="Garmin Connect" version="1.1"
  xmlns:ns3="http://www.garmin.com/xmlschemas/TrackPointExtension/v1" xmlns="http://www.topografix.com/GPX/1/1">
  <metadata><name>not this</name><time>2020-01-01T00:00:00Z</time></metadata>
  <wpt lat="1" lon="2"><name>nor this</name></wpt>
  <trk>
    <name> Evening
      run </name><type>running</type><link href="x"><type>text/html</type></link>
    <trkseg/>
    <trkseg>
      <trkpt lat="40.5" lon="-3.5"><ele>600</ele><time>2026-03-02T16:04:05.250Z</time>
        <extensions><ns3:TrackPointExtension><ns3:atemp>21.0</ns3:atemp><ns3:hr>142</ns3:hr><ns3:cad>84</ns3:cad>
        </ns3:TrackPointExtension><power>251</power></extensions></trkpt>
      <trkpt lat="40.6" lon="-3.6"/>
    </trkseg>
    <trkseg><trkpt lat="40.7" lon="-3.7"><time>2026-03-02T18:04:05+02:00</time></trkpt></trkseg>
  </trk>
  <trk><name>empty</name></trk>
  <rte><name>Plan</name><rtept lat="1.5" lon="2.5"><ele>3</ele></rtept></rte>
</gpx>"""


def test_tracks_segments_and_routes() -> None:
    assert parse_gpx(GARMIN) == [
        track(
            name="Evening run",
            type="running",
            creator="Garmin Connect",
            segments=(0, 2),
            time_ms=[AT + 250, NO_TIME, AT],
            lat=[40.5, 40.6, 40.7],
            lon=[-3.5, -3.6, -3.7],
            ele=[600.0, NAN, NAN],
            hr=[142.0, NAN, NAN],
            cad=[84.0, NAN, NAN],
            power=[251.0, NAN, NAN],
            atemp=[21.0, NAN, NAN],
        ),
        track(name="Plan", creator="Garmin Connect", kind="route", lat=[1.5], lon=[2.5], ele=[3.0]),
    ]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<speed>3.5</speed><course>90</course>", {"speed": [3.5], "course": [90.0]}),
        ("<extensions><a:hr xmlns:a='x'>140</a:hr></extensions>", {"hr": [140.0]}),
        ("<extensions><heartrate>141</heartrate><cadence>80</cadence></extensions>", {"hr": [141.0], "cad": [80.0]}),
        ("<extensions><b:PowerInWatts>200</b:PowerInWatts></extensions>", {"power": [200.0]}),
        ("<ele>12,5</ele>", {"ele": [12.5]}),
        ("<ele>nan</ele><ele>7</ele><ele>8</ele>", {"ele": [7.0]}),
        ("<ele>high</ele><time>yesterday</time>", {}),
        ("<time>2026-03-02T16:04:05</time>", {"time_ms": [AT]}),
        ("<time>2026-03-02 17:04:05 +0100</time>", {"time_ms": [AT]}),
        ("<!-- <ele>1</ele> --><ele/>", {}),
    ],
)
def test_what_points_tell(inner: str, expected: dict[str, list[float]]) -> None:
    data = f'<gpx version="1.0"><trk><trkseg><trkpt lat="1" lon="2">{inner}</trkpt></trkseg></trk></gpx>'

    assert parse_gpx(data.encode()) == [track(lat=[1.0], lon=[2.0], **expected)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    data = apple(point(), name="Zoë").decode().replace("UTF-8", encoding).encode(encoding)

    assert [each.name for each in parse_gpx(data)] == ["Zoë"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0\0", b"text", b"<gpx/>", b"<HealthData/>", b"<gpx><trk><trkseg/></trk></gpx>", b"<gpx", b"<gpx><<<"],
)
def test_nothing_to_read_gives_nothing(data: bytes) -> None:
    assert parse_gpx(data) == []


def test_entities_do_nothing() -> None:
    data = b"""<?xml version="1.0"?><!DOCTYPE gpx [
    <!ENTITY a "ha"> <!ENTITY b "&a;&a;"> <!ENTITY f SYSTEM "/etc/hostname">]>
    <gpx creator="c"><trk><name>&b;&f;</name><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>"""

    assert parse_gpx(data) == [track(creator="c", lat=[1.0], lon=[2.0])]


@pytest.mark.parametrize("cut", [10, 60, 100, 200, 260, 300])
def test_a_cut_file_gives_the_points_before(cut: int) -> None:
    whole = apple(*(point(time=f"2026-03-02T16:04:{second:02d}Z") for second in range(20)))

    [found] = parse_gpx(whole[: -len("    </trkseg>\n  </trk>\n</gpx>") - cut])

    assert 18 <= len(found) <= 20
    assert found.time_ms[:18].tolist() == [AT - 5000 + 1000 * second for second in range(18)]


numbers = st.sampled_from(["1.5", "-0.25", "7", "180.000000", "1e-3", ".5", "12.", "", " 1.5", "1,5", "nan", "abc"])
times = st.sampled_from(
    ["2026-03-02T16:04:05Z", "2024-02-29T00:00:00Z", "2025-02-29T00:00:00Z", "2026-03-02T16:04:05.5Z", "", "9" * 20]
)
points = st.builds(point, numbers, numbers, numbers, times, numbers, numbers) | st.just(point())


def _changed(told: bytes, at: int, length: int, put: bytes) -> bytes:
    at %= len(told)
    return told[:at] + put + told[at + length :]


@settings(max_examples=300, deadline=None)
@given(st.lists(points, min_size=1, max_size=6))
def test_both_ways_read_alike(told: list[str]) -> None:
    data = apple(*told)

    assert parse_gpx(data) == parse_gpx(data, fast=False)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(0, 12),
    st.sampled_from([b"", b"<", b">", b'"', b"/", b" ", b"<a/>", b"<!-- -->", b"x", b"&amp;", b"\xff", b"</trkpt>"]),
)
def test_changed_bytes_raise_nothing(at: int, length: int, put: bytes) -> None:
    """And the fast way never takes a file that it does not read as the other one does."""
    data = _changed(apple(point(), point(), point()), at, length, put)

    fast, slow = parse_gpx(data), parse_gpx(data, fast=False)

    assert fast == slow


def test_real_files(shared: Path) -> None:
    with (shared / "data" / "MANIFEST.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if ".gpx" in row["path"]]
    assert len(rows) > 50
    for row in rows:
        data = (shared / "data" / row["path"]).read_bytes()
        if row["path"].endswith(".gz"):
            data = gzip.decompress(data)

        tracks = [each for each in parse_gpx(data) if each.kind == "track"]

        assert sum(map(len, tracks)) == int(row["records"] or 0), row["path"]
        if row["avg_hr"]:
            heart_rate = np.concatenate([each.hr for each in tracks])
            assert np.nanmean(heart_rate) == pytest.approx(float(row["avg_hr"]), abs=0.01), row["path"]
        if row["start_time"]:
            times = np.concatenate([each.time_ms for each in tracks])
            first = int(datetime.fromisoformat(row["start_time"]).timestamp())
            assert times[times > NO_TIME][0] // 1000 == first, row["path"]


def test_real_routes_of_apple_are_read_alike(shared: Path) -> None:
    with open_file(shared / "data" / "apple_health" / "apple-health-grafana" / "test-export.zip") as container:
        routes = [container.read(each, 2**24)[0] for each in container.members if each.path.endswith(".gpx")]
    assert len(routes) == 2
    for data in routes:
        assert parse_gpx(data) == parse_gpx(data, fast=False)
