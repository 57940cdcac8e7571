"""What comes out of an export, element by element."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from activities.domain.parsed import Problem
from activities.domain.reading import DeviceFacts
from activities.formats.apple_health import ExportFacts, export_facts, is_export, read_export, route_id
from tests.activities.formats.apple_health.exports import (
    UNITS,
    WATCH,
    export,
    opened,
    plain_count,
    read,
    record,
    workout,
    zipped,
)

KEY = "Noa’s Apple Watch"
WATCH_FACTS = DeviceFacts(KEY, WATCH, "watch", "Apple Inc.", "Watch", "Watch6,18")
AT = int(datetime(2026, 3, 2, 16, 10, 4, tzinfo=UTC).timestamp()) * 1000
both_ways = pytest.mark.parametrize("fast", [True, False], ids=["by the column", "one by one"])


WEIGHT = "HKQuantityTypeIdentifierBodyMass"
OXYGEN = "HKQuantityTypeIdentifierOxygenSaturation"
SLEEP = "HKCategoryTypeIdentifierSleepAnalysis"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@both_ways
def test_a_record_becomes_a_sample(fast: bool) -> None:
    reading = read(export(record()), fast=fast)

    assert reading.samples == {
        ("heart_rate", KEY): [(AT, AT, 142.0, None, "count/min", "11.3", "Watch6,18", None)],
    }
    assert reading.devices == {KEY: WATCH_FACTS}
    assert reading.counts == {"HealthData": 1, "ExportDate": 1, "Record": 1}
    assert reading.problems == []


@both_ways
def test_what_stands_inside_a_record_is_its_detail(fast: bool) -> None:
    inner = '<MetadataEntry key="HKFoodType" value="Soup &amp; bread"/>'

    reading = read(export(record(inner, inner)), fast=fast)

    assert [row[-1] for row in reading.samples["heart_rate", KEY]] == [f"{inner}\n  {inner}"]
    assert reading.counts["MetadataEntry"] == 2


@both_ways
@pytest.mark.parametrize(
    ("told", "metric", "value", "text"),
    [
        ({"kind": WEIGHT, "unit": "lb", "value": "160"}, "weight", 72.57477920, None),
        ({"kind": OXYGEN, "unit": "%", "value": "0.97"}, "oxygen_saturation", 97.0, None),
        ({"kind": OXYGEN, "unit": "%", "value": "98"}, "oxygen_saturation", 98.0, None),
        ({"kind": "HKQuantityTypeIdentifierOdd", "unit": "IU", "value": "4"}, "HKQuantityTypeIdentifierOdd", 4.0, None),
        ({"kind": "HKDataTypeOddGoal", "unit": "hr", "value": "7.5"}, "HKDataTypeOddGoal", 7.5, None),
        ({"kind": WEIGHT, "unit": "count", "value": "1"}, f"{WEIGHT} (count)", 1.0, None),
        ({"kind": SLEEP, "unit": None, "value": f"{SLEEP}Awake"}, "sleep_stage", None, f"{SLEEP}Awake"),
        ({"kind": f"{SLEEP}Odd", "unit": None, "value": None}, f"{SLEEP}Odd", None, None),
        ({"value": "-1.5e2"}, "heart_rate", -150.0, None),
        ({"value": ".5"}, "heart_rate", 0.5, None),
        ({"value": "7."}, "heart_rate", 7.0, None),
    ],
    ids=[
        "pounds", "a share", "per cent", "no metric of ours", "no type identifier", "a unit that cannot be", "a word",
        "nothing told", "an exponent", "no digit before the point", "no digit behind it",
    ],
)  # fmt: skip
def test_values_and_units(fast: bool, told: dict[str, str], metric: str, value: float | None, text: str | None) -> None:
    reading = read(export(record(**told)), fast=fast)

    [(found, rows)] = reading.samples.items()
    assert found == (metric, KEY)
    assert [row[2:4] for row in rows] == [(value, text)]


@both_ways
@pytest.mark.parametrize(
    "told",
    [
        {"value": "many"},
        {"value": "1,5"},
        {"value": "nan"},
        {"value": "1e999"},
        {"start": "yesterday"},
        {"start": "2026-02-30 00:00:00 +0100"},
        {"end": "2026-03-02 25:00:00 +0100"},
        {"kind": ""},
    ],
    ids=["a word", "a comma", "no number", "beyond numbers", "no date", "no such day", "no such hour", "no type"],
)
def test_an_unreadable_record_is_kept_and_named(fast: bool, told: dict[str, str]) -> None:
    bad = record(**told)

    reading = read(export(record(), bad, record()), fast=fast)

    assert reading.rows == 2
    assert ("element", f"unreadable-Record-{_hash(bad.strip().encode())}", bad.strip().encode()) in reading.payloads
    assert reading.counts["Record"] == 3
    assert reading.counts["unreadable:Record"] == 1
    offset = export(record(), bad).index(bad.strip().encode(), len(export(record(), end="")) - 1)
    assert len(reading.problems) == 1
    assert reading.problems[0].message.startswith(f"export.xml at byte {offset:,}: <Record> ")


def test_offsets_of_dates_lead_to_one_moment() -> None:
    told = ["2026-03-02 17:10:04 +0100", "2026-03-02 11:10:04 -0500", "2026-03-02 21:55:04 +0545"]

    reading = read(export(*(record(start=each) for each in told)))

    assert {row[:2] for row in reading.samples["heart_rate", KEY]} == {(AT, AT)}


def test_one_phone_is_one_device_whatever_its_address() -> None:
    told = [record(address=address) for address in ("30c1f2a80", "3", "0", "30c1f2a81ff", "ABC")]
    told.append(record(source=WATCH.replace("\xa0", "  ")))

    reading = read(export(*told))

    assert list(reading.samples) == [("heart_rate", KEY)]
    assert {row[6] for row in reading.samples["heart_rate", KEY]} == {"Watch6,18"}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (None, DeviceFacts("Scale", "Scale", "app")),
        ("", DeviceFacts("Scale", "Scale", "app")),
        ("Dummy device", DeviceFacts("Scale", "Scale", "unknown")),
        ("&lt;&lt;HKDevice: 0x1&gt;, model:iPhone&gt;", DeviceFacts("Scale", "Scale", "phone", "", "iPhone")),
        (
            "&lt;&lt;HKDevice: 0x1&gt;, name:iPad, manufacturer:Apple Inc., model:iPad, hardware:iPad13,1, "
            "software:18, creation date:2026-01-01 00:00:00 +0000&gt;",
            DeviceFacts("Scale", "Scale", "phone", "Apple Inc.", "iPad", "iPad13,1"),
        ),
    ],
)
def test_device_kinds(device: str | None, expected: DeviceFacts) -> None:
    told = record(source="Scale", address=None)
    if device is not None:
        told = told.replace(" unit=", f' device="{device}" unit=')

    assert read(export(told)).devices == {"Scale": expected}


def test_a_device_has_the_best_facts_of_its_samples() -> None:
    old = record(address="1").replace("Watch6,18", "Watch6,9")
    none = record(address=None)

    assert read(export(none, old, record(), none)).devices == {KEY: WATCH_FACTS}
    assert read(export(record(), none, old)).devices == {KEY: WATCH_FACTS}


@both_ways
def test_a_correlation_is_a_sample_and_so_are_its_records(fast: bool) -> None:
    inner = record(kind="HKQuantityTypeIdentifierBloodPressureSystolic", unit="mmHg", value="121", address=None).strip()
    told = (
        f' <Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="{WATCH}" '
        f'startDate="2026-03-02 17:10:04 +0100" endDate="2026-03-02 17:10:04 +0100">\n  {inner}\n </Correlation>\n'
    )

    reading = read(export(told), fast=fast)

    assert reading.samples == {
        ("HKCorrelationTypeIdentifierBloodPressure", KEY): [(AT, AT, None, None, None, None, None, inner)],
        ("HKQuantityTypeIdentifierBloodPressureSystolic", KEY): [(AT, AT, 121.0, None, "mmHg", "11.3", None, None)],
    }
    assert reading.counts == {"HealthData": 1, "ExportDate": 1, "Correlation": 1, "Record": 1}


def test_rings_keep_their_attributes() -> None:
    told = 'dateComponents="2026-03-02" activeEnergyBurned="612.4" activeEnergyBurnedUnit="kcal" appleStandHours="12"'
    midnight = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1000

    reading = read(export(f" <ActivitySummary {told}/>\n", ' <ActivitySummary dateComponents="0"/>\n'))

    assert reading.samples == {("ActivitySummary", ""): [(midnight, midnight, None, None, None, None, None, told)]}
    assert reading.devices == {"": DeviceFacts("", "")}
    assert reading.counts["unreadable:ActivitySummary"] == 1


def test_a_workout_is_kept_byte_for_byte() -> None:
    told = workout('<MetadataEntry key="HKIndoorWorkout" value="0"/>', "<!-- <Record/> -->")

    reading = read(export(told, workout(start="never")))

    [found] = [each for each in reading.payloads if each[0] == "workout"]
    assert found == ("workout", "9578d01638b8b6b2721b84c614eddc07", told.strip().encode())
    assert reading.counts["Workout"] == 2
    assert reading.counts["unreadable:Workout"] == 1
    assert reading.counts["Record"] == 0


def test_everything_else_is_kept_as_it_is() -> None:
    told = [
        '<Me HKCharacteristicTypeIdentifierDateOfBirth="1988-05-04"/>',
        '<ClinicalRecord type="AllergyRecord" identifier="7"/>',
        '<Audiogram type="HKDataTypeIdentifierAudiogram"><SensitivityPoint frequencyValue="500"/></Audiogram>',
        "<Novelty><Part/>told</Novelty>",
    ]

    reading = read(export(*(f" {each}\n" for each in told)))

    told += ['<HealthData locale="en_GB">', '<ExportDate value="2026-03-03 08:15:02 +0100"/>']
    tags = ("Me", "ClinicalRecord", "Audiogram", "Novelty", "HealthData", "ExportDate")
    assert reading.payloads == sorted(
        ("element", f"{tag}-{_hash(text.encode())}", text.encode()) for tag, text in zip(tags, told, strict=True)
    )
    assert reading.counts == {
        "HealthData": 1, "ExportDate": 1, "Me": 1, "ClinicalRecord": 1, "Audiogram": 1, "SensitivityPoint": 1,
        "Novelty": 1, "Part": 1,
    }  # fmt: skip


def test_the_files_beside_the_xml() -> None:
    gpx = b'<gpx version="1.1" creator="Apple Health Export"><trk/></gpx>'
    ecg = b"Name,Noa\nSample Rate,512 Hz\n\n-12,5\n3.25\n"
    members = {
        "apple_health_export/Exportieren.xml": export(record()),
        "apple_health_export/export_cda.xml": b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>',
        "apple_health_export/workout-routes/route_2026-03-02_5.47pm.gpx": gpx,
        "apple_health_export/workout-routes/route_broken.gpx": b"nothing",
        "apple_health_export/Elektrokardiogramme/ecg_2026-03-02.csv": ecg,
        "apple_health_export/clinical-records/Allergy-7.json": b'{"resourceType": "AllergyIntolerance"}',
        "__MACOSX/apple_health_export/._export.xml": b"x",
        "apple_health_export/.DS_Store": b"x",
        "notes.txt": b"mine",
    }

    with opened(zipped(members), "export.zip") as container:
        batches = list(read_export(container, units=UNITS))

    payloads = {(each.kind, each.external_id): each for batch in batches for each in batch.payloads}
    assert {key: each.data for key, each in payloads.items() if key[0] != "element"} == {
        ("route", "/workout-routes/route_2026-03-02_5.47pm.gpx"): gpx,
        ("electrocardiogram", "/Elektrokardiogramme/ecg_2026-03-02.csv"): ecg,
        ("clinical_record", "/clinical-records/Allergy-7.json"): b'{"resourceType": "AllergyIntolerance"}',
    }
    stated = datetime(2026, 3, 3, 8, 15, 2, tzinfo=timezone(timedelta(hours=1)))
    assert {each.stated_at for each in payloads.values()} == {stated}
    assert batches[-1].cursor == {
        "phase": "end",
        "files_kept": [
            ["apple_health_export/export_cda.xml", 42],
            ["notes.txt", 4],
            ["apple_health_export/workout-routes/route_broken.gpx", 7],
        ],
    }
    assert [batch.done for batch in batches] == sorted(batch.done for batch in batches)
    assert batches[-1].done == batches[-1].total


@pytest.mark.parametrize("told", ["/workout-routes/a.gpx", "workout-routes/a.gpx", " workout-routes\\a.gpx"])
def test_route_id_has_one_form(told: str) -> None:
    assert route_id(told) == "/workout-routes/a.gpx"


def test_export_facts_come_from_the_head() -> None:
    data = zipped({"apple_health_export/导出.xml": export(record())})

    with opened(data, "导出.zip") as container:
        assert is_export(container)
        assert export_facts(container) == ExportFacts(
            member="apple_health_export/导出.xml",
            export_date=datetime(2026, 3, 3, 8, 15, 2, tzinfo=timezone(timedelta(hours=1))),
            locale="en_GB",
            version=14,
        )


def test_export_facts_of_a_bare_file() -> None:
    with opened(b"<HealthData><Record/></HealthData>") as container:
        assert export_facts(container) == ExportFacts("export.xml", None, "", 0)


@pytest.mark.parametrize(
    "data",
    [b"<gpx/>", b"<Activities/>", b"{}", b"name,value\n", b"\x0e\x10FIT", b"<!-- <HealthData> --><Other/>"],
)
def test_other_files_are_no_exports(data: bytes) -> None:
    with opened(data, "export.xml") as container:
        assert not is_export(container)
        with pytest.raises(ValueError, match=r"export\.xml is no Apple Health export"):
            export_facts(container)


BROKEN_DTD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12, <HealthData> -->
<!ELEMENT VisionPrescription ((RightEye|LeftEye|Attachment|MetadataEntry)*)>
<!ATTLIST VisionPrescription
  type CDATA #REQUIRED
  expirationDate CDATA #IMPLIED
<!ELEMENT RightEye EMPTY>
]>
"""
LAUGHTER = """<!DOCTYPE HealthData [
 <!ENTITY a "ha"> <!ENTITY b "&a;&a;&a;&a;"> <!ENTITY c "&b;&b;&b;&b;">
 <!ENTITY file SYSTEM "file:///etc/hostname">
]>
"""


