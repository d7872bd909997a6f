"""`eoi why DESIGN PROPERTY`: what keeps a property true, clause by clause, and which step would break it without each. Of a property
that is violated: what of its run matters."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.exits import Exit
from checker.engine.search import Limits
from checker.errors import UserError
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.loader import property_argument
from checker.matrix.scope import OF_MACHINE
from checker.matrix.select import select
from checker.progress import Progress
from checker.questions import on_record
from checker.questions.campaign import lines_never_run, run_campaign
from checker.questions.not_run import not_run_texts
from checker.questions.own_word import own_word
from checker.questions.proofs import kept, kept_of, proof_of, text_of
from checker.questions.report import reproduce
from checker.questions.unvaried import chosen_lines, open_because, unvaried
from checker.questions.verdict import Status, check_cell
from checker.questions.what_matters import sizes_of, violated_for_ever, what_matters
from checker.questions.what_matters_text import lines
from checker.questions.why_text import page
from checker.questions.wide import LEARNT, TIMEOUT, FalseAtFirst, Tell, Violation, at, learnt_alone, sizes_text
from checker.symbolic.learning import OutOfTime, Stuck
from checker.symbolic.needed import NotInductive, needed_by
from checker.symbolic.vocabulary import Vocabulary
from checker.words import lines_below, screen
from model.lang import Kind, Property

WIDEST = 80  # columns


def run(options: Namespace) -> int:
    """Of one cell; of several the one that says most. The clauses are those that came with eoi, if it has some for the cell, or else
    they are learnt now."""
    _, cells, _, wanted = select(options.asked)
    (p,) = wanted
    asked = [cell for cell in cells if p.why_not(cell.system) is None]
    if p.kind is Kind.REACHABLE or not asked:
        raise UserError(f"{p.name}: {p.why_not(cells[0].system) or 'a witness: `eoi trace` tells how it is reached'}")
    if p.kind is Kind.LEADS_TO and options.write:
        raise UserError(f"--write: clauses are of what always holds, and {p.name} says what comes in the end")
    said = [name for name in OF_MACHINE if name in options.asked.sizes]
    if said:
        which = "clauses are learnt" if p.kind is Kind.ALWAYS else "a run is looked for"
        raise UserError(f"--scope {said[0]}=...: {which} at sizes of their own, and meant for all")
    cell, among = chosen(asked, p, options)
    if own := own_word([cell.system]):
        print(f"{p.name}, {cell}: INCONCLUSIVE: {own[0]}")
        return Exit.OPEN
    progress = Progress(1)

    def tell(what: str) -> None:
        progress.phase(0, str(cell), what)
        progress.show()

    code, found = answer(options, cell, p, tell)
    progress.close()
    not_varied = (
        unvaried(asked, options.asked.sizes) if code is not Exit.WRONG else []
    )  # of what is violated it tells that
    open_ = [f"INCONCLUSIVE: {why}" for why in open_because(not_varied)]
    print("\n".join([*found, *_cut(among), *_cut([*open_, *chosen_lines(not_varied)])]))
    return exits.worst([code, Exit.OPEN]) if open_ else code


def chosen(cells: Sequence[Cell], p: Property, options: Namespace) -> tuple[Cell, list[str]]:
    """The one to tell of, and what is said of the others: the first in which it is violated, or else one with clauses that came with
    eoi, or else the first where it says something. Raises UserError if it says nothing in any."""
    if len(cells) == 1:
        return cells[0], []
    limits = Limits(seconds=options.timeout or TIMEOUT)
    campaign = run_campaign(cells, [p], engine="auto", limits=limits, everywhere=False)
    found = [(result.cell, verdict) for result in campaign.results for verdict in result.verdicts]
    said = [(cell, verdict) for cell, verdict in found if verdict.says_something()]
    violated = [cell for cell, verdict in said if verdict.status is Status.VIOLATED]
    proofs = kept()
    proved = [cell for cell, _ in said if kept_of(cell, p, proofs)]
    open_ = len(cells) - len(campaign.results) + sum(v.status is Status.INCONCLUSIVE for _, v in found)
    if campaign.interrupted or not said:
        whole = not campaign.interrupted and not open_
        where = "it says nothing in any of them" if whole else "these were not all searched"
        raise UserError(
            f"{p.name}: of {len(cells)} cells one is told, and {where}: choose with --vmm, --guest and --scope"
        )
    which = f"violated in {len(violated)}" if violated else "violated in none"
    more = f", not known in {open_}" if open_ else ""
    choose = "--vmm, --guest, --device and --scope choose another"
    tail = ["", f"One of {len(cells)} cells, {which}{more}: {choose}."]
    holds = [cell for cell in proved + [cell for cell, _ in said] if cell not in violated]
    if violated and holds:
        tail += [f"Why it holds in {len(said) - len(violated)} of them, in one: {command_of(holds[0], p)}"]
    return (violated or proved or [said[0][0]])[0], tail


def command_of(cell: Cell, p: Property) -> str:
    """That asks this of one cell."""
    eoi, command, design, *choices = shlex.split(reproduce(command="why", cell=cell, sizes=""))
    return shlex.join([eoi, command, design, property_argument(p), *choices])


def answer(options: Namespace, cell: Cell, p: Property, tell: Tell) -> tuple[Exit, list[str]]:
    return in_the_end(options, cell, p, tell) if p.kind is Kind.LEADS_TO else always(options, cell, p, tell)


def in_the_end(options: Namespace, cell: Cell, p: Property, tell: Tell) -> tuple[Exit, list[str]]:
    """Of a leads_to: what of a fair run without it matters."""
    seconds = options.timeout or TIMEOUT
    found = violated_for_ever(cell, p, seconds, tell)
    if isinstance(found, Violation):
        return Exit.WRONG, violated(found, seconds, tell)
    (verdict,), never = found.verdicts, not_run_texts(lines_never_run([found]))
    if verdict.status is not Status.HOLDS or never:
        why = verdict.note if verdict.status is not Status.HOLDS else f"no step runs {', '.join(never)}"
        return Exit.OPEN, _cut([f"{p.name}, {cell}: INCONCLUSIVE: {why}"])
    where = f"{cell}, at {sizes_text(sizes_of(cell))}"
    if verdict.note:
        return Exit.FINE, _cut([f"{p.name} holds in {where}, {verdict.note}"])
    prove = shlex.join(
        [*shlex.split(reproduce(command="prove", cell=cell, sizes="")), "--property", property_argument(p)]
    )
    said = f"{p.name} holds in {where}: no fair run stays without what it promises."
    how = f"Why not is a rank of each state, and no page: {prove} --certificate FILE writes it, and eoi certify FILE checks it."
    return Exit.FINE, _cut([said, how])


def always(options: Namespace, cell: Cell, p: Property, tell: Tell) -> tuple[Exit, list[str]]:
    small = at(cell, LEARNT[0])
    vocabulary = Vocabulary(lower(small.system, small.scope, [p]))
    proof = None if options.anew else kept_of(cell, p, kept())
    try:
        clauses = (
            [vocabulary.parsed(c) for c in proof.clauses]
            if proof is not None
            else learnt_alone(cell, p, options.timeout or TIMEOUT, tell)
        )
        if isinstance(clauses, Violation):
            if only_where_less(clauses, cell):
                there, here = (sizes_text(sizes_of(one)) for one in (clauses.cell, cell))
                why = f"violated at {there} and not at {here}, and clauses are meant for all sizes"
                return Exit.OPEN, _cut([f"{p.name}, {cell}: INCONCLUSIVE: {why}"])
            return Exit.WRONG, violated(clauses, options.timeout or TIMEOUT, tell)
        needed = needed_by(lower(small.system, small.scope, [p]), small.scope, clauses, tell)
    except OutOfTime:
        return Exit.OPEN, [f"{p.name}, {cell}: INCONCLUSIVE: no answer within the time that --timeout gives"]
    except Stuck as stuck:
        why = (
            f"no clause tells the states from which {stuck.found.step}() breaks {stuck.found.goal} from reachable ones"
        )
        return Exit.OPEN, [f"{p.name}, {cell}: INCONCLUSIVE: {why}"]
    except FalseAtFirst as error:
        return Exit.OPEN, [f"{p.name}, {cell}: INCONCLUSIVE: not true in the initial state: {error}"]
    except NotInductive as error:
        step, goal = error.args
        return Exit.OPEN, [f"{p.name}, {cell}: INCONCLUSIVE: {step}() leaves the clauses that are kept: {goal}"]
    if proof is None:  # what was learnt now was looked at in the initial state, too
        on_record.proved(cell, [p], [sizes_text(LEARNT[0])])
    if options.write:
        files.write_text(Path(options.write), text_of(proof_of(cell, p, list(map(str, clauses)))))
    return Exit.FINE, _cut(page(p.name, str(cell), needed, sizes_text(LEARNT[0])))


def only_where_less(found: Violation, cell: Cell) -> bool:
    """Is it violated where there is less of something than in the cell, and holds in the cell?"""
    if all(a >= b for a, b in zip(sizes_of(found.cell), sizes_of(cell), strict=True)):
        return False
    (verdict,) = check_cell(cell, [found.property]).verdicts
    return verdict.status is Status.HOLDS


def violated(found: Violation, seconds: float, tell: Tell) -> list[str]:
    try:
        said = lines(what_matters(found, seconds, tell))
    except OutOfTime:
        what = f"{found.property.name} is VIOLATED, {found.cell}"
        said = [f"{what}: what of it matters is not known within the time that --timeout gives; `eoi trace` tells it"]
    return _cut(said)


def _cut(lines: Sequence[str]) -> list[str]:
    width = min(WIDEST, screen()[0])
    return [part for line in lines for part in lines_below(line, width, 4)]
