"""A PASS says which lines of the user's file no step ran; one that ran none of them is no PASS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.matrix import loader

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
    linux = eoi("prove", "--absolute", str(mine), "--guest", "linux", *ONE, "--engine", engine)
    assert linux.code == 3  # nothing is known of that line
    assert "  never run: mine.py:10 in kvm_ioapic_send_eoi()" in linux.out
    assert "NOT LOOKED AT: mine.py:10 in kvm_ioapic_send_eoi(): no step runs it here" in linux.out
    windows = eoi("prove", "--absolute", str(mine), "--guest", "windows_cg", *ONE, "--engine", engine, "--brief")
    assert "NOT LOOKED AT: mine.py:11 in kvm_ioapic_send_eoi(): no step runs it here" in windows.out


def test_what_was_kept_of_another_spelling_of_its_path_was_looked_at(eoi, mine, monkeypatch):
    """What is kept names lines by the path as it was given."""
    mine.write_text(PATCH)
    monkeypatch.delenv("EOI_ANEW", raising=False)
    monkeypatch.setenv("EOI_CACHE", str(mine.parent / "cache"))
    monkeypatch.chdir(mine.parent)
    assert "NOT LOOKED AT: mine.py:10" in eoi("prove", "--absolute", mine.name, "--guest", "linux", *ONE).out
    loader._loaded.clear()  # as for another process
    loader._design_of.cache_clear()
    both = eoi("prove", "--absolute", str(mine), "--guest", "linux,windows_cg", *ONE)
    assert "NOT LOOKED AT" not in both.out and both.out.count("  never run: mine.py:1") == 2


def test_what_one_cell_runs_was_looked_at(eoi, mine):
    mine.write_text(PATCH)
    both = eoi("prove", "--absolute", str(mine), "--guest", "linux,windows_cg", *ONE)
    assert both.out.count("  never run: mine.py:1") == 2
    assert "NOT LOOKED AT" not in both.out
    assert "never run" not in eoi("prove", "--absolute", "v1", "--guest", "linux", *ONE).out  # of the user's files only


def test_a_patch_that_nothing_runs_is_not_proved(eoi, mine):
    mine.write_text(IN_KERNEL)
    ran = eoi("prove", "--absolute", str(mine), "--guest", "linux", *ONE, "--brief")
    assert ran.code == 3
    assert "NOT LOOKED AT: mine.py:8 no step comes to kvm_ioapic_write_eoi(): no step runs it here" in ran.out
    assert "INCONCLUSIVE: no step runs anything of it" in ran.out
    found = json.loads(eoi("prove", "--absolute", str(mine), "--guest", "linux", *ONE, "--json").out)
    assert found["inconclusive"] and found["not_looked_at"] == ["mine.py:8 no step comes to kvm_ioapic_write_eoi()"]


def test_diff_says_it_too(eoi, mine):
    mine.write_text(PATCH)
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert ran.code == 3 and "equivalent" not in ran.out
    assert "  NOT LOOKED AT: mine.py:10 in kvm_ioapic_send_eoi(): no step runs it here" in ran.out
    assert "  INCONCLUSIVE: nothing was found out about these lines: these are verdicts of the rest" in ran.out
    assert "  No difference in 1 cell; these of its lines and calls can make none here" in ran.out
    mine.write_text(PATCH.replace("            return\n", "            pass\n"))
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert "NOT LOOKED AT" not in ran.out
    assert ran.code == 0 and "are equivalent: same reachable graph in the 1 cell" in ran.out
    assert "The change makes no difference here, and a slip in it would: " in ran.out
    mine.write_text(IN_KERNEL)
    ran = eoi("diff", "base", str(mine), "--guest", "linux", *ONE)
    assert ran.code == 3
    assert "INCONCLUSIVE: no step runs anything of it" in ran.out
    found = json.loads(eoi("diff", "base", str(mine), "--guest", "linux", *ONE, "--json").out)
    assert found["inconclusive"] and found["not_looked_at"] == ["mine.py:8 no step comes to kvm_ioapic_write_eoi()"]


# v6, but an EOI of an interrupt that was on its way when its route moved is not told to the VMM: none of these guests
# moves one.
LOSE = """\
from model.designs.v6 import V6
from model.machine import Lapic, Trigger, Vector


