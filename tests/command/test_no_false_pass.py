"""What somebody tried who wanted the desk to say something false, and got it said: each is told as it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.matrix.loader import load_design
from checker.matrix.roles import designs
from checker.questions.model_diff import model_diff

ONE = ("--vmm", "qemu", "--guest", "windows_cg,linux", "--scope", "cpus=1,pins=1,vectors=1")
HEAD = "from model.designs.base import Base\nfrom model.lang import Fair, require, step\nfrom model.machine import Cpu, Lapic, Pin, Trigger, Vector\n\n\nclass Mine(Base):\n"


@pytest.fixture
def mine(tmp_path: Path):
    def written(body: str, head: str = HEAD) -> str:
        path = tmp_path / "mine.py"
        path.write_text(head + body)
        return str(path)

    return written


SMALLER = "    def kvm_ioapic_handles_vector(self, apic: Lapic, vector: Vector) -> bool:\n        return super().kvm_ioapic_handles_vector(apic, vector){}\n"
CALLS = {
    "a condition behind it": SMALLER.format(" and self.scope.cpus < 3"),
    "another argument": "    def apic_set_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:\n        super().apic_set_spiv(apic, enabled, False)\n",
    "arguments in another order": "    def apic_set_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:\n        super().apic_set_spiv(apic, directed_eoi, enabled)\n",
    "another function": "    def apic_set_eoi(self, apic: Lapic) -> None:\n        super().kvm_lapic_reset(apic)\n",
}


@pytest.mark.parametrize("body", CALLS.values(), ids=CALLS)
def test_a_line_that_calls_super_is_a_change_if_it_does_more(eoi, mine, body):
    path = mine(body)
    hunks = model_diff(designs()["base"], load_design(path))
    assert sum(hunk.size for hunk in hunks) == 1
    ran = eoi("prove", path, *ONE, "--brief")
    assert "no line of the model" not in ran.out and "are equivalent" not in ran.out


def test_one_that_hands_on_what_came_in_is_none(mine):
    assert model_diff(designs()["base"], load_design(mine(SMALLER.format("")))) == []


DEAD = """    entered: bool

    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        require(apic.created and self.kvm_vcpu_has_run(cpu) and not apic.in_guest and apic.exit_ioapic_eoi is None)
        self.entered = not self.entered
"""
NEVER = """    never: bool

    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        require(self.never)
        super().vcpu_enter_guest(cpu)
"""


@pytest.mark.parametrize("body", [DEAD, NEVER], ids=["it turns round for ever", "it stands still"])
def test_a_kernel_in_which_no_vcpu_runs_is_no_pass(eoi, mine, body):
    """Nothing that it answers is wrong, since nothing happens."""
    ran = eoi("prove", mine(body), *ONE)
    assert ran.code == 3 and "INCONCLUSIVE" in " ".join(ran.out.split("\n\n")[0].split())
    assert "interrupt_pending in 4 cells" in " ".join(ran.out.split())


def test_nobody_calls_it_compatible(eoi, mine):
    """It has a step to take first, always: that is no excuse for what it never comes to."""
    ran = eoi("compat", "base", mine(DEAD), "--vmm", "qemu", "--scope", ONE[-1])
    assert ran.code == 1 and "SAME" not in ran.out


PENDING = """    noted: bool

    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        return vector in apic.isr or vector in apic.irr or vector in apic.tmr

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        self.noted = self.kvm_apic_pending_eoi(apic, vector)
"""


def test_a_property_is_not_asked_of_what_the_patch_restates(eoi, mine):
    """Every EOI is lost, and KVM's own function says that one is still to come."""
    ran = eoi("prove", mine(PENDING), "--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x11")
    assert ran.code == 1 and "REGRESSED     no_eoi_lost" in ran.out


CHOICE = """from dataclasses import dataclass

from model import machine
from model.designs.base import Base
from model.machine import Lapic, Vector


@dataclass(frozen=True)
class MyScope(machine.Scope):
    lose: bool = False


class Mine(Base):
    scope: MyScope

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.scope.lose:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
"""


@pytest.mark.usefixtures("one_cell_a_claim")
@pytest.mark.parametrize("command", [("prove",), ("diff", "base"), ("review",)], ids=" ".join)
def test_a_choice_of_ones_own_can_be_set(eoi, mine, command):
    path = mine(CHOICE, "")
    lost, kept = (eoi(*command, path, *ONE[:-1], f"{ONE[-1]},lose={word}") for word in ("on", "off"))
    assert lost.code == 1 and "no_eoi_lost" in lost.out.partition("\n\n")[0] + lost.out
    assert kept.code == 3 and "worse in 0 of 4 cells" in " ".join(kept.out.split())
    assert eoi(*command, path, *ONE[:-1], f"{ONE[-1]},lse=on").code == 2
    assert eoi(*command, path, *ONE[:-1], f"{ONE[-1]},lose=on,lose=off").code == 2


OWN_WORD = "    def pin_is_scanned(self, cpu: Cpu, vector: Vector) -> bool:\n        return True\n"


@pytest.mark.parametrize("how", [(), ("--absolute",)], ids=["beside base", "alone"])
def test_what_properties_look_by_is_not_the_files_to_say(eoi, mine, how):
    ran = eoi("prove", mine(OWN_WORD), *ONE, *how, "--property", "only_level_eois_are_intercepted")
    assert ran.code == 3
    assert "mine.py:7 restates pin_is_scanned(), by which properties look" in ran.out
