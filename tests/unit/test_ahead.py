"""What is looked for ahead is what is asked for, each once, and never more at a time than was allowed."""

from __future__ import annotations

import threading

import pytest

from checker.engine.ahead import Ahead


class Counted:
    """Doubles a number, and notes how many do so at once."""

    def __init__(self, together: int) -> None:
        self.asked, self.now, self.most = list[int](), 0, 0
        self._lock, self._all_here = threading.Lock(), threading.Barrier(together, timeout=10)

    def __call__(self, number: int) -> int:
        with self._lock:
            self.asked.append(number)
            self.now += 1
            self.most = max(self.most, self.now)
        self._all_here.wait()
        with self._lock:
            self.now -= 1
        if number == 3:
            raise ValueError("three")
        return 2 * number


def test_two_at_once_each_its_own_answer() -> None:
    find = Counted(2)  # nobody gets past the barrier alone
    ahead = Ahead(find, [0, 1, 2, 3], 2)
    assert [ahead.get(0), ahead.get(1), ahead.get(2), ahead.get(0)] == [0, 2, 4, 0]
    with pytest.raises(ValueError, match="three"):
        ahead.get(3)
    assert sorted(find.asked) == [0, 1, 2, 3] and find.most == 2


def test_one_that_was_not_announced() -> None:
    ahead = Ahead(Counted(1), [], 2)
    assert ahead.get(7) == 14
