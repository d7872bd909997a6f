"""Generation: every one-change mutant of some functions of a system, from its IR."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from checker.language import ir
from checker.language.text import function_text
from oracles.mutation.operators import Functions, Site, changes, sites
from oracles.mutation.wellformed import WellFormed, normal

# Whose rules a function is of: a side that is counted by itself. None: it is not mutated.
Rules: TypeAlias = Callable[[ir.Function], str | None]
OUT_OF_RANGE = "a value out of its range"


@dataclass(frozen=True)
class Mutant:
    """One change. `name` is the same at every scope and in every system with the rule: class and function, number of
    the changed node, what was done to it. side: whose rule it is. what: one line. site: the node that was changed."""

    name: str
    side: str
    operator: str
    what: str
    changed: ir.Function
    site: Site

    @property
    def function(self) -> str:
        """Its name in the program."""
        return self.site.function.name

    @property
    def rule(self) -> str:
        """The function's own name, also where it is called by super()."""
        return self.function.rpartition(".")[2]

    @property
    def diff(self) -> str:
        """What changed, as a diff of IR text."""
        before, after = (function_text(f).splitlines() for f in (self.site.function, self.changed))
        return "\n".join(
            line for line in difflib.unified_diff(before, after, lineterm="", n=1) if line[:2] not in ("--", "++")
        )

    def __str__(self) -> str:
        return f"{Path(self.site.loc.file).name}:{self.site.loc.line} {self.rule}(): {self.what}"


@dataclass
class Generated:
    """discarded: (side, reason) -> how many the language refuses; same: how many were the original, or one that was
    there already, written in another way. rules: side -> functions."""

    mutants: list[Mutant] = field(default_factory=list[Mutant])
    discarded: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    same: Counter[str] = field(default_factory=Counter[str])
    rules: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


def rule_name(function: ir.Function) -> str:
    """Class and function, whether it is called as itself or by super()."""
    return f"{function.owner}.{function.name.rpartition('.')[2]}"


def generate(program: ir.Program, rules: Rules) -> Generated:
    """Every mutant of the functions that are rules, each once, in source order."""
    found, language = Generated(), WellFormed(program.functions)
    for function in program.functions.values():
        side = rules(function)
        if side is not None and function.body:
            add_mutants(function, side, program.functions, language, found)
    return found


def add_mutants(function: ir.Function, side: str, functions: Functions, language: WellFormed, found: Generated) -> None:
    """Those of one function. functions: what it may call."""
    found.rules.setdefault(side, []).append(rule_name(function))
    known = {function_text(normal(function))}
    for site in sites(function):
        for operator, what, changed in changes(site, functions):
            why = OUT_OF_RANGE if changed is None else language.why_not(changed)
            if changed is None or why is not None:
                found.discarded[side, str(why)] += 1
                continue
            text = function_text(normal(changed))
            if text in known:
                found.same[side] += 1
                continue
            known.add(text)
            name = f"{rule_name(function)}/{site.number}/{operator}"
            found.mutants.append(Mutant(name, side, operator, what, changed, site))
