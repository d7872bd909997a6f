"""Properties and clauses that z3 is asked about together: the kept proofs, proofs with a part missing, and a solver that lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from checker.engine.reference import Reference
from checker.errors import EnginesDisagree, UserError
from checker.language.lower import lower
from checker.questions.proofs import Proof, cell_of, checked, kept, kept_of, parsed, text_of
from checker.symbolic.inductive_with import FAULT, WithClauses, asked_of_z3
from checker.symbolic.second_opinion import agreed, asked_of_cvc5
from checker.symbolic.vocabulary import Vocabulary
from model.lang import Property
from tests.unit.test_learning import (
    GOOD,
    Cloakroom,
    Counter,
    Sizes,
    any_fullness,
    learnt,
    nothing_is_worn,
    somebody_wears,
)

TWO = {"cpus": 2, "pins": 2, "vectors": 2}
HEADLINE = {
    ("no_eoi_lost", "linux"),
    ("no_eoi_lost", "windows_cg"),
    ("no_reinjection", "linux"),
    ("no_reinjection", "windows_cg"),
}


def toy(asked: list[Property], clauses: Sequence[str], design: Any = Cloakroom) -> WithClauses:
    program = lower(design, Sizes(), asked)
    vocabulary = Vocabulary(program)
    return WithClauses(program, Sizes(), [vocabulary.parsed(c) for c in clauses])


def start(design: Any = Cloakroom) -> tuple[int, ...]:
    return Reference(design, Sizes()).start


def test_z3_says_the_same_of_what_was_learnt() -> None:
    clauses = [str(c) for c in learnt(GOOD, Sizes())]
    said = toy(GOOD, clauses).check(start())
    assert said.inductive and said.asked == 12  # steps with their arguments
    for clause in clauses:
        assert not toy(GOOD, [c for c in clauses if c != clause]).check(start()).inductive


def test_what_is_false_at_first_is_refused() -> None:
    """Though no step leads out of it: nobody takes a coat off who has none."""
    clause = "not place[seat].worn is None"
    said = toy([], [clause]).check(start())
    assert said.broken == [(clause, "the initial state")] and not said.inductive
    assert toy([somebody_wears], []).check(start()).broken == [("somebody_wears", "the initial state")]


def test_what_a_step_breaks_is_named() -> None:
    assert toy([nothing_is_worn], []).check(start()).broken == [("nothing_is_worn", "wear")]


def test_a_step_that_stores_out_of_range_breaks_it() -> None:
    assert toy([any_fullness], [], Counter).check(start(Counter)).broken == [(FAULT, "count")]


def test_what_z3_does_not_know_is_not_inductive() -> None:
    said = toy(GOOD, [str(c) for c in learnt(GOOD, Sizes())]).check(start(), lambda *_: "unknown")
    assert not said.inductive and len(said.open) == said.asked and not said.broken


# --- the proofs that are kept ---


def test_the_headline_properties_are_kept() -> None:
    assert {(p.about, p.names["guest"]) for p in kept() if p.names["kernel"] == "v6"} >= HEADLINE


def test_a_proof_is_read_back() -> None:
    for proof in kept():
        assert parsed(text_of(proof), "here") == proof
        cell, about = cell_of(proof, TWO)
        assert kept_of(cell, about, kept()) == proof
    with pytest.raises(UserError, match=r"a line `guest: \.\.\.` is missing"):
        parsed("kernel: v6\nvmm: qemu\n", "mine.txt")


@pytest.mark.everything
@pytest.mark.parametrize("proof", kept(), ids=lambda p: p.title)
def test_z3_finds_each_inductive(proof: Proof) -> None:
    cell, about = cell_of(proof, TWO)
    said = checked(cell, about, proof.clauses)
    assert said.inductive and said.asked > 20


@pytest.mark.everything
def test_a_proof_without_a_clause_is_none() -> None:
    """Of each kept proof that has some, without its first and without its last clause."""
    tried = 0
    for proof in kept():
        cell, about = cell_of(proof, TWO)
        for clauses in (proof.clauses[1:], proof.clauses[:-1]) if proof.clauses else ():
            said = checked(cell, about, clauses)
            assert said.broken and not said.inductive, proof.title
            tried += 1
    assert tried >= 6


def test_a_proof_with_a_clause_that_is_false_at_first_is_none() -> None:
    (proof,) = (p for p in kept() if p.about == "no_eoi_lost" and p.names["guest"] == "linux")
    cell, about = cell_of(proof, TWO)
    said = checked(cell, about, [*proof.clauses, "driver_ready[pin]"])
    assert said.broken == [("driver_ready[pin]", "the initial state")]


# --- another solver ---


def test_cvc5_says_the_same() -> None:
    pytest.importorskip("cvc5")
    clauses = [str(c) for c in learnt(GOOD, Sizes())]
    assert toy(GOOD, clauses).check(start(), agreed()).inductive
    assert toy(GOOD, clauses[1:]).check(start(), asked_of_cvc5).broken
    assert toy([nothing_is_worn], []).check(start(), agreed()).broken == [("nothing_is_worn", "wear")]


@pytest.mark.everything
def test_cvc5_says_the_same_of_a_kept_proof() -> None:
    pytest.importorskip("cvc5")
    (proof,) = (p for p in kept() if p.about == "no_eoi_lost" and p.names["guest"] == "windows_cg")
    cell, about = cell_of(proof, TWO)
    assert checked(cell, about, proof.clauses, asked_of_cvc5).inductive


@pytest.mark.parametrize("liar", ["first", "second"])
def test_a_solver_that_lies_is_noticed(liar: str) -> None:
    pytest.importorskip("cvc5")

    def lies(constraints: Sequence[Any], milliseconds: int) -> str:
        return "unsat"

    asks = (lies, asked_of_cvc5) if liar == "first" else (asked_of_z3, lies)
    with pytest.raises(EnginesDisagree, match="leaves what is inductive"):
        toy([nothing_is_worn], []).check(start(), agreed(*asks))
