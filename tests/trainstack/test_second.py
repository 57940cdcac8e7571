"""The second process: what it is asked for arrives, what goes wrong there is told here, and it never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.formats.container import BadFile
from tests.trainstack import errands
from trainstack import second as module
from trainstack.second import ROOT, Ended, Second


@pytest.fixture(scope="module")
def second() -> Iterator[Second]:
    with Second() as one:
        one.start()
        yield one


@pytest.fixture
def own() -> Iterator[Second]:
    """One that a test may break."""
    with Second() as one:
        one.start()
        yield one


def is_alive(pid: int | None) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int | None) -> None:
    until = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < until, "the second process is still there"
        time.sleep(0.02)


def test_what_it_yields_arrives_in_the_order_of_asking(second: Second) -> None:
    first, other = second.ask(errands.count, 0, 3), second.ask(errands.count, 7, 9)

    assert (list(first), list(other)) == ([0, 1, 2], [7, 8])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 40), st.integers(7_000, 9_000), st.integers(130_000, 135_000)), max_size=6))
def test_columns_arrive_as_they_are(second: Second, sizes: list[int]) -> None:
    told = list(second.ask(errands.columns, sizes))

    assert len(told) == len(sizes)
    for one, expected in zip(told, errands.columns(sizes), strict=True):
        assert one.keys() == expected.keys()
        assert all(np.array_equal(one[name], expected[name]) for name in expected)


def test_more_than_either_side_holds_goes_through(second: Second, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.ones(3 << 20)
    size = module.AHEAD_BYTES // 80

    asked = [
        second.ask(errands.sums, numbers, 2),
        second.ask(errands.columns, [size] * 30),
        second.ask(errands.sums, numbers, 1),
    ]

    assert list(asked[0]) == [3 << 20] * 2
    assert [len(one["whole"]) for one in asked[1]] == [size] * 30
    assert list(asked[2]) == [3 << 20]


def test_an_error_there_is_raised_here_as_what_it_is(second: Second) -> None:
    answers = iter(second.ask(errands.refuse))

    assert next(answers) == 1
    with pytest.raises(BadFile, match=r"^export\.zip is a picture\.") as raised:
        next(answers)
    assert "errands.py" in raised.value.__notes__[0]
    assert list(second.ask(errands.count, 0, 2)) == [0, 1]


def test_an_error_that_cannot_be_sent_is_told(second: Second) -> None:
    with pytest.raises(RuntimeError, match=r"^Particular: no way"):
        list(second.ask(errands.be_particular))


def test_work_that_is_not_there_is_an_error_and_no_silence(second: Second, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Iterator[int]:
        yield 1

    gone.__qualname__, gone.__module__ = "gone", "tests.trainstack.errands"
    monkeypatch.setattr(errands, "gone", gone, raising=False)

    with pytest.raises(AttributeError, match="gone"):
        list(second.ask(gone))


def test_what_it_prints_is_no_answer(second: Second) -> None:
    assert list(second.ask(errands.chat)) == [1]


def test_whoever_waits_hears_of_it(second: Second) -> None:
    waited: list[float] = []

    assert list(second.ask(errands.dawdle, 0.5).each(0.1, lambda: waited.append(1))) == [1]
    assert 2 <= len(waited) <= 5


def test_an_error_of_whoever_waits_ends_the_waiting(own: Second) -> None:
    def give_up() -> None:
        raise TimeoutError("long enough")

    pid = own.pid
    with pytest.raises(TimeoutError):
        list(own.ask(errands.dawdle, 60).each(0.1, give_up))
    assert not is_alive(pid)


def test_answers_that_nobody_takes_are_not_taken_for_others(own: Second) -> None:
    for _ in own.ask(errands.count, 0, 5):
        break

    own.start()

    assert list(own.ask(errands.count, 7, 9)) == [7, 8]


@pytest.mark.parametrize(
    ("work", "arguments", "yielded", "how"),
    [(errands.die, (2,), [0, 1], r"was killed \(signal 9\)"), (errands.leave, (), [], r"ended \(code 3\)")],
)
def test_its_end_is_told_and_it_can_be_started_again(
    own: Second, work: Any, arguments: Any, yielded: list[int], how: str
) -> None:
    answers = iter(own.ask(work, *arguments))
    assert [next(answers) for _ in yielded] == yielded

    with pytest.raises(Ended, match=how):
        next(answers)

    assert not own.is_there
    own.start()
    assert list(own.ask(errands.count, 0, 2)) == [0, 1]


def test_asking_one_that_has_ended_tells_so(own: Second) -> None:
    assert own.pid
    os.kill(own.pid, signal.SIGKILL)
    wait_until_gone(own.pid)

    with pytest.raises(Ended):
        list(own.ask(errands.sums, np.ones(1 << 20), 1))


def test_it_is_ended_in_the_middle_of_its_work() -> None:
    with Second() as own:
        own.start()
        pid = own.pid
        own.ask(errands.dawdle, 60)
        assert is_alive(pid)

    assert not is_alive(pid)


@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_for_the_whole_group_leaves_its_end_to_whoever_started_it(own: Second, one: signal.Signals) -> None:
    assert list(own.ask(errands.count, 0, 1)) == [0]
    assert own.pid

    os.kill(own.pid, one)

    assert list(own.ask(errands.dawdle, 0.1)) == [1]


STARTS_ONE = """
import sys, time
from tests.trainstack import errands
from trainstack.second import Second
second = Second()
second.start()
answers = second.ask(*{"idle": (errands.count, 0, 0), "at work": (errands.dawdle, 60.0),
                       "full": (errands.columns, [1 << 20] * 40)}[sys.argv[1]])
print(second.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("does", ["idle", "at work", "full"])
def test_it_goes_when_the_process_that_started_it_is_killed(does: str) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_ONE, does], cwd=ROOT, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout
        pid = int(one.stdout.readline())
        time.sleep(0.8)
        assert is_alive(pid)

        one.kill()

        wait_until_gone(pid)


def test_it_knows_no_django() -> None:
    """What takes its time and its memory there: only what it is sent."""
    code = (
        "import sys, trainstack.second, integrations.apart, activities.formats.together; print('django' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
