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
