"""Where bytes lie: raw payloads and columnar files, as objects under keys, in a folder or in an S3 bucket.

An object is written once and never changed: its key carries the hash of its content. Raw payloads are compressed
without loss; see `put_raw`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from io import IOBase
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, TypeVar, cast

import pyarrow as pa
from django.conf import settings

from trainstack.packed import ZSTD_MAGIC, Packed, kept_as_is, pack, unpack

# How much of a file is held in memory while it is copied, hashed or unpacked.
PIECE_BYTES = 1 << 20
# Objects up to this size are kept in memory by `open_raw`, larger ones in a temporary file.
SPOOL_BYTES = 8 << 20
# Objects that go up to S3 at a time: they mostly wait for the answer.
WRITERS = 8
# From so many files on, one flush of the whole file system costs less than one of each: a seventh, at 300 of 20 kB.
MANY = 8
# A temporary file of this age belongs to no writer that still lives.
TEMPORARY_MAX_AGE_S = 24 * 3600
TEMPORARY = ".tmp"

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

Data = bytes | Path
Writer = Callable[[BinaryIO], object]
T = TypeVar("T")


class ObjectStore(Protocol):
    """Immutable objects under keys such as `7/samples/<sha256>`. A missing key raises FileNotFoundError."""

    def put(self, key: str, data: Data | Writer, *, owned: bool = False) -> None:
        """Store bytes, a file, or what a function writes; once this returns they outlive a power cut.

        What is there already counts as modified now. An `owned` file is one that nobody will write to again: it may be
        linked instead of copied.
        """

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many small objects, several at a time."""

    def open(self, key: str) -> BinaryIO:
        """The object as a seekable file."""

    def read(self, key: str) -> bytes: ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def size(self, key: str) -> int:
        """Stored bytes, after compression."""

    def modified(self, key: str) -> float:
        """When the object was last put, in seconds since 1970."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts so, sorted by folder."""

    def local_path(self, key: str) -> Path | None:
        """The file that holds the object, where it is one on this machine."""

    def sweep(self) -> int:
        """Remove what interrupted writers left behind; how many files that were."""


