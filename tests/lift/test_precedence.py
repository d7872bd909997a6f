"""What an expression of C means is what its lifted one means: Python's `a == b != c` is a chain, and its `if` binds otherwise."""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.command.conftest import Ran
from tests.lift.test_refused import into

NAMES = {
    "irqchip_split(apic->vcpu->kvm)": "irqchip_split",
    "ioapic_in_kernel(apic->vcpu->kvm)": "ioapic_in_kernel",
    "kvm_ioapic_handles_vector(apic, vector)": "kvm_ioapic_handles_vector",
}
Values = dict[str, bool]


@dataclass
class Condition:
    """c: its text; means: what C says of it."""

    c: str
    means: Callable[[Values], bool]


def drawn(dice: random.Random, deep: int) -> Condition:
    if not deep:
        c = dice.choice(list(NAMES))
        return Condition(c, lambda of: of[NAMES[c]])
    a, b, other = (drawn(dice, dice.randrange(deep)) for _ in range(3))
    match dice.choice(["==", "!=", "&&", "||", "!", "?"]):
        case "==":
            return Condition(f"({a.c} == {b.c})", lambda of: a.means(of) == b.means(of))
        case "!=":
            return Condition(f"({a.c} != {b.c})", lambda of: a.means(of) != b.means(of))
        case "&&":
            return Condition(f"({a.c} && {b.c})", lambda of: a.means(of) and b.means(of))
        case "||":
            return Condition(f"({a.c} || {b.c})", lambda of: a.means(of) or b.means(of))
        case "!":
            return Condition(f"!({a.c})", lambda of: not a.means(of))
        case _:
            return Condition(f"({a.c} ? {b.c} : {other.c})", lambda of: (b if a.means(of) else other).means(of))


def lifted(text: str, eoi: Callable[..., Ran], folder: Path) -> ast.expr | None:
    """The condition of the class; None if it is refused."""
    (folder / "p.patch").write_text(text)
    (folder / "mine.py").unlink(missing_ok=True)
    ran = eoi("lift", str(folder / "p.patch"), "-o", str(folder / "mine.py"))
    if ran.code:
        return None
    functions = [
        node for node in ast.walk(ast.parse((folder / "mine.py").read_text())) if isinstance(node, ast.FunctionDef)
    ]
    of_split = next(
        node for node in ast.walk(functions[0]) if isinstance(node, ast.If) and "irqchip_split" in ast.dump(node.test)
    )
    inner = of_split.body[0]
    return inner.test if isinstance(inner, ast.If) else None


@pytest.mark.parametrize("seed", range(4))
def test_conditions_mean_what_they_mean_in_c(seed: int, eoi: Callable[..., Ran], tmp_path: Path) -> None:
    dice, looked_at = random.Random(seed), 0
    for _ in range(12):
        condition = drawn(dice, 3)
        test = lifted(into(f"if ({condition.c})", "	return;"), eoi, tmp_path)
        if test is None:
            continue
        looked_at += 1
        code = compile(ast.Expression(test), "lifted", "eval")
        for values in itertools.product((False, True), repeat=3):
            of = dict(zip(NAMES.values(), values, strict=True))
            machine = SimpleNamespace(**{name: lambda *_, value=value: value for name, value in of.items()})
            found = eval(code, {"self": machine, "apic": None, "vector": None})
            assert bool(found) is condition.means(of), f"{condition.c}\nis {ast.unparse(test)}"
    assert looked_at >= 6


def test_the_arms_of_a_switch(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    same = "irqchip_split(apic->vcpu->kvm) == ioapic_in_kernel(apic->vcpu->kvm)"
    test = lifted(into(f"switch ({same}) {{", "case true:", "	return;", "}"), eoi, tmp_path)
    assert test is not None and ast.unparse(test) == "(self.irqchip_split() == self.ioapic_in_kernel()) == True"
