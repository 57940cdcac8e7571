from __future__ import annotations

import bz2
import gzip
import io
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.domain.parsed import Problem
from activities.formats.container import BadFile, Container, Limits, encoding_of, kind_of, open_file, pieces_of, root_of

TEXT = b"".join(b"line %d of a text\n" % number for number in range(5000))


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for path, data in members:
            archive.writestr(path, data)
    return file.getvalue()


def streamed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip written in one go, as phones do: sizes stand behind each member, not before it."""

    class OneWay(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.data += bytes(data)
            return len(data)

    out = OneWay()
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, data in members:
            archive.writestr(path, data)
    return out.data


def opened(data: bytes, name: str = "export.zip", **limits: int) -> Container:
    return open_file(io.BytesIO(data), name, Limits(**limits))


def contents(container: Container) -> dict[str, tuple[bytes, Problem | None]]:
    found = {}
    for member in container.members:
        stream = container.open(member)
        found[member.path] = (b"".join(pieces_of(stream, 10_000)), stream.problem)
    return found


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (zipped(("a", b"")), "zip"),
        (zipped(), "zip"),
        (gzip.compress(b"x"), "gzip"),
        (b'<?xml version="1.0"?>\n<!-- <gpx> -->\n<gpx version="1.1">', "gpx"),
        (b"<g:gpx xmlns:g='x'>", "gpx"),
        ("<gpx/>".encode("utf-16"), "gpx"),
        (b"\xef\xbb\xbf<HealthData>", "xml"),
        (b"<!DOCTYPE gpx [<!ELEMENT gpx EMPTY", "xml"),
        (b"<TrainingCenterDatabase>", "tcx"),
        (b"\x0e\x10\xd9\x07\x00\x00\x00\x00.FIT", "fit"),
        (b'{"a": "<b>"}', "unknown"),
        (b"a,b\n<x>,2", "unknown"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_kind_of_goes_by_bytes(head: bytes, kind: str) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    ("head", "root"),
    [
        (b"<a/>", "a"),
        (b"<x:a-b.c >", "a-b.c"),
        (b"<?xml version='1.0'?><!DOCTYPE q [<!ENTITY z '1'>]><root>", "root"),
        (b"<!DOCTYPE q [ <!ATTLIST a\n <!ELEMENT b EMPTY>\n]>\n<root>", "root"),
        (b"<!-- <a> <b> --><c>", "c"),
        (b"<!-- <a>", ""),
        (b"<cut", ""),
        (b"text <a>", None),
        (b"", None),
    ],
)
def test_root_of(head: bytes, root: str | None) -> None:
    assert root_of(head) == root


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"<a/>", ("utf-8", 0)),
        (b"\xef\xbb\xbf<a/>", ("utf-8", 3)),
        (b"\xff\xfe<\0", ("utf-16-le", 2)),
        (b"\xfe\xff\0<", ("utf-16-be", 2)),
        (b"<\0a\0", ("utf-16-le", 0)),
        (b"\0<\0a", ("utf-16-be", 0)),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>", ("iso-8859-1", 0)),
    ],
)
def test_encoding_of(head: bytes, expected: tuple[str, int]) -> None:
    assert encoding_of(head) == expected


@pytest.mark.parametrize("pack", [zipped, streamed])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_of_a_zip(pack, method: int) -> None:
    data = pack(("a/export.xml", TEXT), ("a/empty.txt", b""), ("a/", b""), method=method)

    container = opened(data)

    assert (container.kind, container.problems) == ("zip", ())
    assert [(member.path, member.size, member.name) for member in container.members] == [
        ("a/export.xml", len(TEXT), "export.xml"),
        ("a/empty.txt", 0, "empty.txt"),
    ]
    assert contents(container) == {"a/export.xml": (TEXT, None), "a/empty.txt": (b"", None)}


def test_a_path_is_opened_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"told")

    with open_file(path) as container:
        assert (container.name, container.kind) == ("notes.txt", "unknown")
        assert contents(container) == {"notes.txt": (b"told", None)}
        [member] = container.members
        assert container.kind_of(member) == "unknown"
        assert container.head(member, 2) == b"to"
    with pytest.raises(ValueError, match="closed file"):
        container.open(member).read(1)


def test_a_gzip_holds_one_member() -> None:
    container = opened(gzip.compress(TEXT) + gzip.compress(b"more") + b"\0\0", "route.gpx.gz")

    assert container.kind == "gzip"
    assert contents(container) == {"route.gpx": (TEXT + b"more", None)}


def test_streams_of_one_file_are_read_side_by_side() -> None:
    container = opened(zipped(("a", TEXT), ("b", TEXT[::-1])))
    first, second = (container.open(member) for member in container.members)

    halves = [(first.read(7000), second.read(9000)) for _ in range(40)]

    assert b"".join(half[0] for half in halves) == TEXT
    assert b"".join(half[1] for half in halves) == TEXT[::-1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 5000), st.booleans())
def test_pieces_make_the_whole(datas: list[bytes], size: int, in_one_go: bool) -> None:
    members = [(str(number), data) for number, data in enumerate(datas)]
    container = opened((streamed if in_one_go else zipped)(*members, ("last", b"")))

    for member, data in zip(container.members, [*datas, b""], strict=True):
        pieces = list(pieces_of(container.open(member), size))
        assert b"".join(pieces) == data
        assert {len(piece) for piece in pieces[:-1]} <= {size}


# --- names ------------------------------------------------------------------------------------------
def test_clutter_is_passed_over() -> None:
    data = zipped(("__MACOSX/a/._b.xml", b"x"), ("a/.DS_Store", b"x"), ("a/._b.xml", b"x"), ("a/b.xml", b"x"))

    assert [member.path for member in opened(data).members] == ["a/b.xml"]


@pytest.mark.parametrize("path", ["../up.xml", "a/../../up.xml", "/etc/passwd", "C:/x.xml", "..\\up.xml"])
def test_paths_that_lead_outside_are_refused_and_named(path: str) -> None:
    container = opened(zipped((path, b"bad"), ("good.xml", b"good")))

    told = path.replace("\\", "/")
    assert contents(container) == {"good.xml": (b"good", None)}
    assert container.problems == (
        Problem("export.zip", f"export.zip names a path outside itself ({told!r}); that one was left out."),
    )


def test_a_zip_of_nothing_but_bad_paths_is_refused() -> None:
    with pytest.raises(BadFile, match=r"^Nothing in export\.zip can be read: export\.zip names a path outside itself"):
        opened(zipped(("../a", b"x")))


def test_names_that_macs_write_are_understood() -> None:
    """They are UTF-8 without the mark that says so."""
    data = zipped(("exportaci??n.xml", b"x")).replace(b"exportaci??n", "exportación".encode())

    assert [member.path for member in opened(data).members] == ["exportación.xml"]


# --- damage -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "export.zip is empty."),
        (b"\xff\xd8\xff\xe0JFIF", "export.zip is a JPEG picture, which holds nothing that can be imported."),
        (b"\x89PNG\r\n", "export.zip is a PNG picture, which holds nothing that can be imported."),
        (b"%PDF-1.7", "export.zip is a PDF document, which holds nothing that can be imported."),
        (bytes(5000), "export.zip holds nothing but zeros; it was probably cut off while it was copied."),
        (zipped(), "export.zip is an empty archive."),
        (zipped(("__MACOSX/x", b"x")), "export.zip is an empty archive."),
        (
            zipped(("a", TEXT))[:20],
            "Nothing in export.zip can be read: export.zip is cut off or damaged: it has no directory. "
            "What can be is read.",
        ),
    ],
    ids=["empty", "jpeg", "png", "pdf", "zeros", "empty zip", "only clutter", "cut in the first header"],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadFile) as refused:
        opened(data)

    assert str(refused.value) == sentence


@pytest.mark.parametrize("pack", [zipped, streamed])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_that_was_cut_off_gives_what_is_whole(pack, method: int) -> None:
    whole = pack(("a.xml", TEXT), ("b.gpx", b"route"), ("c.xml", TEXT[::-1]), method=method)
    data = whole[: whole.rindex(b"c.xml", 0, whole.index(b"PK\x01\x02")) + 1000]

    container = opened(data)
    found = contents(container)

    assert container.problems == (
        Problem("export.zip", "export.zip is cut off or damaged: it has no directory. What can be is read."),
    )
    assert found["a.xml"] == (TEXT, None)
    assert found["b.gpx"] == (b"route", None)
    part, problem = found["c.xml"]
    assert 500 < len(part) < len(TEXT)
    assert TEXT[::-1].startswith(part)
    if (pack, method) == (streamed, zipfile.ZIP_STORED):  # nothing before it tells how long it is
        assert problem is None
    else:
        assert problem is not None
        assert problem.message.startswith("c.xml ends too early")


def test_bytes_put_in_the_middle_cost_one_member() -> None:
    whole = zipped(("a.xml", TEXT), ("b.xml", TEXT), ("c.xml", TEXT))
    at = whole.index(b"b.xml") + 500

    container = opened(whole[:at] + b"\xff" * 100 + whole[at:])
    found = contents(container)

    assert found["a.xml"] == found["c.xml"] == (TEXT, None)
    part, problem = found["b.xml"]
    assert TEXT.startswith(part[:500])
    assert problem is not None
    assert [each.message for each in container.problems] == [
        "export.zip is damaged: not all is where its directory says. What can be is read."
    ]


def test_a_wrong_checksum_is_told_and_the_bytes_kept() -> None:
    data = zipped(("a.xml", b"told once"), method=zipfile.ZIP_STORED).replace(b"once", b"ones")

    assert contents(opened(data)) == {
        "a.xml": (b"told ones", Problem("export.zip/a.xml", "a.xml is damaged: its checksum does not match."))
    }


def test_an_encrypted_member_is_named() -> None:
    data = bytearray(zipped(("a.xml", b"secret"), ("b.xml", b"open")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1

    container = opened(bytes(data))

    assert contents(container) == {"b.xml": (b"open", None)}
    assert container.problems == (Problem("export.zip/a.xml", "a.xml is encrypted and cannot be read."),)


def test_an_unknown_packing_is_named() -> None:
    data = bytearray(zipped(("a.xml", b"x"), ("b.xml", b"open")))
    data[data.index(b"PK\x01\x02") + 10] = 9

    container = opened(bytes(data))

    assert contents(container) == {"b.xml": (b"open", None)}
    assert container.problems == (
        Problem("export.zip/a.xml", "a.xml is packed in a way that cannot be read (method 9)."),
    )


def test_a_cut_gzip_gives_what_is_there() -> None:
    [(data, problem)] = contents(opened(gzip.compress(TEXT)[:2000], "a.gz")).values()

    assert TEXT.startswith(data)
    assert data
    assert problem == Problem("a.gz/a", "a ends too early: the file is cut off; it is read up to there.")


# --- claims and bombs ---------------------------------------------------------------------------------
def claiming(data: bytes, size: int) -> bytes:
    """The zip of one member whose directory claims this unpacked size."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<L", size) + data[at + 28 :]


