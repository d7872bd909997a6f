"""The changed lines of a patch on the first screen: those of the code, and nothing that a terminal takes for more."""

from __future__ import annotations

import pytest

from checker.questions.model_diff import Hunk
from checker.questions.patch_text import SMALL, small_change

FILE, NAME = "lapic.c", "kvm_ioapic_send_eoi()"
MODEL = [Hunk(FILE, NAME, ("+    return",))]


def hunk(*lines: str, name: str = NAME) -> Hunk:
    return Hunk(FILE, name, lines)


@pytest.mark.parametrize(
    ("patch", "shown"),
    [
        ([hunk("+\t/* why */"), hunk("+\treturn;")], ["+ return;"]),
        ([hunk("+\t/* a */ return; /* b */")], ["+ /* a */ return; /* b */"]),
        ([hunk("+\t/*", "+\t * why", "+\t */", "+\treturn;")], ["+ return;"]),
        ([hunk("+#define X 1")], ["+ #define X 1"]),
        ([hunk("+\treturn; \x1b[31m\u202e")], ["+ return; ?[31m?"]),
        ([hunk(*["+\treturn;"] * (SMALL + 1))], []),
        ([hunk("+\treturn;"), hunk("+\tint x;", name="main()")], []),
    ],
    ids=["a hunk of comments", "code between comments", "a block", "a #define", "what steers a terminal", "too many", "another function"],
)  # fmt: skip
def test_what_is_shown(patch: list[Hunk], shown: list[str]) -> None:
    assert small_change(MODEL, patch) == shown


def test_of_no_patch_the_models_lines_are_shown() -> None:
    assert small_change(MODEL, []) == ["+ return"]
