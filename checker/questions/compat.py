"""`eoi compat BASE DESIGN`: does anybody notice the design who did not ask for it?"""

from __future__ import annotations

import contextlib
import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.errors import UserError
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import ON_REQUEST, designs, look_up, role_of
from checker.matrix.scope import parse_scope, scope_value
from checker.progress import Progress
from checker.questions.refinement import BASE, BOTH, DESIGN, Compared, LockStep
from checker.questions.report import scope_text
from checker.stories.replay import make_trace
from checker.stories.story import to_text
from checker.stories.trace import Trace, show, steps_text
from checker.words import count
from model.lang import Kind, Property
from model.machine import ApiFlags, IoapicVersion, Machine, Scope
from properties.compat import CLAIMS, Claim

Design = tuple[str, type[Machine]]
# Unless told otherwise. Other VMMs call the same functions of the kernel; these call them in most orders.
MATRIX = ("qemu", "firecracker", "any_vmm", "setup_vmm")

WHO = {BOTH: "both", BASE: "base", DESIGN: "design"}  # who took a step


@dataclass(frozen=True)
class Row:
    """One claim in one cell."""

    claim: Claim
    base: Cell
    design: Cell
    result: Compared

    @property
    def title(self) -> str:
        return str(self.design)


def cells_of(design: Design, vmm: str, scope: Mapping[str, Any]) -> list[tuple[IoapicVersion, ApiFlags, Cell]]:
    """With the most general guest that suits the VMM."""
    guests = ["lapic" if vmm in ON_REQUEST else "any"]
    found = matrix(design, kernels=["base"], vmms=[vmm], guests=guests, devices=["level"], scope=scope)
    cells = [c for c in found if isinstance(c, Cell)]
    return [(c.scope.ioapic, c.scope.flags, c) for c in cells if isinstance(c.scope, Scope)]


def pairs(
    claim: Claim, base: Design, design: Design, vmms: Sequence[str], scope: Mapping[str, Any]
) -> Iterable[tuple[Cell, Cell]]:
    """The cells of a claim: every I/O APIC version, and the flags that the claim speaks of; none in the base."""
    for vmm in vmms:
        flagless = {version: c for version, flags, c in cells_of(base, vmm, {**scope, "flags": ApiFlags.NONE})}
        for version, flags, cell in cells_of(design, vmm, scope):
            if claim.flags or flags is ApiFlags.NONE:
                yield flagless[version], cell


def compare(claim: Claim, base: Cell, design: Cell, engine: str = "auto", max_pairs: int | None = None) -> Row:
    return Row(claim, base, design, LockStep(claim, base, design, engine).compare(max_pairs))


def trace_of(row: Row) -> Trace:
    """The run of the side that took the last step, and what the other side has instead."""
    found = row.result.divergence
    assert found is not None
    side = found.teller
    cell = row.base if side == BASE else row.design
    names = row.base.names["kernel"], row.design.names["kernel"]
    said = f"{row.claim.sentence} Not so: {found.what} is {found.base} in {names[0]}, {found.design} in {names[1]}."

    def claim() -> bool:
        return False

    claim.__name__, claim.__doc__ = row.claim.name, said
    reproduce = f"eoi compat {names[0]} {names[1]} --claim {row.claim.name} --vmm {cell.names['vmm']} --scope "
    trace = make_trace(
        Property(Kind.ALWAYS, claim), {}, cell.system, cell.scope, found.of(side), cell=cell.names,
        reproduce=reproduce + scope_text(row.design.scope),
    )  # fmt: skip
    return replace(trace, scope={n: scope_value(v) for n, v in vars(cell.scope).items()})


