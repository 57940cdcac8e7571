"""How fast FIT files are read: `python -m benchmarks.fit [folder or file ...]`; shared/data/fit where none is named.

Every way reads every file, and what counts is its time against the official SDK's own documented use (all messages,
all its default options) at the same file: the least of three runs of each, in seconds of processor, one by one.
"decode" takes out every documented message and field in columns, "parse_fit" goes from bytes to activities with their
series, "fitdecode" walks over all messages with its default options, "fitfast" gives all messages as dicts (it refuses
some files; those are left out of its column).
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = Path(os.environ.get("TRAINSTACK_SHARED", ROOT.parent / "shared")) / "data" / "fit"
GATE = 0.1
RUNS = 3


def sdk(data: bytes) -> None:
    from garmin_fit_sdk import Decoder, Stream

    Decoder(Stream.from_byte_array(bytearray(data))).read()


def decode(data: bytes) -> None:
    from activities.formats.errors import Unreadable
    from activities.formats.fit.decode import decode

    try:
        decoded = decode(data)
    except Unreadable:
        return
    for part in decoded.parts:
        for name, table in part.tables.items():
            if not name.startswith("unknown_"):
                for column in table.columns.values():
                    if column.raw.dtype.kind != "S":
                        column.values  # noqa: B018 - this is what is measured
                table.developer  # noqa: B018


def parse_fit(data: bytes) -> None:
    from activities.formats.fit import parse_fit

    parse_fit(data, "benchmark")


def fitdecode(data: bytes) -> None:
    import fitdecode

    with fitdecode.FitReader(data, check_crc=fitdecode.CrcCheck.DISABLED) as reader:
        for frame in reader:
            if frame.frame_type == fitdecode.FIT_FRAME_DATA:
                for field in frame.fields:
                    field.value  # noqa: B018


def fitfast(data: bytes) -> None:
    import fitfast

    fitfast.parse(data)


WAYS: dict[str, Callable[[bytes], None]] = {
    "sdk": sdk,
    "decode": decode,
    "parse_fit": parse_fit,
    "fitdecode": fitdecode,
    "fitfast": fitfast,
}
MODULES = ("activities.formats.fit", "garmin_fit_sdk", "fitdecode", "fitfast")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="*", type=Path, default=[FILES])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments = parser.parse_args()
    files = sorted(file for path in arguments.paths for file in (path.iterdir() if path.is_dir() else [path]))
    if not files:
        raise SystemExit("There are no files (TRAINSTACK_SHARED names their folder).")
    for module in MODULES:
        import_module(module)
    ways = ["sdk", *(way for way in arguments.ways if way != "sdk")]
    taken: dict[str, dict[str, float]] = {way: {} for way in ways}
    for file in files:
        data = file.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        for way in ways:
            seconds = _seconds(WAYS[way], data, RUNS)
            if seconds is not None:
                taken[way][file.name] = seconds
    print(f"{len(files)} files; times against the official SDK's at the same file")
    for way in ways:
        ratios = [seconds / taken["sdk"][name] for name, seconds in taken[way].items()]
        times = list(taken[way].values())
        print(
            f"{way:10} {len(ratios):4} files  median {statistics.median(ratios):7.4f}  worst {max(ratios):7.4f}"
            f"  all {sum(times):7.2f} s  median file {1000 * statistics.median(times):7.2f} ms"
        )
    if "decode" not in ways or "parse_fit" not in ways:
        return 0
    held = {
        way: statistics.median(seconds / taken["sdk"][name] for name, seconds in taken[way].items())
        for way in ("decode", "parse_fit")
    }
    for way, ratio in held.items():
        verdict = "met" if ratio <= GATE else "MISSED"
        print(f"gate: {way} at most {GATE} of the SDK at the median file: {ratio:.4f} {verdict}")
    return int(held["decode"] > GATE)


def _seconds(way: Callable[[bytes], None], data: bytes, runs: int) -> float | None:
    """The least processor time of these runs; None where the way cannot read the file."""
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        try:
            way(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # fitfast's panics are no Exceptions
            if way in (decode, parse_fit):
                raise
            print(f"  {way.__name__}: {type(error).__name__}", file=sys.stderr) if way is fitdecode else None
            return None
        best = min(best, time.process_time() - began)
    return best


if __name__ == "__main__":
    sys.exit(main())
