"""A progress bar for commands: drawn on a terminal, silent anywhere else."""

from __future__ import annotations

import shutil
import time
from types import TracebackType
from typing import Self, TextIO

DRAWN_EVERY_S = 0.1
BAR = 24


class Progress:
    """`with Progress(sys.stderr, total) as progress: progress.advance(n, "what")`; the line is gone at the end."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self.done = 0
        self.total = total
        self._stream = stream
        self._shown = stream.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, count: int, doing: str = "") -> None:
        self.at(self.done + count, doing)

    def at(self, done: int, doing: str = "") -> None:
        self.done = done
        now = time.monotonic()
        if not self._shown or now - self._drawn < DRAWN_EVERY_S:
            return
        self._drawn = now
        self._stream.write(
            "\r\x1b[K" + self._line(now - self._started, doing)[: shutil.get_terminal_size().columns - 1]
        )
        self._stream.flush()

    def _line(self, elapsed_s: float, doing: str) -> str:
        ratio = min(self.done / self.total, 1.0) if self.total else 0.0
        full = round(BAR * ratio)
        left_s = elapsed_s / ratio - elapsed_s if ratio else 0.0
        return f"{'█' * full}{'░' * (BAR - full)} {ratio:4.0%}  {left_s // 60:.0f}:{left_s % 60:02.0f} left  {doing}"