def test_a_claim_of_gigabytes_is_not_believed() -> None:
    container = opened(claiming(zipped(("a.xml", b"small")), 4_000_000_000))

    [member] = container.members
    assert member.size < 10_000
    assert contents(container) == {
        "a.xml": (b"small", Problem("export.zip/a.xml", "a.xml is said to hold 4,000,000,000 bytes but holds 5."))
    }


def test_a_claim_of_little_hides_nothing() -> None:
    container = opened(claiming(zipped(("a.xml", TEXT)), 3))

    [(data, problem)] = contents(container).values()
    assert data == TEXT
    assert problem == Problem("export.zip/a.xml", f"a.xml is said to hold 3 bytes but holds {len(TEXT):,}.")


def test_members_of_more_than_four_gigabytes_can_be_told() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open(zipfile.ZipInfo("a.xml"), "w", force_zip64=True) as member:
        member.write(TEXT)

    assert contents(opened(file.getvalue())) == {"a.xml": (TEXT, None)}


def test_a_bomb_ends_by_its_ratio() -> None:
    bomb = zipped(("bomb.xml", bytes(40 * 2**20)), ("good.xml", TEXT))

    found = contents(opened(bomb))

    data, problem = found["bomb.xml"]
    assert 15 * 2**20 <= len(data) < 18 * 2**20
    told = "bomb.xml unpacks to more than 200 times its size, as a bomb would."
    assert problem == Problem("export.zip/bomb.xml", told)
    assert found["good.xml"] == (TEXT, None)


