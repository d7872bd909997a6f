"""What z3 is asked, asked of cvc5 as well, where that is installed. The question goes over as SMT-LIB text."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from checker.errors import EnginesDisagree
from checker.symbolic.inductive_with import Ask, asked_of_z3
from checker.symbolic.z3_terms import z3

CVC5 = "cvc5"


def is_installed() -> bool:
    return importlib.util.find_spec(CVC5) is not None


def asked_of_cvc5(constraints: Sequence[Any], milliseconds: int) -> str:
    """ "sat", "unsat" or "unknown"."""
    cvc5: Any = importlib.import_module(CVC5)
    question = z3.Solver()
    question.add(*constraints)
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setLogic("QF_BV")
    solver.setOption("tlimit-per", str(milliseconds))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, question.to_smt2(), "asked")
    said, symbols = "unknown", parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        said = str(command.invoke(solver, symbols)).strip() or said
    return said if said in ("sat", "unsat") else "unknown"


def agreed(first: Ask = asked_of_z3, second: Ask = asked_of_cvc5) -> Ask:
    """Both are asked. What one of them does not know is unknown. Raises EnginesDisagree."""

    def ask(constraints: Sequence[Any], milliseconds: int) -> str:
        answers = first(constraints, milliseconds), second(constraints, milliseconds)
        if set(answers) == {"sat", "unsat"}:
            raise EnginesDisagree(
                "whether a step leaves what is inductive", dict(zip(("z3", CVC5), answers, strict=True))
            )
        return answers[0] if answers[0] == answers[1] else "unknown"

    return ask
