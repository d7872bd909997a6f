"""`eoi compat`: can anybody tell a design from its base who did not ask for the change?"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from checker.command import exits, json_text
from checker.command.parsers import COMPARED_UNDER
from checker.errors import UserError
from checker.matrix.roles import designs, look_up, role_of
from checker.matrix.scope import parse_scope
from checker.matrix.select import find_design
from checker.questions import compat
from checker.questions.unvaried import Unvaried, chosen_lines, open_because
from checker.stories.write import to_text, wrap
from checker.words import count
from properties.compat import CLAIMS

WIDTH = 80


def run(options: Namespace) -> int:
    """0 if nobody can tell the designs apart, 1 if somebody can, 3 if a limit was reached, at Ctrl-C, or if a file newly reads
    what no cell varies."""
    base = find_design(options.base)
    kernels = {name: cls for name, cls in designs().items() if role_of(cls) == "kernel" and not cls.default_roles}
    chosen = [(name, cls) for name, cls in kernels.items() if name != base[0]]
    chosen = chosen if options.design == "all" else [find_design(options.design)]
    for name, cls in (base, *chosen):
        if role_of(cls) != "kernel":
            raise UserError(f"{name} is a {role_of(cls)} design: compat compares kernels")
    claims = [look_up("claim", c, {c.name: c for c in CLAIMS}) for c in options.claim or [c.name for c in CLAIMS]]
    vmms = [v for value in options.vmm or [",".join(COMPARED_UNDER)] for v in value.split(",")]
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
    not_varied = compat.not_varied(asked, scope)
    if options.json:
        print(as_json(rows, left, [one.said for one in not_varied]))
    else:
        tell(rows, base[0] if options.design == "all" else "", not_varied)
    if left:
        print(f"eoi: interrupted: INCONCLUSIVE: {left} of {count(len(asked), 'cell')} not compared", file=sys.stderr)
    verdicts = {r.result.verdict for r in rows}
    return exits.decided(
        wrong="DIFFERS" in verdicts, undecided=bool(left or open_because(not_varied)) or "INCONCLUSIVE" in verdicts
    )


def tell(rows: Sequence[compat.CompatAnswer], base: str, not_varied: Sequence[Unvaried]) -> None:
    """base: its name if all designs were compared with it, a line each."""
    print("\n".join(compat.table_lines(rows, base) if base else compat.cell_lines(rows)))
    for said in (*[f"INCONCLUSIVE: {why}" for why in open_because(not_varied)], *chosen_lines(not_varied)):
        print("\n" + "\n".join(wrap(said, "", "  ", WIDTH)))
    shown = next((r for r in rows if r.result.divergence is not None), None)
    if shown is not None and not base:
        print("\n" + to_text(compat.trace_of(shown)), end="")


def as_json(outcomes: Sequence[compat.CompatAnswer], left: int, not_varied: Sequence[str]) -> str:
    """Every claim in every cell; where they differ, the run and who took its steps. left: how many Ctrl-C
    kept from being compared."""
    content: json_text.Json = {
        "base": outcomes[0].base.names["kernel"],
        "interrupted": left > 0,
        "not_compared": left,
        "not_varied": list(not_varied),
        "claims": {o.claim.name: o.claim.sentence for o in outcomes},
        "cells": [_outcome(o) for o in outcomes],
    }
    return json_text.document("compat", content)


def _outcome(o: compat.CompatAnswer) -> json_text.Json:
    found = o.result.divergence
    told: json_text.Json = {} if found is None else {
        "what": found.what,
        "base_has": found.base,
        "design_has": found.design,
        "steps": [[compat.WHO[who], *json_text.of_step(move)] for who, move in found.moves],
    }  # fmt: skip
    return {
        "design": o.design.names["kernel"],
        "claim": o.claim.name,
        **{role: name for role, name in o.design.names.items() if role != "kernel"},
        "scope": json_text.of_scope(o.design.scope),
        "verdict": o.result.verdict,
        "pairs": o.result.pairs,
        **told,
    }
