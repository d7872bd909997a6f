"""Generation: every one-change mutant of some functions of a system, from its IR."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TypeAlias

from checker.language import ir
from checker.language.text import function_text
from model.kvm.ioapic import IoapicC
from oracles.mutation.mutant_check import normal, why_ill_formed
from oracles.mutation.mutant_ops import changes
from oracles.mutation.mutant_tree import Path, Site, sites, statement_of

Rules: TypeAlias = Callable[[ir.Function], str | None]  # which side's rules a function is of; None: it is not mutated
KVM, IOAPIC = "KVM", "I/O APIC"
ABOUT_TIME = {
    "ten_milliseconds_pass": "`Assumed:` to the kernel 10 ms are over when they are over, whatever its vCPUs have done meanwhile",
}  # rules of the model that are none of the real system's, which cannot contradict them; with the reason
OUT_OF_RANGE = "a value out of its range"


@dataclass(frozen=True)
class Mutant:
    """One change. `name` is the same at every scope and in every system with the rule: class and function, number of
    the changed node, what was done to it. function: its name in the program.

    side: whose rule it is. file, line: where the rule stands. what: one line. statement: path of the statement that
    holds the change.
    """

    name: str
    side: str
    function: str
    file: str
    line: int
    operator: str
    what: str
    changed: ir.Function
    original: ir.Function
    statement: Path

    @property
    def about_time(self) -> str | None:
        """Why it changes no rule of the real system's, but an assumption about time."""
        return ABOUT_TIME.get(self.function.rpartition(".")[2])

    @property
    def diff(self) -> str:
        """What changed, as a diff of IR text."""
        before, after = (function_text(f).splitlines() for f in (self.original, self.changed))
        return "\n".join(
            line for line in difflib.unified_diff(before, after, lineterm="", n=1) if line[:2] not in ("--", "++")
        )

    def __str__(self) -> str:
        return f"{FilePath(self.file).name}:{self.line} {self.function.rpartition('.')[2]}(): {self.what}"


@dataclass
class Generated:
    """discarded: (side, reason) -> how many the language refuses; same: how many were the original, or one that was
    there already, written in another way. rules: side -> functions."""

    mutants: list[Mutant] = field(default_factory=list[Mutant])
    discarded: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    same: Counter[str] = field(default_factory=Counter[str])
    rules: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def kvm_rules(function: ir.Function) -> str | None:
    """The rules of the issue: KVM's own, and those of an I/O APIC (KVM's, or QEMU's)."""
    file = FilePath(function.loc.file)
    folder, name = file.parent.name, function.name.rpartition(".")[2]
    if folder in ("kvm", "designs") and file.parent.parent.name == "model":
        return IOAPIC if name in vars(IoapicC) else KVM
    if (folder, file.name) == ("vmms", "qemu.py"):
        return IOAPIC if name.startswith("ioapic") or name == "delayed_ioapic_service_cb" else None
    return None


def rule_name(function: ir.Function) -> str:
    """Class and function, whether it is called as itself or by super()."""
    return f"{function.owner}.{function.name.rpartition('.')[2]}"


def generate(program: ir.Program, rules: Rules = kvm_rules) -> Generated:
    """Every mutant of the functions that are rules, each once, in source order."""
    found = Generated()
    for function in program.functions.values():
        side = rules(function)
        if side is not None and function.body:
            found.rules.setdefault(side, []).append(rule_name(function))
            _of_function(function, side, program.functions, found)
    return found


def _of_function(function: ir.Function, side: str, functions: Mapping[str, ir.Function], found: Generated) -> None:
    known = {function_text(normal(function))}
    for site in sites(function):
        for operator, what, changed in changes(function, site, functions):
            why = OUT_OF_RANGE if changed is None else why_ill_formed(changed, functions)
            if changed is None or why is not None:
                found.discarded[side, str(why)] += 1
                continue
            text = function_text(normal(changed))
            if text in known:
                found.same[side] += 1
                continue
            known.add(text)
            found.mutants.append(_mutant(function, site, side, operator, what, changed))


def _mutant(
    function: ir.Function, site: Site, side: str, operator: str, what: str, changed: ir.Function
) -> Mutant:  # fmt: skip
    statement = statement_of(function, site.path)
    loc = _loc(function, site)
    return Mutant(
        f"{rule_name(function)}/{site.number}/{operator}", side, function.name, loc.file, loc.line, operator, what, changed,
        function, statement,
    )  # fmt: skip


def _loc(function: ir.Function, site: Site) -> ir.Loc:
    """Where the changed node, or the innermost one around it that says where it is, stands in the source."""
    node: object = function
    loc = function.loc
    for name, index in site.path:
        node = getattr(node, name) if index is None else getattr(node, name)[index]
        inner = getattr(node, "loc", None)
        loc = inner if isinstance(inner, ir.Loc) and inner.file else loc
    return loc
