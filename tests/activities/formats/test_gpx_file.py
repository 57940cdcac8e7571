from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from activities.domain.parsed import Lap, Parsed, ParsedActivity, Pause, Problem, Stream
from activities.formats.errors import Unreadable
from activities.formats.gpx_file import gpx_creator, parse_gpx_file
from tests.activities.formats.sheets import Row, bytes_of, differences, files_of, sessions_of

START = datetime(2026, 3, 2, 16, 4, 5, tzinfo=UTC)
COURSE = Problem("", "A track without times is a course and no activity; it is kept as it came.")
CUT_OFF = Problem("", "The file is cut off; what was recorded before that was read.")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def z(seconds: float = 0) -> str:
    return f"{at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def gpx(*inside: str, creator: str = "Me") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="{creator}" '
        f'xmlns="http://www.topografix.com/GPX/1/1">{"".join(inside)}</gpx>\n'
    ).encode()


def trk(*segments: Sequence[str], told: str = "") -> str:
    inside = "".join("<trkseg>" + "".join(points) + "</trkseg>" for points in segments)
    return f"<trk>{told}{inside}</trk>"


def pt(lat: float | str, lon: float | str, time: str = "", told: str = "") -> str:
    return f'<trkpt lat="{lat}" lon="{lon}">{f"<time>{time}</time>" if time else ""}{told}</trkpt>'


def stream(time_s: Sequence[float], values: Sequence[float]) -> Stream:
    return Stream(np.array(time_s, float), np.array(values, float))


def one(data: bytes) -> ParsedActivity:
    parsed = parse_gpx_file(data, "f1")
    assert len(parsed.activities) == 1
    return parsed.activities[0]


TWO = [pt(40, -3, z()), pt(40.001, -3, z(60))]

# --- whole files ------------------------------------------------------------------------------------
GARMIN = f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx creator="Garmin Connect" version="1.1"
  xmlns:ns3="http://www.garmin.com/xmlschemas/TrackPointExtension/v1" xmlns="http://www.topografix.com/GPX/1/1">
  <metadata><name>not this</name><time>2020-01-01T00:00:00Z</time></metadata>
  <wpt lat="1" lon="2"><name>nor this</name></wpt>
  <trk>
    <name> Evening
      run </name><desc>hot &amp; dry</desc><type>trail_running</type><link href="https://example.org/1"/>
    <trkseg/>
    <trkseg>
      <trkpt lat="40.5" lon="-3.5"><ele>600</ele><time>{z()}</time>
        <extensions><ns3:TrackPointExtension><ns3:atemp>21.0</ns3:atemp><ns3:hr>142</ns3:hr><ns3:cad>84</ns3:cad>
        </ns3:TrackPointExtension><power>251</power></extensions></trkpt>
      <trkpt lat="40.501" lon="-3.5"><ele>607.5</ele><time>{z(30)}</time>
        <extensions><ns3:TrackPointExtension><ns3:hr>148</ns3:hr></ns3:TrackPointExtension></extensions></trkpt>
    </trkseg>
    <trkseg>
      <trkpt lat="40.501" lon="-3.5"><time>{z(90)}</time></trkpt>
      <trkpt lat="40.502" lon="-3.5"><time>{z(120)}</time></trkpt>
    </trkseg>
  </trk>
