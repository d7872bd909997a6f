"""The page of `eoi why` for what holds: its clauses in words, each with a number, by the steps that need them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from checker.symbolic.needed import Needed
from checker.symbolic.vocabulary import Clause
from checker.words import count

ABOUT = (
    "What is listed is true at first, and each step keeps it where all of it is true; inductive means no more. It is meant for all "
    "values of cpu, pin and vector; pin and pin2 are different ones."
)
HEAD_OF_OTHERS = "Without any one of these, this step could break another one, whose number stands behind it:"
EQUAL = re.compile(r"[^() ]+ == [^() ]+")


def in_words(clause: Clause) -> str:
    """As an implication, if something of it is denied."""
    premises = [text for text, positive in clause.literals if not positive]
    said = [text for text, positive in clause.literals if positive]
    if not said and len(premises) == 1 and EQUAL.fullmatch(premises[0]):
        return premises[0].replace(" == ", " != ")
    if not said:
        return f"not ({' and '.join(premises)})"
    return (f"if {' and '.join(premises)} then " if premises else "") + " or ".join(said)


def page(name: str, about: str, needed: Mapping[Clause, Sequence[Needed]], where: str) -> list[str]:
    """name: of the property. about: the cell. where: at which sizes the clauses are inductive. First what the property itself would
    be broken without, then what keeps that."""
    with_what = f"with {count(len(needed), 'clause')}" if needed else "by itself"
    lines = [f"{name} holds: it is inductive {with_what} at {where}: {about}", *[ABOUT] * bool(needed)]
    by_itself = {c: step for c, by in needed.items() for step, goal in by[:1] if goal == name}
    by_others = {c: step for c, by in needed.items() for step, goal in by[:1] if goal != name}
    numbers = {str(c): k for k, c in enumerate([*_together(by_itself), *_together(by_others)], 1)}
    goals = {c: numbers.get(by[0][1]) for c, by in needed.items() if by}
    lines += _part(f"Without any one of these, this step could break {name}:", by_itself, numbers, {})
    lines += _part(HEAD_OF_OTHERS, by_others, numbers, goals)
    spare = [clause for clause, by in needed.items() if not by]
    return lines + (
        ["", "Not needed by any step:", *(f"      {in_words(clause)}" for clause in spare)] if spare else []
    )


def _together(clauses: Mapping[Clause, str]) -> list[Clause]:
    """Those of one step one after the other, in the order in which the steps come."""
    return [c for step in dict.fromkeys(clauses.values()) for c, of in clauses.items() if of == step]


def _part(
    head: str, clauses: Mapping[Clause, str], numbers: Mapping[str, int], goals: Mapping[Clause, int | None]
) -> list[str]:
    lines = ["", head] * bool(clauses)
    last = ""
    for clause in _together(clauses):
        lines += [f"  {clauses[clause]}()"] * (clauses[clause] != last)
        last = clauses[clause]
        goal = f"  ({goals[clause]})" if goals.get(clause) else ""
        lines.append(f"    {numbers[str(clause)]:>2}. {in_words(clause)}{goal}")
    return lines
