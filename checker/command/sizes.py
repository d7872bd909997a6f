"""`eoi prove DESIGN --sizes 8x8x8`: every `always` property at sizes that are not enumerated, in every cell."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker.command import certificates, exits
from checker.engine.passages import never_run
from checker.errors import UserError
from checker.interrupt import until_ctrl_c
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.matrix.scope import OF_MACHINE
from checker.matrix.select import select
from checker.progress import Progress
from checker.questions import on_record, report
from checker.questions.not_run import not_run_texts
from checker.questions.own_word import own_word
from checker.questions.restated import asked_for
from checker.questions.unvaried import chosen_lines, open_because, unvaried
from checker.questions.verdict import Account, Status
from checker.questions.wide import TIMEOUT, UNSEEN, VACUOUS, WideResult, WideVerdict, judge_wide, sizes_text
from checker.stories.write import to_text
from checker.words import count, lines_below, screen
from model.lang import Kind, Property

WIDEST = 80  # columns
NO_MORE = "What is shown is shown at these sizes. Of others nothing is said, larger or smaller."


def run(options: Namespace) -> int:
    """The answer, a few lines for each cell, and the story of the first violation."""
    said = [name for name in OF_MACHINE if name in options.asked.sizes]
    if said:
        raise UserError(f"--sizes says how many {said[0]} there are, and so does --scope: leave one of them out")
    _, cells, _, wanted = select(options.asked)
    without = [name for name in OF_MACHINE if name not in cells[0].scope.sizes()]
    if without:
        raise UserError(
            f"{options.asked.name}: its scope has no {without[0]}, of which --sizes says how many there are"
        )
    if not any(p.kind is Kind.ALWAYS for p in wanted):
        raise UserError("--sizes proves `always` properties, and none is asked: see `eoi list properties`")
    if options.certificate:
        certificates.check_target(options, cells, wanted)
    since = time.monotonic()
    results = judged(options, cells, wanted)
    for result in results:
        proved = [v.property for v in result.of(Status.HOLDS)]
        on_record.proved(result.cell, proved, map(sizes_text, result.inductive_at))
    not_varied = unvaried(cells, options.asked.sizes)
    reasons = [*why_open(options, results), *open_because(not_varied)]
    print("\n".join(lines(options, results, len(cells), reasons, chosen_lines(not_varied))))
    violated = [(r, v) for r in results for v in r.of(Status.VIOLATED)]
    if violated and not options.brief:
        result, verdict = violated[0]
        print("\n" + story(options, result, verdict), end="")
    open_ = len(results) < len(cells) or bool(reasons) or any(r.of(Status.INCONCLUSIVE) for r in results)
    code = exits.decided(wrong=bool(violated), undecided=open_)
    if not options.certificate:
        return code
    made = certificates.write_wide(results, cells, Path(options.certificate), since)
    return exits.worst([code, certificates.told(*made)])


def why_open(options: Namespace, results: Sequence[WideResult]) -> list[str]:
    """What makes `eoi prove` INCONCLUSIVE does so here."""
    judged_of = {v.property.name for r in results for v in r.verdicts}
    says = [v for r in results for v in r.verdicts if v.status is not Status.HOLDS or not v.note]
    unseen = [
        f"no step of a small system runs {text}"
        for text in not_run_texts(
            asked_for(never_run([x for r in results for x in r.lines]), [r.cell.system for r in results])
        )
    ]
    named = options.asked.wanted if options.property else ()
    dropped = [p for p in named if p.name not in judged_of]
    not_asked = [
        f"{p.name} is not asked: {'it is not about these systems' if p.kind is Kind.ALWAYS else f'it is {p.kind}'}"
        for p in dropped
    ]
    notes = dict.fromkeys(v.note for r in results for v in r.verdicts)
    empty = [f"nothing was judged: of what holds, {', or '.join(notes)}"]
    silent = empty * bool(judged_of and not says) + ["nothing was judged"] * (not judged_of)
    return [*own_word(r.cell.system for r in results), *unseen, *not_asked, *silent]


def story(options: Namespace, result: WideResult, verdict: WideVerdict) -> str:
    """Of a violation at the large sizes."""
    assert verdict.run is not None
    asked = property_argument(verdict.property)
    told = Account(result.cell, verdict.property, asked, verdict.run)
    again = report.reproduce("prove", result.cell, asked, sizes=sizes_text(options.sizes))
    return to_text(told.trace(verdict.binding, again, shortest=False))


def judged(options: Namespace, cells: list[Cell], wanted: Sequence[Property]) -> list[WideResult]:
    """One cell after the other: each takes what processors there are. Ctrl-C leaves out the rest."""
    found, progress = list[WideResult](), Progress(len(cells))
    with until_ctrl_c():
        for number, cell in enumerate(cells):

            def tell(what: str, number: int = number, cell: Cell = cell) -> None:
                progress.phase(number, str(cell), what)
                progress.show()

            found.append(judge_wide(cell, wanted, options.sizes, options.timeout or TIMEOUT, tell))
            progress.finished(number)
    progress.close()
    return found


def lines(
    options: Namespace, results: list[WideResult], cells: int, reasons: Sequence[str], chosen: Sequence[str]
) -> list[str]:
    """The answer first. chosen: what the user's own options leave out."""
    counts = {s: sum(len(r.of(s)) for r in results) for s in (Status.VIOLATED, Status.INCONCLUSIVE, Status.HOLDS)}
    told = ", ".join(f"{n} {s.value}" for s, n in counts.items() if n) or "nothing was judged"
    told += "; INCONCLUSIVE" * bool(reasons)
    found = [f"{options.asked.name} at {sizes_text(options.sizes)} (vCPUs x pins x vectors): {told}"]
    for result in results:
        found += ["", str(result.cell), *(f"  {line}" for line in _of_cell(options, result))]
    if len(results) < cells:
        found += ["", f"{count(cells - len(results), 'cell')} not judged: interrupted"]
    found += [""] * bool(reasons) + [f"INCONCLUSIVE: {reason}" for reason in reasons]
    width = min(WIDEST, screen()[0])
    return [part for line in [*found, "", *chosen, NO_MORE] for part in lines_below(line, width, 2)]


def _of_cell(options: Namespace, result: WideResult) -> list[str]:
    found = [
        f"VIOLATED {v.property.name}: {count(len(v.run.moves), 'step')}" for v in result.of(Status.VIOLATED) if v.run
    ]
    open_ = dict[str, list[str]]()
    for v in result.of(Status.INCONCLUSIVE):
        open_.setdefault(v.note, []).append(v.property.name)
    found += [f"INCONCLUSIVE {', '.join(names)}: {note}" for note, names in open_.items()]
    holds = result.of(Status.HOLDS)
    if holds:
        shown = ", ".join(map(sizes_text, result.inductive_at))
        same = f"the same {count(len(result.clauses), 'clause')} at each"
        found.append(f"HOLDS {', '.join(v.property.name for v in holds)}: inductive at sizes {shown}: {same}")
        found += [f"  {clause}" for clause in result.clauses] if options.clauses else []
    for note, word in ((VACUOUS, "vacuous"), (UNSEEN, "perhaps vacuous")):
        names = [v.property.name for v in holds if v.note == note]
        found += [f"{word}: {', '.join(names)}: {note}"] * bool(names)
    return found