def run_compat(options: Namespace, find: Any) -> int:
    """0 if nobody can tell the designs apart, 1 if somebody can, 3 if a limit was reached, or at Ctrl-C."""
    base = find(options.base)
    kernels = {name: cls for name, cls in designs().items() if role_of(cls) == "kernel" and not cls.default_roles}
    chosen = [(name, cls) for name, cls in kernels.items() if name != base[0]]
    chosen = chosen if options.design == "all" else [find(options.design)]
    for name, cls in (base, *chosen):
        if role_of(cls) != "kernel":
            raise UserError(f"{name} is a {role_of(cls)} design: compat compares kernels")
    claims = [look_up("claim", c, {c.name: c for c in CLAIMS}) for c in options.claim or [c.name for c in CLAIMS]]
    vmms = [v for value in options.vmm or [",".join(MATRIX)] for v in value.split(",")]
    scope = parse_scope(options.scope)
    asked = [(c, old, new) for design in chosen for c in claims for old, new in pairs(c, base, design, vmms, scope)]
    if not asked:
        raise UserError("nothing to compare")
    rows = compare_so_far(asked, options.engine, options.max_states)
    left = len(asked) - len(rows)
    if not rows:
        raise KeyboardInterrupt
    if options.json:
        print(as_json(rows, left))
    else:
        print("\n".join(table_lines(rows, base[0]) if options.design == "all" else cell_lines(rows)))
    shown = next((r for r in rows if r.result.divergence is not None), None)
    if shown is not None and options.design != "all" and not options.json:
        print("\n" + to_text(trace_of(shown)), end="")
    if left:
        print(f"eoi: interrupted: INCONCLUSIVE: {left} of {count(len(asked), 'cell')} not compared", file=sys.stderr)
    verdicts = {r.result.verdict for r in rows}
    return 1 if "DIFFERS" in verdicts else 3 if left or "INCONCLUSIVE" in verdicts else 0


def compare_so_far(asked: Sequence[tuple[Claim, Cell, Cell]], engine: str, max_pairs: int | None) -> list[Row]:
    """The outcomes, as many as there are before Ctrl-C."""
    rows, progress = list[Row](), Progress(len(asked))
    with contextlib.suppress(KeyboardInterrupt):
        for claim, base, design in asked:
            progress.phase(0, str(design), f"{claim.name}: comparing with {base.names['kernel']}, step by step")
            progress.show()
            rows.append(compare(claim, base, design, engine, max_pairs))
            progress.finished(0)
    progress.close()
    return rows


def result_text(row: Row) -> str:
    """`SAME  33,560 pairs`, `DIFFERS  8 steps: exit: 0 / none`."""
    found = row.result.divergence
    if found is None:
        return f"{row.result.verdict:<8} {count(row.result.pairs, 'pair')}"
    return f"{row.result.verdict:<8} {steps_text(len(found.moves))}: {found.what}: {found.base} / {found.design}"


def cell_lines(rows: Sequence[Row]) -> list[str]:
    """Every cell under its claim."""
    lines = list[str]()
    for claim in dict.fromkeys(r.claim.name for r in rows):
        mine = [r for r in rows if r.claim.name == claim]
        lines += ["", f"{claim}: {mine[0].claim.sentence}"]
        lines += [f"  {r.title:<36} {result_text(r)}" for r in mine]
    return lines[1:]


def table_lines(rows: Sequence[Row], base: str) -> list[str]:
    """One line a design and claim: in how many cells it is the same, and the shortest way to tell."""
    lines = [f"compared with {base}; where they differ, the shortest run and the values there / here"]
    for design in dict.fromkeys(r.design.names["kernel"] for r in rows):
        for claim in dict.fromkeys(r.claim.name for r in rows):
            mine = [r for r in rows if r.design.names["kernel"] == design and r.claim.name == claim]
            told = [
                (len(r.result.divergence.moves), k, r) for k, r in enumerate(mine) if r.result.divergence is not None
            ]
            worst = min(told)[2] if told else None
            same = sum(r.result.verdict == "SAME" for r in mine)
            tail = "" if worst is None else f"  {worst.title}: {result_text(worst)}"
            lines.append(f"{design:<24} {claim:<13} same in {same}/{len(mine)}{tail}")
    return lines


def as_json(rows: Sequence[Row], left: int = 0) -> str:
    """The outcome for machines: every claim in every cell; where they differ, the run and who took its steps.
    left: how many Ctrl-C kept from being compared."""
    return json.dumps(
        {
            "format": "eoiproof compat 1",
            "base": rows[0].base.names["kernel"],
            "interrupted": left > 0,
            "not_compared": left,
            "claims": {r.claim.name: r.claim.sentence for r in rows},
            "cells": [_cell_json(row) for row in rows],
        },
        indent=1,
    )


def _cell_json(row: Row) -> dict[str, Any]:
    found = row.result.divergence
    told: dict[str, Any] = {} if found is None else {
        "what": found.what,
        "base_has": found.base,
        "design_has": found.design,
        "steps": [[WHO[who], move.step, [show(a) for a in move.args]] for who, move in found.moves],
    }  # fmt: skip
    return {
        "design": row.design.names["kernel"],
        "claim": row.claim.name,
        **{role: name for role, name in row.design.names.items() if role != "kernel"},
        "scope": {name: scope_value(value) for name, value in vars(row.design.scope).items()},
        "verdict": row.result.verdict,
        "pairs": row.result.pairs,
        **told,
    }