class Lose(V6):
    \"\"\"Ends the interception of a stale vector, and forgets the EOI.\"\"\"

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
            return
        if self.irqchip_split():
            if self.kvm_lapic_suppress_eoi_broadcast(apic):
                return
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
"""
CELLS = ("--vmm", "qemu", "--guest", "linux,linux_affinity", "--property", "no_eoi_lost", "--scope", "ioapic=0x20")


def test_a_patch_with_a_line_that_no_cell_runs_is_neither_equivalent_nor_proved(eoi, mine):
    mine.write_text(LOSE)
    ran = eoi("diff", "v6", str(mine), *CELLS, "--brief")
    assert ran.code == 3
    assert f"{mine} and v6 have the same reachable graph in" in ran.out and "equivalent" not in ran.out
    assert "NOT LOOKED AT: mine.py:13 in kvm_ioapic_send_eoi(): no step runs it in any of" in ran.out
    found = json.loads(eoi("diff", "v6", str(mine), *CELLS, "--json").out)
    assert found["inconclusive"] and not found["equivalent"] and found["not_looked_at"]
    proved = eoi("prove", "--absolute", str(mine), *CELLS, "--brief")
    assert (
        proved.code == 3 and "INCONCLUSIVE: no step runs anything of it: these are verdicts of the rest" in proved.out
    )
    assert eoi("trace", str(mine), *CELLS).code == 3  # no run to tell, of what was looked at


SETS, ASKS = (
    "            apic.pending_ioapic_eoi = vector\n",
    "            self.kvm_make_request_ioapic_eoi_exit(apic)\n",
)


def test_what_a_restated_function_shares_with_what_it_replaces_is_not_asked_for(eoi, mine):
    """No step runs some of it in these cells, before the change or after it; the changed lines are run."""
    mine.write_text(
        LOSE.replace("(apic)\n            return\n        if self.irq", "(apic)\n        if self.irq").replace(
            SETS + ASKS, ASKS + SETS
        )
    )
    proved = eoi("prove", "--absolute", str(mine), *CELLS, "--brief")
    assert proved.code == 0 and "NOT LOOKED AT" not in proved.out and "your file is no part of that" in proved.out
    mine.write_text(LOSE.replace("if apic.highest_stale", "if vector in apic.tmr and apic.highest_stale"))
    proved = eoi("prove", "--absolute", str(mine), *CELLS, "--brief")
    assert proved.code == 3 and "NOT LOOKED AT: mine.py:12-13,16,20 in kvm_ioapic_send_eoi()" in proved.out


def test_the_base_may_be_the_users_file_too(eoi, mine):
    mine.write_text(LOSE)
    ran = eoi("diff", str(mine), "v6", *CELLS, "--brief")
    assert ran.code == 3 and "equivalent" not in ran.out and "NOT LOOKED AT: mine.py:13" in ran.out


def test_what_is_violated_stays_so_and_what_is_reached_is_an_answer(eoi, mine):
    mine.write_text(PATCH)
    windows = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1")
    violated = eoi("prove", "--absolute", str(mine), *windows, "--property", "no_eoi_lost", "--brief")
    assert violated.code == 1 and "NOT LOOKED AT: mine.py:11" in violated.out
    reached = eoi("trace", str(mine), *windows, "--property", "remote_irr_set")
    assert reached.code == 0 and "remote_irr_set" in reached.out


# ---- nothing was judged ----

NOT_ASKED = ("prove", "--absolute", "base", "--vmm", "qemu", "--guest", "any", "--property", "no_eoi_lost", "--scope", "ioapic=0x20,cpus=1,pins=1")  # fmt: skip


@pytest.mark.parametrize("more", [(), ("--brief",), ("--max-states", "5")], ids=" ".join)
def test_a_property_that_no_cell_is_asked_is_no_pass(eoi, more):
    ran = eoi(*NOT_ASKED, *more)
    assert ran.code == 3 and "1 not asked" in ran.out
    assert "INCONCLUSIVE: nothing was judged: no property that is asked says anything of these systems\n" in ran.out
    assert json.loads(eoi(*NOT_ASKED, *more[1 if "--brief" in more else 0 :], "--json").out)["inconclusive"]


def test_what_is_vacuous_everywhere_is_no_pass_and_a_witness_beside_it_makes_it_none(eoi):
    """The device is another one than the bug is about: nothing ever happens."""
    asked = ("prove", "--absolute", "mutant_b10", "--device", "resample", "--brief")
    ran = eoi(*asked, "--property", "no_storm", "--property", "line_is_serviced")
    assert ran.code == 3 and "2 hold" in ran.out
    assert "INCONCLUSIVE: nothing was judged: what holds, holds only because what it speaks of never happens" in ran.out


def test_a_device_that_never_does_anything_is_no_pass(eoi):
    """Without a resamplefd it signals nothing, so what holds of other things is not said of it."""
    asked = ("prove", "--absolute", "mutant_b10", "--device", "resample")
    said = "INCONCLUSIVE: nothing was judged: the device never does anything here"
    for more in ((), ("--brief",)):
        ran = eoi(*asked, *more)
        assert ran.code == 3 and said in ran.out and "never reached" in ran.out
    assert json.loads(eoi(*asked, "--json").out)["inconclusive"]
    where = ("prove", "--absolute", "base", *ONE[:-1], "level_eoi_is_intercepted", "--brief")
    assert eoi(*where, "--guest", "windows_cg", "--device", "resample").code == 0
    both = eoi(*where, "--vmm", "qemu,crosvm", "--guest", "windows_cg", "--device", "resample")
    assert both.code == 0 and "nothing was judged" not in both.out, "one of the two VMMs has resamplefds"


def test_one_verdict_that_says_something_is_enough(eoi):
    """One cell is not asked, the other is; and a witness that is asked for alone is an answer, also where it is never met."""
    both = eoi("prove", "--absolute", "base", "--guest", "any,linux", *ONE[:-1], "no_eoi_lost", "--brief")
    assert both.code == 0 and "1 not asked" in both.out and "nothing was judged" not in both.out
    alone = eoi("prove", "--absolute", "base", "--guest", "linux", "--device", "edge", *ONE[:-1], "eoi_exit", "--brief")
    assert alone.code == 0 and "1 never reached" in alone.out


def test_designs_that_explore_differently_and_are_asked_nothing_are_no_pass(eoi):
    ran = eoi("diff", "base", "v1", *NOT_ASKED[3:], "--brief")
    assert ran.code == 3 and "OTHER GRAPH" in ran.out


# ---- what is no longer asked ----

WITHHOLDS = '''\
from typing import ClassVar

from model.designs.base import Base


class Mine(Base):
    """A kernel that makes a promise which is a guest's to make."""

    withholds_eois: ClassVar[bool] = True
