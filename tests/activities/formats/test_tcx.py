from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from activities.domain.parsed import Lap, Parsed, ParsedActivity, Pause, Problem, Stream
from activities.formats.errors import Unreadable
from activities.formats.tcx import parse_tcx, tcx_creator
from tests.activities.formats.sheets import Row, bytes_of, differences, files_of, sessions_of

START = datetime(2026, 3, 2, 16, 4, 5, tzinfo=UTC)
CUT_OFF = Problem("", "The file is cut off; what was recorded before that was read.")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def z(seconds: float = 0) -> str:
    return f"{at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def tcx(*activities: str, author: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">\n<Activities>'
        f"{''.join(activities)}</Activities>{author}</TrainingCenterDatabase>\n"
    ).encode()


def activity(*laps: str, sport: str = "Running", more: str = "") -> str:
    return f'<Activity Sport="{sport}"><Id>{z()}</Id>{"".join(laps)}{more}</Activity>'


def lap(*tracks: str, start: str | None = None, told: str = "", timer: float | None = 60) -> str:
    total = "" if timer is None else f"<TotalTimeSeconds>{timer}</TotalTimeSeconds>"
    return f'<Lap StartTime="{start or z()}">{total}{told}{"".join(tracks)}</Lap>'


def track(*points: str) -> str:
    return f"<Track>{''.join(points)}</Track>"


def point(time: str, told: str = "") -> str:
    return f"<Trackpoint><Time>{time}</Time>{told}</Trackpoint>"


def heart_rate(bpm: int) -> str:
    return f"<HeartRateBpm><Value>{bpm}</Value></HeartRateBpm>"


def stream(time_s: Sequence[float], values: Sequence[float]) -> Stream:
    return Stream(np.array(time_s, float), np.array(values, float))


def one(data: bytes) -> ParsedActivity:
    parsed = parse_tcx(data, "f1")
    assert len(parsed.activities) == 1
    return parsed.activities[0]


# --- whole files ------------------------------------------------------------------------------------
GARMIN = f"""<?xml version="1.0" encoding="UTF-8"?>
<TrainingCenterDatabase
  xmlns:ns3="http://www.garmin.com/xmlschemas/ActivityExtension/v2"
  xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Activities>
    <Activity Sport="Running">
      <Id>{z()}</Id>
      <Lap StartTime="{z()}">
        <TotalTimeSeconds>10.5</TotalTimeSeconds>
        <DistanceMeters>30.0</DistanceMeters>
        <MaximumSpeed>3.5</MaximumSpeed>
        <Calories>4</Calories>
        <AverageHeartRateBpm><Value>120</Value></AverageHeartRateBpm>
        <MaximumHeartRateBpm><Value>131</Value></MaximumHeartRateBpm>
        <Intensity>Active</Intensity>
        <TriggerMethod>Manual</TriggerMethod>
        <Track>
          <Trackpoint>
            <Time>{z()}</Time>
            <Position>
              <LatitudeDegrees>40.5</LatitudeDegrees>
              <LongitudeDegrees>-3.5</LongitudeDegrees>
            </Position>
            <AltitudeMeters>600.0</AltitudeMeters>
            <DistanceMeters>0.0</DistanceMeters>
            <HeartRateBpm><Value>110</Value></HeartRateBpm>
            <Extensions><ns3:TPX><ns3:Speed>2.5</ns3:Speed><ns3:RunCadence>80</ns3:RunCadence></ns3:TPX></Extensions>
          </Trackpoint>
        </Track>
        <Track>
          <Trackpoint>
            <Time>{z(20)}</Time>
            <AltitudeMeters>605.0</AltitudeMeters>
            <DistanceMeters>30.0</DistanceMeters>
            <HeartRateBpm><Value>131</Value></HeartRateBpm>
            <Extensions><ns3:TPX><ns3:Watts>251</ns3:Watts></ns3:TPX></Extensions>
          </Trackpoint>
        </Track>
        <Extensions><ns3:LX>
          <ns3:AvgSpeed>2.857</ns3:AvgSpeed><ns3:AvgRunCadence>81</ns3:AvgRunCadence>
          <ns3:MaxRunCadence>90</ns3:MaxRunCadence><ns3:Steps>32</ns3:Steps>
          <ns3:AvgWatts>240</ns3:AvgWatts><ns3:MaxWatts>300</ns3:MaxWatts>
        </ns3:LX></Extensions>
      </Lap>
      <Lap StartTime="{z(80)}">
        <TotalTimeSeconds>21</TotalTimeSeconds>
        <DistanceMeters>70.0</DistanceMeters>
        <Calories>6</Calories>
        <AverageHeartRateBpm><Value>150</Value></AverageHeartRateBpm>
        <MaximumHeartRateBpm><Value>160</Value></MaximumHeartRateBpm>
        <Track>
          <Trackpoint><Time>{z(80)}</Time></Trackpoint>
          <Trackpoint><Time>{z(101)}</Time><HeartRateBpm><Value>160</Value></HeartRateBpm></Trackpoint>
        </Track>
      </Lap>
      <Notes>Along the
river &amp; back</Notes>
      <Training><Plan><Name>Easy  10</Name></Plan></Training>
      <Creator xsi:type="Device_t">
        <Name>Forerunner 945</Name><UnitId>33</UnitId><ProductID>3113</ProductID>
        <Version><VersionMajor>13</VersionMajor><VersionMinor>70</VersionMinor></Version>
      </Creator>
    </Activity>
  </Activities>
  <Author xsi:type="Application_t"><Name>Connect Api</Name></Author>
</TrainingCenterDatabase>
""".encode()