@both_ways
def test_the_broken_dtd_of_ios_16_is_passed_over(fast: bool) -> None:
    reading = read(export(record(), prolog=BROKEN_DTD), fast=fast)

    assert (reading.rows, reading.problems) == (1, [])
    assert reading.counts == {"HealthData": 1, "ExportDate": 1, "Record": 1}


@both_ways
def test_entities_of_a_dtd_do_nothing(fast: bool) -> None:
    reading = read(export(record(source="&c;&file;"), prolog=LAUGHTER), fast=fast)

    assert list(reading.samples) == [("heart_rate", "&c;&file;")]


@both_ways
def test_control_characters_are_dropped(fast: bool) -> None:
    reading = read(export(record('<MetadataEntry key="a\x01" value="b"/>', source="No\x0ba\x00")), fast=fast)

    [row] = reading.samples["heart_rate", "Noa"]
    assert row[-1] == '<MetadataEntry key="a" value="b"/>'


@both_ways
@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.replace('value="142"', 'value="142" value="9"'),
        lambda told: told.replace('"', "'"),
        lambda told: told.replace(" sourceName", "\n   sourceName"),
        lambda told: told.replace("142", "&#49;4&#x32;"),
        lambda told: told.replace("/>", "></Record>"),
        lambda told: told.replace(' value="142"/>', "/>").replace("<Record", '<Record value="142"'),
        lambda told: told.replace("/>", '\t\x0c extra attribute = "with spaces" odd="a>b" />'),
        lambda told: told.replace("/>", "><!-- > --></Record>"),
        lambda told: f"<!-- {told} -->{told}<![CDATA[{told}]]><?php {told} ?>",
        lambda told: f"stray text > and < more{told}",
    ],
    ids=[
        "told twice", "single quotes", "many lines", "references", "two tags", "another order", "more attributes",
        "a comment inside", "told in comments", "between elements",
    ],
)  # fmt: skip
def test_deviations_cost_nothing(fast: bool, change) -> None:
    plain = record()

    reading = read(export(plain, change(record()), plain), fast=fast)

    assert [row[:7] for row in reading.samples["heart_rate", KEY]] == [
        (AT, AT, 142.0, None, "count/min", "11.3", "Watch6,18")
    ] * 3
    assert reading.problems == []


