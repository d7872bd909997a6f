"""checker/LANGUAGE.md: its blocks are one program that runs, and what it says of that program is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import checker
from checker.engine.atoms import atoms
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.language.lower import lower
from checker.language.refusal import Refused
from model.lang import Design, Property, Scope
from tests.rigs.compare import compare, compare_reachable, load_module

PAGE = Path(str(checker.__file__)).with_name("LANGUAGE.md").read_text()
HEAD = """from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias
from model.lang import *
from model.lang import Scope

"""
ROWS = re.findall(r"^\| `(.+)` \| (.+) \|$", PAGE, re.MULTILINE)


def program() -> str:
    return HEAD + "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    path = tmp_path_factory.mktemp("page") / "page.py"
    path.write_text(program())
    return vars(load_module(path, "language_page"))


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 120
    assert max(map(len, PAGE.splitlines())) <= 120
    assert PAGE.count("```") == 2 * PAGE.count("```python")


@pytest.mark.everything
@pytest.mark.parametrize("name", ["Toy", "Patched", "Noted"])
def test_states_and_property(names: dict[str, object], name: str) -> None:
    design, scope = names[name], names["Sizes"]
    assert isinstance(design, type)
    assert issubclass(design, Design)
    assert isinstance(scope, type)
    sizes = scope()
    assert isinstance(sizes, Scope)
    properties = [p for p in names.values() if isinstance(p, Property)]
    compare(design, sizes, properties)
    program = lower(design, sizes, properties)
    found = compare_reachable(program, design, sizes, properties)
    told = re.search(r"`Toy` has (\d+) states and violates `never_zero`; `Patched` has (\d+) and does not\.", PAGE)
    assert told is not None
    assert found == {"Toy": int(told[1]), "Patched": int(told[2])}.get(name, found)
    search = NativeSearch(program, Reference(design, sizes), keep_edges=True)
    assert search.run(Limits(), None) is Outcome.COMPLETE
    violated = [
        search.first_state(a, False) is not None
        for a in atoms(program)
        if program.formulas[a.formula].name == "never_zero"
    ]
    assert any(violated) == (name == "Toy")


@pytest.mark.parametrize(("line", "message"), ROWS)
def test_row_of_mistakes(tmp_path: Path, line: str, message: str) -> None:
    """Each line, in a step with the names cpu, vector, apic and maybe."""
    path = tmp_path / "mistake.py"
    step = '\n\nclass Mistaken(Toy):\n    @step(by="author")\n    def go(self, cpu: Cpu, vector: Vector) -> None:\n'
    body = ["apic = self.apic[cpu]", "maybe = apic.pending", line]
    path.write_text(program() + step + "".join(f"        {each}\n" for each in body))
    module = load_module(path, "language_mistake")
    with pytest.raises(Refused) as refused:
        lower(module.Mistaken, module.Sizes())
    assert refused.value.message == message


def test_there_are_rows() -> None:
    assert len(ROWS) >= 6
