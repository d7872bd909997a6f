"""What `eoi trace` tells besides the first run: another one, and expressions of the user's along it."""

from __future__ import annotations

import json
import sys
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from checker.command.explore import limits_of, story
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.matrix.scope import ScopeValue
from checker.matrix.select import select
from checker.questions import report
from checker.questions.as_told import OTHER
from checker.questions.other_run import OtherAnswer, answer_text, elsewhere, other_run, told
from checker.questions.verdict import CellResult, Status, Verdict
from checker.stories import watch
from checker.stories.trace import Trace
from checker.stories.watch import Watched
from checker.stories.write import WIDTH


def another(
    options: Namespace, results: Sequence[CellResult], result: CellResult, first: Verdict
) -> tuple[CellResult, Verdict, Trace] | None:
    """A different run of the same cell; else of one that is like it but larger, up to the sizes that are asked for; else of
    another cell. None: there is none. It is said which it is, or why there is none."""
    what = "violation" if first.status is Status.VIOLATED else "run there"
    answers = list[OtherAnswer]()
    for cell in cells_like(options, result.cell):
        answers.append(other_run(cell, first, options.engine, limits_of(options)))
        if answers[-1].verdict is not None:
            break
    found, said = answers[-1].verdict, answer_text(answers, report.length_text(first), what)
    chosen = None if found is None else _of_cell(options, result, answers[-1].cell, found)
    if chosen is None and (there := elsewhere(results, first)) is not None:
        said = f"Another {what}, {there[2]} (the first, in {result.cell}: {report.length_text(first)}; none in cells like that)"
        chosen = there[0], there[1], story(there[0], there[1])
    shown = sys.stderr if options.json else sys.stdout
    print("\n".join(textwrap.wrap(said, WIDTH)), end="\n" * (2 if chosen else 1), file=shown, flush=True)
    return chosen


def _of_cell(options: Namespace, result: CellResult, cell: Cell, verdict: Verdict) -> tuple[CellResult, Verdict, Trace]:
    command = f"{report.reproduce('trace', cell, property_argument(verdict.property))}{OTHER}"
    return replace(result, cell=cell), verdict, told(cell, verdict, command, options.engine, limits_of(options))


def cells_like(options: Namespace, first: Cell) -> list[Cell]:
    """First itself, then the larger ones of the same roles and choices, as far as the sizes are not fixed."""
    found = [first]
    for small in ({"cpus": 1}, dict[str, ScopeValue]()):
        if not small.keys() & options.asked.sizes.keys():
            cells = select(options.asked, small)[1]
            found += [
                cell for cell in cells if cell.names == first.names and cell.scope.choices() == first.scope.choices()
            ]
    return list({tuple(cell.scope.sizes().items()): cell for cell in found}.values())


def check_watched(options: Namespace) -> None:
    """Raise StoryError for an expression that no cell has a value for."""
    watch.check(((cell.system, cell.scope) for cell in select(options.asked)[1]), options.watch)


def watched_of(expressions: Sequence[str], result: CellResult, verdict: Verdict) -> list[Watched]:
    """Raises StoryError with the expression that is wrong."""
    assert verdict.run is not None
    return watch.watched(result.cell.system, result.cell.scope, verdict.run.codes, expressions)


def watched_text(trace: Trace, seen: Sequence[Watched]) -> str:
    """Below the story, whose text is sealed."""
    return "".join(f"{line}\n" for line in watch.watch_lines(seen, trace.events))


def with_watched(trace: Trace, seen: Sequence[Watched]) -> str:
    if not seen:
        return trace.to_json()
    return json.dumps({**json.loads(trace.to_json()), "watched": watch.as_json(seen)}, indent=1) + "\n"
