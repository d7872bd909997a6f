"""The steps of a user's file in z3, beside the compiled ones: the IR says the same in both.

recheck.py compares what was compiled with CPython, a second reader of the source. This compares it with a second reader
of the IR. Building a step's relation takes z3 some 40 ms, so it is done for the programs alone that run lines of a user's
file which no program before did, and there for a few instances of the steps that come to the user's functions; each of
these is asked of many states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from checker.engine.facts import reached
from checker.engine.native import Outcome
from checker.engine.passages import users_files
from checker.engine.prepare import prepare
from checker.engine.reference import Codes, Reference
from checker.engine.search import Limits, NativeSearch
from checker.errors import EnginesDisagree
from checker.language.ir import Program
from checker.language.layout import Instance, instances
from checker.matrix.alike import asked_alike
from checker.matrix.cells import Cell
from checker.questions.recheck import ENGINE, SEED
from checker.symbolic.smt import Symbolic
from checker.symbolic.smt_eval import Evaluator
from checker.symbolic.z3_terms import Z3Terms
from model.lang import Property

INSTANCES, STATES = (
    6,
    48,
)  # of steps; from how many states each is taken, and from how many it is tried where it cannot be
LOOKED_THROUGH = 4_000  # states, for such
LARGEST = 50_000  # states of the search that is made for it
Z3 = "z3"


def compare_with_z3(cell: Cell, asked: Sequence[Property]) -> int:
    """How many steps and refusals were compared. asked: the properties of the cell's program. Raises EnginesDisagree."""
    prepared = prepare(cell.system, cell.scope, asked, asked_alike)
    reference = Reference(cell.system, cell.scope)
    search = NativeSearch(prepared.program, reference, keep_edges=False, prepared=prepared)
    if search.run(Limits(max_states=LARGEST), None) not in (Outcome.COMPLETE, Outcome.STATE_LIMIT):
        return 0
    program = prepared.lowered()
    evaluator, count = Evaluator(Symbolic(program, cell.scope, Z3Terms.wide_enough(program))), 0
    for instance, state, compiled in _sampled(program, users_files(cell.system), search):
        found = evaluator.step(instance, state)
        of_z3 = "it stores out of range" if found.fault else found.successor
        if of_z3 != compiled:
            raise EnginesDisagree(
                f"{cell}: {instance.step}{instance.args} from {state}",
                {ENGINE: _shown(compiled), Z3: _shown(of_z3)},
            )
        count += 1
    if not count and search.stats().transitions:
        raise EnginesDisagree(f"{cell}: steps to compare", {ENGINE: f"{search.stats().transitions}", Z3: "none"})
    return count


def _shown(answer: Codes | str | None) -> str:
    return "it is disabled" if answer is None else answer if isinstance(answer, str) else f"it leads to {answer}"


def _sampled(
    program: Program, files: frozenset[str], search: NativeSearch
) -> Iterator[tuple[Instance, Codes, Codes | None]]:
    """(step, state, next state or None if it is disabled) as they are compiled."""
    taken, refused = _looked_through(search)
    codes = search.layout.from_bytes
    for instance in _chosen(program, files, taken):
        for raw, after in taken[instance.label]:
            yield instance, codes(raw), codes(after)
        for raw in refused.get(instance.label, ()):
            yield instance, codes(raw), None


def _looked_through(search: NativeSearch) -> tuple[dict[int, list[tuple[bytes, bytes]]], dict[int, list[bytes]]]:
    """By label, of a sample of the states, as they are stored: STATES of the steps from them, and STATES from which it
    cannot be taken."""
    taken, refused = dict[int, list[tuple[bytes, bytes]]](), dict[int, list[bytes]]()
    explored, states = search.exploration, search.stats().states
    open_labels = set(range(len(search.fairness)))  # of too few states is known that they refuse it
    for number in Random(SEED).sample(range(states), min(states, LOOKED_THROUGH)):
        raw = explored.state(number)
        after = dict(explored.successors(raw))
        for label, to in after.items():
            if len(steps := taken.setdefault(label, [])) < STATES:
                steps.append((raw, to))
        for label in open_labels - after.keys():
            refused.setdefault(label, []).append(raw)
            if len(refused[label]) == STATES:
                open_labels.remove(label)
    return taken, refused


def _chosen(program: Program, files: frozenset[str], taken: Mapping[int, object]) -> list[Instance]:
    """Instances that are taken: first one of each step that comes to a function of the user's, then more of these; if
    there is none, of any step."""
    mine = {
        step.name
        for step in program.steps
        if any(function.loc.file in files for function in reached(program.functions, [step.name]))
    }
    some = [i for i in instances(program) if i.label in taken]
    own = [i for i in some if i.step in mine] or some
    nth = {i: [other for other in own if other.step == i.step].index(i) for i in own}
    return sorted(own, key=lambda i: (nth[i], i.label))[:INSTANCES]
