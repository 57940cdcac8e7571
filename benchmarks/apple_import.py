"""An Apple Health export from zip to committed rows and series, beside what others need for the same file.

    python -m benchmarks.apple_import [export.zip] [--megabytes 300] [--ways trainstack expat lxml healthkit]

Each way runs in a process of its own, one after the other, on the same file. Its peak memory is that of the process
and of all that it starts, together (`benchmarks.memory`), and "busy" are their processor's seconds, over all threads:
on a machine with other work they tell more than the clock. MB/s
count the bytes of the unpacked export.xml, also for us, who read the routes beside it too. "expat" is the same XML with
an empty handler, "lxml" `iterparse` with cleared elements, "healthkit" the program healthkit-to-sqlite.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.importing import ROOT, imported, now, since
from benchmarks.memory import MIB, Watch

GENERATOR = Path(os.environ.get("TRAINSTACK_SHARED", ROOT.parent / "shared")) / "tools" / "gen_apple_export.py"
WAYS = ("trainstack", "expat", "lxml", "healthkit")
PIECE = 1 << 20
MEMORY_GATE_MIB = 256
PEER_GATE = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=int, default=300, help="of XML, where no path is given")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        _alone(options.alone, options.path)
        return
    with tempfile.TemporaryDirectory(prefix="apple-import-") as folder:
        path = options.path or _generated(Path(folder), options.megabytes)
        _compare(path, options.ways)


def _compare(path: Path, ways: list[str]) -> None:
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(_document(archive)).file_size
    print(f"{path.name}: {size / 1e6:,.1f} MB of XML, {path.stat().st_size / 1e6:,.1f} MB packed\n")
    print(f"{'':12}{'seconds':>9}{'busy':>8}{'MB/s':>8}{'peak MiB':>10}")
    seconds: dict[str, float] = {}
    peak = 0.0
    for way in ways:
        command = [sys.executable, "-m", "benchmarks.apple_import", str(path), "--alone", way]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            watch = Watch(process.pid)
            told_lines = process.communicate()[0].splitlines()
        if process.returncode:
            raise SystemExit(f"{way} failed")
        told = json.loads(told_lines[-1])
        told["peak_mib"] = max(told["peak_mib"], watch.peak_mib())
        seconds[way] = told["seconds"]
        if way == "trainstack":
            peak = told["peak_mib"]
        print(
            f"{way:12}{told['seconds']:9.2f}{told['busy']:8.2f}{size / 1e6 / told['seconds']:8.1f}"
            f"{told['peak_mib']:10.0f}  {told['note']}"
        )
    if "trainstack" not in seconds:
        return
    print()
    for way in ways:
        if way != "trainstack":
            print(f"{seconds[way] / seconds['trainstack']:.1f} times as fast as {way}")
    print(f"peak memory {'within' if peak <= MEMORY_GATE_MIB else 'BEYOND'} {MEMORY_GATE_MIB} MiB")


def _alone(way: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="apple-import-") as folder:
        (seconds, busy), note, children = {
            "trainstack": _trainstack,
            "expat": _expat,
            "lxml": _lxml,
            "healthkit": _healthkit,
        }[way](path, Path(folder))
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    # Linux counts in KiB.
    peak = resource.getrusage(who).ru_maxrss * 1024 / MIB
    print(json.dumps({"seconds": seconds, "busy": busy, "peak_mib": peak, "note": note}))


def _trainstack(path: Path, folder: Path) -> tuple[tuple[float, float], str, bool]:
    report, took = imported(path, folder)
    note = (
        f"{report.samples:,} samples, {report.workouts.new:,} workouts, {report.files_read:,} files, "
        f"{report.sleep_nights:,} nights, {report.metric_days:,} days"
    )
    return took, note, False


def _expat(path: Path, folder: Path) -> tuple[tuple[float, float], str, bool]:
    from xml.parsers import expat

    began = now()
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: None
    for piece in _pieces(path):
        parser.Parse(piece, False)
    parser.Parse(b"", True)
    return since(began), "", False


def _lxml(path: Path, folder: Path) -> tuple[tuple[float, float], str, bool]:
    from lxml import etree

    began = now()
    elements = 0
    with zipfile.ZipFile(path) as archive, archive.open(_document(archive)) as file:
        for _, element in etree.iterparse(file, huge_tree=True):
            elements += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return since(began), f"{elements:,} elements", False


def _healthkit(path: Path, folder: Path) -> tuple[tuple[float, float], str, bool]:
    program = Path(sys.executable).parent / "healthkit-to-sqlite"
    if not program.exists():
        raise SystemExit("healthkit-to-sqlite is not installed: make bench installs it")
    began = now()
    subprocess.run([str(program), "-s", str(path), str(folder / "peer.sqlite3")], check=True)
    return since(began), "", True


def _pieces(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive, archive.open(_document(archive)) as file:
        while piece := file.read(PIECE):
            yield piece


def _document(archive: zipfile.ZipFile) -> str:
    """The export's XML: the largest member."""
    return max(archive.infolist(), key=lambda member: member.file_size).filename


def _generated(folder: Path, megabytes: int) -> Path:
    if not GENERATOR.exists():
        raise SystemExit("No file was given and the generator is not here (TRAINSTACK_SHARED names its folder).")
    path = folder / "export.zip"
    xml = folder / "export.xml"
    command = [sys.executable, str(GENERATOR), "--size-mb", str(megabytes), "--seed", "1", "--out", str(xml)]
    subprocess.run([*command, "--zip", str(path)], check=True, stdout=subprocess.DEVNULL)
    xml.unlink()
    return path


if __name__ == "__main__":
    main()
