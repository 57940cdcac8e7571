"""Objects in a folder and in a bucket, and raw payloads that come back byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from io import BytesIO
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from trainstack import storage
from trainstack.packed import ZSTD_MAGIC, pack
from trainstack.storage import (
    LocalStore,
    ObjectStore,
    S3Store,
    open_raw,
    put_raw,
    put_raws,
    raw_store,
    read_raw,
    stream_store,
)

KEY = f"7/samples/{'ab' * 32}"
ZIPPED = BytesIO()
with zipfile.ZipFile(ZIPPED, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("export.xml", "<HealthData/>" * 1000)
PAYLOADS = {
    "text": b"<Workout/>" * 1000,
    "empty": b"",
    "one byte": b"\x28",
    "noise": random.Random(1).randbytes(5000),
    "zip": ZIPPED.getvalue(),
    "gzip": gzip.compress(b"<gpx/>" * 1000),
    "zstd": pa.compress(b"<gpx/>" * 1000, codec="zstd", asbytes=True),
    "zstd magic and noise": ZSTD_MAGIC + random.Random(2).randbytes(5000),
    "zstd magic alone": ZSTD_MAGIC,
}


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch, settings) -> str:
    """The URL of an empty bucket; its endpoint is set."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    settings.S3_ENDPOINT_URL = s3
    name = f"bucket-{random.randrange(10**12)}"
    boto3.client("s3", endpoint_url=s3, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/some/prefix"


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path, settings) -> ObjectStore:
    if request.param == "local":
        return LocalStore(tmp_path / "store")
    return S3Store(request.getfixturevalue("bucket"), settings.S3_ENDPOINT_URL)


def test_put_and_read(store):
    store.put(KEY, b"payload")

    assert store.exists(KEY)
    assert store.read(KEY) == b"payload"
    assert store.size(KEY) == 7
    assert abs(store.modified(KEY) - time.time()) < 60
    with store.open(KEY) as file:
        assert (file.seekable(), file.seek(3), file.read(), file.seek(0), file.read(3)) == (True, 3, b"load", 0, b"pay")


def test_put_streams_files_and_writers(store, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)

    store.put("7/file", tmp_path / "file")
    store.put("7/writer", lambda file: [file.write(b"ab"), file.write(b"c")])

    assert store.read("7/file") == b"x" * 3_000_000
    assert store.read("7/writer") == b"abc"


def test_put_of_what_is_there_makes_it_young(store):
    store.put(KEY, b"payload")
    if isinstance(store, LocalStore):
        os.utime(store.local_path(KEY), (1, 1))

    store.put(KEY, b"payload")

    assert abs(store.modified(KEY) - time.time()) < 60


def test_put_that_fails_leaves_no_object(store):
    def fail(file):
        file.write(b"half")
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        store.put(KEY, fail)

    assert not store.exists(KEY)
    assert list(store.keys()) == []


def test_put_many(store):
    items = [(f"7/samples/{hashlib.sha256(bytes([n])).hexdigest()}", bytes([n]) * n) for n in range(100)]

    store.put_many(iter(items))
    store.put_many(items[:3])

    assert {key: store.read(key) for key in sorted(store.keys())} == dict(items)


def test_missing_objects(store):
    assert not store.exists(KEY)
    store.delete(KEY)
    for read in (store.read, store.open, store.size, store.modified):
        with pytest.raises(FileNotFoundError):
            read(KEY)


def test_delete(store):
    store.put(KEY, b"payload")
    store.put("7/other", b"other")

    store.delete(KEY)

    assert list(store.keys()) == ["7/other"]


def test_keys_of_a_prefix(store):
    keys = ["7/abcd", "7/samples/abcd", "7/activities/abcd", "77/samples/abcd", "8/xyz"]
    for key in keys:
        store.put(key, b"1")

    assert set(store.keys()) == set(keys)
    assert set(store.keys("7/")) == {"7/abcd", "7/samples/abcd", "7/activities/abcd"}
    assert set(store.keys("7/samples/")) == {"7/samples/abcd"}
    assert set(store.keys("9/")) == set()


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", ".tmp/a", "a\\b", "a b", "a/.."])
def test_keys_that_are_none(store, key):
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, b"")
    with pytest.raises(ValueError, match="not a key"):
        store.read(key)


def test_an_owned_file_is_linked_and_others_are_copied(tmp_path):
    store = LocalStore(tmp_path / "store")
    for name in ("mine", "theirs"):
        (tmp_path / name).write_bytes(b"payload")

    store.put("7/mine", tmp_path / "mine", owned=True)
    store.put("7/theirs", tmp_path / "theirs")

    assert store.local_path("7/mine").samefile(tmp_path / "mine")
    assert not store.local_path("7/theirs").samefile(tmp_path / "theirs")
    (tmp_path / "mine").unlink()
    assert store.read("7/mine") == b"payload"


def temporary_files(root):
    return [path for path in (root / storage.TEMPORARY).rglob("*") if path.is_file()]


