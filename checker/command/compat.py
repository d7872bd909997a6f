"""`eoi compat`: can anybody tell a design from its base who did not ask for the change?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from checker.command import exits, json_text
from checker.command.options import add_engine, add_scope, positive
from checker.errors import UserError
from checker.matrix.roles import designs, look_up, role_of
from checker.matrix.scope import parse_scope
from checker.matrix.select import find_design
from checker.questions import compat
from checker.stories.write import to_text
from checker.words import count
from properties.compat import CLAIMS


def add(parser: ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help="the kernel design to compare with")
    parser.add_argument("design", metavar="DESIGN", help="a kernel design, or all for a table of every one")
    claims = f"one of {', '.join(c.name for c in CLAIMS)}; default: all"
    parser.add_argument("--claim", action="append", metavar="C", help=claims)
    parser.add_argument("--vmm", action="append", metavar="V", help=f"default: {', '.join(compat.MATRIX)}")
    add_scope(parser)
    parser.add_argument("--max-states", type=positive, metavar="N", help="pairs in a cell; more is INCONCLUSIVE")
    parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    add_engine(parser)


def run(options: Namespace) -> int:
    """0 if nobody can tell the designs apart, 1 if somebody can, 3 if a limit was reached, or at Ctrl-C."""
    base = find_design(options.base)
    kernels = {name: cls for name, cls in designs().items() if role_of(cls) == "kernel" and not cls.default_roles}
    chosen = [(name, cls) for name, cls in kernels.items() if name != base[0]]
    chosen = chosen if options.design == "all" else [find_design(options.design)]
    for name, cls in (base, *chosen):
        if role_of(cls) != "kernel":
            raise UserError(f"{name} is a {role_of(cls)} design: compat compares kernels")
    claims = [look_up("claim", c, {c.name: c for c in CLAIMS}) for c in options.claim or [c.name for c in CLAIMS]]
    vmms = [v for value in options.vmm or [",".join(compat.MATRIX)] for v in value.split(",")]
    scope = parse_scope(options.scope)
    asked = [
        (c, old, new) for design in chosen for c in claims for old, new in compat.pairs(c, base, design, vmms, scope)
    ]
    if not asked:
        raise UserError("nothing to compare")
    rows = compat.compare_so_far(asked, options.engine, options.max_states)
    left = len(asked) - len(rows)
    if not rows:
        raise KeyboardInterrupt
    if options.json:
        print(json_text.of_compat(rows, left))
    else:
        print("\n".join(compat.table_lines(rows, base[0]) if options.design == "all" else compat.cell_lines(rows)))
    shown = next((r for r in rows if r.result.divergence is not None), None)
    if shown is not None and options.design != "all" and not options.json:
        print("\n" + to_text(compat.trace_of(shown)), end="")
    if left:
        print(f"eoi: interrupted: INCONCLUSIVE: {left} of {count(len(asked), 'cell')} not compared", file=sys.stderr)
    verdicts = {r.result.verdict for r in rows}
    return exits.decided(wrong="DIFFERS" in verdicts, undecided=bool(left) or "INCONCLUSIVE" in verdicts)