@both_ways
@pytest.mark.parametrize(
    "broken",
    [
        record().replace('sourceName="', "sourceName="),
        record().replace("/>", ">"),
        record().replace("/>", "></Recor>"),
        record('<MetadataEntry key="a" value="b"/>').replace("</Record>", ""),
        "<Workout><WorkoutEvent>",
        "<Record <Record",
    ],
    ids=["a missing quote", "no end", "another end", "no closing tag", "a workout without end", "two beginnings"],
)
def test_a_fault_costs_one_element(fast: bool, broken: str) -> None:
    data = export(record(), broken, record(), workout())

    reading = read(data, fast=fast)

    assert reading.rows == 2
    assert [each[0] for each in reading.payloads].count("workout") == 1
    assert [each[1].startswith("unreadable-") for each in reading.payloads].count(True) >= 1
    kept = reading.counts - plain_count(data)
    assert {tag.partition(":")[0] for tag in kept} == {"unreadable"}
    assert plain_count(data) - reading.counts == {}


@both_ways
def test_a_file_cut_in_mid_element_gives_all_before(fast: bool) -> None:
    whole = export(record(), record(), end="")
    data = whole + record().encode()[:200]

    reading = read(data, fast=fast)

    assert reading.rows == 2
    assert reading.counts == {**plain_count(data), "unreadable:Record": 1}
    assert reading.problems == [
        Problem("export.xml", f"export.xml at byte {len(whole) + 1:,}: <Record> has no proper beginning or end."),
        Problem("export.xml", f"export.xml at byte {len(data):,}: the file is cut off; all before was read."),
    ]