def test_a_bomb_in_a_zip_without_directory_is_no_different() -> None:
    bomb = zipped(("bomb.xml", bytes(40 * 2**20)))

    [(data, problem)] = contents(opened(bomb[: bomb.index(b"PK\x01\x02")])).values()

    assert len(data) < 18 * 2**20
    assert problem is not None


def test_limits_of_a_member_and_of_all() -> None:
    data = zipped(("a", TEXT), ("b", TEXT), ("c", TEXT))

    by_member = contents(opened(data, max_member_bytes=50_000))
    by_total = contents(opened(data, max_total_bytes=len(TEXT) + 50_000))

    assert {len(found) <= 50_000 for found, _ in by_member.values()} == {True}
    assert by_member["c"][1] == Problem("export.zip/c", "c unpacks to more than 50,000 bytes; the rest is left out.")
    assert by_total["a"] == (TEXT, None)
    assert by_total["b"][1] == Problem(
        "export.zip/b", f"b is beyond the {len(TEXT) + 50_000:,} bytes that one file may unpack to."
    )


def test_reading_a_member_again_counts_once() -> None:
    container = opened(zipped(("a", TEXT)), max_total_bytes=len(TEXT))

    assert [contents(container)["a"] for _ in range(3)] == [(TEXT, None)] * 3


