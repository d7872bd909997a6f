"""`eoi compat BASE DESIGN`: does anybody notice the design who did not ask for it?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from checker.interrupt import until_ctrl_c
from checker.language.layout import leaves
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import ON_REQUEST
from checker.matrix.scope import ScopeValue, scope_value
from checker.progress import Progress
from checker.questions import kept_answers
from checker.questions.refinement import BASE, BOTH, DESIGN, Compared, LockStep
from checker.questions.report import scope_text
from checker.questions.unvaried import Unvaried, unvaried
from checker.stories.replay import lanes_of, name_of, provenance_of, replay
from checker.stories.trace import Trace, show, steps_text, unit_of
from checker.words import count
from model.lang import Kind
from model.machine import ApiFlags, IoapicVersion, Machine, Scope
from properties.compat import INTERNAL, UNSEEN, Claim

Design = tuple[str, type[Machine]]

WHO = {BOTH: "both", BASE: "base", DESIGN: "design"}  # who took a step


@dataclass(frozen=True)
class CompatAnswer:
    """One claim in one cell."""

    claim: Claim
    base: Cell
    design: Cell
    result: Compared

    @property
    def title(self) -> str:
        return str(self.design)


def cells_of(design: Design, vmm: str, scope: Mapping[str, ScopeValue]) -> list[tuple[IoapicVersion, ApiFlags, Cell]]:
    """With the most general guest that suits the VMM."""
    guests = ["lapic" if vmm in ON_REQUEST else "any"]
    found = matrix(design, kernels=["base"], vmms=[vmm], guests=guests, devices=["level"], scope=scope)
    cells = [c for c in found if isinstance(c, Cell)]
    return [(c.scope.ioapic, c.scope.flags, c) for c in cells if isinstance(c.scope, Scope)]


def pairs(
    claim: Claim, base: Design, design: Design, vmms: Sequence[str], scope: Mapping[str, ScopeValue]
) -> Iterable[tuple[Cell, Cell]]:
    """The cells of a claim: every I/O APIC version, and the flags that the claim speaks of; none in the base."""
    for vmm in vmms:
        flagless = {version: c for version, flags, c in cells_of(base, vmm, {**scope, "flags": ApiFlags.NONE})}
        for version, flags, cell in cells_of(design, vmm, scope):
            if claim.flags or flags is ApiFlags.NONE:
                yield flagless[version], cell


def compare(claim: Claim, base: Cell, design: Cell, engine: str = "auto", max_pairs: int | None = None) -> CompatAnswer:
    def find_out() -> Compared:
        return LockStep(claim, base, design, engine).compare(max_pairs)

    if max_pairs is not None:
        return CompatAnswer(claim, base, design, find_out())
    about = repr((claim, INTERNAL, UNSEEN, engine))
    found = kept_answers.of_both((base, design), (), about, find_out, lambda of: of.verdict != "INCONCLUSIVE")
    return CompatAnswer(claim, base, design, found)


def not_varied(asked: Sequence[tuple[Claim, Cell, Cell]], scope: Collection[str]) -> list[Unvaried]:
    """scope: the names that the user gave a value. The base never has flags, and the design none by a claim that has none: there
    is nothing else to ask."""
    flagless = [] if any(claim.flags for claim, *_ in asked) else ["flags"]
    sides = [([base for _, base, _ in asked], ["flags"]), ([design for *_, design in asked], flagless)]
    return list(dict.fromkeys(one for cells, fixed in sides for one in unvaried(cells, scope, fixed)))


def trace_of(row: CompatAnswer) -> Trace:
    """The run of the side that took the last step, and what the other side has instead."""
    found = row.result.divergence
    assert found is not None
    side = found.teller
    cell = row.base if side == BASE else row.design
    names = row.base.names["kernel"], row.design.names["kernel"]
    what, base, design = what_differs(row)
    said = f"{row.claim.sentence} Not so: {what} is {base} in {names[0]}, {design} in {names[1]}."
    reproduce = f"eoi compat {names[0]} {names[1]} --claim {row.claim.name} --vmm {cell.names['vmm']} --scope "
    events = replay(cell.system, cell.scope, found.of(side))
    return Trace(
        property_name=row.claim.name, kind=Kind.ALWAYS, verdict="VIOLATED", sentence=said,
        provenance=provenance_of(cell.system), cell=dict(cell.names),
        scope={n: scope_value(v) for n, v in vars(cell.scope).items()}, lanes=lanes_of(cell.system, events),
        events=events, reproduce=reproduce + scope_text(row.design.scope),
    )  # fmt: skip


def what_differs(row: CompatAnswer) -> tuple[str, str, str]:
    """A field as stories call it, and its values in the base and in the design; what else can be told apart, as it is."""
    found, of = row.result.divergence, row.design.system
    assert found is not None
    leaf = next((leaf for leaf in leaves(of.state_type(row.design.scope)) if str(leaf) == found.what), None)
    if leaf is None:
        return found.what, found.base, found.design
    unit = unit_of(leaf.type)
    base, design = (
        f"{unit} {value}".lstrip() if value != show(None) else value for value in (found.base, found.design)
    )
    return name_of(of, leaf)[1], base, design


def compare_so_far(asked: Sequence[tuple[Claim, Cell, Cell]], engine: str, max_pairs: int | None) -> list[CompatAnswer]:
    """The outcomes, as many as there are before Ctrl-C."""
    rows, progress = list[CompatAnswer](), Progress(len(asked))
    with until_ctrl_c():
        for claim, base, design in asked:
            progress.phase(0, str(design), f"{claim.name}: comparing with {base.names['kernel']}, step by step")
            progress.show()
            rows.append(compare(claim, base, design, engine, max_pairs))
            progress.finished(0)
    progress.close()
    return rows


def result_text(row: CompatAnswer) -> str:
    """`SAME  33,560 pairs`, `DIFFERS  8 steps: exit: 0 / none`."""
    found = row.result.divergence
    if found is None:
        return f"{row.result.verdict:<8} {count(row.result.pairs, 'pair')}"
    what, base, design = what_differs(row)
    return f"{row.result.verdict:<8} {steps_text(len(found.moves))}: {what}: {base} / {design}"


def cell_lines(rows: Sequence[CompatAnswer]) -> list[str]:
    """Every cell under its claim."""
    lines = list[str]()
    for claim in dict.fromkeys(r.claim.name for r in rows):
        mine = [r for r in rows if r.claim.name == claim]
        lines += ["", f"{claim}: {mine[0].claim.sentence}"]
        lines += [f"  {r.title:<36} {result_text(r)}" for r in mine]
    return lines[1:]


def table_lines(rows: Sequence[CompatAnswer], base: str) -> list[str]:
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
