"""Each construct of the language: its IR is the committed text, and C does with it what CPython does."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.language.lower import lower
from checker.language.text import function_text, program_text
from model.lang import Property
from tests.rigs.compare import compare, designs_in, load_module
from tests.rigs.header import Box, Sizes
from tests.rigs.volume import at_once

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.py"))


@pytest.mark.parametrize("name", at_once(NAMES, 9))
def test_construct(name: str) -> None:
    module = load_module(GOLDEN / f"{name}.py", f"golden_{name}")
    properties = [p for p in vars(module).values() if isinstance(p, Property)]
    program = compare(designs_in(module), Sizes(), properties)
    functions = [f for f in program.functions.values() if f.owner != "Design"]
    text = "\n".join(function_text(f) for f in functions)
    assert text == (GOLDEN / f"{name}.ir").read_text()


def test_every_text_belongs_to_a_model() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.ir")) == NAMES
    assert len(NAMES) >= 25


def test_program_text() -> None:
    """State, records, choices, steps and properties come before the functions."""
    module = load_module(GOLDEN / "leads_to_pair.py", "golden_program")
    properties = [p for p in vars(module).values() if isinstance(p, Property)]
    text = program_text(lower(designs_in(module), Sizes(), properties))
    head, _, functions = text.partition("\ndef ")
    assert head == (GOLDEN / "program.txt").read_text()
    assert functions.startswith("interrupt(pin: pins[0..2])\n")
    assert text == program_text(lower(designs_in(module), Sizes(), properties))


def test_the_shared_state_has_a_field_of_every_kind() -> None:
    kinds = {type(of).__name__ for _, of in Box.state_type(Sizes()).fields}
    assert kinds == {"BoolType", "IntType", "OptionalType", "EnumType", "MaskType", "TableType"}
