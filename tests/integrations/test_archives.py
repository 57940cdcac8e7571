"""What the readers of all archives keep: bounds, places to go on from, and that each bad member costs itself only."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.reading import Batch, RawPayload
from activities.formats.container import Container, Limits, Member, open_file
from integrations import archives
from integrations.archives import ArchiveReader, Piece, contents, gunzipped
from integrations.errors import UnexpectedPayload


class Lines(ArchiveReader):
    """A made-up archive: each line of a .txt is a payload; "bad" breaks off there, "bug" is one of ours."""

    name = "lines"

    def recognise(self, container: Container) -> bool:
        return True

    def pieces(self, container: Container, member: Member) -> Iterator[Piece] | None:
        return self._lines(container, member) if member.name.endswith(".txt") else None

    def _lines(self, container: Container, member: Member) -> Iterator[Piece]:
        for number, line in enumerate(contents(container, member)[0].split(b"\n")):
            if line == b"bad":
                raise UnexpectedPayload(f"breaks off at line {number}.")
            if line == b"bug":
                raise ZeroDivisionError("a bug")
            yield Piece((RawPayload("line", f"{member.path}:{number}", line, "text/plain"),))


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)
    return target.getvalue()


def read(members: dict[str, bytes], cursor: Any = None) -> list[Batch]:
    with open_file(io.BytesIO(zipped(members)), "file.zip") as container:
        return list(Lines().read(container, cursor=cursor))


MEMBERS = {
    "a.txt": b"1\n2\n3",
    "b.jpg": b"x",
    "c.txt": b"4\nbad\n5",
    "d.txt": b"bug",
    "e.txt": b"",
    "f.txt.gz": b"x",
    "g.txt": gzip.compress(b"6\n7"),
}


def test_a_bad_member_costs_itself_only_and_the_rest_is_named() -> None:
    [batch] = read(MEMBERS)

    assert [payload.data for payload in batch.payloads] == [b"1", b"2", b"3", b"4", b"6", b"7"]
    assert batch.kept == ("b.jpg", "f.txt.gz")
    assert batch.counts == {"line": 6, "file": 3, "unreadable:file": 3}
    assert [problem.message for problem in batch.problems] == [
        "c.txt breaks off at line 1.",
        "d.txt could not be read (ZeroDivisionError: a bug).",
        "e.txt is empty.",
    ]
    assert (batch.done, batch.total) == (sum(map(len, MEMBERS.values())),) * 2


@pytest.mark.parametrize("most", [1, 2, 5])
def test_reading_can_be_taken_up_after_every_batch(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "BATCH_PAYLOADS", most)
    whole = read(MEMBERS)
    assert len(whole) > 1
    for number, batch in enumerate(whole):
        assert read(MEMBERS, batch.cursor) == whole[number + 1 :]


@given(st.lists(st.tuples(st.sampled_from(["txt", "jpg"]), st.sampled_from([b"1\n2", b"bad", b"3\nbug\n4", b""]))))
@settings(max_examples=40)
def test_counts_add_up_whatever_is_inside(told: list[tuple[str, bytes]]) -> None:
    members = {f"{number}.{ending}": data for number, (ending, data) in enumerate(told)} | {"z.txt": b"last"}

    batches = read(members)

    payloads = [payload for batch in batches for payload in batch.payloads]
    assert sum(batch.counts.get("line", 0) for batch in batches) == len(payloads)
    unreadable = sum(batch.counts.get("unreadable:file", 0) for batch in batches)
    assert unreadable == sum(len(batch.problems) for batch in batches)
    assert batches[-1].cursor == {"member": len(members), "piece": 0}


def test_gunzipped_reads_as_far_as_it_goes() -> None:
    data = bytes(range(256)) * 400
    packed = gzip.compress(data, mtime=0)

    assert gunzipped(packed, 10**6, Limits()) == (data, "")
    assert gunzipped(packed + packed, 10**6, Limits()) == (data + data, "")
    assert gunzipped(packed + b"\0\0trailing", 10**6, Limits())[0] == data
    cut, why = gunzipped(packed[: len(packed) // 2], 10**6, Limits())
    assert (data.startswith(cut), len(cut) > 0, why) == (True, True, "is cut off; it is read up to there.")
    with pytest.raises(UnexpectedPayload, match="left unread"):
        gunzipped(gzip.compress(bytes(3 << 20)), 1 << 20, Limits())


@given(st.binary(max_size=400), st.integers(0, 300), st.integers(0, 255))
@settings(max_examples=60)
def test_gunzipped_survives_damage(data: bytes, place: int, byte: int) -> None:
    packed = bytearray(gzip.compress(data, mtime=0))
    packed[place % len(packed)] = byte

    assert isinstance(gunzipped(bytes(packed), 10**6, Limits())[0], bytes)