class LocalStore:
    """Objects as files in a folder, spread over subfolders by the first two characters of their names.

    Written to a temporary file, flushed to disk and renamed: a reader sees the whole object or none, also when the
    writer is killed.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def put(self, key: str, data: Data | Writer, *, owned: bool = False) -> None:
        path = self._path(key)
        if not _touch(path):
            self._write(path, data, owned=owned)
            _flush(path.parent)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        # Thousands of small files: their paths are joined as text, and each folder is looked at once.
        batch = uuid.uuid4().hex
        written: list[tuple[str, str]] = []
        folders: set[str] = set()
        try:
            for key, data in items:
                folder, name = self._place(key)
                path = f"{folder}/{name}"
                if not _touch(path):
                    temporary = self._temporary_folder(name)
                    if folder not in folders:
                        _make_folder(Path(temporary))
                        folders |= {folder, *map(str, _make_folder(Path(folder)))}
                    written.append((f"{temporary}/{batch}-{len(written)}", path))
                    with open(written[-1][0], "xb", buffering=0) as file:
                        file.write(data)
            _flush_all(self.root, [new for new, _ in written])
            for new, path in written:
                os.replace(new, path)
            _flush_all(self.root, folders)
        except BaseException:
            for new, _ in written:
                Path(new).unlink(missing_ok=True)
            raise

    def open(self, key: str) -> BinaryIO:
        return self._path(key).open("rb")

    def read(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def size(self, key: str) -> int:
        return self._path(key).stat().st_size

    def modified(self, key: str) -> float:
        return self._path(key).stat().st_mtime

    def keys(self, prefix: str = "") -> Iterator[str]:
        folder = prefix.rpartition("/")[0]
        for found in _files(self.root / folder):
            relative = found.relative_to(self.root)
            key = PurePosixPath(*relative.parts[:-2], relative.name).as_posix()
            if key.startswith(prefix):
                yield key

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def sweep(self) -> int:
        oldest = time.time() - TEMPORARY_MAX_AGE_S
        removed = 0
        for path in (self.root / TEMPORARY).rglob("*"):
            try:
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # another sweeper was quicker
        return removed

    def _place(self, key: str) -> tuple[str, str]:
        """The object's folder and its name in it."""
        _check(key)
        folder, _, name = key.rpartition("/")
        return f"{self.root}/{folder}/{name[:2]}", name

    def _path(self, key: str) -> Path:
        return Path(*self._place(key))

    def _temporary_folder(self, name: str) -> str:
        # Many: where files lie on the disk goes by the folder they are made in, and a crowded place is slow.
        return f"{self.root}/{TEMPORARY}/{name[:2]}"

    def _temporary(self, path: Path) -> Path:
        """A name to write to before it becomes the path; the folders of both are there."""
        temporary = Path(self._temporary_folder(path.name), uuid.uuid4().hex)
        _make_folder(temporary.parent)
        for changed in _make_folder(path.parent):
            _flush(changed)
        return temporary

    def _write(self, path: Path, data: Data | Writer, *, owned: bool = False) -> None:
        temporary = self._temporary(path)
        try:
            if owned and isinstance(data, Path) and _link(data, temporary):
                os.utime(temporary)
            else:
                with temporary.open("xb") as file:
                    _copy(data, file)
            _flush(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class S3Store:
    """Objects in a bucket of S3 or of a store that speaks like it. Keys are used as they are, below a prefix."""

    def __init__(self, url: str, endpoint_url: str = "") -> None:
        from pyarrow import fs  # only operators who use S3 pay for loading it

        options: dict[str, Any] = {}
        if endpoint_url:
            scheme, _, host = endpoint_url.rpartition("://")
            options = {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
        self._fs = fs
        self._s3 = fs.S3FileSystem(**options, connect_timeout=10, request_timeout=60)
        self._base = url.removeprefix("s3://").strip("/")

    def put(self, key: str, data: Data | Writer, *, owned: bool = False) -> None:
        # Whatever ends an upload half-way makes an object of what was sent, so nothing of ours runs in between.
        if isinstance(data, bytes):
            with self._s3.open_output_stream(self._path(key)) as stream:
                stream.write(data)
        elif isinstance(data, Path):
            self._fs.copy_files(
                str(data),
                self._path(key),
                source_filesystem=self._fs.LocalFileSystem(),
                destination_filesystem=self._s3,
                chunk_size=8 * PIECE_BYTES,
            )
        else:
            with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="put-") as folder:
                whole = Path(folder) / "object"
                with whole.open("xb") as file:
                    data(file)
                self.put(key, whole)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        _map(self.put, items)

    def open(self, key: str) -> BinaryIO:
        return cast("BinaryIO", self._s3.open_input_file(self._path(key)))

    def read(self, key: str) -> bytes:
        with self._s3.open_input_file(self._path(key)) as file:
            return file.read()

    def exists(self, key: str) -> bool:
        return self._info(key).type == self._fs.FileType.File

    def delete(self, key: str) -> None:
        if self.exists(key):
            self._s3.delete_file(self._path(key))

    def size(self, key: str) -> int:
        return int(self._found(key).size)

    def modified(self, key: str) -> float:
        return float(self._found(key).mtime_ns) / 1e9

    def keys(self, prefix: str = "") -> Iterator[str]:
        folder = f"{self._base}/{prefix.rpartition('/')[0]}".rstrip("/")
        selector = self._fs.FileSelector(folder, allow_not_found=True, recursive=True)
        for info in self._s3.get_file_info(selector):
            key = info.path.removeprefix(f"{self._base}/")
            if info.type == self._fs.FileType.File and key.startswith(prefix):
                yield key

    def local_path(self, key: str) -> Path | None:
        return None

    def sweep(self) -> int:
        return 0  # an upload that was not finished is no object

    def _path(self, key: str) -> str:
        _check(key)
        return f"{self._base}/{key}"

    def _info(self, key: str) -> Any:
        return self._s3.get_file_info(self._path(key))

    def _found(self, key: str) -> Any:
        info = self._info(key)
        if info.type != self._fs.FileType.File:
            raise FileNotFoundError(key)
        return info


def raw_store() -> ObjectStore:
    """Where raw payloads lie: keys `<user>/<sha256 of the plain bytes>`."""
    return _store(settings.RAW_STORAGE, settings.S3_ENDPOINT_URL)


def stream_store() -> ObjectStore:
    """Where columnar files lie: keys `<user>/samples/<sha256>` and `<user>/activities/<sha256>`."""
    return _store(settings.STREAM_STORAGE, settings.S3_ENDPOINT_URL)


@lru_cache(maxsize=8)
def _store(place: str, endpoint_url: str) -> ObjectStore:
    return S3Store(place, endpoint_url) if place.startswith("s3://") else LocalStore(place)


# --- raw payloads ---------------------------------------------------------------------------
def put_raw(user_id: int, data: Data, *, owned: bool = False) -> tuple[str, int]:
    """Keep a payload; its sha256 and size, both of the plain bytes.

    Packed in one layer of zstd unless it is compressed already. An `owned` file is one that nobody will write to again:
    it may be linked instead of copied.
    """
    sha256, size = digest(data)
    key = f"{user_id}/{sha256}"
    store = raw_store()
    if isinstance(data, bytes):
        store.put(key, pack(data).stored)
    elif kept_as_is(_head(data)):
        store.put(key, data, owned=owned)
    else:
        store.put(key, lambda target: _pack(data, target))
    return sha256, size


def put_raws(user_id: int, payloads: Iterable[Packed]) -> None:
    """Keep many small payloads in one go."""
    raw_store().put_many((f"{user_id}/{one.sha256}", one.stored) for one in payloads)


def read_raw(user_id: int, sha256: str) -> bytes:
    """The plain bytes of a payload; FileNotFoundError where it is not."""
    return unpack(read_stored(user_id, sha256))


def read_stored(user_id: int, sha256: str) -> bytes:
    """A payload's bytes as they are stored, for `packed.unpack`; FileNotFoundError where it is not."""
    return raw_store().read(f"{user_id}/{sha256}")


def open_raw(user_id: int, sha256: str) -> BinaryIO:
    """The plain bytes of a payload as a seekable file: the stored file itself or a temporary one."""
    store = raw_store()
    key = f"{user_id}/{sha256}"
    stored = store.open(key)
    packed = stored.read(len(ZSTD_MAGIC)) == ZSTD_MAGIC
    stored.seek(0)
    if not packed and store.local_path(key):
        return stored
    plain = tempfile.SpooledTemporaryFile(  # noqa: SIM115, the caller closes it
        max_size=SPOOL_BYTES, dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="plain-"
    )
    with stored:
        shutil.copyfileobj(_unpack(stored) if packed else stored, plain, PIECE_BYTES)
    plain.seek(0)
    return cast("BinaryIO", plain)


def digest(data: Data) -> tuple[str, int]:
    """sha256 and size of bytes or of a file."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest(), len(data)
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size


def _pack(source: Path, target: BinaryIO) -> None:
    with source.open("rb") as file, pa.CompressedOutputStream(cast("IOBase", target), "zstd") as packed:
        shutil.copyfileobj(file, packed, PIECE_BYTES)


def _unpack(stored: BinaryIO | pa.NativeFile) -> BinaryIO:
    return cast("BinaryIO", pa.CompressedInputStream(cast("IOBase", stored), "zstd"))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


# --- files ------------------------------------------------------------------------------------
def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key: {key!r}")


def _copy(data: Data | Writer, target: BinaryIO) -> None:
    if isinstance(data, bytes):
        target.write(data)
    elif isinstance(data, Path):
        with data.open("rb") as source:
            shutil.copyfileobj(source, target, PIECE_BYTES)
    else:
        data(target)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        return False
    return True


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; those that got a new one in them. Flush them, else a power cut could lose what lies below."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
    return [new.parent for new in missing]


def _touch(path: str | Path) -> bool:
    """Whether the object is there. It is made young again, so that no sweeper takes it before a row names it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _flush(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_all(root: Path, paths: Collection[str]) -> None:
    """Flush many files or folders below the root: all of the file system at once where the kernel offers that."""
    if len(paths) < MANY or _syncfs is None:
        for path in paths:
            _flush(path)
        return
    descriptor = os.open(root, os.O_RDONLY)
    try:
        if _syncfs(descriptor):
            raise OSError(ctypes.get_errno(), "cannot flush the file system", str(root))
    finally:
        os.close(descriptor)


_syncfs: Any = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name == TEMPORARY:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _map(do: Callable[..., T], items: Iterable[tuple[Any, ...]]) -> list[T]:
    """What it returns for each item, done by a few threads; takes items only as it comes to them."""
    results: list[T] = []
    items = iter(items)
    with ThreadPoolExecutor(WRITERS) as pool:
        while piece := list(islice(items, 8 * WRITERS)):
            results += pool.map(lambda item: do(*item), piece)
    return results
