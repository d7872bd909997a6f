"""Which lines a step runs, on the toy that the tests of stories share."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from checker.stories.lines_run import StepRunner
from model.lang import Design, Index, Scope, require, step

Count: TypeAlias = Annotated[int, Index("counts")]


@dataclass(frozen=True)
class Counts(Scope):
    counts: int = 3


class Loopy(Design):
    """One counter, and a helper that a step may come to."""

    count: Count = 0

    @step(by="any")
    def go(self) -> None:
        require(self.count < 2)
        if self.count == 1:
            self.helped()
        self.count = self.count + 1

    def helped(self) -> None:
        assert all(
            value < 3  # on a line of its own
            for value in range(2)
        )


def texts(function, ran):
    lines, first = inspect.getsourcelines(function)
    return [lines[number - first].strip() for number in ran[function]]


def runner():
    return StepRunner(Loopy, Counts())


def test_the_lines_of_a_step_are_those_of_the_branch_that_it_takes():
    ran = runner().ran((0,), "go", ())
    assert list(ran) == [Loopy.go]
    assert texts(Loopy.go, ran) == ["require(self.count < 2)", "if self.count == 1:", "self.count = self.count + 1"]


def test_functions_come_in_the_order_of_their_calls_with_what_is_nested_in_them():
    ran = runner().ran((1,), "go", ())
    assert list(ran) == [Loopy.go, Loopy.helped]
    assert "self.helped()" in texts(Loopy.go, ran) and "value < 3  # on a line of its own" in texts(Loopy.helped, ran)


def test_a_step_that_is_not_possible_runs_as_far_as_that():
    assert texts(Loopy.go, runner().ran((2,), "go", ())) == ["require(self.count < 2)"]


def test_what_was_run_does_not_depend_on_what_was_asked_before():
    one = runner()
    answers = [one.ran((state,), "go", ()) for state in (1, 0, 1, 2, 0)]
    assert answers[0] == answers[2] and answers[1] == answers[4] == runner().ran((0,), "go", ())
