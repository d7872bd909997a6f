"""How large a scope may be. The engine numbers step instances (a step with values for its parameters) in 15 bits, and
makes room for the successors of a batch of states at once; a scope with more of them is refused before anything runs.

Within that limit a scope may still have more states than memory holds: then the search ends INCONCLUSIVE.
"""

from __future__ import annotations

import math
from dataclasses import replace

from checker.engine.cgen import FAULT_BIT
from checker.errors import UserError
from checker.language.source import type_hints
from model.finite import ModelError, StructType, TableType, size
from model.lang import Design, Scope, resolve

MOST = FAULT_BIT  # step instances


def instance_counts(design: type[Design], scope: Scope) -> dict[str, int]:
    """Step -> how many instances it has."""
    return {name: _count(design, name, scope) for name in design.steps()}


def _count(design: type[Design], step: str, scope: Scope) -> int:
    hints = type_hints(getattr(design, step))
    of = [resolve(hint, scope, step) for name, hint in hints.items() if name != "return"]
    return math.prod(size(kind) for kind in of if not isinstance(kind, StructType | TableType))


def fits(design: type[Design], scope: Scope) -> bool:
    return sum(instance_counts(design, scope).values()) <= MOST


def counts_if_known(design: type[Design], scope: Scope) -> dict[str, int]:
    """instance_counts(); of a class with a mistake, which is told with its line when the class is lowered, none."""
    try:
        return instance_counts(design, scope)
    except (ModelError, NameError, TypeError, SyntaxError):
        return {}


def check_sizes(design: type[Design], scope: Scope) -> None:
    """Raise UserError, with the largest sizes that work, if the engine cannot number the steps of a system."""
    counts = counts_if_known(design, scope)
    total = sum(counts.values())
    if total <= MOST:
        return
    step = max(counts, key=counts.__getitem__)
    sizes = ",".join(f"{name}={value}" for name, value in scope.sizes().items())
    raise UserError(
        f"--scope {sizes} is too large: it makes {total:,} step instances, {counts[step]:,} of them of {step}(), and the "
        f"engine numbers {MOST:,}. The largest that works: {_largest(design, scope)}"
    )


def _largest(design: type[Design], scope: Scope) -> str:
    """`pins=7, or vectors=7`: the most of one size with the others as they are; or, if that is not enough, of all."""
    found = []
    for name, value in scope.sizes().items():
        smaller = (n for n in range(value - 1, 0, -1) if fits(design, replace(scope, **{name: n})))
        found += [f"{name}={n}" for n in [next(smaller, 0)] if n]
    if found:
        return ", or ".join(found)
    for most in range(max(scope.sizes().values()), 0, -1):
        capped = {name: min(value, most) for name, value in scope.sizes().items()}
        if fits(design, replace(scope, **capped)):
            return ",".join(f"{name}={value}" for name, value in capped.items())
    return "none"
