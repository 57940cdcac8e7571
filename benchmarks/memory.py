"""How much memory a process and all that it started take together.

Counted as the kernel does for "proportional set size": what is a process's own, and of pages that several share (the
code of the libraries) each its part, so that nothing counts twice. Looked at every EVERY_S; a shorter peak of the
process itself is seen by its own highest resident size, which comes on top where it is more.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

EVERY_S = 0.05
MIB = 2**20
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


class Watch(threading.Thread):
    """Watches a process and those below it until `peak_mib` is asked for."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._peak = 0
        self._end = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._end.wait(EVERY_S):
            self._peak = max(self._peak, sum(map(_size, _tree(self._pid))))

    def peak_mib(self) -> float:
        """The most that all took at one time; 0 where the system does not tell."""
        self._end.set()
        self.join()
        return self._peak / MIB


def _tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        try:
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        except OSError:  # it has ended
            continue
    return found


def _size(pid: int) -> int:
    try:
        told = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
    except OSError:
        return 0
    return int(told.group(1)) * 1024 if told else 0