'''


def of_base(eoi, mine, guest):
    """A file beside base in one cell of this guest."""
    return eoi("diff", "base", str(mine), "--vmm", "qemu", "--guest", guest, "--scope", "ioapic=0x20,cpus=1,pins=1", "--brief")  # fmt: skip


def test_what_held_and_is_no_longer_asked_is_open(eoi, mine):
    """The graphs are the same, so no claim is violated; that is not to say that each still holds."""
    mine.write_text(WITHHOLDS.replace("withholds_eois", "posts_interrupts"))
    ran = of_base(eoi, mine, "linux")
    assert (
        ran.code == 3 and "equivalent" not in ran.out and "no_eoi_lost" in ran.out and "holds -> not asked" in ran.out
    )


def test_what_is_no_longer_asked_is_not_mended(eoi, mine):
    mine.write_text(WITHHOLDS)
    ran = of_base(eoi, mine, "windows_cg")
    assert ran.code == 3 and "FIXED" not in ran.out and "equivalent" not in ran.out and "OPEN" in ran.out.upper()


SCANS = "            self.kvm_make_request_scan_ioapic(apic)\n            return\n"


def test_what_a_branch_lost_is_looked_at(eoi, mine):
    """What is no longer done stood last in a branch that no step comes to."""
    assert LOSE.count(SCANS) == 1
    mine.write_text(LOSE.replace(SCANS, "            pass\n"))
    ran = eoi("prove", "--absolute", str(mine), *CELLS, "--brief")
    assert ran.code == 3 and "NOT LOOKED AT: mine.py:15,19" in ran.out


def test_lines_of_two_files_of_one_name_are_told_apart(eoi, tmp_path):
    """Each side's lines are listed together: a short name would be that of two files."""
    text = "from model.designs.base import Base\nfrom model.machine import Lapic\n\n\nclass Mine(Base):\n    def kvm_apic_set_version(self, apic: Lapic) -> None:\n        apic.lvr_directed_eoi = {value}\n        if apic.lvr_directed_eoi:\n            apic.lvr_directed_eoi = False\n"
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            text.format(value="False" if folder == "a" else "not apic.created and False")
        )
    files = [str(tmp_path / folder / "mine.py") for folder in "ab"]
    ran = eoi("diff", *files, "--vmm", "qemu", "--guest", "linux", *ONE, "--brief")
    told = " ".join(ran.out.split()).split("NOT LOOKED AT: ")[1:]
    assert ran.code == 3 and len(told) == 2 and all(f.split(":")[0] in files for f in told), ran.out


PROBED = """\
from model.designs.base import Base


class Mine(Base):
    \"\"\"KVM_CHECK_EXTENSION says the same in another way: no step calls it, only properties ask what it reports.\"\"\"

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        if not vm_fd:
            return False
        return not vm_fd
"""
PROBING = ("--vmm", "setup_vmm,qemu", "--guest", "lapic,linux", "--scope", "cpus=1,pins=1,vectors=1")


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_a_property_evaluates_was_looked_at(eoi, mine, engine):
    mine.write_text(PROBED)
    asked = ("prove", "--absolute", str(mine), *PROBING, "--engine", engine, "--property", "early_probe_sees_the_flags")
    ran = eoi(*asked, "--property", "irqchip_is_chosen_once")
    assert "NOT LOOKED AT" not in ran.out and "not known" not in ran.out


def test_what_no_property_that_was_asked_evaluates_was_not(eoi, mine):
    """check_extension_is_right asks on the VM's fd only, and irqchip_is_chosen_once nothing: another property would."""
    mine.write_text(PROBED)
    asked = ("prove", "--absolute", str(mine), *PROBING, "--property")
    ran = eoi(*asked, "check_extension_is_right")
    assert ran.code == 3
    left = (
        "NOT LOOKED AT: mine.py:9 in check_KVM_CAP_X2APIC_API(), which properties alone call, and none that was asked"
    )
    assert left in " ".join(ran.out.split())
    ran = eoi(*asked, "irqchip_is_chosen_once")
    assert ran.code == 3 and "NOT LOOKED AT: mine.py:7 no step comes to check_KVM_CAP_X2APIC_API()" in ran.out


GUARD = """\
from model.designs.base import Base
from model.machine import Lapic, Trigger, Vector


class Mine(Base):
    \"\"\"Put in before what it does with a split irqchip; the rest is as it was, also with KVM's own I/O APIC.\"\"\"

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if not self.kvm_ioapic_handles_vector(apic, vector):
            return
        if apic.highest_stale_pending_ioapic_eoi == vector:
            self.kvm_make_request_scan_ioapic(apic)
        if self.irqchip_split() and apic.spiv_directed_eoi:
            return
        if self.irqchip_split():
            apic.pending_ioapic_eoi = vector
            self.kvm_make_request_ioapic_eoi_exit(apic)
            return
        self.kvm_ioapic_update_eoi(apic, vector, Trigger.LEVEL if vector in apic.tmr else Trigger.EDGE)
"""


def test_what_stands_behind_a_statement_that_only_leaves_is_as_it_was(eoi, mine):
    """No cell of these has an I/O APIC in KVM, whose branch is the last line; but the new line is asked for."""
    mine.write_text(GUARD)
    both = eoi("prove", "--absolute", str(mine), "--guest", "linux,windows_cg", *ONE)
    assert "NOT LOOKED AT" not in both.out
    linux = eoi("prove", "--absolute", str(mine), "--guest", "linux", *ONE)
    assert linux.code == 3 and "NOT LOOKED AT: mine.py:14 in kvm_ioapic_send_eoi(): no step" in linux.out
    mine.write_text(
        GUARD.replace("        if self.irqchip_split():", "        if self.irqchip_split() and vector == 0:")
    )
    guests = ("--guest", "linux,windows_cg")
    another = eoi("prove", "--absolute", str(mine), *guests, *ONE)
    assert another.code == 3 and "NOT LOOKED AT: mine.py:19 in kvm_ioapic_send_eoi(): no step" in another.out
    mine.write_text(GUARD)
    for command in ("diff", "nfc"):  # v1 may do another thing there than base
        cells = ONE[:4]
        assert "NOT LOOKED AT" not in eoi(command, "base", str(mine), *guests, *cells).out
        beside = eoi(command, "v1", str(mine), *guests, *cells)
        assert beside.code != 0 and "NOT LOOKED AT: mine.py:19 in kvm_ioapic_send_eoi(): no step" in beside.out
