"""Which lines of a file the explored steps run: what both engines say, and what is right."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from checker.engine.atoms import atoms
from checker.engine.passages import SourceLine, line_texts, never_run, passages
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Search, open_search
from checker.language.lower import lower
from model.lang import Property
from tests.rigs.compare import designs_in, load_module
from tests.rigs.header import Sizes

TOY = '''\
from tests.rigs.header import *


class Toy(Design):
    scope: Sizes
    on: bool
    turned: bool
    seen: Mask[Cpu]

    def initial(self) -> None:
        if self.on:
            self.seen.clear()                       # never
        self.seen.add(1)                            # run, by initial() alone

    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        require(cpu == 0)
        for n in range(2):
            if (
                n in self.seen
                and not self.on
            ):
                return
            self.seen.discard(n)
        self.on = True                              # never: the loop returns, since 1 is in the mask
        self.note(cpu)                              # never

    @step(by="guest")
    def turn(self) -> None:
        self.turned = not self.turned

    @step(by="guest")
    def wait(self) -> None:
        require(self.on)
        self.on = False                             # never: it is not on

    @step(by="guest")
    def look(self) -> None:
        if self.strange(0):
            self.on = True                          # never
        elif not self.on:
            self.on = False
        else:
            self.on = True                          # never

    def note(self, cpu: Cpu) -> None:
        self.seen.add(cpu)                          # never

    def strange(self, cpu: Cpu) -> bool:
        if cpu == 1:
            return True                             # never by a step; a property runs it
        return False

    def sure(self, how: bool) -> bool:
        if self.turned:
            return not self.on                      # by properties alone
        if how:
            return True                             # never: a witness comes here, and judges nothing
        if self.on:
            return False                            # never by a property: it is not on
        return True

    def told(self) -> bool:
        return self.on                              # for a witness alone


@always()
def all_is_well(s: Toy, cpu: Cpu) -> bool:
    """A property."""
    if s.on:
        return False                                # who asks is not asked about
    return not s.strange(cpu) and s.sure(False)


@always()
def all_stays_well(before: Toy, after: Toy) -> bool:
    """A property of steps."""
    return after.sure(False)


@reachable()
def all_is_told(s: Toy) -> bool:
    """A witness."""
    return s.sure(True) and not s.told()
'''


@pytest.fixture
def toy(tmp_path: Path, request: pytest.FixtureRequest):
    name = f"passages_{abs(hash(request.node.name))}"
    (tmp_path / "toy.py").write_text(TOY.replace("Toy", name))  # programs are known by the names of their designs
    module = load_module(tmp_path / "toy.py", name)
    yield module
    del sys.modules[name]


@pytest.mark.parametrize("asked_too", [("all_is_well", "all_is_told"), ("all_stays_well", "all_is_told")])
@pytest.mark.parametrize("engine", ["native", "reference", "whole"])
def test_lines_that_no_step_runs(toy, engine: str, asked_too: tuple[str, ...]) -> None:
    design, asked = designs_in(toy), [getattr(toy, name) for name in asked_too]
    assert isinstance(asked[0], Property)
    prepared = prepare(design, Sizes(), asked)
    lines = lines_of(prepared, Reference(design, Sizes()), engine)
    never = {n for n, text in enumerate(TOY.splitlines(), 1) if "# never" in text}
    head = 1 + TOY[: TOY.index("    def told")].count("\n")
    assert {line.number for line, was_run in lines.items() if not was_run} == {*never, head}
    of_steps = {"initial", "go", "turn", "wait", "look", "note", "strange"}
    assert {line.function for line in lines if not line.asked and not line.uncalled} == of_steps
    assert {line.function for line in lines if line.asked} == {"sure"}
    run = {line.number for line, was_run in lines.items() if was_run}
    for text in (
        "self.seen.add(1)",
        "require(cpu",
        "for n in",
        "if (",
        "return\n",
        "discard",
        "elif",
        "require(self.on)",
    ):
        assert 1 + TOY[: TOY.index(text)].count("\n") in run, text


def lines_of(prepared: Prepared, reference: Reference, engine: str) -> Mapping[SourceLine, bool]:
    """whole: by the C of a large search."""
    if engine == "whole":
        search: Search = NativeSearch(prepared.lowered(), reference, keep_edges=False, noted=prepared.noted)
    else:
        search = open_search(prepared, reference, engine)
    search.run(Limits(), None)
    for atom in atoms(prepared.program):  # the reference evaluates what it is asked
        search.first_edge(atom, True) if atom.of_edges else search.first_state(atom, True)
    return search.lines_run()


def test_passages_come_in_the_programs_order(toy) -> None:
    """Not in a set's, which is another one in each process: the same program gives the same C, which is compiled once."""
    program = lower(designs_in(toy), Sizes(), [toy.all_is_well])
    noted = [next(iter(passage.lines)).function for passage in passages(program, designs_in(toy))]
    wanted = [name for name in program.functions if name in noted]
    assert list(dict.fromkeys(noted)) == [*(f for f in wanted if f != "sure"), "sure", "told"] and len(wanted) == 8


def test_another_search_in_the_same_thread_is_not_counted(toy) -> None:
    """Compiled programs are shared by the cells of a matrix."""
    design = designs_in(toy)
    prepared, reference = prepare(design, Sizes(), []), Reference(design, Sizes())
    first, second = (open_search(prepared, reference, "native") for _ in range(2))
    first.run(Limits(), None)
    assert first.labels(first.codes(0), first.codes(1))  # asks the program for the successors of a state
    second.run(Limits(max_states=0), None)
    all_run = {line.function for line, was_run in first.lines_run().items() if was_run}
    assert all_run == {"initial", "go", "turn", "wait", "look", "strange"}
    assert {line.function for line, was_run in second.lines_run().items() if was_run} == {"initial"}


def test_what_no_cell_runs() -> None:
    def of(number: int, *, uncalled: bool = False) -> SourceLine:
        return SourceLine("a/mine.py", "f", number, uncalled)

    head = of(3, uncalled=True)
    assert never_run([{of(4): True, of(5): False, of(6): False}, {of(4): False, of(5): True, of(6): False}]) == [of(6)]
    assert never_run([{head: False}, {of(4): True, of(5): False}]) == [
        of(5)
    ]  # where it is called, its head says nothing
    assert never_run([{head: False}, {head: False}]) == [head]
    assert never_run([{of(4): True}]) == never_run([]) == []
    assert line_texts([of(3), of(4), of(7)]) == ["mine.py:3-4,7 in f()"]
    assert line_texts([head]) == ["mine.py:3 no step comes to f()"]