def test_a_run_of_garmin_connect() -> None:
    assert parse_tcx(GARMIN, "f1") == Parsed(
        (
            ParsedActivity(
                external_id="f1",
                sport="running",
                provider_type="Running",
                start_time=START,
                elapsed_s=101.0,
                timer_s=31.5,
                distance_m=100.0,
                elevation_gain_m=5.0,
                elevation_loss_m=0.0,
                energy_kcal=10.0,
                avg_heart_rate_bpm=140.0,  # 120 for 10.5 s and 150 for 21 s
                max_heart_rate_bpm=160.0,
                min_heart_rate_bpm=110.0,
                avg_power_w=240.0,
                max_power_w=300.0,
                avg_cadence_rpm=162.0,
                max_cadence_rpm=180.0,
                avg_speed_mps=2.857,
                max_speed_mps=3.5,
                device="Forerunner 945",
                device_kind="watch",
                source_name="Forerunner 945",
                laps=(
                    Lap(
                        start_time=START,
                        elapsed_s=80.0,
                        timer_s=10.5,
                        distance_m=30.0,
                        avg_heart_rate_bpm=120.0,
                        max_heart_rate_bpm=131.0,
                        avg_power_w=240.0,
                        avg_cadence_rpm=162.0,
                        energy_kcal=4.0,
                        extra={
                            "intensity": "Active",
                            "trigger": "Manual",
                            "max_speed_mps": 3.5,
                            "avg_speed_mps": 2.857,
                            "max_power_w": 300.0,
                            "max_cadence_rpm": 180.0,
                            "steps": 32.0,
                        },
                    ),
                    Lap(
                        start_time=at(80),
                        elapsed_s=21.0,
                        timer_s=21.0,
                        distance_m=70.0,
                        avg_heart_rate_bpm=150.0,
                        max_heart_rate_bpm=160.0,
                        energy_kcal=6.0,
                    ),
                ),
                # Between the tracks of the first lap, and what its timer did not run before the second.
                pauses=(Pause(START, 20.0), Pause(at(30.5), 49.5)),
                streams={
                    "latitude": stream([0], [40.5]),
                    "longitude": stream([0], [-3.5]),
                    "altitude": stream([0, 20], [600, 605]),
                    "distance": stream([0, 20], [0, 30]),
                    "heart_rate": stream([0, 20, 101], [110, 131, 160]),
                    "speed": stream([0], [2.5]),
                    "power": stream([20], [251]),
                    "cadence": stream([0], [160]),
                },
                extra={
                    "notes": "Along the\nriver & back",
                    "plan": "Easy 10",
                    "id": z(),
                    "creator": {"unit_id": "33", "product_id": "3113", "version": "13.70"},
                    "computed": ["elevation_gain_m", "elevation_loss_m", "min_heart_rate_bpm"],
                },
            ),
        )
    )
    assert tcx_creator(GARMIN) == "Forerunner 945"


