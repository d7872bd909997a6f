"""Each word that an answer can consist of is in the glossary: whoever adds one says there what it means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from checker.questions import compare
from checker.questions.answer import Standing
from checker.questions.drift import Sameness
from checker.questions.explain import index, simple
from checker.questions.glossary import SECTIONS, meanings
from checker.questions.verdict import Status
from model.lang import Fair, Kind
from oracles.confirm import Label
from oracles.world.report import Survival

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
# Where answers are worded.
FOLDERS = ("checker/command", "checker/questions", "checker/stories", "oracles")
WORD = re.compile(r"(?<![\w.:$%{/-])[A-Z]{3,}(?: (?:[A-Z]{2,}|TOLD))*(?![\w.(/])")
# In capitals, and no answers: abbreviations, registers and files, what stands for a value in a usage, formats of struct.
NO_ANSWERS = set(
    """
    API APIC ASCII CPU CPUID EOI EXTRAVERSION GSI IPI IRR ISR JSON KVM LAPIC LVR MIME MSI MSR PATCHLEVEL QEMU RFC RTC SPIV SUBLEVEL TCG TPR
    ABC INVARSPEC SPIN UTC VERSION VMM
    BASE COMMAND DESIGN DIR FIELD FILE FOLDER MAIL NAME OPTIONS PATH SECONDS SHELL SIZE STATES TABLE TREE VALUE WHAT WHERE WORD FROM OP
    UTF PYTHONPATH PYTHONOPTIMIZE EXPR URL IIII II IIIIQ IIQQQ QIH QQQ ULL COMPLETE DONE UNSAT FAULT ENABLE NONE ORDER STRONG
    """.split()  # noqa: SIM905
)
WRITTEN_SO = {"EXPECTED", "APIC EOI", "IIII II", "IIII IIII"}


def words_in_capitals() -> Iterator[tuple[str, str]]:
    """(word, place) of each in a string that is no docstring."""
    for path in (p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*.py"))):
        tree = ast.parse(path.read_text())
        bodies = [n.body for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
        docs = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield from ((found, f"{path}:{node.lineno}") for found in WORD.findall(node.value))


def test_each_word_in_capitals_is_explained() -> None:
    found = dict(words_in_capitals())
    assert {"REGRESSED", "INCONCLUSIVE", "NOT LOOKED AT", "STILL BROKEN", "NOT RUNNABLE HERE", "UNDECIDED"} <= set(
        found
    )
    known = {simple(word) for word in meanings()}
    open_ = {w: at for w, at in found.items() if simple(w) not in known and w not in NO_ANSWERS | WRITTEN_SO}
    assert open_ == {}, "say in checker/questions/glossary.py what it means; or add it to NO_ANSWERS here"


@pytest.mark.parametrize("of", [Status, Sameness, Label, Survival, Standing], ids=lambda of: of.__name__)
def test_each_value_of_an_answer_is_explained(of: type[Enum]) -> None:
    assert {member.value for member in of} <= set(meanings())


def test_so_are_marks_of_a_matrix_groups_of_a_comparison_kinds_and_fairness() -> None:
    known = set(meanings())
    assert {s.mark for s in Status} | {f"({Status.HOLDS.mark})", *compare.GROUPS, *Kind} | {
        f.name for f in Fair
    } <= known
    assert all(Fair[name].value in text for name, text in SECTIONS["fairness"].items())


def test_no_word_is_explained_twice_and_none_without_words() -> None:
    names = [name for section in SECTIONS.values() for line in section for name in line.split(" / ")]
    assert len(names) == len(set(names)) > 80
    for name, text in meanings().items():
        assert len(text) > 15 and text.isascii() and not text.endswith(".") and len(index()[simple(name)]) >= 1, name
