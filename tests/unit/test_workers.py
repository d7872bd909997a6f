"""Workers answer what is handed in, in any order and whatever becomes of them; and what goes wrong there is said here."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checker.errors import EnginesDisagree, InternalError, UserError
from checker.language.ir import Loc
from checker.language.refusal import Refused
from checker.workers.processes import crew
from checker.workers.where import checked
from checker.workers.workers import Desk, Errand, Workers, working


def square(desk: Desk, number: int) -> tuple[int, int]:
    desk.tell(f"{desk.state} {number}")
    return number * number, os.getpid()


def fail(desk: Desk, error: Exception) -> None:
    raise error


def fail_of_its_own(desk: Desk) -> None:
    class Odd(Exception):
        pass

    raise Odd("something that no other process knows")


def die(desk: Desk, path: Path, how: int) -> str:
    """By a signal, but once only if the file can be taken away."""
    if how < 0:
        os.kill(os.getpid(), -how)
    if path.exists():
        path.unlink()
        os.kill(os.getpid(), how)
    return "the answer"


def wait(desk: Desk) -> bool:
    return desk.stop.wait(0.01) or _until(desk.stop.is_set)


def _until(is_so: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 60
    while not is_so() and time.monotonic() < ends:
        time.sleep(0.01)
    return is_so()


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def two(stop: threading.Event) -> Iterator[Workers]:
    with working(crew("state", stop, "")[0], 2, stop) as workers:
        yield workers
    assert not multiprocessing.active_children()


def test_each_answers_for_its_call_and_tells_its_owner(two: Workers) -> None:
    heard = list[str]()
    made = [two.submit([Errand(square, (n + k,), heard.append) for k in range(3)]) for n in range(0, 12, 3)]
    found = [[future.result(60) for future in futures] for futures in made]
    assert [number for together in found for number, _ in together] == [n * n for n in range(12)]
    assert sorted(heard) == sorted(f"state {n}" for n in range(12))
    assert all(len({pid for _, pid in together}) == 1 and together[0][1] != os.getpid() for together in found)


ERRORS = (
    UserError("no such thing"),
    Refused(Loc("nobody_has_this.py", 3, 1, 4), "not in the language", "write something else"),
    EnginesDisagree("a cell", {"one": "HOLDS", "the other": "VIOLATED"}),
    MemoryError("no memory for the search engine"),
    ConnectionError("no connection of the worker's"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_arrives_as_it_is(two: Workers, error: Exception) -> None:
    arrived = two.submit([Errand(fail, (error,))])[0].exception(60)
    assert type(arrived) is type(error) and str(arrived) == str(error)
    assert vars(arrived) == vars(error)
    assert two.submit([Errand(square, (2,))])[0].result(60)[0] == 4


def test_an_error_that_cannot_travel_is_told_with_its_place(two: Workers) -> None:
    arrived = two.submit([Errand(fail_of_its_own, ())])[0].exception(60)
    assert isinstance(arrived, InternalError)
    assert "Odd: something that no other process knows" in str(arrived) and "in fail_of_its_own" in str(arrived)


def test_who_is_killed_is_replaced_and_the_answer_is_the_same(two: Workers, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    futures = two.submit([Errand(die, (once, signal.SIGKILL)), Errand(square, (3,))])
    assert [futures[0].result(60), futures[1].result(60)[0]] == ["the answer", 9] and not once.exists()


def test_what_kills_each_worker_is_no_answer(two: Workers, tmp_path: Path) -> None:
    killed, crashed, after = two.submit(
        [Errand(die, (tmp_path, -signal.SIGKILL)), Errand(die, (tmp_path, -signal.SIGTERM)), Errand(square, (4,))]
    )
    assert isinstance(killed.exception(60), MemoryError) and "SIGKILL" in str(killed.exception())
    assert isinstance(crashed.exception(60), InternalError) and "SIGTERM" in str(crashed.exception())
    assert after.result(60)[0] == 16


def test_once_they_are_to_stop_they_hear_it_and_nothing_else_is_begun(two: Workers, stop: threading.Event) -> None:
    first, second = two.submit([Errand(wait, ()), Errand(square, (5,))])
    stop.set()
    assert first.result(60) in (True, None) and second.result(60) is None


def test_a_worker_whose_owner_is_gone_is_to_stop(tmp_path: Path) -> None:
    def owner() -> None:
        stop = threading.Event()
        with working(crew(None, stop, "")[0], 1, stop) as workers:
            workers.submit([Errand(_leave, (tmp_path / "left",))])
            assert _until((tmp_path / "left").exists)
            os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=owner)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert _until((tmp_path / "left.heard").exists)


def _leave(desk: Desk, path: Path) -> None:
    path.touch()
    _until(desk.stop.is_set)
    path.with_suffix(".heard").touch()


@pytest.mark.parametrize("on", ["here", "processes", "ray", "ray:10.0.0.1:6379"])
def test_where_is_as_it_was_given(on: str) -> None:
    assert checked(on) == on


@pytest.mark.parametrize(
    ("on", "said"), [("rai", "did you mean 'ray'?"), ("", "is needed"), ("here:1", "is needed"), ("ray:", "is needed")]
)
def test_anything_else_is_refused(on: str, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        checked(on)


def test_a_refusal_is_whole_after_a_journey() -> None:
    error = pickle.loads(pickle.dumps(ERRORS[1]))
    assert (error.loc, error.message, error.hint) == (ERRORS[1].loc, ERRORS[1].message, ERRORS[1].hint)
