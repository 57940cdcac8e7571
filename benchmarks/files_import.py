"""Workout files from a zip to committed rows and streams, beside what a bare decoder needs for the same files.

    python -m benchmarks.files_import [--files 1000] [--megabytes 0] [--ways trainstack fitdecode]

The files are the FIT files of the folder shared/, shifted in time so that each is an effort of its own. `--megabytes`
alone takes as many of them as weigh so much; with `--files` so many of the largest, which weigh so much on average.
Each way runs in a process of its own. "fitdecode" reads every message of every file and keeps nothing. Memory is the
peak of that process and of those that help it, together.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.importing import ROOT, imported

SHARED = Path(os.environ.get("TRAINSTACK_SHARED", ROOT.parent / "shared")) / "data" / "fit"
WAYS = ("trainstack", "fitdecode")
MIB = 2**20
FILES = 1000
MEMORY_GATE_MIB = 300
# How often the memory of all processes is looked at.
LOOK_S = 0.25
AIM_MS = 30
# FIT's compressed timestamps carry five bits: a shift by whole 32 seconds leaves them as they are.
STEP_S = 32 * 2700 * 3
# What FitTrackee (PyPI) needed for a file where it was measured. It is not measured here, for it wants PostGIS:
# docs/performance.md tells how.
FITTRACKEE_MS = (586, 1110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=0, help="1,000 unless told")
    parser.add_argument("--megabytes", type=int, default=0, help="what they weigh together")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("path", nargs="?", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        _alone(options.alone, options.path)
        return
    if not SHARED.is_dir():
        raise SystemExit("The FIT files are not here (TRAINSTACK_SHARED names their folder).")
    with tempfile.TemporaryDirectory(prefix="files-import-") as folder:
        path = Path(folder) / "files.zip"
        count, size = _archive(path, options.files, options.megabytes * 1_000_000)
        _compare(path, count, size, options.ways)


def _compare(path: Path, count: int, size: int, ways: list[str]) -> None:
    print(f"{count:,} FIT files, {size / 1e6:,.1f} MB\n")
    print(f"{'':12}{'seconds':>9}{'ms a file':>11}{'files/s':>9}{'peak MiB':>10}")
    for way in ways:
        command = [sys.executable, "-m", "benchmarks.files_import", "--alone", way, str(path)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        seconds, peak = told["seconds"], told["peak_mib"]
        pace = 1000 * seconds / count
        print(f"{way:12}{seconds:9.2f}{pace:11.1f}{count / seconds:9.1f}{peak:10.0f}  {told['note']}")
        if way == "trainstack":
            print(f"{'':12}aim {AIM_MS} ms a file: {'met' if pace < AIM_MS else 'MISSED'}", end="; ")
            print(f"peak memory {'within' if peak <= MEMORY_GATE_MIB else 'BEYOND'} {MEMORY_GATE_MIB} MiB")
            low, high = (one / pace for one in FITTRACKEE_MS)
            peer = f"FitTrackee at {FITTRACKEE_MS[0]} to {FITTRACKEE_MS[1]:,} ms (measured elsewhere, not in this run)"
            print(f"{'':12}{low:.0f} to {high:.0f} times as fast as {peer}")


def _alone(way: str, path: Path) -> None:
    together = [0]
    threading.Thread(target=_watch, args=(together,), daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="files-import-") as folder:
        seconds, note = {"trainstack": _trainstack, "fitdecode": _fitdecode}[way](path, Path(folder))
    # Linux counts in KiB.
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, *together) * 1024 / MIB
    print(json.dumps({"seconds": seconds, "peak_mib": peak, "note": note}))


def _watch(together: list[int]) -> None:
    """Keeps the most that this process and its children held at once, in KiB; without the one that makes the tables."""
    while True:
        held = 0
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                state = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
                is_mine = int(folder.name) == os.getpid()
                if is_mine or (
                    int(state["PPid"]) == os.getpid() and b"migrate" not in (folder / "cmdline").read_bytes()
                ):
                    held += int(state.get("VmRSS", "0 kB").split()[0])
        together.append(held)
        together[:] = [max(together)]
        time.sleep(LOOK_S)


def _trainstack(path: Path, folder: Path) -> tuple[float, str]:
    report, (seconds, busy) = imported(path, folder)
    told = report.source_activities["created"], report.activities["created"], report.problems_total
    return seconds, "{:,} source activities, {:,} activities, {:,} problems; {:.1f} s of CPU".format(*told, busy)


def _fitdecode(path: Path, folder: Path) -> tuple[float, str]:
    import fitdecode

    started = time.perf_counter()
    messages = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            try:
                with fitdecode.FitReader(
                    io.BytesIO(archive.read(name)), error_handling=fitdecode.ErrorHandling.IGNORE
                ) as reader:
                    messages += sum(1 for frame in reader if frame.frame_type == fitdecode.FIT_FRAME_DATA)
            except Exception:  # noqa: S112 - it stops where it cannot read on
                continue
    return time.perf_counter() - started, f"{messages:,} messages"


# --- the files ------------------------------------------------------------------------------


def _archive(path: Path, files: int, size: int) -> tuple[int, int]:
    """Writes the zip; how many files of how many bytes together are in it."""
    count = written = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for data in _files(size // files if files else 0):
            archive.writestr(f"{count:06}.fit", data)
            count += 1
            written += len(data)
            if written >= size if size and not files else count >= (files or FILES):
                return count, written
    raise AssertionError("unreachable")


def _files(average: int) -> Iterator[bytes]:
    """FIT files of activities, round after round, each round some days later than the one before.

    Where an average is asked for, the largest of them: as many as weigh that much on average.
    """
    from activities.formats.fit import fit_kind

    found = []
    for path in sorted(SHARED.iterdir()):
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        if fit_kind(data) == "activity":
            found.append(data)
    if average:
        found.sort(key=len, reverse=True)
        while len(found) > 1 and sum(map(len, found)) < average * len(found):
            found.pop()
    later = 0
    while True:
        for data in found:
            yield shifted(data, later)
        later += STEP_S


# Message -> its fields that hold a time; 253 holds one in every message.
_TIMES = {0: {4}, 18: {2}, 19: {2}, 34: {5}, 101: {2}, 23: set(), 225: {6}, 312: {9, 10}}


def shifted(data: bytes, seconds: int) -> bytes:
    """The file with every time in it later; what cannot be walked through stays as it is from there on."""
    from activities.formats.fit.checksum import crc16

    out = bytearray(data)
    header, length = data[0], struct.unpack_from("<I", data, 4)[0]
    at, end = header, min(header + length, len(data) - 2)
    layouts: dict[int, tuple[str, int, list[int]]] = {}
    try:
        while at < end:
            head = data[at]
            at += 1
            if not head & 0x80 and head & 0x40:
                at = _layout(data, at, head, layouts)
                continue
            order, size, places = layouts[(head >> 5) & 3 if head & 0x80 else head & 15]
            for place in places:
                moment = struct.unpack_from(f"{order}I", out, at + place)[0]
                if 0x10000000 < moment < 0xFFFFFFFF - seconds:
                    struct.pack_into(f"{order}I", out, at + place, moment + seconds)
            at += size
    except (KeyError, IndexError, struct.error):
        pass
    if end == header + length and len(data) == end + 2:
        struct.pack_into("<H", out, end, crc16(bytes(out[:end])))
    return bytes(out)


def _layout(data: bytes, at: int, head: int, layouts: dict[int, tuple[str, int, list[int]]]) -> int:
    """Notes what a definition says: byte order, size and where times lie; where it ends."""
    order = ">" if data[at + 1] else "<"
    number = struct.unpack_from(f"{order}H", data, at + 2)[0]
    times = _TIMES.get(number, set()) | {253}
    size, places = 0, []
    at += 5
    for _ in range(data[at - 1]):
        field, width = data[at], data[at + 1]
        if field in times and width == 4:
            places.append(size)
        size += width
        at += 3
    if head & 0x20:
        for _ in range(data[at]):
            size += data[at + 2]
            at += 3
        at += 1
    layouts[head & 15] = order, size, places
    return at


if __name__ == "__main__":
    main()
