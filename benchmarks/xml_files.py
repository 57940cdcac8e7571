"""How fast TCX and GPX files are read: `python -m benchmarks.xml_files [folder or file ...]`.

Megabytes of (unpacked) file a second, from bytes to activities with their series, in seconds of processor, the least of
some runs; beside bare parsers that build nothing (expat) or nothing but a tree (lxml), in the same run. All of
shared/data/tcx and shared/data/gpx where no file is named, and the ten longest of each kind by themselves.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from lxml import etree  # type: ignore[import-untyped]

from activities.formats.gpx_file import parse_gpx_file
from activities.formats.tcx import parse_tcx

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("TRAINSTACK_SHARED", ROOT.parent / "shared")) / "data"
RUNS = 5
LONGEST = 10
# Megabytes a second, for the longest files of each kind.
WANTED = 20


def bare_expat(data: bytes) -> None:
    expat.ParserCreate().Parse(data.lstrip(), True)


def bare_lxml(data: bytes) -> None:
    etree.fromstring(data.lstrip(), etree.XMLParser(recover=True, resolve_entities=False, no_network=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="*", type=Path, default=[SHARED / "tcx", SHARED / "gpx"])
    arguments = parser.parse_args()
    files = [file for path in arguments.paths for file in (path.iterdir() if path.is_dir() else [path])]
    if not files:
        raise SystemExit("There are no files (TRAINSTACK_SHARED names their folder).")
    missed = 0
    for kind, parse in (("tcx", parse_tcx), ("gpx", parse_gpx_file)):
        held = [_unpacked(file) for file in files if f".{kind}" in file.name.lower()]
        held.sort(key=len, reverse=True)
        for words, some in (("all", held), (f"the {LONGEST} longest", held[:LONGEST])):
            size = sum(map(len, some)) / 1e6
            if not size:
                continue
            ours = _seconds(lambda data: parse(data, "benchmark"), some)  # noqa: B023 - called at once
            line = f"{kind}  {words:15} {len(some):4} files {size:7.1f} MB  ours {size / ours:6.1f} MB/s"
            line += f"  {1000 * ours / len(some):6.2f} ms a file"
            for name, way in (("expat", bare_expat), ("lxml tree", bare_lxml)):
                line += f"  {name} {size / _seconds(way, some):6.1f} MB/s"
            print(line)
            missed += some is not held and size / ours < WANTED
    return int(bool(missed))


def _unpacked(file: Path) -> bytes:
    data = file.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _seconds(read: Callable[[bytes], object], files: list[bytes]) -> float:
    """The sum of each file's best time."""
    total = 0.0
    for data in files:
        best = float("inf")
        for _ in range(RUNS):
            before = time.process_time()
            read(data)
            best = min(best, time.process_time() - before)
        total += best
    return total


if __name__ == "__main__":
    sys.exit(main())