def test_a_ride_tells_turns_and_its_offset() -> None:
    start = "2026-03-02T17:04:05+01:00"
    data = tcx(
        activity(
            lap(
                track(
                    point(start, "<Cadence>85</Cadence><Extensions><TPX><Watts>0</Watts></TPX></Extensions>"),
                    point("2026-03-02T17:04:15+01:00", "<Cadence>95</Cadence>"),
                ),
                start=start,
                told="<DistanceMeters>80</DistanceMeters><Cadence>90</Cadence>"
                "<Extensions><LX><MaxBikeCadence>97</MaxBikeCadence></LX></Extensions>",
                timer=10,
            ),
            sport="Biking",
        ),
        author="<Author><Name>Bipolar</Name></Author>",
    )

    assert one(data) == ParsedActivity(
        external_id="f1",
        sport="cycling",
        provider_type="Biking",
        start_time=datetime(2026, 3, 2, 17, 4, 5, tzinfo=timezone(timedelta(hours=1))),
        utc_offset_s=3600,
        elapsed_s=10.0,
        timer_s=10.0,
        distance_m=80.0,
        avg_cadence_rpm=90.0,
        max_cadence_rpm=97.0,
        laps=(Lap(START, 10.0, timer_s=10.0, distance_m=80.0, avg_cadence_rpm=90.0, extra={"max_cadence_rpm": 97.0}),),
        streams={"cadence": stream([0, 10], [85, 95]), "power": stream([0], [0])},
        extra={"id": z()},
    )
    assert tcx_creator(data) == "Bipolar"


def test_what_laps_leave_out_comes_from_the_points() -> None:
    position = "<Position><LatitudeDegrees>{}</LatitudeDegrees><LongitudeDegrees>10</LongitudeDegrees></Position>"
    data = tcx(
        activity(
            lap(
                track(
                    point(z(), position.format(50) + heart_rate(100) + "<AltitudeMeters>10</AltitudeMeters>"),
                    point(z(30), position.format(50.001) + heart_rate(140) + "<AltitudeMeters>4</AltitudeMeters>"),
                ),
                timer=None,
            ),
            sport="Other",
        )
    )

    told = one(data)

    assert (told.distance_m, told.elevation_gain_m, told.elevation_loss_m) == (111.2, 0.0, 6.0)
    assert (told.avg_heart_rate_bpm, told.max_heart_rate_bpm, told.min_heart_rate_bpm) == (120.0, 140.0, 100.0)
    assert (told.sport, told.elapsed_s, told.timer_s) == ("generic", 30.0, None)
    assert told.extra["computed"] == [
        "avg_heart_rate_bpm", "distance_m", "elevation_gain_m", "elevation_loss_m", "max_heart_rate_bpm",
        "min_heart_rate_bpm",
    ]  # fmt: skip


def test_a_distance_that_the_device_counted_goes_before_the_way() -> None:
    data = tcx(activity(lap(track(point(z()), point(z(9), "<DistanceMeters>25.5</DistanceMeters>")))))

    assert one(data).distance_m == 25.5


def test_no_distance_where_the_format_alone_demands_one() -> None:
    indoors = tcx(activity(lap(track(point(z(), heart_rate(99))), told="<DistanceMeters>0.0</DistanceMeters>")))
    counted = "<DistanceMeters>0</DistanceMeters>"
    standing = tcx(activity(lap(track(point(z(), counted)), told="<DistanceMeters>0.0</DistanceMeters>")))

    assert (one(indoors).distance_m, one(standing).distance_m) == (None, 0.0)


