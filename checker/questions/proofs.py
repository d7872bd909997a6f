"""Proofs that are kept as text: a property of a cell, and clauses with which it is inductive. Whoever reads one asks z3 again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker import files
from checker.engine.reference import Reference
from checker.errors import UserError
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.roles import ROLES
from checker.matrix.select import select, selection
from checker.questions.report import scope_text
from checker.shipped import own
from checker.symbolic.inductive_with import Ask, JointInduction, WithClauses, asked_of_z3
from checker.symbolic.vocabulary import Vocabulary
from checker.words import count
from model.lang import Property

FOLDER = "reports/proofs"
PROPERTY, SCOPE = "property", "scope"


@dataclass(frozen=True)
class Proof:
    """names: of the cell, by role. scope: its choices, as --scope reads them; sizes are not among them."""

    names: Mapping[str, str]
    scope: str
    about: str  # the property's name
    clauses: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.about} of {', '.join(self.names.values())}, {self.scope}"


def proof_of(cell: Cell, p: Property, clauses: Sequence[str]) -> Proof:
    return Proof(dict(cell.names), _choices(cell), p.name, tuple(clauses))


def _choices(cell: Cell) -> str:
    return scope_text(cell.scope, without=cell.scope.sizes())


def text_of(proof: Proof) -> str:
    head = [f"{role}: {proof.names[role]}" for role in ROLES]
    head += [f"{SCOPE}: {proof.scope}", f"{PROPERTY}: {proof.about}"]
    return "\n".join(
        ["# What is inductive, with the property. `eoi why` says what each is for.", *head, "", *proof.clauses, ""]
    )


def parsed(text: str, where: str) -> Proof:
    """The inverse of text_of(). Raises UserError."""
    said = dict[str, str]()
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    wanted = (*ROLES, SCOPE, PROPERTY)
    for name in wanted:
        if not lines or not lines[0].startswith(f"{name}:"):
            raise UserError(f"{where}: no proof of eoi's: a line `{name}: ...` is missing")
        said[name] = lines.pop(0).partition(":")[2].strip()
    return Proof({role: said[role] for role in ROLES}, said[SCOPE], said[PROPERTY], tuple(lines))


def kept(folder: Path | None = None) -> list[Proof]:
    """Those that came with eoi, or are in a folder."""
    paths = sorted((folder or own(FOLDER)).glob("*.txt"))
    return [parsed(files.read_text(path), str(path)) for path in paths]


def kept_of(cell: Cell, p: Property, proofs: Sequence[Proof]) -> Proof | None:
    return next(
        (q for q in proofs if (dict(q.names), q.scope, q.about) == (dict(cell.names), _choices(cell), p.name)), None
    )


def cell_of(proof: Proof, sizes: Mapping[str, int]) -> tuple[Cell, Property]:
    """At these sizes. Raises UserError for one that is of no cell."""
    roles = {role: [name] for role, name in proof.names.items() if role != "kernel"}
    scope = ",".join([proof.scope, *(f"{name}={value}" for name, value in sizes.items())])
    _, cells, _, wanted = select(selection(proof.names["kernel"], roles, [proof.about], scope))
    if len(cells) != 1 or len(wanted) != 1:
        raise UserError(f"{proof.title}: this names {len(cells)} cells")
    return cells[0], wanted[0]


def checked(cell: Cell, p: Property, clauses: Sequence[str], ask: Ask = asked_of_z3) -> JointInduction:
    """By z3, or by whoever is asked."""
    program = lower(cell.system, cell.scope, [p])
    vocabulary = Vocabulary(program)
    start = Reference(cell.system, cell.scope).start
    return WithClauses(program, cell.scope, [vocabulary.parsed(c) for c in clauses]).check(start, ask)


def shown(proof: Proof, sizes: Mapping[str, int], ask: Ask = asked_of_z3) -> tuple[bool, list[str]]:
    """Is it one at these sizes? And what a reader is told: how long it took, and the clauses."""
    started = time.monotonic()
    cell, p = cell_of(proof, sizes)
    said = checked(cell, p, proof.clauses, ask)
    where = "x".join(str(sizes[name]) for name in sizes)
    word = "inductive" if said.inductive else "not shown to be inductive"
    seconds = f"{time.monotonic() - started:.1f} s"
    head = f"{word} at {where} with {count(len(proof.clauses), 'clause')} ({seconds}): {proof.title}"
    broken = [f"  {after} breaks {what}" for what, after in said.broken]
    return said.inductive, [head, *broken, *(f"  {clause}" for clause in proof.clauses)]