def test_two_exports_in_one_file_are_both_read() -> None:
    reading = read(export(record()) + export(record(value="60")))

    assert [row[2] for row in reading.samples["heart_rate", KEY]] == [142.0, 60.0]
    assert reading.counts["HealthData"] == 2


def test_a_zip_of_exports_is_read_one_after_the_other() -> None:
    inner = zipped({"apple_health_export/export.xml": export(record(value="61"))})

    reading = read(zipped({"a/export.xml": export(record(value="60")), "b.zip": inner}), "all.zip", batch_bytes=1)

    assert [row[2] for row in reading.samples["heart_rate", KEY]] == [60.0, 61.0]


@pytest.mark.parametrize(
    ("name", "data"),
    [("export", export(record())), ("a.xml.gz", gzip.compress(export(record())))],
    ids=["plain", "gzip"],
)
def test_bytes_decide_what_a_file_is(name: str, data: bytes) -> None:
    assert read(data, name).rows == 1
    assert read(zipped({"a.pdf": b"%PDF", name.removesuffix(".gz"): export(record())}), "some.bin").rows == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "iso-8859-1"])
def test_other_encodings_are_read(encoding: str) -> None:
    text = export(record(source="Zoë")).decode().replace("UTF-8", encoding)

    reading = read(text.encode(encoding), block_bytes=101)

    assert list(reading.samples) == [("heart_rate", "Zoë")]
    assert reading.problems == []


def test_bytes_that_are_no_utf_8_cost_no_element() -> None:
    data = export(record(source="Zoë")).replace("ë".encode(), b"\xeb")

    assert list(read(data).samples) == list(read(data, fast=False).samples) == [("heart_rate", "Zo\ufffd")]


@both_ways
def test_progress_counts_bytes(fast: bool) -> None:
    data = export(*(record(value=str(value)) for value in range(50)))

    with opened(data) as container:
        batches = list(read_export(container, units=UNITS, batch_bytes=4000, block_bytes=1000, fast=fast))

    done = [batch.done for batch in batches]
    assert done == sorted(done)
    assert {batch.total for batch in batches} == {len(data)}
    assert done[-1] == len(data)
    assert all(4000 <= b - a < 6000 for a, b in zip([0, *done], done[:-2], strict=False))
