"""A large export is read by a second process: it tells the same, and whatever happens to it, the import goes on."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.models import RawRecord
from integrations.models import Import, SyncRun
from integrations.providers.apple_health.reader import ExportReader
from integrations.registry import PROVIDERS
from integrations.services import imports, runs
from tests.factories.accounts import UserFactory
from tests.integrations.services.exports import a_month, differences, everything, export, routes_of_a_month, zipped
from tests.integrations.services.readers import Interrupted
from trainstack.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = {"block_bytes": 4096, "batch_bytes": 40_000}


@pytest.fixture
def user() -> User:
    return UserFactory()


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large, and is read in small steps."""
    monkeypatch.setattr(imports, "LARGE_BYTES", 1)
    monkeypatch.setattr(imports, "CHECKPOINT_BYTES", 1)
    read_by(monkeypatch, ExportReader, {})


def read_by(monkeypatch: pytest.MonkeyPatch, kind: type[ExportReader], more: dict[str, Any]) -> None:
    provider = PROVIDERS["apple_health"]
    (reader,) = provider.readers
    assert isinstance(reader, ExportReader)
    other = kind(reader.units, **SMALL, **more)  # type: ignore[arg-type]
    monkeypatch.setitem(PROVIDERS, "apple_health", replace(provider, readers=(other,)))


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Any:
    """Whatever a test does, no process of its own is left when it is over."""
    before = children()
    yield
    assert children() - before == set()


def children() -> set[int]:
    return {
        int(child)
        for told in Path(f"/proc/{os.getpid()}/task").glob("*/children")
        for child in told.read_text().split()
    }


def brought(user: User) -> tuple[Import, SyncRun]:
    data = zipped(export(a_month()), routes_of_a_month())
    import_file = imports.receive(user, name="export.zip", source=io.BytesIO(data), run_now=True)
    return import_file, import_file.runs.get()


def told(import_file: Import) -> dict[str, Any]:
    import_file.refresh_from_db()
    return {name: value for name, value in import_file.report.items() if name not in ("seconds", "mb_per_s")}


def test_it_ends_in_the_same_account(user: User, apart: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read_by(monkeypatch, Interrupted, {"notes": str(tmp_path / "notes"), "times": 0})
    import_file, run = brought(user)
    assert runs.work_through(run).state == "finished"
    assert int((tmp_path / "notes").read_text()) != os.getpid()

    monkeypatch.setattr(imports, "LARGE_BYTES", 1 << 30)
    other = UserFactory()
    again, run = brought(other)
    assert runs.work_through(run).state == "finished"
    assert int((tmp_path / "notes").read_text().split()[1]) == os.getpid()
    assert differences(everything(user), everything(other)) == []
    assert told(import_file) == told(again)


def test_next_months_export_adds_nothing_that_is_known(user: User, apart: None) -> None:
    _, run = brought(user)
    runs.work_through(run)
    before = everything(user)

    again, run = brought(user)
    runs.work_through(run)

    report = imports.report_of(Import.objects.get(pk=again.pk))
    assert report
    assert (report.workouts.new, report.workouts.known) == (0, 10)
    after = everything(user)
    assert differences({**before, "sightings": 0}, {**after, "sightings": 0}) == []


def test_one_that_is_killed_is_told_and_the_run_goes_on_without(
    user: User, apart: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read_by(monkeypatch, Interrupted, {"notes": str(tmp_path / "notes"), "after": 3, "how": "kill"})
    import_file, run = brought(user)

    runs.work(run.pk)

    run.refresh_from_db()
    assert (run.state, run.error) == (
        "queued",
        "Ended: The process that reads files was killed (signal 9) before it was done.",
    )
    assert run.done > 0
    run = runs.work_through(run)
    assert (run.state, run.error) == ("finished", "")
    monkeypatch.undo()
    other = UserFactory()
    again, run = brought(other)
    runs.work_through(run)
    assert differences(everything(user), everything(other)) == []
    assert told(import_file) == told(again)


def test_one_that_never_gets_anywhere_is_not_asked_twice(
    user: User, apart: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    read_by(monkeypatch, Interrupted, {"notes": str(notes), "after": 0, "how": "kill"})
    _, run = brought(user)

    runs.work(run.pk)
    run.refresh_from_db()
    assert (run.state, run.done, run.attempts) == ("queued", 0, 1)

    assert runs.work_through(run).state == "finished"
    first, second = notes.read_text().split()
    assert int(first) != os.getpid()
    assert int(second) == os.getpid()


def test_what_it_finds_wrong_with_the_file_ends_the_import_with_that_sentence(
    user: User, apart: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read_by(monkeypatch, Interrupted, {"notes": str(tmp_path / "notes"), "after": 3, "how": "bad file"})
    import_file, run = brought(user)

    run = runs.work_through(run)

    assert (run.state, run.error) == ("failed", "export.zip ends in the middle.")
    import_file.refresh_from_db()
    assert import_file.state == "failed"


def test_cancelling_ends_it(user: User, apart: None) -> None:
    import_file, run = brought(user)

    def cancel(run: SyncRun) -> None:
        if run.done and not run.cancel_requested:
            assert len(children()) > 0
            imports.cancel(import_file)

    run = runs.work_through(run, report=cancel)

    report = imports.report_of(Import.objects.get(pk=import_file.pk))
    assert report
    assert (run.state, report.cancelled) == ("cancelled", True)
    assert report.files_read == 0
    assert RawRecord.objects.filter(user=user, kind="route").count() == 0


def test_a_slice_that_is_over_ends_it_and_the_next_one_goes_on(user: User, apart: None) -> None:
    _, run = brought(user)
    slices = 0
    while run.cursor.get("phase", "read") == "read":
        runs.work(run.pk, slice_s=0)
        assert children() == set()
        run.refresh_from_db()
        slices += 1

    assert slices > 3
    assert runs.work_through(run).state == "finished"
    other = UserFactory()
    _, run = brought(other)
    runs.work_through(run)
    assert differences(everything(user), everything(other)) == []


def test_a_file_of_which_nothing_comes_is_given_up(
    user: User, apart: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.RUN_LEASE_S = 0.3
    monkeypatch.setattr(imports, "SILENCE_S", 0.5)
    read_by(monkeypatch, Interrupted, {"notes": str(tmp_path / "notes"), "after": 0, "how": "sleep"})
    _, run = brought(user)

    run = runs.work_through(run)

    assert (run.state, run.error) == (
        "failed",
        "The file could not be read on: nothing came of it for ten minutes.",
    )
