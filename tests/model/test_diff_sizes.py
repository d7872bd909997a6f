"""A design is at most twice as long as the C change it stands for (counted in added and removed lines)."""

from __future__ import annotations

import pytest

from checker.model_diff import model_diff, model_diff_lines
from checker.registry import designs

# Lines added plus lines removed by the C change, and where they were counted.
C_LINES = {
    "v1": (4, "its diffstat: 4 insertions"),
    "sean_local": (9, "the rewrite quoted in the same thread: a comment of 6 lines, the test, an empty line"),
    "split_irqchip_api": (28, "the inline diff: 27 added, 1 removed"),
    "split_irqchip_api_on_v1": (28, "the same diff, on top of v1"),
    "tristate_draft": (44, "its diffstat: 38 insertions, 6 deletions"),
    "v5": (120, "patch 3 of 3 alone has 93 insertions, 27 deletions"),
    "v6": (142, "diffstat of the patch with the merged changelog: 127 insertions, 15 deletions"),
}


@pytest.mark.parametrize("name", C_LINES)
def test_a_design_is_at_most_twice_as_long_as_the_c_change(name):
    lines, source = C_LINES[name]
    measured = model_diff_lines(designs()[name])
    assert 0 < measured <= 2 * lines, f"{name}: {measured} model lines for {lines} C lines ({source})"


def test_the_first_patch_is_the_two_lines_of_code_that_it_adds():
    (hunk,) = model_diff(designs()["base"], designs()["v1"])
    assert (hunk.file, hunk.name) == ("arch/x86/kvm/lapic.c", "kvm_ioapic_send_eoi()")
    assert [line.split() for line in hunk.lines] == [["+", "if", "apic.spiv_directed_eoi:"], ["+", "return"]]


@pytest.mark.parametrize(("name", "same_as"), [("sean_local", "v1"), ("v2", "quirk_oct31"), ("v3", "v2")])
def test_designs_that_differ_in_names_only_have_no_model_diff(name, same_as):
    assert model_diff(designs()[same_as], designs()[name]) == []


@pytest.mark.parametrize(
    "name", [n for n, cls in designs().items() if cls.patch is not None and cls.patch.base in designs()]
)
def test_every_design_differs_from_its_base_or_says_that_it_does_not(name):
    patch = vars(designs()[name]).get("patch")
    if patch is None or patch.base not in designs():
        pytest.skip("names no registered base")
    assert model_diff_lines(designs()[name]) > 0
