"""Would the cells of a comparison tell a slip in what a design changes? One-change mutants of its changed lines say it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from checker.engine.build import CompileFailed, NoCompiler
from checker.engine.passages import SourceLine
from checker.interrupt import until_ctrl_c
from checker.language import ir
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.progress import Progress
from checker.questions.not_run import not_run_texts
from checker.questions.slips import Slips
from oracles.mutation.judge import BadWalk, Bounds, MutantJudge, Observables
from oracles.mutation.make import Mutant
from oracles.mutation.operators import nodes
from oracles.mutation.report import DEAD

SWAPPED = "order"  # of two statements: where it changes nothing, they do not depend on each other
SECONDS = 60.0  # for all cells
MOST_STATES = 200_000

Lines = Mapping[str, Mapping[str, set[int]]]  # file -> function -> the changed ones


class EveryField(Observables):
    """Nothing of the state is hidden."""

    def sees(self, leaf: str) -> bool:
        return True


def slips_of(cells: Sequence[tuple[int, Cell]], changed: Lines, others: Sequence[Cell], taken: Lines) -> Slips:
    """cells: of the design, with their numbers of states; changed: its lines that the other design has not. others: the
    same cells of that one, and the lines that it alone has."""
    found = Slips()
    found.silent = _silent(others, taken) | _silent([cell for _, cell in cells], changed)
    if not changed:
        return found
    untold, met = dict[str, Mutant](), dict[str, bool]()  # met: some step runs its line
    asked = dict[tuple[str, str], bool]()  # the changed functions that some program has: has one mutants?
    every = {(file, name) for file, names in changed.items() for name in names}
    ordered = [cell for states, cell in sorted(cells, key=lambda c: c[0]) if states <= MOST_STATES]
    started, progress = time.monotonic(), Progress(len(ordered), "cells asked for slips")
    with until_ctrl_c() as cut:
        for number, cell in enumerate(ordered):
            if (not untold and every <= asked.keys()) or time.monotonic() - started > SECONDS:
                break
            progress.done = number
            progress.show()
            found.why = _ask(cell, changed, untold, met, asked)
            found.tried += not found.why
            if found.why:
                break
    progress.close()
    found.left = len(cells) - found.tried
    limit = f"more than {SECONDS:.0f} s, or than {MOST_STATES:,} states"
    found.why = (
        "interrupted"
        if cut.short
        else found.why or (limit if found.left and (untold or not every <= asked.keys()) else "")
    )
    found.mutants = len(met)
    _what_is_left(found, changed, untold, met, asked)
    return found


def _what_is_left(
    found: Slips, changed: Lines, untold: Mapping[str, Mutant], met: Mapping[str, bool],
    asked: Mapping[tuple[str, str], bool],
) -> None:  # fmt: skip
    """The mutants that no cell tells, and the functions that have none."""
    for name, mutant in untold.items():
        if met[name]:
            (place,) = not_run_texts([SourceLine(mutant.site.loc.file, mutant.rule, mutant.site.loc.line)])
            found.blind[name] = (place, mutant.what)
        else:
            found.dead[name] = SourceLine(mutant.site.loc.file, mutant.rule, mutant.site.loc.line)
    for file, name, lines in ((file, name, lines) for file, names in changed.items() for name, lines in names.items()):
        if (file, name) not in asked:
            found.dead[f"{file}:{name}"] = SourceLine(file, name, min(lines), uncalled=True)
        elif not asked[file, name]:
            (place,) = not_run_texts([SourceLine(file, name, min(lines))])
            found.blind[f"{file}:{name}"] = (place, "there is none to make")


def _ask(
    cell: Cell, changed: Lines, untold: dict[str, Mutant], met: dict[str, bool], asked: dict[tuple[str, str], bool]
) -> str:  # fmt: skip
    """Take away those that this cell tells. Why it could not be asked."""

    def of_change(function: ir.Function) -> str | None:
        names = changed.get(function.loc.file, {})
        return "change" if function.name.rpartition(".")[2] in names else None

    try:
        judge = MutantJudge(cell.system, cell.scope, EveryField(), of_change, Bounds(MOST_STATES))
    except (NoCompiler, CompileFailed, BadWalk) as error:
        return f"{type(error).__name__}"
    for function in filter(of_change, judge.program.functions.values()):
        asked.setdefault((function.loc.file, function.name.rpartition(".")[2]), False)
    for mutant in (m for m in judge.made.mutants if m.operator != SWAPPED):
        lines = changed[mutant.site.function.loc.file][mutant.rule]
        new = mutant.name not in met and {mutant.site.loc.line, mutant.site.statement.loc.line} & lines
        if new:
            asked[mutant.site.function.loc.file, mutant.rule] = True
            met[mutant.name] = False
            untold[mutant.name] = mutant
        if mutant.name in untold:
            why_not = judge.makes_no_difference(mutant)
            met[mutant.name] |= why_not != DEAD
            if why_not is None:
                del untold[mutant.name]
    return ""


def _silent(cells: Sequence[Cell], lines: Lines) -> dict[SourceLine, str]:
    """The lines of these that call a function which does nothing in any of the cells, with its name."""
    found, speaks = dict[SourceLine, str](), set[SourceLine]()
    for cell in {cell.system: cell for cell in cells}.values() if lines else ():
        functions = lower(cell.system, cell.scope).functions
        for function in functions.values():
            numbers = lines.get(function.loc.file, {}).get(function.name.rpartition(".")[2], ())
            for call in (n for n in nodes(function) if isinstance(n, ir.Do) and n.loc.line in numbers):
                name = call.function.rpartition(".")[2]
                line = SourceLine(call.loc.file, function.name.rpartition(".")[2], call.loc.line)
                if _does_nothing(functions, call.function):
                    found[line] = name
                else:
                    speaks.add(line)
    return {line: name for line, name in found.items() if line not in speaks}


def _does_nothing(functions: Mapping[str, ir.Function], name: str) -> bool:
    """The model leaves it empty, or it calls nothing but such functions."""
    body = functions[name].body
    return all(isinstance(stmt, ir.Do) and _does_nothing(functions, stmt.function) for stmt in body)