def test_many_writers_of_one_key_leave_one_whole_object(tmp_path):
    store = LocalStore(tmp_path)
    data = b"payload" * 100_000
    seen = []

    def work():
        for _ in range(20):
            store.put(KEY, data)
            seen.append(store.read(KEY) == data)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [True] * 160
    assert temporary_files(tmp_path) == []


def test_a_killed_writer_leaves_whole_objects_and_its_rest_is_swept(tmp_path):
    code = """
        import sys
        from trainstack.storage import LocalStore
        store = LocalStore(sys.argv[1])
        print("ready", flush=True)
        for n in range(10**6):
            store.put(f"7/{n:08}", bytes([n % 256]) * 2_000_000)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "ready\n"
    store = LocalStore(tmp_path)
    while len(list(store.keys())) < 3:
        time.sleep(0.005)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()

    for key in sorted(store.keys()):
        assert store.read(key) == bytes([int(key[2:]) % 256]) * 2_000_000
    rest = temporary_files(tmp_path)
    assert store.sweep() == 0
    for path in rest:
        os.utime(path, (1, 1))
    assert store.sweep() == len(rest)
    assert temporary_files(tmp_path) == []


@pytest.fixture(params=["local", "s3"])
def anywhere(request, settings) -> None:
    """Raw payloads once in a folder, once in a bucket."""
    if request.param == "s3":
        settings.RAW_STORAGE = request.getfixturevalue("bucket")


@pytest.mark.parametrize("as_file", [False, True], ids=["bytes", "file"])
@pytest.mark.parametrize("name", PAYLOADS)
def test_raw_payloads_come_back_byte_for_byte(anywhere, tmp_path, name, as_file):
    data = PAYLOADS[name]
    (tmp_path / "payload").write_bytes(data)

    sha256, size = put_raw(7, tmp_path / "payload" if as_file else data)

    assert (sha256, size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert read_raw(7, sha256) == data
    with open_raw(7, sha256) as file:
        assert (file.seek(0, 2), file.seek(len(data) // 2), file.read()) == (
            len(data), len(data) // 2, data[len(data) // 2 :]
        )  # fmt: skip
    assert list(raw_store().keys()) == [f"7/{sha256}"]


@pytest.mark.parametrize(
    ("name", "packed"),
    [("text", True), ("noise", False), ("zip", False), ("gzip", False), ("zstd", True), ("zstd magic and noise", True)],
)
def test_what_is_packed_gains_by_it_or_must_be(name, packed):
    data = PAYLOADS[name]

    sha256, _ = put_raw(7, data)

    stored = raw_store().read(f"7/{sha256}")
    assert (stored != data) == packed
    assert stored.startswith(ZSTD_MAGIC) == packed


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.binary().map(ZSTD_MAGIC.__add__), st.binary(max_size=4).map(lambda b: b * 100)))
def test_any_bytes_come_back(data):
    sha256 = hashlib.sha256(data).hexdigest()

    packed = pack(data)
    put_raws(7, [packed])

    assert (packed.sha256, packed.size_bytes, packed.plain) == (sha256, len(data), data)
    assert read_raw(7, sha256) == data


def test_open_raw_opens_an_archive_where_it_lies(settings):
    sha256, _ = put_raw(7, PAYLOADS["zip"])

    with open_raw(7, sha256) as file, zipfile.ZipFile(file) as archive:
        assert archive.read("export.xml") == b"<HealthData/>" * 1000
        assert Path(file.name) == raw_store().local_path(f"7/{sha256}")


def test_a_missing_payload_is_missing(anywhere):
    for read in (read_raw, open_raw):
        with pytest.raises(FileNotFoundError):
            read(7, "ab" * 32)


def test_big_payloads_are_kept_in_little_memory(tmp_path):
    code = """
        import resource, sys
        from pathlib import Path
        import django
        django.setup()
        from trainstack.storage import open_raw, put_raw
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        big = Path(sys.argv[1])
        with big.open("wb") as file:
            for n in range(200):
                file.write(f"<Record n='{n}'/>".encode().ljust(1 << 20))
        before = peak()
        sha256, size = put_raw(7, big)
        with open_raw(7, sha256) as plain:
            read = sum(len(piece) for piece in iter(lambda: plain.read(1 << 20), b""))
        print(size >> 20, read >> 20, (peak() - before) >> 10)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "export.xml")],
        env={**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "trainstack.settings", "DEBUG": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    size, read, grown = map(int, told.stdout.split())
    assert (size, read) == (200, 200)
    assert grown < 64


def test_users_do_not_share_objects():
    sha256, _ = put_raw(7, b"payload")

    with pytest.raises(FileNotFoundError):
        read_raw(8, sha256)


def test_stores_follow_the_settings(settings, tmp_path):
    settings.STREAM_STORAGE = str(tmp_path / "one")
    stream_store().put("7/a", b"1")
    settings.STREAM_STORAGE = str(tmp_path / "two")

    assert not stream_store().exists("7/a")