@pytest.mark.parametrize(
    ("element", "sport", "told", "wanted"),
    [
        ("RunCadence", "Running", 80, 160),
        ("RunCadence", "Other", 60, 120),
        ("Cadence", "Running", 82, 164),
        ("Cadence", "Running", 172, 172),  # both feet already
        ("Cadence", "Biking", 95, 95),
        ("Cadence", "Biking", 125, 125),
    ],
)
def test_cadence_counts_both_feet(element: str, sport: str, told: int, wanted: int) -> None:
    inside = f"<{element}>{told}</{element}>"
    extension = f"<Extensions><TPX>{inside}</TPX></Extensions>" if element == "RunCadence" else inside

    assert one(tcx(activity(lap(track(point(z(), extension))), sport=sport))).streams == {
        "cadence": stream([0], [wanted])
    }


def test_a_pause_within_one_track_is_where_the_timer_did_not_run() -> None:
    points = [point(z(second)) for second in (0, 5, 65, 70, 79, 90)]

    data = tcx(activity(lap(track(*points), timer=30)))

    assert one(data).pauses == (Pause(at(5), 60.0),)


def test_smart_recording_is_no_pause() -> None:
    points = [point(z(second)) for second in (0, 5, 65, 70, 79, 90)]

    assert one(tcx(activity(lap(track(*points), timer=90)))).pauses == ()


def test_several_activities_are_numbered() -> None:
    data = tcx(activity(lap()), activity(lap(), sport="Biking"), activity(lap(), sport="Skating"))

    assert [(one.external_id, one.sport, one.parent) for one in parse_tcx(data, "f1").activities] == [
        ("f1#1", "running", None),
        ("f1#2", "cycling", None),
        ("f1#3", "skating", None),
    ]


def test_a_multisport_session_is_a_parent_with_legs_and_transitions() -> None:
    run = activity(lap(told="<DistanceMeters>200</DistanceMeters><Calories>9</Calories>"))
    ride = activity(lap(start=z(90), timer=600, told="<DistanceMeters>5000</DistanceMeters>"), sport="Biking")
    data = tcx(
        f"<MultiSportSession><Id>{z()}</Id><FirstSport>{run}</FirstSport><NextSport>"
        f'<Transition StartTime="{z(60)}"><TotalTimeSeconds>30</TotalTimeSeconds></Transition>'
        f"{ride}</NextSport><Notes>Race</Notes></MultiSportSession>",
        activity(lap(start=z(5000))),
    )

    told = parse_tcx(data, "f1").activities

    assert [(one.external_id, one.parent, one.sport, one.provider_type, one.start_time) for one in told] == [
        ("f1#1", None, "multisport.duathlon", "MultiSportSession", START),
        ("f1#1#1", 0, "running", "Running", START),
        ("f1#1#2", 0, "transition", "Transition", at(60)),
        ("f1#1#3", 0, "cycling", "Biking", at(90)),
        ("f1#2", None, "running", "Running", at(5000)),
    ]
    assert (told[0].elapsed_s, told[0].timer_s, told[0].distance_m, told[0].energy_kcal) == (690.0, 690.0, 5200.0, 9.0)
    assert told[0].extra == {"notes": "Race", "id": z()}


def test_a_multisport_session_alone_has_the_file_s_own_id() -> None:
    session = f"<MultiSportSession><Id>{z()}</Id><FirstSport>{activity(lap())}</FirstSport></MultiSportSession>"

    assert [one.external_id for one in parse_tcx(tcx(session), "f1").activities] == ["f1", "f1#1"]


# --- no activity ------------------------------------------------------------------------------------
def test_courses_and_workouts_are_recognised() -> None:
    data = (
        b"<TrainingCenterDatabase><Workouts><Workout><Name>5 x 1000</Name></Workout></Workouts><Courses><Course>"
        b"<Name>Loop</Name><Lap/><Track><Trackpoint><Time>2026-03-02T16:04:05Z</Time></Trackpoint></Track></Course>"
        b"</Courses></TrainingCenterDatabase>"
    )

    assert parse_tcx(data, "f1") == Parsed(
        problems=(
            Problem("", "A course is no activity; it is kept as it came."),
            Problem("", "A planned workout is no activity; it is kept as it came."),
        )
    )


