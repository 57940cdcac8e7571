"""Recordings of the watch are recognised by their first bytes, alone or in a zip, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from activities.domain.reading import RawPayload
from activities.formats.container import open_file
from integrations.files import content_id
from integrations.providers.suunto.reader import DeviceLogReader
from tests.integrations.providers.conftest import Sample

READER = DeviceLogReader()


def test_a_recording_alone_and_in_a_zip_is_the_same_record(sample: Sample, tmp_path: Path) -> None:
    data = sample("device_log/run.json")
    alone, zipped = tmp_path / "log.json", tmp_path / "logs.zip"
    alone.write_bytes(data)
    with ZipFile(zipped, "w") as archive:
        archive.writestr("logs/one.json", data)
        archive.writestr("logs/notes.txt", b"nothing")

    for path, name in ((alone, "log.json"), (zipped, "logs/one.json")):
        with open_file(path) as container:
            assert READER.recognise(container)
            payloads = [payload for batch in READER.read(container) for payload in batch.payloads]
        assert payloads == [RawPayload("device_log", content_id(data), data, "application/json", path=name)]


@pytest.mark.parametrize("data", [b"{}", b'{"Log": {"DeviceLog": 1}}', b'[{"DeviceLog": {}}]'])
def test_other_documents_are_somebody_else_s(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(data)

    with open_file(path) as container:
        assert not READER.recognise(container)
