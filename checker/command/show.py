"""`eoi show`: what the checker sees of a design: the functions, steps and fields of one system, its IR, or its C."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker.command.exits import Exit
from checker.engine.cgen import generate
from checker.engine.passages import users_files
from checker.language.ir import Loc
from checker.language.layout import leaves, width
from checker.language.lower import lower
from checker.language.text import program_text
from checker.matrix.cells import Cell
from checker.matrix.select import select
from checker.questions.report import scope_text
from checker.words import count
from model.lang import Property

MODEL = Path(__file__).resolve().parents[2]


def run(options: Namespace) -> int:
    """The first of the cells that the options select is shown."""
    title, cells, _, wanted = select(options.asked)
    cell, properties = cells[0], wanted if options.property else []
    if options.ir or options.c:
        program = lower(cell.system, cell.scope, [p for p in properties if p.why_not(cell.system) is None])
        print(program_text(program) if options.ir else generate(program), end="")
        return Exit.FINE
    of = f"the first of {count(len(cells), 'cell')}: " if len(cells) > 1 else ""
    print("\n".join([title, f"{of}{cell}", f"scope {scope_text(cell.scope)}", *lines_of(cell, properties)]))
    return Exit.FINE


def lines_of(cell: Cell, properties: Sequence[Property]) -> list[str]:
    """Functions with the class and line that give them (the user's first), steps with who takes them, fields with their
    bits."""
    program = lower(cell.system, cell.scope, [p for p in properties if p.why_not(cell.system) is None])
    lines = ["", "functions:"]
    users = users_files(cell.system)
    for name, function in sorted(program.functions.items(), key=lambda item: (item[1].loc.file not in users, item[0])):
        given = getattr(getattr(cell.system, name, None), "__qualname__", "")
        lines.append(f"  {name:<40} {given.rpartition('.')[0]:<20} {_where(function.loc)}".rstrip())
    lines += ["", "steps:", *(f"  {s.name:<40} by {s.by}, {s.fair.name}" for s in program.steps)]
    fields = [(str(leaf), str(leaf.type), width(leaf.type)) for leaf in leaves(program.state)]
    lines += ["", f"fields, {count(sum(bits for *_, bits in fields), 'bit')}:"]
    lines += [f"  {name:<40} {of:<30} {count(bits, 'bit')}" for name, of, bits in fields]
    for formula in program.formulas:
        lines += ["", f"{formula.kind} {formula.name}: {', '.join(formula.functions)}"]
    return lines


def _where(loc: Loc) -> str:
    """A file of the model by its place in the repository, one of the user's as it is."""
    path = Path(loc.file)
    return f"{path.relative_to(MODEL) if path.is_relative_to(MODEL) else path}:{loc.line}"
