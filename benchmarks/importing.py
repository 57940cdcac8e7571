"""A file through an import of its own, as the benchmarks of imports time it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def now() -> tuple[float, float]:
    """The clock, and the processor's seconds of this process and of those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + children.ru_utime + children.ru_stime


def since(began: tuple[float, float]) -> tuple[float, float]:
    """Seconds by the clock and of the processor since `now` told that."""
    clock, busy = now()
    return clock - began[0], busy - began[1]


def imported(path: Path, folder: Path) -> tuple[Any, tuple[float, float]]:
    """The report of the file's import, and its seconds by the clock and of the processor.

    From the file as it was brought to the last derived row, on SQLite in the folder. Once a process: it sets up Django.
    """
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "trainstack.settings",
        "DEBUG": "1",
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "RAW_STORAGE": str(folder / "raw"),
        "STREAM_STORAGE": str(folder / "streams"),
    }
    # The tables are made by another process: what that costs in memory is not the import's.
    migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "-v", "0"]
    subprocess.run(migrate, cwd=ROOT, check=True)
    import django

    django.setup()
    from integrations.services import imports, runs
    from trainstack.accounts.models import User
    from trainstack.accounts.quiet import no_query_log

    no_query_log()
    user = User.objects.create_user("bench@example.com")
    began = now()
    import_file = imports.receive(user, name=path.name, source=path, brought_by="command", run_now=True)
    run = runs.work_through(import_file.runs.get())
    took = since(began)
    if run.state != "finished":
        raise SystemExit(run.error)
    import_file.refresh_from_db()
    report = imports.report_of(import_file)
    assert report
    return report, took
