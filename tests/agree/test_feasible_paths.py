"""A step that is run along the paths only that are feasible where clauses hold does what CPython does, wherever they hold."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.engine.reference import Codes, Reference
from checker.language.ir import Program
from checker.language.layout import Layout
from checker.language.lower import lower
from checker.questions.proofs import Proof, cell_of, kept
from checker.symbolic.array_terms import ArrayTerms
from checker.symbolic.before import StateBefore
from checker.symbolic.obligations import Obligations
from checker.symbolic.smt import Execution, Symbolic
from checker.symbolic.views import OneState
from checker.symbolic.vocabulary import Clause, Vocabulary
from model.finite import size
from model.lang import Scope
from tests.language.test_random_programs import HEAD, make_batch
from tests.rigs.aig_worlds import differences
from tests.rigs.compare import designs_in, load_module
from tests.rigs.header import Sizes
from tests.rigs.mail_toy import Mail, MailScope
from tests.rigs.volume import volume

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

files = itertools.count()


def proof() -> Proof:
    """Its clauses are true of all reachable states; with them few of the loops within loops ever send anything."""
    return next(p for p in kept() if p.names["guest"] == "windows_cg" and p.about == "no_reinjection")


def of_the_proof(most: int) -> list[str]:
    cell, _ = cell_of(proof(), {"cpus": 2, "pins": 2, "vectors": 2})
    program, reference = lower(cell.system, cell.scope, []), Reference(cell.system, cell.scope)
    known = [Vocabulary(program).parsed(text) for text in proof().clauses]
    states = reference.explore().states
    return differences(program, cell.scope, reference, Random(1).sample(states, most), known)


@pytest.mark.everything
def test_every_edge_of_a_cell_whose_clauses_are_proved() -> None:
    assert of_the_proof(volume(300, 2_760)) == []


def test_calls_that_are_never_made_are_left_out() -> None:
    cell, _ = cell_of(proof(), {"cpus": 2, "pins": 3, "vectors": 3})
    program = lower(cell.system, cell.scope, [])
    vocabulary = Vocabulary(program)
    known, nodes = [vocabulary.parsed(text) for text in proof().clauses], list[int]()
    (step,) = (s for s in program.steps if s.name == "l1_ioapic_eoi")
    for clauses in ([], known):
        before = StateBefore(program, cell.scope, vocabulary)
        Obligations(before, step, always=clauses)
        nodes.append(len(before.graph.operands))
    assert nodes[1] < nodes[0] / 2


def true_of(program: Program, scope: Scope, states: Sequence[Codes], chance: Random) -> list[Clause]:
    """Some clauses of one or two atoms that hold in all of these states."""
    vocabulary = Vocabulary(program)
    texts = list(itertools.product(vocabulary.atoms, (False, True)))
    tried = [Clause((one,)) for one in texts]
    tried += [Clause(tuple(sorted(chance.sample(texts, 2)))) for _ in texts]
    state = OneState(Symbolic(program, scope, ArrayTerms()), vocabulary)
    for codes in states:
        state.go_to(codes)
        tried = [clause for clause in tried if not state.breaks(clause)]
    return tried


def of_some_states(program: Program, scope: Scope, reference: Reference, seed: int) -> list[str]:
    types, chance = [leaf.type for leaf in Layout(program).leaves], Random(seed)
    states = [tuple(chance.randrange(size(of)) for of in types) for _ in range(2)]
    known = true_of(program, scope, states, chance)
    assert known
    return differences(program, scope, reference, states, known)


@pytest.mark.everything
@pytest.mark.parametrize("seed", range(volume(8, 200)))
def test_clauses_of_two_states_of_a_toy(seed: int) -> None:
    scope = MailScope(forward=bool(seed % 2))
    assert of_some_states(lower(Mail, scope, []), scope, Reference(Mail, scope), seed) == []


def random_disagreements(folder: Path, seed: int) -> list[str]:
    name = f"random_{next(files)}_feasible"
    path = folder / f"{name}.py"
    path.write_text(HEAD + "\n".join(make_batch(folder, Random(seed), 6)))
    try:
        design = designs_in(load_module(path, name))
        program = lower(design, Sizes())
        return of_some_states(program, Sizes(), Reference(design, Sizes()), seed)
    finally:
        sys.modules.pop(name, None)


@pytest.mark.everything
@pytest.mark.parametrize("seed", range(volume(3, 100)))
def test_random_programs(tmp_path: Path, seed: int) -> None:
    assert random_disagreements(tmp_path, seed) == []


# --- bugs put in ---


def none_is(self: Obligations, condition: Any) -> bool:
    return False


def the_contrary_is(self: Obligations, condition: Any) -> bool:
    return not honest(self, condition)


honest = Obligations._is_feasible  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("bug", [none_is, the_contrary_is])
def test_a_call_that_is_left_out_though_it_is_made_is_noticed(monkeypatch: pytest.MonkeyPatch, bug: Any) -> None:
    monkeypatch.setattr(Obligations, "_is_feasible", bug)
    assert of_the_proof(40) != []


def test_a_test_around_a_call_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked without what left the path before it, or of the tests around it alone."""
    monkeypatch.setattr(Execution, "live", lambda self, frame: frame.entry)
    assert of_the_proof(40) != []


def test_what_does_not_hold_in_the_states_is_not_known_of_them() -> None:
    """The clauses are used: with one that is false in some states the run is another there."""
    scope = MailScope()
    program, reference = lower(Mail, scope, []), Reference(Mail, scope)
    states = list(itertools.product(*(range(size(leaf.type)) for leaf in Layout(program).leaves)))
    wrong = true_of(program, scope, states[:1], Random(0))
    assert differences(program, scope, reference, states, wrong) != []