def test_a_file_without_anything() -> None:
    assert parse_tcx(tcx(), "f1") == Parsed(problems=(Problem("", "The file holds no activity."),))


@pytest.mark.parametrize("data", [b"", b"\0" * 50, b"hello", b"<gpx/>", b"<TrainingCenterDatabase", b"\xff\xfe<\0"])
def test_no_tcx_at_all(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not a TCX file"):
        parse_tcx(data, "f1")


# --- bad input --------------------------------------------------------------------------------------
PLAIN = tcx(activity(lap(track(point(z()), point(z(60), heart_rate(120)))), more="<Notes>é</Notes>"))
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        b" \r\n\t " + PLAIN,
        PLAIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        PLAIN.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        PLAIN.decode().encode("cp1252"),  # says UTF-8
        PLAIN.replace(b"</Notes>", b"\x00\x0b\x1f</Notes>"),
        PLAIN.replace(b"<Activity ", b'<Activity Sport="Running" '),
        PLAIN.replace(b' xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"', b""),
        PLAIN.replace(b"TrainingCenterDatabase/v2", b"elsewhere"),
        PLAIN.replace(b"</", b"</t:").replace(b"<T", b"<t:T").replace(b"<A", b"<t:A").replace(b"<L", b"<t:L"),
        PLAIN.replace(b"<Trackpoint>", b'<Trackpoint n="1">'),
        PLAIN.replace(b"<Track>", b"<Track >"),
        PLAIN.replace(b"<Track>", b"<Track><!-- <Track> -->"),
        PLAIN.replace("é".encode(), "<![CDATA[é]]>".encode()),
        PLAIN.replace("é".encode(), b"&#233;"),
        PLAIN.replace(b"?>", b"?>" + DOCTYPE),
        PLAIN.replace(b"?>", b"?>" + DOCTYPE).replace(b"</Notes>", b"&b;&f;</Notes>"),
        PLAIN.replace(b"</Time>", b"</Time>&b;"),
        PLAIN.replace(b"<TrainingCenterDatabase ", b'<TrainingCenterDatabase a="1" a="2 '),
    ],
    ids=[
        "as it should be", "byte order mark", "white space first", "UTF-16", "Latin-1", "wrong encoding", "control",
        "attribute twice", "no namespace", "wrong namespace", "prefixes", "attributes", "spaces in tags", "comments",
        "CDATA", "reference", "document type", "entities", "entities among points", "broken root",
    ],
)  # fmt: skip
def test_dialects_and_faults_that_cost_nothing(data: bytes) -> None:
    told = one(data)

    assert (told.sport, told.start_time, told.elapsed_s, told.timer_s) == ("running", START, 60.0, 60.0)
    assert told.streams == {"heart_rate": stream([60], [120])}
    assert told.extra["notes"] == "é"
    assert "host" not in str(told)


def test_elements_that_are_never_closed_end_where_their_like_begins() -> None:
    laps = lap(track(point(z(), heart_rate(90)))) + lap(track(point(z(60))), start=z(60))
    data = tcx(activity(laps), activity(lap(start=z(900)))).replace(b"</Lap>", b"").replace(b"</Activity>", b"")

    told = parse_tcx(data, "f1").activities

    assert [(one.external_id, one.start_time, len(one.laps)) for one in told] == [
        ("f1#1", START, 2),
        ("f1#2", at(900), 1),
    ]


def test_an_empty_track_leaves_the_lap() -> None:
    for empty in ("<Track/>", "<Track></Track>", "<Track>\n</Track>", "<Track><Trackpoint/></Track>"):
        told = one(tcx(activity(lap(empty, told="<DistanceMeters>100</DistanceMeters>"))))

        assert (told.start_time, told.elapsed_s, told.timer_s, told.distance_m) == (START, None, 60.0, 100.0)
        assert told.streams == {}


