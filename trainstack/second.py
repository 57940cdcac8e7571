"""A second process beside this one, for work that is pure: it uses the second processor, and no lock is shared.

`Second.ask` has a generator function called there; what it yields arrives here, in the order of asking, while this
process does something else. What it raises is raised here. The process knows no Django, no settings and no database: it
is started anew (not forked) and imports only what it is sent. It ends when it is told so, and when the process that
started it is gone, however that ended: then its standard input ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import queue
import selectors
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# What is made ahead of whoever takes it, at most.
AHEAD_BYTES = 8 << 20
PIPE_BYTES = 1 << 20
# The length of what is pickled and the number of buffers that follow it, each of which begins at such a multiple.
_HEAD = struct.Struct("<QQ")
_ALIGNED = 64

T = TypeVar("T")


class Ended(Exception):  # noqa: N818
    """The second process ended before its work was done; the message says how."""


class Answers(Generic[T]):
    """What a piece of work yields. To be taken whole, and in the order in which work was asked for."""

    def __init__(self, second: Second) -> None:
        self._second = second

    def __iter__(self) -> Iterator[T]:
        return self.each()

    def each(self, every_s: float | None = None, waiting: Callable[[], None] = lambda: None) -> Iterator[T]:
        """One by one; calls `waiting` whenever nothing has come for that long.

        Whoever stops before the end ends the process: what is left would be taken for the next answers.
        """
        is_over = False
        try:
            while not is_over:
                kind, told = self._second.receive(every_s, waiting)
                is_over = kind != "one"
                if kind == "error":
                    raise told
                if kind == "one":
                    yield told
        finally:
            if not is_over:
                self._second.end()


class Second:
    """The second process; a context manager that ends it. It is there once `start` was called."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Second:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def is_there(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, *files: IO[bytes]) -> None:
        """Start it, unless it is there. It can read these files under the numbers that they have here."""
        if self._process:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trainstack.second"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[file.fileno() for file in files],
            # Threads of the libraries that compute would only take memory.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            # From where `-m` finds the project.
            cwd=ROOT,
            bufsize=0,
        )
        assert self._process.stdout
        # Fewer turns between the two where the system allows that.
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def end(self) -> None:
        """End it at once, whatever it does."""
        if self._process:
            process, self._process = self._process, None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe
                pipe.close()

    def ask(self, work: Callable[..., Iterator[T]], *arguments: Any) -> Answers[T]:
        """Have this generator function called there. It and its arguments are told by name and by value (pickle)."""
        assert self._process
        assert self._process.stdin
        try:
            _write(self._process.stdin.fileno(), _packed((work, arguments)))
        except BrokenPipeError:
            raise self._ended() from None
        return Answers(self)

    def receive(self, every_s: float | None, waiting: Callable[[], None]) -> tuple[str, Any]:
        """The next answer; "end" behind the last of each piece of work. Raises Ended."""
        assert self._process
        assert self._process.stdout
        parts = _read(self._process.stdout.fileno(), every_s, waiting)
        if parts is None:
            raise self._ended()
        return _unpacked(parts)

    def _ended(self) -> Ended:
        assert self._process
        process = self._process
        self.end()
        code = process.returncode
        how = f"was killed (signal {-code})" if code < 0 else f"ended (code {code})"
        return Ended(f"The process that reads files {how} before it was done.")


# --- messages -------------------------------------------------------------------------------
def _packed(message: Any) -> list[Any]:
    """The message in pieces: columns of numbers are not copied."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(message, 5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    sizes = np.array([raw.nbytes for raw in raws], np.int64).tobytes()
    pieces: list[Any] = [_HEAD.pack(len(pickled), len(raws)), sizes]
    for raw in (memoryview(pickled), *raws):
        pieces += (raw, bytes(-raw.nbytes % _ALIGNED))
    return pieces


def _unpacked(parts: Sequence[memoryview]) -> Any:
    return pickle.loads(parts[0], buffers=parts[1:])  # noqa: S301 - from a process of ours


def _write(target: int, pieces: Sequence[Any]) -> None:
    # Most pieces are small: they go together.
    small: list[Any] = []
    for piece in pieces:
        if len(piece) < 1 << 16:
            small.append(piece)
            continue
        _write_all(target, b"".join(small))
        small = []
        _write_all(target, piece)
    _write_all(target, b"".join(small))


def _write_all(target: int, data: Any) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def _read(
    source: int, every_s: float | None = None, waiting: Callable[[], None] = lambda: None
) -> list[memoryview] | None:
    """The next message, packed; None at the end, also where that comes in the middle of one."""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)

        def fill(size: int) -> memoryview | None:
            whole = np.empty(size, np.uint8).data.cast("B")
            left = whole
            while left:
                while not selector.select(every_s):
                    waiting()
                count = os.readv(source, [left])
                if not count:
                    return None
                left = left[count:]
            return whole

        head = fill(_HEAD.size)
        if head is None:
            return None
        pickled, count = _HEAD.unpack(head)
        sizes = fill(8 * count)
        if sizes is None:
            return None
        lengths = [pickled, *np.frombuffer(sizes, np.int64).tolist()]
        body = fill(sum(length + -length % _ALIGNED for length in lengths))
    if body is None:
        return None
    parts = []
    at = 0
    for length in lengths:
        parts.append(body[at : at + length])
        at += length + -length % _ALIGNED
    return parts


# --- the other side -------------------------------------------------------------------------
class _Ahead:
    """Messages on their way out, written by a thread of their own; whoever is too far ahead waits."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._waiting: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self._bytes = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._write, name="write", daemon=True).start()

    def put(self, message: Any) -> None:
        pieces = _packed(message)
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < AHEAD_BYTES)
            self._bytes += _size(pieces)
        self._waiting.put(pieces)

    def _write(self) -> None:
        while True:
            pieces = self._waiting.get()
            try:
                _write(self._target, pieces)
            except OSError:  # nobody is there any more
                os._exit(1)
            with self._changed:
                self._bytes -= _size(pieces)
                self._changed.notify()


def _size(pieces: Sequence[Any]) -> int:
    return sum(len(piece) for piece in pieces)


def _told(error: BaseException) -> BaseException:
    """The error as it can be sent: with where it happened, and as its text where it is of an own mind."""
    where = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled just now
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In the second process:\n{where}")
    return error


def main() -> None:
    """Do what is asked for on standard input, until that ends."""
    # The process that started this one ends it: a signal for the whole group is first of all for that one.
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    answers = _Ahead(os.dup(1))
    os.dup2(2, 1)  # what anything prints is no answer
    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        while (request := _read(0)) is not None:
            asked.put(request)
        os._exit(0)

    threading.Thread(target=listen, name="listen", daemon=True).start()
    while True:
        request = asked.get()
        try:
            work, arguments = _unpacked(request)
            for one in work(*arguments):
                answers.put(("one", one))
            answers.put(("end", None))
        except BaseException as error:
            answers.put(("error", _told(error)))
        work = arguments = request = None


if __name__ == "__main__":
    main()
