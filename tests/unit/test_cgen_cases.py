"""Generated C against the hand-written meaning of each case of ir_cases, on every state."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from checker.language.layout import Instance, Layout, instances
from model.finite import encode, size
from tests.rigs import ir_cases
from tests.rigs.cgen_harness import Native
from tests.rigs.ir_building import CASES, Case, Verdict

assert ir_cases, "imported for the programs that it registers"
Result = tuple[int, ...] | Verdict


def expected(case: Case, instance: Instance, codes: tuple[int, ...]) -> Result:
    after = list(codes)
    return case.meaning(after, *instance.args) or tuple(after)


@pytest.mark.parametrize("name", CASES)
def test_case(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    native = Native(case.program, tmp_path)
    values = case.scope.choices()
    choices = [encode(of, values[choice]) for choice, of in case.program.choices.items()]
    steps = instances(case.program)
    for codes in itertools.product(*(range(size(leaf.type)) for leaf in Layout(case.program).leaves)):
        found: dict[int, Result] = {
            label: Verdict.FAULT if bad else then for label, bad, then in native.expand(codes, choices)
        }
        for instance in steps:
            assert found.get(instance.label, Verdict.DISABLED) == expected(case, instance, codes), (instance, codes)
