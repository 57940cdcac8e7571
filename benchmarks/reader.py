"""How fast exports are read: `python benchmarks/reader.py export.zip [--ways reader one-by-one expat lxml gpx]`.

Every way runs in a process of its own, so that its peak memory is its own. "reader" is bytes to sample tables, with
the inflating thread running beside it where the file is a zip; "expat" reads the same XML with an empty handler.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

MB = 1e6
PIECE = 1 << 20


def read_whole(path: Path, *, fast: bool = True) -> tuple[int, str]:
    from activities.formats.apple_health import read_export
    from activities.formats.container import open_file
    from integrations.providers.apple_health.metrics import METRIC_OF

    rows, kinds, done = 0, Counter[str](), 0
    with open_file(path) as container:
        for batch in read_export(container, units=METRIC_OF, fast=fast):
            rows += sum(table.columns.num_rows for table in batch.samples)
            kinds.update(payload.kind for payload in batch.payloads)
            done = batch.done
    return done, f"{rows:,} samples, " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))


def read_one_by_one(path: Path) -> tuple[int, str]:
    return read_whole(path, fast=False)


def _pieces(path: Path):  # type: ignore[no-untyped-def]
    from activities.formats.apple_health.reader import _documents
    from activities.formats.container import open_file, pieces_of

    with open_file(path) as container:
        for member in _documents(container):
            yield from pieces_of(container.open(member), PIECE)


def read_with_expat(path: Path) -> tuple[int, str]:
    from xml.parsers import expat

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: None
    size = 0
    for piece in _pieces(path):
        parser.Parse(piece, False)
        size += len(piece)
    return size, ""


def read_with_lxml(path: Path) -> tuple[int, str]:
    from lxml import etree

    parser = etree.XMLPullParser(events=("end",), huge_tree=True, load_dtd=False, resolve_entities=False)
    size = elements = 0
    for piece in _pieces(path):
        parser.feed(piece)
        size += len(piece)
        for _, element in parser.read_events():
            elements += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return size, f"{elements:,} elements"


def read_routes(path: Path) -> tuple[int, str]:
    from activities.formats.container import open_file
    from activities.formats.gpx import parse_gpx

    size = points = routes = 0
    with open_file(path) as container:
        for member in container.members:
            if member.path.endswith(".gpx"):
                data, _ = container.read(member, 1 << 26)
                points += sum(map(len, parse_gpx(data)))
                size += len(data)
                routes += 1
    return size, f"{routes:,} routes, {points:,} points (inflating included)"


WAYS: dict[str, Callable[[Path], tuple[int, str]]] = {
    "reader": read_whole,
    "expat": read_with_expat,
    "lxml": read_with_lxml,
    "one-by-one": read_one_by_one,
    "gpx": read_routes,
}


# Loaded before the clock starts.
MODULES = ("activities.formats.gpx", "activities.formats.apple_health", "integrations.providers.apple_health.metrics")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("path", type=Path)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["reader", "expat", "lxml", "gpx"])
    parser.add_argument("--alone", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.alone:
        for way in arguments.ways:
            subprocess.run([sys.executable, __file__, arguments.path, "--alone", way], check=True)
        return
    for module in MODULES:
        import_module(module)
    started, busy = time.perf_counter(), time.process_time()
    size, what = WAYS[arguments.alone](arguments.path)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{arguments.alone:10} {size / MB / seconds:8.1f} MB/s {seconds:7.2f} s  {busy:6.2f} s of processor"
        f" {peak:6.0f} MiB peak  {what}"
    )


if __name__ == "__main__":
    main()