def test_points_without_time_are_left_out() -> None:
    data = tcx(activity(lap(track(f"<Trackpoint>{heart_rate(90)}</Trackpoint>", point("soon"), point(z(9))))))

    assert parse_tcx(data, "f1").problems == (Problem("", "Points without a time were left out.", 2),)
    assert one(data).elapsed_s == 9.0


def test_without_any_time_there_is_no_activity() -> None:
    data = tcx('<Activity Sport="Running"><Lap><TotalTimeSeconds>5</TotalTimeSeconds></Lap></Activity>')

    assert parse_tcx(data, "f1") == Parsed(
        problems=(
            Problem("", "An activity without laps and without a start was left out."),
            Problem("", "The file holds no activity."),
        )
    )


def test_the_id_tells_the_start_where_laps_do_not() -> None:
    data = tcx(f"<Activity><Id>{z()}</Id><Lap><TotalTimeSeconds>5</TotalTimeSeconds></Lap></Activity>")

    assert (one(data).start_time, one(data).timer_s, one(data).sport) == (START, 5.0, "generic")


def test_times_without_zone_are_utc() -> None:
    data = tcx(activity(lap(track(point("2026-03-02T16:04:05"), point("2026-03-02T16:04:06.25")), start="")))

    parsed = parse_tcx(data, "f1")

    assert parsed.problems == (Problem("", "The times name no time zone; they were read as UTC."),)
    assert (parsed.activities[0].start_time, parsed.activities[0].elapsed_s) == (START, 1.25)
    assert parsed.activities[0].utc_offset_s is None


def test_time_that_runs_backwards_is_put_in_order() -> None:
    beats = [point(z(second), heart_rate(100 + second)) for second in (0, 9, 5, 7, 9)]
    data = tcx(activity(lap(track(*beats))))

    assert parse_tcx(data, "f1").problems == (
        Problem("", "Points stood before earlier ones; they were put into the order of their times."),
    )
    assert one(data).streams == {"heart_rate": stream([0, 5, 7, 9], [100, 105, 107, 109])}


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
    start = first.isoformat()
    data = tcx(activity(lap(track(point(start), point(last.isoformat())), start=start, timer=0)))

    assert (one(data).start_time, one(data).elapsed_s) == (first, elapsed_s)


def test_a_clock_that_was_never_set_is_told() -> None:
    data = tcx(activity(lap(track(point("1989-12-31T00:08:05Z")), start="1989-12-31T00:08:05Z")))

    assert one(data).start_time == datetime(1989, 12, 31, 0, 8, 5, tzinfo=UTC)
    assert parse_tcx(data, "f1").problems == (
        Problem("", "The device's clock was not set: its laps tell another day than the activity."),
    )


def test_a_point_years_away_is_left_out() -> None:
    data = tcx(activity(lap(track(point(z()), point("2165-01-01T00:00:00Z"), point(z(8))))))

    assert one(data).elapsed_s == 8.0
    assert parse_tcx(data, "f1").problems == (Problem("", "Points far from the time of the activity were left out."),)


def test_a_lap_years_away_follows_the_one_before() -> None:
    laps = [lap(start=start) for start in (z(), "2165-01-01T00:00:00Z", z(180), z(240))]

    assert [lap.start_time for lap in one(tcx(activity(*laps))).laps] == [START, at(60), at(180), at(240)]
    assert one(tcx(activity(*laps))).elapsed_s == 300.0


