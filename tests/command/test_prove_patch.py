"""`eoi prove fix.patch` answers on its first line what the patch makes worse and better, and ends by that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.questions.compare import FIXED, REGRESSED, STILL
from checker.questions.compare_text import headline
from tests.lift.test_forms import V1_DIFF

CELLS = ("--vmm", "qemu", "--guest", "windows_cg,linux", "--scope", "cpus=1,pins=1,vectors=1")
V20, V11 = ((*CELLS[:-1], f"{CELLS[-1]},ioapic={version}") for version in ("0x20", "0x11"))


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    path = tmp_path / "v1.patch"
    path.write_text(V1_DIFF)
    return path


def test_what_only_gets_better_ends_well(eoi, patch):
    ran = eoi("prove", str(patch), *V20, "--brief")
    assert ran.code == 0
    first, second, third, fourth, *rest = ran.out.splitlines()
    assert first == f"{patch} against base: worse in 0 of 2 cells, better in 1, neither in 1"
    assert (third, fourth) == ("neither with guest: linux", "changed: lapic.c/kvm_ioapic_send_eoi() (2 lines)")
    assert rest[:3] == [
        "  + if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)",
        "  +         return;",
        "",
    ]
    assert second.startswith("better: ") and "no_storm 1" in second
    assert "lifted: kvm_ioapic_send_eoi(); 0 notes" in ran.out and "class Lifted" not in ran.out
    assert any(line.startswith("FIXED         no_storm ") for line in rest)


def test_what_gets_worse_is_said_first_with_the_story_at_the_end(eoi, patch):
    ran = eoi("prove", str(patch), *V11)
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert (
        lines[0]
        == f"{patch} against base: worse in 1 of 2 cells, better in 1 (1 of these worse, too), neither in 1 (1 of them violated as before)"
    )
    assert (
        lines[1].startswith("worse: no_eoi_lost 1")
        and lines[2].startswith("better: ")
        and "class Lifted(Base):" in lines
    )
    assert any(line.startswith("REGRESSED     no_eoi_lost ") for line in lines)
    assert "no_eoi_lost: VIOLATED in 10 steps (shortest)" in lines and "Replay: eoi1 no_eoi_lost" in ran.out
    compared = eoi("diff", "base", str(patch), *V11).out.splitlines()
    assert [row for row in compared if row.startswith("REGRESSED")] == [
        row for row in lines if row.startswith("REGRESSED")
    ]


@pytest.mark.parametrize("more", ["--absolute", "--inductive"])
def test_all_verdicts_of_it_are_there_for_who_asks(eoi, patch, more):
    ran = eoi("prove", str(patch), *V20, "--property", "no_eoi_lost", more)
    assert ran.code == 0 and "against base" not in ran.out and ran.out.endswith(" states: 2 hold\n")


def test_json_is_that_of_a_comparison(eoi, patch):
    ran = eoi("prove", str(patch), *V11, "--json")
    found = json.loads(ran.out)
    assert ran.code == 1 and found["base"] == "base" and found["design"] == str(patch)


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ([{REGRESSED, FIXED}, {FIXED}, {FIXED, STILL}, {STILL}, set()], "worse in 1 of 5 cells, better in 3 (1 of these worse, too), neither in 2 (1 of them violated as before)"),
        ([{REGRESSED}, {REGRESSED}], "worse in 2 of 2 cells, better in 0, neither in 0"),
        ([set()], "worse in 0 cells, better in 0, neither in 1"),
    ],
)  # fmt: skip
def test_each_cell_is_counted_once(kinds, said):
    class Told:
        after = [object() for _ in kinds]
        listed = [
            type("C", (), {"design": cell, "kind": kind}) for cell, of in zip(after, kinds, strict=True) for kind in of
        ]
        whole, undecided = True, False

    assert headline(Told()) == said
