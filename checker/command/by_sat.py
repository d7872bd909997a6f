"""`eoi prove DESIGN --engine sat`: the `always` properties of one cell by a SAT solver; what it cannot say is INCONCLUSIVE."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from checker.command import exits
from checker.command.form import only_as_text
from checker.command.json_text import Json, document, of_scope, of_verdict
from checker.command.one_cell import one_cell
from checker.engine.passages import never_run
from checker.errors import UserError
from checker.matrix.loader import property_argument
from checker.progress import Progress
from checker.questions import on_record, report
from checker.questions.by_sat import SatResult, judge_by_sat
from checker.questions.not_run import not_run_texts
from checker.questions.own_word import own_word
from checker.questions.restated import asked_for
from checker.questions.unvaried import chosen_lines, open_because, unvaried
from checker.questions.verdict import Account, Status, Verdict
from checker.questions.wide import TIMEOUT, sizes_text
from checker.stories.trace import Trace
from checker.stories.write import to_text
from checker.words import count, lines_below, screen

WIDEST = 80  # columns
NO_PLACE = (
    "tree", "confirm", "inductive", "certificate", "sizes", "clauses", "max_states", "max_memory", "max_disk", "threads", "resume",
)  # fmt: skip
ORDER = (Status.VIOLATED, Status.HOLDS, Status.INCONCLUSIVE, Status.SKIPPED)


def run(options: Namespace) -> int:
    """The answer, and the story of the first violation."""
    only_as_text(options, "--engine sat")
    for name in NO_PLACE:
        if getattr(options, name):
            raise UserError(f"--engine sat has no place for --{name.replace('_', '-')}")
    cell, progress = one_cell(options.asked, "what --engine sat says", {}), Progress(1)

    def tell(what: str) -> None:
        progress.phase(0, str(cell), what)
        progress.show()

    try:
        result = judge_by_sat(cell, options.asked.wanted, options.timeout or TIMEOUT, tell)
    finally:
        progress.close()
    if result.proof is not None:
        proved = [v.property for v in result.of(Status.HOLDS)]
        on_record.proved(cell, proved, map(sizes_text, result.proof.inductive_at))
    not_varied = unvaried([cell], options.asked.sizes)
    open_ = [*why_open(result), *open_because(not_varied)]
    if options.json:
        print(document("sat", as_json(options, result, open_)))
    else:
        tell_all(options, result, open_)
        print(
            "".join(f"{part}\n" for line in chosen_lines(not_varied) for part in lines_below(line, width(), 2)), end=""
        )
    return exits.decided(wrong=bool(result.of(Status.VIOLATED)), undecided=is_open(result, open_))


def is_open(result: SatResult, open_: Sequence[str]) -> bool:
    return bool(open_ or result.of(Status.INCONCLUSIVE))


def tell_all(options: Namespace, result: SatResult, open_: Sequence[str]) -> None:
    print("\n".join(part for line in lines(options, result, open_) for part in lines_below(line, width(), 2)))
    violated = sorted(result.of(Status.VIOLATED), key=lambda v: v.run is None or not v.run.length)
    if violated and not options.brief:  # one that takes steps rather than one that the first state shows
        print("\n" + to_text(story(result, violated[0])), end="")


def as_json(options: Namespace, result: SatResult, open_: Sequence[str]) -> Json:
    """Every verdict, with its run, and what is inductive."""
    proof = result.proof
    return {
        "design": options.asked.name,
        **result.cell.names,
        "scope": of_scope(result.cell.scope),
        "failed": bool(result.of(Status.VIOLATED)),
        "undecided": is_open(result, open_),
        "open_because": list(open_),
        "verdicts": [of_verdict(v) for v in result.verdicts],
        "inductive_at": [sizes_text(sizes) for sizes in proof.inductive_at] if proof is not None else [],
        "clauses": [str(clause) for clause in proof.clauses] if proof is not None else [],
    }


def width() -> int:
    return min(WIDEST, screen()[0])


def why_open(result: SatResult) -> list[str]:
    """What makes `eoi prove` INCONCLUSIVE does so here."""
    lines_run = result.proof.lines if result.proof is not None else ()
    unseen = [
        f"no step of a small system runs {text}"
        for text in not_run_texts(asked_for(never_run(lines_run), [result.cell.system]))
    ]
    silent = ["nothing was judged"] * (not any(v.says_something() for v in result.verdicts))
    return [*own_word([result.cell.system]), *unseen, *silent]


def lines(options: Namespace, result: SatResult, open_: Sequence[str]) -> list[str]:
    """The answer first."""
    counts = [(len(result.of(status)), status) for status in ORDER]
    told = ", ".join(f"{n} {status.value}" for n, status in counts if n)
    found = [f"{options.asked.name}, {result.cell}, by SAT: {told}", ""]
    found += [
        f"VIOLATED {v.property.name}: {count(v.run.length, 'step')} (shortest)"
        for v in result.of(Status.VIOLATED)
        if v.run is not None
    ]
    found += _proved(result)
    found += _by_reason(result.of(Status.INCONCLUSIVE))
    found += _by_reason(result.of(Status.SKIPPED)) if options.property else []
    return [*found, *([""] * bool(open_)), *(f"INCONCLUSIVE: {reason}" for reason in open_)]


def _proved(result: SatResult) -> list[str]:
    held, proof = result.of(Status.HOLDS), result.proof
    says = [v.property.name for v in held if not v.is_vacuous()]
    found = _by_reason([v for v in held if v.is_vacuous()])
    if not says or proof is None:
        return found
    sizes, clauses = ", ".join(map(sizes_text, proof.inductive_at)), count(len(proof.clauses), "clause")
    return [f"HOLDS {', '.join(says)}: inductive at sizes {sizes}: {clauses}", *found]


def _by_reason(verdicts: Sequence[Verdict]) -> list[str]:
    """Those that have one in common on one line."""
    names = dict[tuple[str, str], list[str]]()
    for v in verdicts:
        names.setdefault((v.status.value, v.note), []).append(v.property.name)
    return [f"{word} {', '.join(of)}: {note}" for (word, note), of in names.items()]


def story(result: SatResult, verdict: Verdict) -> Trace:
    """With the command by which another engine tells it."""
    assert verdict.run is not None
    asked = property_argument(verdict.property)
    told = Account(result.cell, verdict.property, asked, verdict.run)
    return told.trace(verdict.binding, report.reproduce("trace", result.cell, asked))