def test_impossible_values_are_not_told() -> None:
    position = "<Position><LatitudeDegrees>{}</LatitudeDegrees><LongitudeDegrees>{}</LongitudeDegrees></Position>"
    data = tcx(
        activity(
            lap(
                track(
                    point(z(), position.format(91, 5) + heart_rate(0) + "<AltitudeMeters>1e99</AltitudeMeters>"),
                    point(z(1), position.format(5, 181) + heart_rate(999) + "<Cadence>-1</Cadence>"),
                    point(z(2), position.format(0, 0) + "<AltitudeMeters>NaN</AltitudeMeters>"),
                    point(z(3), position.format("5,5", 7) + heart_rate(60) + "<DistanceMeters>many</DistanceMeters>"),
                ),
                timer=None,
                told="<DistanceMeters>-5</DistanceMeters><Calories>inf</Calories><MaximumSpeed>0</MaximumSpeed>"
                "<AverageHeartRateBpm><Value>0</Value></AverageHeartRateBpm>",
            )
        )
    )

    told = one(data)

    assert told.streams == {
        "latitude": stream([3], [5.5]),
        "longitude": stream([3], [7]),
        "heart_rate": stream([3], [60]),
    }
    assert (told.energy_kcal, told.max_speed_mps, told.avg_heart_rate_bpm) == (None, None, 60.0)
    assert parse_tcx(data, "f1").problems == (
        Problem("", "Points at no place on earth were read without their position.", 2),
    )


def test_a_file_that_is_cut_off_gives_what_was_recorded() -> None:
    whole = tcx(activity(lap(track(*(point(z(second), heart_rate(100 + second)) for second in range(50))))))
    cut = whole[: whole.index(b"<Value>149")] + b"<Value>14"

    parsed = parse_tcx(cut, "f1")

    assert parsed.problems == (CUT_OFF,)
    assert parsed.activities[0].elapsed_s == 49.0
    # Half a number is none.
    assert parsed.activities[0].streams == {"heart_rate": stream(range(49), range(100, 149))}


def test_every_beginning_of_a_file_is_read_or_refused() -> None:
    for end in range(0, len(GARMIN), 7):
        try:
            parsed = parse_tcx(GARMIN[:end], "f1")
        except Unreadable:
            assert end < 60
            continue
        assert CUT_OFF in parsed.problems


@pytest.mark.parametrize(
    "inside",
    [
        f"<Lap>{track(point(z(), '<Cadence>&#49;</Cadence>'))}</Lap>" * 2_000,
        "<Lap><Track>" * 3_000,
        "<x>" * 30_000,
        "<Track></Track>" * 30_000,
        "<Lap><Track><Trackpoint>" * 1_000,
    ],
    ids=["references", "never closed", "deep", "many tracks", "points never closed"],
)
def test_nothing_takes_for_ever(inside: str) -> None:
    assert len(parse_tcx(tcx(activity(inside)), "f1").activities) <= 1


def test_too_many_elements_are_told() -> None:
    parsed = parse_tcx(tcx(activity(lap(), more="<a/>" * 210_000)), "f1")

    assert parsed.activities[0].timer_s == 60.0
    assert parsed.problems == (Problem("", "The file has more elements than can be read; some were left out."),)


# --- creators ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "creator"),
    [
        (PLAIN, ""),
        (b"", ""),
        (tcx(activity(more="<Creator><Name> Polar  V800 </Name></Creator>")), "Polar V800"),
        (tcx(activity(more="<Creator><Name/></Creator>"), author="<Author><Name>Agent</Name></Author>"), "Agent"),
        (tcx(activity(more='<c:Creator><c:Name lang="x">v&#237;vo &amp; Co</c:Name></c:Creator>')), "vívo & Co"),
        (GARMIN.decode().replace("UTF-8", "UTF-16").encode("utf-16"), "Forerunner 945"),
        (tcx(activity("<Notes>x</Notes>" * 20_000), author="<Author><Name>Far</Name></Author>"), "Far"),
    ],
)
def test_the_creator(data: bytes, creator: str) -> None:
    assert tcx_creator(data) == creator


# --- the real files ---------------------------------------------------------------------------------
@pytest.mark.parametrize("row", files_of("tcx"))
def test_real_files_are_what_the_sheets_say(row: Row) -> None:
    parsed = parse_tcx(bytes_of(row), "f1")

    if row["expected_error"]:
        assert row["expected_error"] == "not_an_activity:course"
        assert parsed == Parsed(problems=(Problem("", "A course is no activity; it is kept as it came."),))
        return
    sessions = sessions_of(row)
    assert len(parsed.activities) == len(sessions)
    for session, activity in zip(sessions, parsed.activities, strict=True):
        assert differences(session, activity) == {}
