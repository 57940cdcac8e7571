"""What holds for every file: both ways read alike, stops and blocks change nothing, nothing is lost, nothing raises."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from activities.formats.apple_health import UNREADABLE, is_export, read_export
from activities.formats.container import BadFile
from tests.activities.formats.apple_health.exports import (
    UNITS,
    Reading,
    export,
    opened,
    plain_count,
    read,
    record,
    workout,
    zipped,
)

SAMPLES = ("Record", "Correlation", "ActivitySummary")

METADATA = [
    '<MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>',
    '<MetadataEntry key="odd &amp; rare" value="a&gt;b" />',
    '<HeartRateVariabilityMetadataList>\n   <InstantaneousBeatsPerMinute bpm="60" time="1:12:05.48 AM"/>\n'
    "  </HeartRateVariabilityMetadataList>",
    "<MetadataEntry key='single' value='quotes'/>",
    '<MetadataEntry key="raw" value="a>b"/>',
    "told as text",
    "<!-- a comment -->",
    '<!-- <Record type="x"/> -->',
]
plain_records = st.builds(
    record,
    st.sampled_from(METADATA[:3]),
    kind=st.sampled_from(["HKQuantityTypeIdentifierHeartRate", "HKQuantityTypeIdentifierStepCount", "HKDataTypeGoal"]),
    source=st.sampled_from(["Noa’s Apple\xa0Watch", "Scale", "A &amp; B", "Noa\x0b"]),
    address=st.sampled_from(["30c1f2a80", "30c1f2a81", "3", None]),
    unit=st.sampled_from(["count/min", "count", None]),
    version=st.sampled_from(["11.3", "9", None]),
    start=st.sampled_from(["2026-03-02 17:10:04 +0100", "2025-12-31 23:59:59 -0330", "2024-02-29 00:00:00 +0000"]),
    value=st.sampled_from(["142", "0.97", "-3.5", "1e3"]),
) | st.builds(record, value=st.integers(40, 200).map(str))
category_records = st.builds(
    record,
    kind=st.just("HKCategoryTypeIdentifierSleepAnalysis"),
    unit=st.none(),
    value=st.sampled_from(["HKCategoryValueSleepAnalysisAwake", "a &lt; b", "0", "&#48;", "\x0b1", None, ""]),
)
odd_records = st.builds(
    record,
    st.sampled_from(METADATA),
    start=st.sampled_from(["2026-03-02 17:10:04 +0100", "2026-03-02T17:10:04Z", "2026-02-30 00:00:00 +0000", "x" * 25]),
    value=st.sampled_from(["142", "nan", "-inf", "-", "1_0", "0x1", "1e999", "many", "1 2", "٣"]),
    source=st.sampled_from(["HKDevice: 0x12&gt;", ' device="&lt;&lt;HKDevice: 0x1&gt;', "a<b", "a>b", "'"]),
)


def _changed(told: str, seed: int) -> str:
    """The element with a few of its bytes left out, doubled or replaced."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(told))
        piece = chance.choice(["", '"', "'", "<", ">", "/", "/>", "</", "&", " ", "\0", "<!--", "-->", "é", told[:9]])
        told = told[:at] + piece + told[at + chance.randint(0, 2) :]
    return told


others = st.sampled_from(
    [
        workout('<MetadataEntry key="HKTimeZone" value="Europe/Madrid"/>', "<WorkoutEvent/>"),
        f' <Correlation type="A" startDate="2026-03-02 17:10:04 +0100">{record()}{record(value="x")}</Correlation>\n',
        ' <ActivitySummary dateComponents="2026-03-02" appleStandHours="12"/>\n',
        ' <ActivitySummary dateComponents="none"/>\n',
        ' <Me DateOfBirth="1988-05-04" Blood Type="A"/>\n',
        " <Novelty><Part>told</Part></Novelty>\n",
        "<Novelty>" + record() + "</Novelty>",
        "<!-- a comment -->",
        f"<!-- {record()} -->",
        f"<![CDATA[{record()}]]>",
        "<?php echo '>' ?>",
        " text < between > elements ",
        "</Record>",
        "<Record",
        "<Record>",
        " " * 70,
    ]
)
elements = st.one_of(plain_records, plain_records, category_records, odd_records, others)
changed = st.builds(_changed, elements, st.integers(0, 2**32))
exports = st.builds(
    lambda parts, end: export(*parts, end=end),
    st.lists(st.one_of(elements, elements, changed), max_size=12),
    st.sampled_from(["</HealthData>\n", "", '<Record type="a', "</HealthData><HealthData>"]),
)


