"""A PASS says which lines of the user's file no step ran; one that ran none of them is no PASS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PATCH = '''\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    """Obey SPIV bit 12."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
'''
IN_KERNEL = '''\
from model.designs.base import Base
from model.machine import Vector


class Mine(Base):
    """A change that no split irqchip comes to."""

    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        return
'''
ONE = ("--vmm", "qemu", "--scope", "ioapic=0x20,cpus=1,pins=1,vectors=1", "--property", "no_storm")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_each_guest_runs_its_branch(eoi, mine, engine):
    mine.write_text(PATCH)
    linux = eoi("prove", str(mine), "--guest", "linux", *ONE, "--engine", engine)
    assert linux.code == 0
    assert "  never run: mine.py:10 in kvm_ioapic_send_eoi()" in linux.out
    assert "NOT LOOKED AT: mine.py:10 in kvm_ioapic_send_eoi(): no step runs it here" in linux.out
    windows = eoi("prove", str(mine), "--guest", "windows_cg", *ONE, "--engine", engine, "--brief")
    assert "NOT LOOKED AT: mine.py:11 in kvm_ioapic_send_eoi(): no step runs it here" in windows.out


def test_what_one_cell_runs_was_looked_at(eoi, mine):
    mine.write_text(PATCH)
    both = eoi("prove", str(mine), "--guest", "linux,windows_cg", *ONE)
    assert both.out.count("  never run: mine.py:1") == 2
    assert "NOT LOOKED AT" not in both.out
    assert "never run" not in eoi("prove", "v1", "--guest", "linux", *ONE).out  # of the user's files only


def test_a_patch_that_nothing_runs_is_not_proved(eoi, mine):
    mine.write_text(IN_KERNEL)
    ran = eoi("prove", str(mine), "--guest", "linux", *ONE, "--brief")
    assert ran.code == 3
    assert "NOT LOOKED AT: mine.py:8 nobody calls kvm_ioapic_write_eoi(): no step runs it here" in ran.out
    assert "INCONCLUSIVE: no step runs anything of it" in ran.out
    found = json.loads(eoi("prove", str(mine), "--guest", "linux", *ONE, "--json").out)
    assert found["inconclusive"] and found["not_looked_at"] == ["mine.py:8 nobody calls kvm_ioapic_write_eoi()"]


def test_diff_says_it_too(eoi, mine):
    mine.write_text(PATCH)
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert ran.code == 0
    assert "  NOT LOOKED AT: mine.py:10 in kvm_ioapic_send_eoi(): no step runs it here" in ran.out
    assert "perhaps no cell comes to where it would" in ran.out
    mine.write_text(PATCH.replace("            return\n", "            pass\n"))
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert "NOT LOOKED AT" not in ran.out
    assert "The change makes no difference here; every line of it was run." in ran.out
    mine.write_text(IN_KERNEL)
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert ran.code == 3
    assert "INCONCLUSIVE: no step runs anything of it" in ran.out
    found = json.loads(eoi("diff", "base", str(mine), "--guest", "linux", *ONE, "--json").out)
    assert found["inconclusive"] and found["not_looked_at"] == ["mine.py:8 nobody calls kvm_ioapic_write_eoi()"]


# ---- nothing was judged ----

NOT_ASKED = ("prove", "base", "--vmm", "qemu", "--guest", "any", "--property", "no_eoi_lost", "--scope", "ioapic=0x20,cpus=1,pins=1")  # fmt: skip


@pytest.mark.parametrize("more", [(), ("--brief",), ("--max-states", "5")], ids=" ".join)
def test_a_property_that_no_cell_is_asked_is_no_pass(eoi, more):
    ran = eoi(*NOT_ASKED, *more)
    assert ran.code == 3 and "1 not asked" in ran.out
    assert "INCONCLUSIVE: nothing was judged: no property that is asked says anything of these systems\n" in ran.out
    assert json.loads(eoi(*NOT_ASKED, *more[1 if "--brief" in more else 0 :], "--json").out)["inconclusive"]


def test_what_is_vacuous_everywhere_is_no_pass_and_a_witness_beside_it_makes_it_none(eoi):
    """The device is another one than the bug is about: nothing ever happens."""
    ran = eoi("prove", "mutant_b10", "--device", "resample", "--brief")
    assert ran.code == 3 and "never reached" in ran.out
    assert "INCONCLUSIVE: nothing was judged: what holds, holds only because what it speaks of never happens" in ran.out


def test_one_verdict_that_says_something_is_enough(eoi):
    """One cell is not asked, the other is; and a witness that is asked for alone is an answer, also where it is never met."""
    both = eoi("prove", "base", "--guest", "any,linux", *ONE[:-1], "no_eoi_lost", "--brief")
    assert both.code == 0 and "1 not asked" in both.out and "nothing was judged" not in both.out
    alone = eoi("prove", "base", "--guest", "linux", "--device", "edge", *ONE[:-1], "eoi_exit", "--brief")
    assert alone.code == 0 and "1 never reached" in alone.out


def test_designs_that_explore_differently_and_are_asked_nothing_are_no_pass(eoi):
    ran = eoi("diff", "base", "v1", *NOT_ASKED[2:], "--brief")
    assert ran.code == 3 and "OTHER GRAPH" in ran.out
