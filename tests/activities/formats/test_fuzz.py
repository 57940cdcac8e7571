"""Damaged files of all kinds: each is read or refused, never a crash, never for ever."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Parsed
from activities.domain.streams import decode_streams, encode_streams
from activities.formats.errors import Unreadable
from activities.formats.gpx_file import gpx_creator, parse_gpx_file
from activities.formats.tcx import parse_tcx, tcx_creator
from tests.activities.formats.sheets import Row, bytes_of, files_of

READERS = {"tcx": (parse_tcx, tcx_creator), "gpx": (parse_gpx_file, gpx_creator)}
# Of a long file some thousand bytes of its beginning and its end.
LONGEST = 6000
PIECES = [
    b"", b"<", b">", b"</", b"/>", b'"', b"&", b"&x;", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?x ?>", b"\0",
    b"\xff\xfe", b"9" * 400, b"-", b"1e400", b"nan", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"<Track>",
    b"</Track>", b"<Lap>", b"</Lap>", b"<trk>", b"</trkseg>", b"<Activity>", b"</Activity>", b"\xe4", b"\n",
    b'<trainstack.run at="0"/>',
]  # fmt: skip


@cache
def _sample(path: str, kind: str) -> bytes:
    data = bytes_of({"path": path, "kind": kind})
    return data if len(data) <= 2 * LONGEST else data[:LONGEST] + data[-LONGEST:]


@st.composite
def _damages(draw: st.DrawFn) -> list[tuple[float, int, bytes]]:
    """Where (as a share of the file), how many bytes go, and what comes in their place."""
    piece = st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))
    return draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300), piece), min_size=1, max_size=6))


def damaged(data: bytes, damages: list[tuple[float, int, bytes]]) -> bytes:
    for share, length, piece in damages:
        at = int(share * len(data))
        data = data[:at] + piece + data[at + length :]
    return data


def assert_sound(parsed: Parsed) -> None:
    """What the rest of the program relies on."""
    ids = [activity.external_id for activity in parsed.activities]
    assert len(set(ids)) == len(ids)
    for activity in parsed.activities:
        assert activity.start_time.tzinfo is not None
        figures = [value for name, value in vars(activity).items() if isinstance(value, float) and name != "extra"]
        assert all(math.isfinite(value) and value >= 0 for value in figures)
        assert all(lap.elapsed_s >= 0 for lap in activity.laps)
        assert all(pause.elapsed_s > 0 for pause in activity.pauses)
        for stream in activity.streams.values():
            assert (stream.time_s[1:] > stream.time_s[:-1]).all()
        assert decode_streams(encode_streams(activity.streams)) == dict(activity.streams)


@pytest.mark.parametrize("row", files_of("tcx") + files_of("gpx"))
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(damages=_damages())
def test_damaged_files_are_read_or_refused(row: Row, damages: list[tuple[float, int, bytes]]) -> None:
    parse, creator = READERS[row["kind"]]
    data = damaged(_sample(row["path"], row["kind"]), damages)

    assert isinstance(creator(data), str)
    with suppress(Unreadable):
        assert_sound(parse(data, "f1"))


@settings(max_examples=50)
@given(data=st.binary(max_size=300), root=st.sampled_from([b"<gpx>", b"<TrainingCenterDatabase>", b"\xff\xfe<\0", b""]))
def test_noise_is_read_or_refused(data: bytes, root: bytes) -> None:
    for parse, creator in READERS.values():
        assert isinstance(creator(root + data), str)
        with suppress(Unreadable):
            assert_sound(parse(root + data, "f1"))
