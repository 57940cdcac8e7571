"""A file that a person brought, opened: what it is by its bytes, and what lies inside, read within limits.

Nothing that an archive claims is believed: sizes are counted while they are unpacked, a damaged member ends where it
is damaged and says so, and a zip without its directory (cut off on the way) is read from its local headers.
"""

from __future__ import annotations

import bz2
import io
import re
import struct
import tempfile
import threading
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, Protocol, cast

from activities.domain.parsed import Problem

Kind = Literal["zip", "gzip", "fit", "tcx", "gpx", "xml", "unknown"]

HEAD_BYTES = 64 * 1024
# Small members may be anything: only from here on does the ratio tell a bomb.
RATIO_FLOOR_BYTES = 16 * 2**20
# Deflate cannot do better.
DEFLATE_MAX_RATIO = 1032
_READ_BYTES = 256 * 1024
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_LOCAL_HEADER = struct.Struct("<4sHHHHHLLLHH")
_LOCAL_MAGIC = b"PK\x03\x04"
_PICTURES = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
)
_ROOTS: dict[str, Kind] = {"gpx": "gpx", "TrainingCenterDatabase": "tcx"}
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_ROOT = re.compile(rb"<(?![!?])(?:[\w.\-]+:)?([A-Za-z_][\w.\-]*)[\s/>]")
_NOT_ELEMENTS = re.compile(rb"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)


class BadFile(Exception):  # noqa: N818 - it reads as what it says
    """Nothing in this file can be read; the message is a sentence for a person and names the file."""


@dataclass(frozen=True)
class Limits:
    """What unpacking may cost. `max_ratio`: unpacked to packed bytes of one member, beyond its first 16 MiB."""

    max_member_bytes: int = 16 * 2**30
    max_total_bytes: int = 32 * 2**30
    max_members: int = 200_000
    max_ratio: int = 200


class Stream(Protocol):
    """Unpacked bytes. Reading ends early where the member is damaged or too large; `problem` then says why."""

    problem: Problem | None

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Member:
    """One file inside; `size` in unpacked bytes is what the archive claims, held to what its packed bytes can give."""

    path: str
    size: int
    # How to get at the unpacked bytes, limits not yet applied.
    _open: Callable[[], _Source] = field(repr=False, compare=False)
    _packed: int = field(default=0, repr=False)
    _claimed: int | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


class _Source(Protocol):
    """Unpacked bytes as they come; raises `_Damage` where they end before their time."""

    # Packed bytes consumed so far, for the ratio.
    taken: int

    def read(self, size: int) -> bytes: ...


class _Damage(Exception):  # noqa: N818
    """The rest of a member cannot be read; the message completes "... "."""


class _Unpacked:
    """How far each member has been unpacked, once however often it is read, and all of them together."""

    def __init__(self) -> None:
        self._furthest: dict[Member, int] = {}
        self._total = 0

    def count(self, member: Member, unpacked: int) -> int:
        """Note that the member has given so much; what all have given now."""
        more = unpacked - self._furthest.get(member, 0)
        if more > 0:
            self._furthest[member] = unpacked
            self._total += more
        return self._total


class Container:
    """An opened file. A context manager; `problems` holds what was wrong with it as a whole."""

    def __init__(self, name: str, kind: Kind, limits: Limits, file: _SharedFile) -> None:
        self.name = name
        self.kind = kind
        self.limits = limits
        self.members: tuple[Member, ...] = ()
        # Paths of the archives inside; their members stand among `members`, under these paths.
        self.archives: tuple[str, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self._file = file
        self._owned: list[IO[bytes]] = []
        self._unpacked = _Unpacked()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for file in self._owned:
            file.close()

    def part(self, archive: str = "") -> Container:
        """An archive inside as a container of its own; without a name all that lies in none of them.

        It shares this one's file and limits, and is closed with it.
        """
        folders = tuple(f"{path}/" for path in self.archives)
        name = f"{self.name}/{archive}" if archive else self.name
        part = Container(name, self.kind, self.limits, self._file)
        part._unpacked = self._unpacked
        if archive:
            inside = [member for member in self.members if member.path.startswith(f"{archive}/")]
            part.members = tuple(replace(member, path=member.path[len(archive) + 1 :]) for member in inside)
        else:
            part.members = tuple(member for member in self.members if not member.path.startswith(folders))
        return part

    def open(self, member: Member) -> Stream:
        """The member's bytes from its start, within the limits. Streams of one container may be read side by side."""
        return _Limited(self, member)

    def read(self, member: Member, limit: int) -> tuple[bytes, Problem | None]:
        """Up to `limit` bytes of the member at once, and what went wrong; larger members are cut and say so."""
        stream = self.open(member)
        pieces, length = [], 0
        while piece := stream.read(min(_READ_BYTES * 4, limit + 1 - length)):
            pieces.append(piece)
            length += len(piece)
            if length > limit:
                return b"".join(pieces)[:limit], self.problem(member, f"is larger than {limit:,} bytes")
        return b"".join(pieces), stream.problem

    def head(self, member: Member, size: int = HEAD_BYTES) -> bytes:
        """The member's first bytes, fewer where it is shorter or damaged."""
        stream = self.open(member)
        pieces: list[bytes] = []
        while size > 0 and (piece := stream.read(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def kind_of(self, member: Member) -> Kind:
        """What the member is, by its bytes."""
        return kind_of(self.head(member))

    def problem(self, member: Member, message: str) -> Problem:
        """A problem of one member, in a sentence that names it."""
        path = self.name if self.kind not in ("zip", "gzip") else f"{self.name}/{member.path}"
        return Problem(path, f"{member.path} {message}")

    def _count(self, member: Member, unpacked: int) -> bool:
        """Whether all members together still keep within the limit when this one has given so much."""
        return self._unpacked.count(member, unpacked) <= self.limits.max_total_bytes


def open_file(source: Path | str | IO[bytes], name: str | None = None, limits: Limits | None = None) -> Container:
    """The file, opened; a path or a seekable binary file. `name` is what people know it by.

    Raises `BadFile` where nothing can be read: an empty file, a picture, an archive without a single whole header.
    """
    limits = limits or Limits()
    if isinstance(source, str | Path):
        name = name or Path(source).name
        raw: IO[bytes] = Path(source).open("rb")  # noqa: SIM115 - the container closes it
        owned = [raw]
    else:
        name = name or Path(str(getattr(source, "name", "file"))).name
        raw, owned = source, []
    try:
        container = _open(_SharedFile(raw), name, limits, depth=0)
    except BaseException:
        for file in owned:
            file.close()
        raise
    container._owned += owned
    return container


def kind_of(head: bytes) -> Kind:
    """What a file is that begins so."""
    if head.startswith(_ZIP_MAGICS):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    # Behind the length of the header, versions and the length of the data.
    if head[8:12] == b".FIT":
        return "fit"
    root = root_of(head)
    return "unknown" if root is None else _ROOTS.get(root, "xml")


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding that an XML file's first bytes tell and the length of its byte order mark; UTF-8 unless told."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    if head.startswith(b"<\0"):
        return "utf-16-le", 0
    if head.startswith(b"\0<"):
        return "utf-16-be", 0
    declared = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.\-]+)", head)
    return (declared.group(1).decode("ascii").lower() if declared else "utf-8"), 0


def root_of(head: bytes) -> str | None:
    """The root element's name without its prefix; None where the bytes are no XML, "" where the head ends first."""
    encoding, bom = encoding_of(head)
    text = head[bom:]
    if encoding.startswith("utf-16"):
        text = text.decode(encoding, "replace").encode()
    if not text.lstrip(b"\0\t\n\v\f\r ").startswith(b"<"):
        return None
    # A DOCTYPE's own declarations begin with "<!", so the first other tag is the root, however broken the DTD.
    match = _ROOT.search(_NOT_ELEMENTS.sub(b"", text))
    return match.group(1).decode("ascii", "replace") if match else ""


# --- opening ----------------------------------------------------------------------------------------
def _open(file: _SharedFile, name: str, limits: Limits, depth: int) -> Container:
    head = file.read_at(0, HEAD_BYTES)
    if not head:
        raise BadFile(f"{name} is empty.")
    for magic, what in _PICTURES:
        if head.startswith(magic):
            raise BadFile(f"{name} is {what}, which holds nothing that can be imported.")
    if not head.strip(b"\0"):
        raise BadFile(f"{name} holds nothing but zeros; it was probably cut off while it was copied.")
    kind = kind_of(head)
    container = Container(name, kind, limits, file)
    if kind == "zip":
        _list_zip(container, depth)
    elif kind == "gzip":
        inner = name[:-3] if name.lower().endswith(".gz") else name
        container.members = (Member(inner, file.size, lambda: _Inflating(file, 0, wbits=31), file.size),)
    else:
        container.members = (Member(name, file.size, lambda: _Stored(file, 0, file.size), file.size),)
    return container


def _list_zip(container: Container, depth: int) -> None:
    name, limits = container.name, container.limits
    problems: list[Problem] = []
    entries = _directory(container._file)
    if entries is None:
        problems.append(Problem(name, f"{name} is cut off or damaged: it has no directory. What can be is read."))
        entries = _scan(container._file, limits)
    elif len(there := [entry for entry in entries if entry.is_there(container._file)]) < len(entries):
        problems.append(Problem(name, f"{name} is damaged: not all is where its directory says. What can be is read."))
        paths = {entry.path for entry in there}
        entries = there + [entry for entry in _scan(container._file, limits) if entry.path not in paths]
    members: list[Member] = []
    for entry in entries:
        path = entry.path
        if path.endswith("/") or _is_clutter(path):
            continue
        if not _is_safe(path):
            problems.append(Problem(name, f"{name} names a path outside itself ({path!r}); that one was left out."))
            continue
        if len(members) >= limits.max_members:
            problems.append(Problem(name, f"{name} holds more than {limits.max_members:,} files; some are left out."))
            break
        if entry.refusal:
            problems.append(Problem(f"{name}/{path}", f"{path} {entry.refusal}"))
            continue
        member = entry.member(container._file)
        if _is_zip(entry, container):
            _unfold(container, member, members, problems, depth)
        else:
            members.append(member)
    if not members and not problems:
        raise BadFile(f"{name} is an empty archive.")
    if not members:
        raise BadFile(f"Nothing in {name} can be read: {problems[-1].message}")
    container.members = tuple(members)
    container.problems = tuple(problems)


def _unfold(container: Container, member: Member, members: list[Member], problems: list[Problem], depth: int) -> None:
    """The members of an archive inside the archive, under its own name; one level deep."""
    if depth:
        problems.append(container.problem(member, "is an archive within an archive within an archive: left out."))
        return
    spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the container
    container._owned.append(spool)
    stream = container.open(member)
    while piece := stream.read(_READ_BYTES):
        spool.write(piece)
    if stream.problem:
        problems.append(stream.problem)
    try:
        inner = _open(_SharedFile(spool), member.path, container.limits, depth + 1)
    except BadFile as bad:
        problems.append(Problem(f"{container.name}/{member.path}", str(bad)))
        return
    container._owned += inner._owned
    if inner.kind == "zip":
        container.archives += (member.path,)
    problems += inner.problems
    room = container.limits.max_members - len(members)
    members += [
        Member(f"{member.path}/{each.path}", each.size, each._open, each._packed, each._claimed)
        for each in inner.members[:room]
    ]


def _is_zip(entry: _Entry, container: Container) -> bool:
    """By its bytes; only looked at where the name or the lack of compression makes it likely."""
    if not entry.path.lower().endswith(".zip") and entry.method != 0:
        return False
    try:
        return entry.source(container._file).read(4) in _ZIP_MAGICS
    except _Damage:
        return False


def _is_clutter(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return path.startswith("__MACOSX/") or "/__MACOSX/" in path or name == ".DS_Store" or name.startswith("._")


def _is_safe(path: str) -> bool:
    return not (path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/") or "\0" in path)


# --- zip --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Entry:
    path: str
    offset: int
    method: int
    packed: int
    size: int
    crc: int | None
    encrypted: bool
    # Where the packed bytes begin, if already known.
    start: int | None = None

    @property
    def refusal(self) -> str:
        if self.encrypted:
            return "is encrypted and cannot be read."
        if self.method not in (0, 8, 12):
            return f"is packed in a way that cannot be read (method {self.method})."
        return ""

    def member(self, file: _SharedFile) -> Member:
        most = min(self.packed, file.size) * (DEFLATE_MAX_RATIO if self.method == 8 else 1)
        size = self.size if self.method == 12 else min(self.size, most)
        return Member(self.path, size, lambda: self.source(file), self.packed, self.size)

    def source(self, file: _SharedFile) -> _Source:
        start = self.start if self.start is not None else self._data_start(file)
        if self.method == 0:
            return _Stored(file, start, self.packed, self.crc)
        return _Inflating(file, start, wbits=-15, crc=self.crc, bzip=self.method == 12)

    def is_there(self, file: _SharedFile) -> bool:
        """Whether the member's own header stands where the directory says."""
        header = file.read_at(self.offset, _LOCAL_HEADER.size)
        return len(header) == _LOCAL_HEADER.size and header.startswith(_LOCAL_MAGIC)

    def _data_start(self, file: _SharedFile) -> int:
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(file.read_at(self.offset, _LOCAL_HEADER.size))
        return self.offset + _LOCAL_HEADER.size + int(name_length) + int(extra_length)


def _directory(file: _SharedFile) -> list[_Entry] | None:
    """What the archive's directory names; None where it has none that can be read."""
    try:
        with zipfile.ZipFile(cast("IO[bytes]", file.reader())) as archive:
            return [
                _Entry(
                    path=_path_of(info.orig_filename, bool(info.flag_bits & 0x800)),
                    offset=info.header_offset,
                    method=info.compress_type,
                    packed=info.compress_size,
                    size=info.file_size,
                    crc=info.CRC,
                    encrypted=bool(info.flag_bits & 1),
                )
                for info in archive.infolist()
            ]
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, OSError, EOFError):
        return None


def _path_of(told: str, is_utf8: bool) -> str:
    """The path with `/` between its parts. Macs write UTF-8 without saying so."""
    if not is_utf8:
        with suppress(UnicodeError):
            told = told.encode("cp437").decode()
    return unicodedata.normalize("NFC", told.replace("\\", "/"))


def _scan(file: _SharedFile, limits: Limits) -> list[_Entry]:
    """The entries that local headers tell of, in order; a member is unpacked once to learn where it ends."""
    entries: list[_Entry] = []
    position, unpacked = 0, 0
    while len(entries) < limits.max_members:
        header = file.read_at(position, _LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_MAGIC):
            found = file.find(_LOCAL_MAGIC, position + 1)
            if found is None:
                break
            position = found
            continue
        _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start = position + _LOCAL_HEADER.size + name_length + extra_length
        name = file.read_at(position + _LOCAL_HEADER.size, name_length)
        if len(name) < name_length or start > file.size:
            break
        utf8 = bool(flags & 0x800)
        path = _path_of(name.decode("utf-8" if utf8 else "cp437", "replace"), utf8)
        described_later = bool(flags & 8)
        if method in (8, 12) and not flags & 1:
            source = _Inflating(file, start, wbits=-15, bzip=method == 12)
            size = 0
            try:
                while piece := source.read(_READ_BYTES * 4):
                    size += len(piece)
                    unpacked += len(piece)
                    if unpacked > limits.max_total_bytes or _is_bomb(size, source.taken, limits):
                        break
            except _Damage:
                pass
            packed = source.taken
        elif packed == 0xFFFFFFFF or (described_later and not packed):
            end = file.find(b"PK\x07\x08", start) or file.find(_LOCAL_MAGIC, start) or file.size
            packed = size = end - start
        entries.append(
            _Entry(path, position, method, packed, size, None if described_later else crc, bool(flags & 1), start)
        )
        position = min(start + packed, file.size)
    return entries


def _is_bomb(unpacked: int, packed: int, limits: Limits) -> bool:
    return unpacked > RATIO_FLOOR_BYTES and unpacked > limits.max_ratio * max(packed, 1)


# --- bytes ------------------------------------------------------------------------------------------
class _SharedFile:
    """One seekable file read from several places, also from several threads."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from there; none where that lies outside the file."""
        if offset < 0:
            return b""
        with self._lock:
            self._file.seek(offset)
            pieces = []
            while size > 0 and (piece := self._file.read(size)):
                pieces.append(piece)
                size -= len(piece)
            return b"".join(pieces)

    def find(self, needle: bytes, start: int) -> int | None:
        while start < self.size:
            block = self.read_at(start, _READ_BYTES * 4)
            at = block.find(needle)
            if at >= 0:
                return start + at
            if len(block) < _READ_BYTES * 4:
                return None
            start += len(block) - len(needle) + 1
        return None

    def reader(self) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))


class _Reader(io.RawIOBase):
    """A position of its own in a shared file."""

    def __init__(self, file: _SharedFile) -> None:
        self._shared = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._shared.size}[whence]
        if base + offset < 0:
            raise OSError("before the file's start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self._shared.read_at(self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Stored:
    """Bytes that are not packed."""

    def __init__(self, file: _SharedFile, start: int, size: int, crc: int | None = None) -> None:
        self._file, self._at, self._end, self._crc, self._seen = file, start, start + size, crc, 0
        self.taken = 0

    def read(self, size: int) -> bytes:
        data = self._file.read_at(self._at, min(size, self._end - self._at))
        self._at += len(data)
        self.taken += len(data)
        if self._crc is not None:
            self._seen = zlib.crc32(data, self._seen)
        if not data and size:
            if self._at < self._end:
                raise _Damage("ends too early: the archive is cut off.")
            if self._crc is not None and self._seen != self._crc:
                self._crc = None
                raise _Damage("is damaged: its checksum does not match.")
        return data


class _Inflating:
    """Deflate, gzip (`wbits` 31, any number of parts) or bzip2 bytes, unpacked until they end, whatever was claimed."""

    def __init__(
        self, file: _SharedFile, start: int, *, wbits: int, crc: int | None = None, bzip: bool = False
    ) -> None:
        self._file, self._start, self._at, self._wbits, self._crc, self._seen = file, start, start, wbits, crc, 0
        self._bzip = bzip
        self._machine = bz2.BZ2Decompressor() if bzip else zlib.decompressobj(wbits)
        self._waiting = b""
        self.taken = 0

    def read(self, size: int) -> bytes:
        while size > 0:
            machine = self._machine
            if machine.eof:
                if not self._next_part():
                    return b""
                continue
            fresh = not self._waiting and getattr(machine, "needs_input", True)
            data = self._file.read_at(self._at, _READ_BYTES) if fresh else self._waiting
            self._at += len(data) if fresh else 0
            try:
                out = machine.decompress(data, size)
            except (zlib.error, OSError, EOFError, ValueError) as error:
                self._waiting = b""
                raise _Damage("is damaged; it is read up to there.") from error
            self._waiting = b"" if self._bzip else machine.unconsumed_tail  # type: ignore[union-attr]
            self.taken = self._at - self._start - len(self._waiting) - len(machine.unused_data)
            if out:
                if self._crc is not None:
                    self._seen = zlib.crc32(out, self._seen)
                return out
            if fresh and not data and not machine.eof:
                raise _Damage("ends too early: the file is cut off; it is read up to there.")
        return b""

    def _next_part(self) -> bool:
        """Go on after one whole packed stream: gzip files may hold several. Checks the sum of what was unpacked."""
        if self._crc is not None and self._seen != self._crc:
            self._crc = None
            raise _Damage("is damaged: its checksum does not match.")
        if self._wbits != 31:
            return False
        rest = self._machine.unused_data.lstrip(b"\0") or self._file.read_at(self._at, _READ_BYTES)
        if not rest.startswith(b"\x1f\x8b"):
            return False
        self._at = self._at if not self._machine.unused_data else self._at - len(rest)
        self._machine, self._waiting = zlib.decompressobj(31), b""
        return True


class _Limited:
    """A member's stream as readers see it: never raises, ends at damage or limits and tells the problem."""

    def __init__(self, container: Container, member: Member) -> None:
        self.problem: Problem | None = None
        self._container, self._member = container, member
        self._source: _Source | None = None
        self._given = 0
        try:
            self._source = member._open()
        except _Damage as damage:
            self.problem = container.problem(member, str(damage))

    def close(self) -> None:
        self._source = None

    def read(self, size: int, /) -> bytes:
        if self._source is None or size <= 0:
            return b""
        try:
            data = self._source.read(size)
        except _Damage as damage:
            return self._end(str(damage))
        if not data:
            claimed = self._member._claimed
            if claimed is not None and claimed != self._given:
                return self._end(f"is said to hold {claimed:,} bytes but holds {self._given:,}.")
            self._source = None
            return b""
        self._given += len(data)
        limits = self._container.limits
        if self._given > limits.max_member_bytes:
            return self._end(f"unpacks to more than {limits.max_member_bytes:,} bytes; the rest is left out.")
        if _is_bomb(self._given, self._source.taken, limits):
            return self._end(f"unpacks to more than {limits.max_ratio} times its size, as a bomb would.")
        if not self._container._count(self._member, self._given):
            return self._end(f"is beyond the {limits.max_total_bytes:,} bytes that one file may unpack to.")
        return data

    def _end(self, message: str) -> bytes:
        self.problem = self._container.problem(self._member, message)
        self._source = None
        return b""


def pieces_of(stream: Stream, size: int) -> Iterator[bytes]:
    """The stream in pieces of `size` bytes, the last one shorter."""
    waiting: list[bytes] = []
    length = 0
    while piece := stream.read(size - length):
        waiting.append(piece)
        length += len(piece)
        if length == size:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)
