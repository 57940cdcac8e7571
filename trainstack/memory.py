"""How this process keeps memory: it gives back what it no longer needs."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

# mallopt's name for the number of arenas; the C library would make eight a processor, each with its own left-overs.
_M_ARENA_MAX = -8
_ARENAS = 2


def give_back() -> None:
    """From here on freed memory goes back to the system: an import stays flat, whatever the size of the file.

    Arrow's own allocator is quick to take and slow to return; the C library's is as quick at the sizes used here.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    _call("mallopt", _M_ARENA_MAX, _ARENAS)


def trim() -> None:
    """Hand back at once what has been freed: a few milliseconds, well spent after each checkpoint of an import."""
    _call("malloc_trim", 0)


@contextmanager
def uncollected() -> Iterator[None]:
    """Garbage is collected when this is over: looking through all objects takes longer than a transaction may."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _call(name: str, *numbers: int) -> None:
    try:
        getattr(ctypes.CDLL(None), name)(*numbers)
    except (OSError, AttributeError, TypeError):
        return  # another C library than glibc: it has neither