def _same(left: Reading, right: Reading) -> None:
    for part in ("samples", "payloads", "counts", "problems"):
        assert getattr(left, part) == getattr(right, part)


@settings(max_examples=150, deadline=None)
@given(exports, st.sampled_from([61, 500, 4096]), st.sampled_from([1, 1000, 1 << 25]))
def test_both_ways_read_alike(data: bytes, block_bytes: int, batch_bytes: int) -> None:
    """By the column or one by one, in blocks and batches of any size."""
    expected = read(data, fast=False)

    _same(read(data), expected)
    _same(read(data, block_bytes=block_bytes, batch_bytes=batch_bytes), expected)
    _same(read(data, block_bytes=block_bytes, batch_bytes=batch_bytes, fast=False), expected)


@settings(max_examples=60, deadline=None)
@given(exports, st.sampled_from([1, 400, 3000]), st.booleans())
def test_reading_can_stop_at_any_batch(data: bytes, batch_bytes: int, fast: bool) -> None:
    archive = zipped({"a/export.xml": data, "a/workout-routes/b.gpx": b"<gpx/>", "c/export.xml": data})
    options: dict[str, Any] = {"units": UNITS, "batch_bytes": batch_bytes, "block_bytes": 700, "fast": fast}
    with opened(archive, "export.zip") as container:
        if not is_export(container):
            return
        at_once = list(read_export(container, **options))
    expected = Reading.of(at_once)

    for stop in range(len(at_once)):
        with opened(archive, "export.zip") as container:
            rest = list(read_export(container, cursor=at_once[stop].cursor, **options))
        _same(Reading.of([*at_once[: stop + 1], *rest]), expected)
        assert [batch.done for batch in rest] == sorted(batch.done for batch in rest)


@settings(max_examples=400, deadline=None)
@given(exports)
def test_nothing_is_lost(data: bytes) -> None:
    """Every opening tag is counted; every element of the root is a sample, a payload, or named as unreadable."""
    reading = read(data)

    unreadable = {tag.removeprefix(UNREADABLE): n for tag, n in reading.counts.items() if tag.startswith(UNREADABLE)}
    tags = Counter({tag: n for tag, n in reading.counts.items() if not tag.startswith(UNREADABLE)})
    stored = Counter("Workout" if kind == "workout" else name.split("-")[0] for kind, name, _ in reading.payloads)
    assert tags == plain_count(data)
    assert sum(tags[tag] for tag in SAMPLES) == reading.rows + sum(unreadable.get(tag, 0) for tag in SAMPLES)
    for tag in ("Workout", "Me", "ExportDate", "HealthData"):
        assert tags[tag] == stored[tag] + unreadable.get(tag, 0)
    assert stored["unreadable"] == len([each for each in reading.problems if "is cut off" not in each.message])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2**32), st.booleans())
def test_nothing_raises_but_bad_file(noise: bytes, seed: int, packed: bool) -> None:
    """Any change to any byte of an export or of its zip is read or refused in a sentence that names the file."""
    chance = random.Random(seed)
    data = export(record(METADATA[0]), record(), workout(), record(value="60"))
    if packed:
        data = zipped({"apple_health_export/export.xml": data, "apple_health_export/workout-routes/a.gpx": b"<gpx/>"})
    at = chance.randrange(len(data))
    data = data[:at] + noise + data[at + chance.randint(0, 40) :]
    if chance.random() < 0.3:
        data = data[: chance.randrange(len(data))]

    with suppress(BadFile), opened(data, "export.zip") as container:
        if is_export(container):
            reading = Reading.of(read_export(container, units=UNITS, batch_bytes=1, block_bytes=200))
            assert reading.cursor["phase"] == "end"
