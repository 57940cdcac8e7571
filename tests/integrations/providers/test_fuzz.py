"""Payloads and archives of account exports with anything in them: read, or refused in a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.domain.sleep import STAGES
from activities.formats.container import BadFile, open_file
from integrations.base import Provider
from integrations.errors import UnexpectedPayload
from integrations.files import FILE_KINDS
from integrations.registry import PROVIDERS

HERE = Path(__file__).parent
EXPORTS = ("fitbit", "polar", "samsung_health", "adidas_running", "peloton", "trainingpeaks", "health_connect")
NETWORKS = ("whoop", "oura", "strava", "suunto", "wahoo")
WILD = st.sampled_from(
    ["", "0", "-1", "1e308", "NaN", "2026-03-29T02:30:00", "9999-12-31T23:59:59Z", "0001-01-01 00:00:00.000", "\u2028",
     "PT99999999999H", "+99:99", 0, -1, 1e308, 10**30, None, True, [], {}, [[]], "03/02/26 10:00:00", "UTC+0530"]
)  # fmt: skip


def samples(slug: str) -> list[tuple[str, bytes]]:
    """(kind, payload) of the provider's samples but for workout files, which have tests of their own."""
    folder, kinds = HERE / slug / "payloads", list(PROVIDERS[slug].parse)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name not in FILE_KINDS)
    return [(path.parent.name if path.parent != folder else kinds[0], path.read_bytes()) for path in paths]


def places(told: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside a document."""
    pairs = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for key, value in list(pairs):
        yield told, key
        yield from places(value)


def damaged(data: bytes, draw: st.DataObject) -> bytes:
    """The payload with some values changed, or cut off."""
    try:
        told = json.loads(data)
    except ValueError:
        cells = data.decode().split(",")
        for index in draw.draw(st.lists(st.integers(0, len(cells) - 1), max_size=3)):
            cells[index] = str(draw.draw(WILD))
        return ",".join(cells).encode()
    everywhere = list(places(told))
    for index in draw.draw(st.lists(st.integers(0, len(everywhere) - 1), max_size=4)):
        where, key = everywhere[index]
        where[key] = draw.draw(WILD)
    data = json.dumps(told).encode()
    return data[: draw.draw(st.integers(0, len(data)))] if draw.draw(st.integers(0, 9)) == 0 else data


@pytest.mark.parametrize("slug", [*EXPORTS, *NETWORKS])
@given(draw=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_payloads_are_read_or_refused(slug: str, draw: st.DataObject) -> None:
    provider = PROVIDERS[slug]
    kind, data = draw.draw(st.sampled_from(samples(slug)))
    try:
        parsed = provider.parse[kind](damaged(data, draw), "2026-03-02 id")
    except UnexpectedPayload:
        return

    for one in parsed.activities:
        assert one.start_time.utcoffset() is not None
        assert (one.elapsed_s or 0) >= 0
        assert json.loads(json.dumps(one.extra, allow_nan=False)) is not None
        assert all(lap.elapsed_s >= 0 for lap in one.laps)
        assert all((stream.time_s[1:] > stream.time_s[:-1]).all() for stream in one.streams.values())
        figures = [value for value in asdict(one).values() if isinstance(value, float)]
        assert [value for value in figures if value != value or abs(value) == float("inf")] == []
    for sleep in parsed.sleeps:
        assert sleep.end_time > sleep.start_time
        reach = 0.0
        for begin, length, stage in sleep.stages:
            assert begin >= reach
            assert length > 0
            assert stage in STAGES
            reach = begin + length
    assert json.loads(json.dumps([dict(day.detail) for day in parsed.days], allow_nan=False)) is not None


def archive(provider: Provider, draw: st.DataObject) -> bytes:
    """A zip of the provider's samples under names that its reader knows, with bytes changed."""
    names = draw.draw(
        st.lists(
            st.sampled_from(
                ["Global Export Data/sleep-2026-03-01.json", "Global Export Data/exercise-0.json",
                 "Global Export Data/heart_rate-2026-03-01.json", "UserSleeps_2026-03-01.csv", "sleep_score.csv",
                 "steps_2026-03-01.csv",
                 "training-session-2026-03-01-5000001.json", "sleep_result_1.json", "247ohr_1_01.json",
                 "com.samsung.shealth.exercise.20260302170000.csv", "com.samsung.shealth.sleep.20260302170000.csv",
                 "com.samsung.shealth.tracker.heart_rate.20260302170000.csv", "Sport-sessions/a.json",
                 "Sport-sessions/GPS-data/a.json", "workouts.csv", "health_connect_export.db"]
            ),
            min_size=1, max_size=4, unique=True,
        )
    )  # fmt: skip
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        for name in names:
            _, data = draw.draw(st.sampled_from(samples(provider.slug)))
            data = b"[" + data + b"]" if draw.draw(st.booleans()) else data
            zipped.writestr(name, data[: draw.draw(st.integers(0, len(data)))] + draw.draw(st.binary(max_size=8)))
    return target.getvalue()


@pytest.mark.parametrize("slug", EXPORTS)
@given(draw=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_archives_are_read_to_their_end(slug: str, draw: st.DataObject) -> None:
    provider = PROVIDERS[slug]
    try:
        container = open_file(io.BytesIO(archive(provider, draw)), "any.zip")
    except BadFile:
        return
    with container:
        for reader in provider.readers:
            reader.recognise(container)
            batches = list(reader.read(container))
            assert batches[-1].done == batches[-1].total
            for payload in (payload for batch in batches for payload in batch.payloads):
                assert payload.external_id
                assert len(payload.external_id) <= 255