def test_too_many_members_are_cut_and_told() -> None:
    container = opened(zipped(*((str(number), b"x") for number in range(5))), max_members=3)

    assert [member.path for member in container.members] == ["0", "1", "2"]
    assert container.problems == (Problem("export.zip", "export.zip holds more than 3 files; some are left out."),)


def test_read_cuts_what_is_too_large_for_memory() -> None:
    container = opened(zipped(("a", TEXT)))
    [member] = container.members

    assert container.read(member, len(TEXT)) == (TEXT, None)
    assert container.read(member, 100) == (TEXT[:100], Problem("export.zip/a", "a is larger than 100 bytes"))


# --- one within another -------------------------------------------------------------------------------
def test_an_archive_within_is_unfolded_once() -> None:
    innermost = zipped(("deep.xml", b"deep"))
    inner = zipped(("x/export.xml", TEXT), ("again.zip", innermost))

    container = opened(zipped(("a.xml", b"a"), ("inner.zip", inner), ("stored", inner), method=zipfile.ZIP_STORED))

    assert contents(container) == {
        "a.xml": (b"a", None),
        "inner.zip/x/export.xml": (TEXT, None),
        "stored/x/export.xml": (TEXT, None),
    }
    assert [problem.message for problem in container.problems] == [
        "again.zip is an archive within an archive within an archive: left out."
    ] * 2


def test_a_damaged_archive_within_costs_itself() -> None:
    container = opened(zipped(("a.xml", b"a"), ("b.zip", b""), ("c.zip", zipped(("x", TEXT))[:15])))

    assert contents(container) == {"a.xml": (b"a", None), "b.zip": (b"", None)}
    assert [problem.path for problem in container.problems] == ["export.zip/c.zip"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_raise_anything_but_bad_file(data: st.DataObject) -> None:
    packed = data.draw(st.sampled_from([zipped(("a.xml", TEXT[:900]), ("b", b"x")), gzip.compress(TEXT[:900])]))
    at = data.draw(st.integers(0, len(packed)))
    changed = packed[:at] + data.draw(st.binary(max_size=20)) + packed[at + data.draw(st.integers(0, 20)) :]

    with suppress(BadFile):
        contents(opened(changed[: data.draw(st.integers(0, len(changed)))]))


@pytest.mark.parametrize(("method", "packed"), [(8, zlib.compress(TEXT)[2:-4]), (12, bz2.compress(TEXT))])
def test_packed_bytes_end_where_they_end(method: int, packed: bytes) -> None:
    """No size is told here, and what stands behind the packed bytes is not taken for a part of them."""
    header = struct.pack("<4sHHHHHLLLHH", b"PK\x03\x04", 20, 0, method, 0, 0, zlib.crc32(TEXT), 0, 0, 5, 0)

    assert contents(opened(header + b"a.xml" + packed + b"behind")) == {"a.xml": (TEXT, None)}
