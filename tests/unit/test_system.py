"""One place where systems are made, and what it hands out."""

from __future__ import annotations

import ast
from pathlib import Path

from checker.matrix.cells import Cell, matrix, short_names
from checker.matrix.roles import DEVICES, GUESTS, VMMS, designs
from checker.matrix.system import system_of
from tests.rigs.syntax import nodes_of

ROOT = Path(__file__).resolve().parents[2]


def calls_of(name: str) -> list[str]:
    """Where the product calls a function of this name."""
    found = []
    for path in (
        p for folder in ("model", "properties", "checker", "oracles", "tools") for p in (ROOT / folder).rglob("*.py")
    ):
        for node in nodes_of(path):
            called = node.func if isinstance(node, ast.Call) else None
            if name in (getattr(called, "id", ""), getattr(called, "attr", "")):
                found.append(str(path.relative_to(ROOT)))
    return found


def test_systems_are_composed_in_one_place() -> None:
    ours, apart = "checker/matrix/system.py", [f"checker/certificate/{name}.py" for name in ("check", "wide_check")]
    assert calls_of("compose") == sorted([ours, *apart])  # these share nothing with the rest
    assert len(calls_of("system_of")) > 5  # and are asked for in many


def test_a_system_is_one_class_whoever_asks_for_it() -> None:
    roles = designs()["v6"], VMMS["qemu"], GUESTS["linux"], DEVICES["level"]
    cells = matrix(
        ("v6", roles[0]), kernels=[], vmms=["qemu"], guests=["linux"], devices=["level"], scope={"cpus": 1}
    )  # fmt: skip
    assert len(cells) > 2 and {c.system for c in cells if isinstance(c, Cell)} == {system_of(*roles)}
    assert system_of(*roles) is not system_of(designs()["v5"], *roles[1:])


def test_names_are_as_short_as_tells_them_apart() -> None:
    asked = ["base", "a/mine.py", "b/mine.py", "c/b/mine.py:Two", "deep/other.py", "mine.py"]
    assert list(short_names(asked).values()) == ["base", "a/mine.py", "b/mine.py", "mine.py:Two", "other.py", "mine.py"]
    assert short_names(["x/one/mine.py", "y/one/mine.py"]) == {n: n for n in ("x/one/mine.py", "y/one/mine.py")}
