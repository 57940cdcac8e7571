"""What the tests have a second process do: it imports this module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from activities.formats.container import BadFile


class Particular(Exception):  # noqa: N818
    """An error that cannot be told to another process: it cannot be made of its text alone."""

    def __init__(self, one: str, *, other: str) -> None:
        super().__init__(f"{one} {other}")


def count(first: int, end: int) -> Iterator[int]:
    yield from range(first, end)


def columns(sizes: list[int]) -> Iterator[dict[str, NDArray[np.float64]]]:
    for size in sizes:
        yield {"whole": np.arange(size) / 8, "half": np.arange(size)[::2] / 8}


def sums(numbers: NDArray[np.float64], times: int) -> Iterator[float]:
    for _ in range(times):
        yield float(numbers.sum())


def refuse() -> Iterator[int]:
    yield 1
    raise BadFile("export.zip is a picture.")


def be_particular() -> Iterator[int]:
    raise Particular("no", other="way")
    yield 1


def chat() -> Iterator[int]:
    print("not an answer", flush=True)
    os.write(1, b"neither is this")
    yield 1


def die(after: int) -> Iterator[int]:
    yield from range(after)
    time.sleep(0.2)  # what was told is on its way
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> Iterator[int]:
    os._exit(3)
    yield 1


def dawdle(seconds: float) -> Iterator[int]:
    time.sleep(seconds)
    yield 1