</gpx>""".encode()


def test_a_run_of_garmin_connect() -> None:
    assert parse_gpx_file(GARMIN, "f1") == Parsed(
        (
            ParsedActivity(
                external_id="f1",
                sport="running.trail",
                provider_type="trail_running",
                name="Evening run",
                start_time=START,
                elapsed_s=120.0,
                distance_m=222.4,
                elevation_gain_m=7.5,
                elevation_loss_m=0.0,
                avg_heart_rate_bpm=145.0,
                max_heart_rate_bpm=148.0,
                min_heart_rate_bpm=142.0,
                avg_power_w=251.0,
                max_power_w=251.0,
                avg_cadence_rpm=168.0,
                max_cadence_rpm=168.0,
                device_kind="app",
                source_name="Garmin Connect",
                laps=(
                    Lap(
                        START,
                        30.0,
                        kind="segment",
                        distance_m=111.2,
                        avg_heart_rate_bpm=145.0,
                        max_heart_rate_bpm=148.0,
                    ),
                    Lap(at(90), 30.0, kind="segment", distance_m=111.2),
                ),
                pauses=(Pause(at(30), 60.0),),
                streams={
                    "latitude": stream([0, 30, 90, 120], [40.5, 40.501, 40.501, 40.502]),
                    "longitude": stream([0, 30, 90, 120], [-3.5] * 4),
                    "altitude": stream([0, 30], [600, 607.5]),
                    "temperature": stream([0], [21]),
                    "heart_rate": stream([0, 30], [142, 148]),
                    "cadence": stream([0], [168]),
                    "power": stream([0], [251]),
                },
                extra={
                    "description": "hot & dry",
                    "link": "https://example.org/1",
                    "computed": [
                        "avg_cadence_rpm", "avg_heart_rate_bpm", "avg_power_w", "distance_m", "elevation_gain_m",
                        "elevation_loss_m", "max_cadence_rpm", "max_heart_rate_bpm", "max_power_w",
                        "min_heart_rate_bpm",
                    ],
                },
            ),
        )
    )  # fmt: skip
    assert gpx_creator(GARMIN) == "Garmin Connect"


@pytest.mark.parametrize(
    ("told", "name", "value"),
    [
        ("<extensions><gpxtpx:TrackPointExtension><gpxtpx:hr>99</gpxtpx:hr></gpxtpx:TrackPointExtension></extensions>",
         "heart_rate", 99),
        ("<extensions><x:TrackPointExtension><x:speed>2.5</x:speed></x:TrackPointExtension></extensions>",
         "speed", 2.5),
        ("<extensions><gpxpx:PowerExtension><gpxpx:PowerInWatts>251</gpxpx:PowerInWatts></gpxpx:PowerExtension>"
         "</extensions>", "power", 251),
        ("<extensions><pwr:PowerInWatts>251</pwr:PowerInWatts></extensions>", "power", 251),
        ("<extensions><power>251</power></extensions>", "power", 251),
        ("<extensions><gpxdata:hr>99</gpxdata:hr></extensions>", "heart_rate", 99),
        ("<extensions><gpxdata:temp>20.5</gpxdata:temp></extensions>", "temperature", 20.5),
        ("<extensions><gpxdata:distance>10</gpxdata:distance></extensions>", "distance", 10),
        ("<extensions><gpxdata:cadence>88</gpxdata:cadence></extensions>", "cadence", 88),
        ("<extensions><heartrate>99</heartrate></extensions>", "heart_rate", 99),
        ("<hr>99</hr>", "heart_rate", 99),
        ("<speed>2.5</speed>", "speed", 2.5),
        ("<ele>2,5</ele>", "altitude", 2.5),
        ("<ele>x</ele><ele>3</ele>", "altitude", 3),
    ],
)  # fmt: skip
def test_what_makers_add_to_a_point(told: str, name: str, value: float) -> None:
    streams = one(gpx(trk([pt(40, -3, z(), told), pt(40, -3, z(1))]))).streams

    assert set(streams) == {"latitude", "longitude", name}
    assert streams[name] == stream([0], [value])


@pytest.mark.parametrize(
    ("told", "creator", "sport"),
    [
        ("<type>9</type>", "StravaGPX Android", "running"),
        ("<type>9</type>", "Someone", "generic"),
        ("<type>Ride</type>", "StravaGPX", "cycling"),
        ("<type><![CDATA[mtb_easy]]></type>", "https://www.komoot.de", "cycling.gravel"),
        ("<type>Course à pied</type>", "x", "running"),
        ("<name>Running 8/31/19 12:35 pm</name>", "Runkeeper - http://www.runkeeper.com", "running"),
        ("<name>Mountain Biking 8/31/19 12:35 pm</name>", "Runkeeper - http://www.runkeeper.com", "cycling.mountain"),
        ("<name>Running 8/31/19 12:35 pm</name>", "x", "generic"),
        ("", "x", "generic"),
    ],
)
def test_the_sport(told: str, creator: str, sport: str) -> None:
    assert one(gpx(trk(TWO, told=told), creator=creator)).sport == sport


@pytest.mark.parametrize(
    ("creator", "device", "kind"),
    [
        ("eTrex 30", "eTrex 30", "unknown"),
        ("Huami Amazfit Sports Watch", "Huami Amazfit Sports Watch", "watch"),
        ("StravaGPX iPhone", "StravaGPX iPhone", "phone"),
        ("Garmin Edge 830", "Garmin Edge 830", "computer"),
        ("StravaGPX", "", "app"),
        ("", "", "unknown"),
    ],
)
def test_who_recorded_it(creator: str, device: str, kind: str) -> None:
    told = one(gpx(trk(TWO), creator=creator))

    assert (told.device, told.device_kind, told.source_name) == (device, kind, creator)


def test_each_track_with_times_is_an_activity() -> None:
    data = gpx(
        "<metadata><name>Holiday</name></metadata>",
        trk(TWO, told="<name>First</name>"),
        trk([], told="<name>Empty</name>"),
        trk([pt(40, -3), pt(41, -3)], told="<name>Plan</name>"),
        trk([pt(40, -3, z(900)), pt(40, -3, z(960))]),
    )

    parsed = parse_gpx_file(data, "f1")

    assert [(one.external_id, one.name, one.start_time) for one in parsed.activities] == [
        ("f1#1", "First", START),
        ("f1#2", "", at(900)),
    ]
    assert parsed.problems == (COURSE,)


def test_the_file_s_name_is_that_of_its_only_track() -> None:
    assert one(gpx("<metadata><name>Holiday</name></metadata>", trk(TWO))).name == "Holiday"


def test_the_distance_is_that_of_the_device_where_it_counted() -> None:
    counted = "<extensions><distance>{}</distance></extensions>"
    data = gpx(trk([pt(40, -3, z(), counted.format(3)), pt(41, -3, z(9), counted.format(25))]))

    assert one(data).distance_m == 25.0


def test_the_statistics_of_a_track_are_told() -> None:
    statistics = (
        "<extensions><x:TrackStatsExtension><x:Distance>115.5</x:Distance><x:TimerTime>50</x:TimerTime>"
        "<x:MovingTime>45</x:MovingTime><x:MaxSpeed>4.5</x:MaxSpeed><x:Ascent>3</x:Ascent><x:Descent>2</x:Descent>"
        "</x:TrackStatsExtension></extensions>"
    )

    told = one(gpx(trk(TWO, told=statistics)))

    assert (told.distance_m, told.timer_s, told.moving_s, told.max_speed_mps) == (115.5, 50.0, 45.0, 4.5)
    assert (told.elevation_gain_m, told.elevation_loss_m, told.elapsed_s) == (3.0, 2.0, 60.0)
    assert "computed" not in told.extra


def test_laps_that_stand_behind_the_track() -> None:
    def lap(start: str, seconds: float, metres: float, bpm: int) -> str:
        return (
            f"<d:lap><d:index>1</d:index><d:startTime>{start}</d:startTime><d:elapsedTime>{seconds}</d:elapsedTime>"
            f'<d:calories>6</d:calories><d:distance>{metres}</d:distance><d:summary name="AverageHeartRateBpm" '
            f'kind="avg">{bpm}</d:summary><d:summary name="MaximumHeartRateBpm" kind="max">{bpm + 9}</d:summary>'
            '<d:trigger kind="manual"/><d:intensity>active</d:intensity></d:lap>'
        )

    data = gpx(trk(TWO), f"<extensions>{lap(z(), 40, 80, 120)}{lap(z(40), 20, 35, 150)}</extensions>")

    told = one(data)

    extra = {"intensity": "active", "trigger": "manual"}
    assert told.laps == (
        Lap(START, 40.0, "lap", 40.0, 80.0, 120.0, 129.0, energy_kcal=6.0, extra=extra),
        Lap(at(40), 20.0, "lap", 20.0, 35.0, 150.0, 159.0, energy_kcal=6.0, extra=extra),
    )
    assert (told.timer_s, told.distance_m, told.energy_kcal) == (60.0, 115.0, 12.0)
    assert (told.avg_heart_rate_bpm, told.max_heart_rate_bpm) == (130.0, 159.0)
    assert "computed" not in told.extra


def test_an_offset_is_that_of_the_place() -> None:
    data = gpx(trk([pt(40, -3, "2026-03-02T17:04:05.250+01:00"), pt(40, -3, "2026-03-02T17:04:06+01:00")]))

    told = one(data)

    assert told.start_time == datetime(2026, 3, 2, 17, 4, 5, 250_000, tzinfo=timezone(timedelta(hours=1)))
    assert (told.utc_offset_s, told.elapsed_s) == (3600, 0.75)


# --- no activity ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (gpx(trk([pt(40, -3), pt(41, -3)])), COURSE),
        (gpx(trk(['<trkpt lat="1" lon="2"/>'])), COURSE),
        (gpx('<rte><rtept lat="1" lon="2"/></rte>'), "A planned route is no activity; it is kept as it came."),
        (gpx('<wpt lat="1" lon="2"/>'), "The file holds places and no track; it is kept as it came."),
        (gpx(trk([])), "The file holds no track."),
        (gpx(), "The file holds no track."),
        (b"<gpx/>", "The file holds no track."),
    ],
    ids=["course", "empty points", "route", "waypoints", "empty track", "nothing", "only a root"],
)
def test_plans_and_empty_files_say_what_they_are(data: bytes, problem: Problem | str) -> None:
    assert parse_gpx_file(data, "f1") == Parsed(
        problems=(problem if isinstance(problem, Problem) else Problem("", problem),)
    )


@pytest.mark.parametrize("data", [b"", b"\0" * 50, b"hello", b"<TrainingCenterDatabase/>", b"<gp", b"<gpxx>"])
def test_no_gpx_at_all(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not a GPX file"):
        parse_gpx_file(data, "f1")


# --- bad input --------------------------------------------------------------------------------------
PLAIN = gpx(trk(TWO, told="<name>é</name>"))
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        b" \r\n\t " + PLAIN,
        PLAIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        PLAIN.decode().encode("cp1252"),
        PLAIN.replace(b"</name>", b"\x00\x0b</name>"),
        PLAIN.replace(b'lat="40"', b'lat="40" lat="41"', 1).replace(b'lat="41"', b'lat="40"'),
        PLAIN.replace(b' xmlns="http://www.topografix.com/GPX/1/1"', b""),
        PLAIN.replace(b"</", b"</g:").replace(b"<trk", b"<g:trk").replace(b"<time", b"<g:time").replace(
            b"<name", b"<g:name").replace(b"<gpx", b"<g:gpx"),
        PLAIN.replace(b'"', b"'"),
        PLAIN.replace(b'lat="40" lon="-3"', b'lon="-3"   lat="40"'),
        PLAIN.replace(b"<trkseg>", b"").replace(b"</trkseg>", b""),
        PLAIN.replace(b"<trkpt", b"<!-- <trkpt> --><trkpt"),
        PLAIN.replace("é".encode(), "<![CDATA[é]]>".encode()),
        PLAIN.replace(b"?>", b"?>" + DOCTYPE),
        PLAIN.replace(b"</time>", b"</time><cmt>&b;&f;</cmt>"),
        PLAIN.replace(b'version="1.1"', b'version="1.1'),
        PLAIN.replace(b"</trkseg></trk>", b""),
    ],
    ids=[
        "as it should be", "byte order mark", "white space first", "UTF-16", "wrong encoding", "control",
        "attribute twice", "no namespace", "prefixes", "single quotes", "longitude first", "no segment", "comments",
        "CDATA", "document type", "entities", "broken root", "not closed",
    ],
)  # fmt: skip
def test_dialects_and_faults_that_cost_nothing(data: bytes) -> None:
    told = one(data)

    assert (told.name, told.start_time, told.elapsed_s, told.distance_m) == ("é", START, 60.0, 111.2)
    assert told.streams == {"latitude": stream([0, 60], [40, 40.001]), "longitude": stream([0, 60], [-3, -3])}
    assert "host" not in str(told)


def test_points_without_time_count_for_the_way_only() -> None:
    data = gpx(trk([TWO[0], pt(40.0005, -3), TWO[1]]))

    assert parse_gpx_file(data, "f1").problems == (Problem("", "Points without a time were left out."),)
    assert (len(one(data).streams["latitude"]), one(data).distance_m) == (2, 111.2)


def test_places_off_the_earth_are_not_told() -> None:
    data = gpx(trk([pt(91, -3, z()), pt(40, 200, z(1)), pt("nan", 3, z(2)), pt(0, 0, z(3)), pt(40, -3, z(4))]))

    assert one(data).streams == {"latitude": stream([4], [40]), "longitude": stream([4], [-3])}
    assert parse_gpx_file(data, "f1").problems == (
        Problem("", "Points at no place on earth were read without their position.", 3),
    )


def test_a_track_without_places_is_an_activity_without_distance() -> None:
    data = gpx(trk([f"<trkpt><time>{z()}</time></trkpt>", f'<trkpt lat="4"><time>{z(5)}</time></trkpt>']))

    assert (one(data).elapsed_s, one(data).distance_m, one(data).streams) == (5.0, None, {})


@pytest.mark.parametrize(
    ("first", "last", "elapsed_s"),
    [
        (START, START, 0.0),
        (START, START + timedelta(days=9), 9 * 86400.0),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 10, tzinfo=UTC), 600.0),
        (datetime(2080, 5, 1, tzinfo=UTC), datetime(2080, 5, 1, 0, 10, tzinfo=UTC), 600.0),
    ],
    ids=["0 s", "9 days", "1970", "2080"],
)
def test_odd_spans_are_read_as_told(first: datetime, last: datetime, elapsed_s: float) -> None:
    data = gpx(trk([pt(40, -3, first.isoformat()), pt(40, -3, last.isoformat())]))

    assert (one(data).start_time, one(data).elapsed_s) == (first, elapsed_s)


def test_times_without_zone_are_utc() -> None:
    parsed = parse_gpx_file(gpx(trk([pt(40, -3, "2026-03-02T16:04:05")])), "f1")

    assert parsed.activities[0].start_time == START
    assert parsed.problems == (Problem("", "The times name no time zone; they were read as UTC."),)


def test_time_that_runs_backwards_is_put_in_order() -> None:
    parsed = parse_gpx_file(gpx(trk(TWO[::-1])), "f1")

    assert parsed.activities[0].streams["latitude"] == stream([0, 60], [40, 40.001])
    assert parsed.problems == (
        Problem("", "Points stood before earlier ones; they were put into the order of their times."),
    )


def test_a_point_years_away_is_left_out() -> None:
    for stray in (pt(40, -3, "1989-12-31T00:00:00Z"), pt(40, -3, "2165-01-01T00:00:00Z")):
        for points in ([*TWO, pt(40, -3, z(70)), stray], [stray, *TWO, pt(40, -3, z(70))]):
            told = one(gpx(trk(points)))

            assert (told.start_time, told.elapsed_s) == (START, 70.0)


def test_a_file_that_is_cut_off_gives_what_was_recorded() -> None:
    whole = gpx(
        trk([pt(40, -3, z(second), f"<extensions><hr>{100 + second}</hr></extensions>") for second in range(50)])
    )
    cut = whole[: whole.index(b"<hr>149")] + b"<hr>14"

    parsed = parse_gpx_file(cut, "f1")

    assert parsed.problems == (CUT_OFF,)
    assert (parsed.activities[0].elapsed_s, parsed.activities[0].max_heart_rate_bpm) == (49.0, 148.0)


def test_every_beginning_of_a_file_is_read_or_refused() -> None:
    for end in range(0, len(GARMIN), 5):
        try:
            parsed = parse_gpx_file(GARMIN[:end], "f1")
        except Unreadable:
            assert end < 50
            continue
        assert CUT_OFF in parsed.problems


@pytest.mark.parametrize(
    "inside",
    ["<trk>" * 20_000, "<trkseg>" * 20_000, f"{trk(TWO)}<x a='" * 3_000, '<wpt lat="1" lon="2"/>' * 20_000],
    ids=["tracks", "segments", "quotes", "waypoints"],
)
def test_nothing_takes_for_ever(inside: str) -> None:
    parse_gpx_file(gpx(inside), "f1")


# --- creators ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "creator"),
    [
        (b"", ""),
        (b"<gpx>", ""),
        (b"<gpx creator='a  b'>", "a b"),
        (gpx(creator="v&#237;vo &amp; Co"), "vívo & Co"),
        (GARMIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "Garmin Connect"),
    ],
)
def test_the_creator(data: bytes, creator: str) -> None:
    assert gpx_creator(data) == creator


# --- the real files ---------------------------------------------------------------------------------
# Runkeeper tells the sport in the track's name alone, which the sheet did not look at.
SPORTS = {"gpx/testfilesforfitnessapps__20180831_beach_run_runkeeper.gpx": "running"}
WORDS = {
    "no_times": COURSE.message,
    "no_track:empty": "The file holds no track.",
    "no_track:route": "A planned route is no activity; it is kept as it came.",
    "no_track:waypoints": "The file holds places and no track; it is kept as it came.",
}


@pytest.mark.parametrize("row", files_of("gpx"))
def test_real_files_are_what_the_sheets_say(row: Row) -> None:
    parsed = parse_gpx_file(bytes_of(row), "f1")

    if row["expected_error"]:
        assert parsed.activities == ()
        assert [problem.message for problem in parsed.problems] == [WORDS[row["expected_error"]]]
        return
    sessions = sessions_of(row)
    assert len(parsed.activities) == len(sessions)
    for session, activity in zip(sessions, parsed.activities, strict=True):
        assert differences(session, activity, sport=SPORTS.get(row["path"])) == {}
