"""The CPUID overhaul (mails.md S4, kvm.md section 5): what changes for whom, and how far Paolo Bonzini's argument carries."""

from __future__ import annotations

import functools

import pytest

from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import all_properties, designs
from checker.questions.verdict import Status, Verdict, check_cell
from model.cpuid.kernel import CpuidC
from model.machine import Errno

ROLES = CpuidC.default_roles
VMMS, GUESTS = ROLES["vmm"], ROLES["guest"]
IN_KERNEL = [v for v in VMMS if not v.endswith(("_lapic_in_vmm", "_no_apic"))]
PROBERS = ("apic_prober", "xapic_prober")
HOLDS, VIOLATED = Status.HOLDS, Status.VIOLATED


def cells(design: str, vmm: str, guest: str) -> list[Cell]:
    found = matrix((design, designs()[design]), kernels=[], vmms=[vmm], guests=[guest], devices=["level"], scope={})
    return [cell for cell in found if isinstance(cell, Cell)]


@functools.cache
def verdicts(design: str, vmm: str, guest: str) -> dict[str, Verdict]:
    known = all_properties()
    (cell,) = cells(design, vmm, guest)
    wanted = [p for name, p in known.items() if name in (*ROLES["property"], "suppression_offered", "deadline_offered")]
    return {v.property.name: v for v in check_cell(cell, wanted).verdicts}


def violators(design: str, name: str) -> set[tuple[str, str]]:
    return {(v, g) for v in VMMS for g in GUESTS if verdicts(design, v, g)[name].status is VIOLATED}


@pytest.mark.everything
@pytest.mark.parametrize("design", ["cpuid_before", "cpuid_overhaul"])
@pytest.mark.parametrize("name", ["no_unemulated_timer", "no_unemulated_apic_mode", "deadline_needs_an_apic"])
def test_with_a_lapic_in_the_kernel_all_is_emulated(design, name):
    assert len(IN_KERNEL) == 4
    for vmm in IN_KERNEL:
        assert all(verdicts(design, vmm, guest)[name].status is HOLDS for guest in GUESTS)


@pytest.mark.everything
def test_which_guests_the_change_breaks():
    """Newly broken: LVTT is written in a LAPIC that knows no TSC-deadline mode, or in none.

    QEMU masks X2APIC without an in-kernel irqchip, not TSC_DEADLINE ("it's not expecting the opposite mess"), so all its
    guests come as far as LVTT in xAPIC mode. Under a VMM that copies blindly, guests with x2APIC die of that first,
    before the change as after; the others are newly broken. Without any APIC only a guest that looks for none is newly
    broken: with QEMU; where CPUID was copied it was broken by x2APIC before, and an xAPIC-only one had no timer at all.
    """
    new = violators("cpuid_overhaul", "no_unemulated_timer") - violators("cpuid_before", "no_unemulated_timer")
    assert new == {
        *(("qemu_cpuid_lapic_in_vmm", guest) for guest in GUESTS),
        ("copy_blindly_lapic_in_vmm", "xapic_prober"), ("copy_blindly_lapic_in_vmm", "xapic_truster"),
        ("qemu_cpuid_no_apic", "bit_truster"),
    }  # fmt: skip


@pytest.mark.everything
def test_nothing_gets_better_for_timers():
    before = violators("cpuid_before", "no_unemulated_timer")
    assert before == {("copy_blindly_no_apic", "xapic_truster")}
    assert before < violators("cpuid_overhaul", "no_unemulated_timer")


@pytest.mark.everything
def test_the_x2apic_mess_is_older_and_stays_as_it_was():
    """A blind copier offers X2APIC without an in-kernel LAPIC since 0d1de2d901f4; QEMU masks it."""
    before = violators("cpuid_before", "no_unemulated_apic_mode")
    assert before == violators("cpuid_overhaul", "no_unemulated_apic_mode")
    assert before == {
        ("copy_blindly_lapic_in_vmm", "apic_prober"), ("copy_blindly_lapic_in_vmm", "cpuid_truster"),
        ("copy_blindly_lapic_in_vmm", "bit_truster"), ("copy_blindly_no_apic", "cpuid_truster"),
        ("copy_blindly_no_apic", "bit_truster"),
    }  # fmt: skip


@pytest.mark.parametrize("vmm", VMMS)
@pytest.mark.parametrize("guest", PROBERS)
def test_paolo_1_true_for_guests_that_look_at_0xfee00000(vmm, guest):
    """No guest without an APIC uses the TSC-deadline timer: true if the guest looks whether one answers."""
    assert verdicts("cpuid_overhaul", vmm, guest)["deadline_needs_an_apic"].status is HOLDS
    assert verdicts("cpuid_overhaul", vmm, guest)["deadline_needs_an_apic"].note == ""


def test_paolo_1_true_for_guests_that_trust_the_apic_bit_if_the_vmm_keeps_it_true():
    """QEMU clears CPUID.APIC with the APIC; then the bit is as good as a look at 0xFEE0_0000."""
    for vmm in ("qemu_cpuid_no_apic", "qemu_cpuid_lapic_in_vmm"):
        for guest in ("cpuid_truster", "xapic_truster"):
            assert verdicts("cpuid_overhaul", vmm, guest)["deadline_needs_an_apic"].status is HOLDS


def test_paolo_1_false_otherwise():
    """A guest that looks at TSC_DEADLINE alone; and one that trusts an APIC bit which was copied where no APIC is. (Where
    x2APIC was copied, too, a guest that turns it on comes to grief before it has a timer.)"""
    assert violators("cpuid_overhaul", "deadline_needs_an_apic") == {
        ("qemu_cpuid_no_apic", "bit_truster"), ("copy_blindly_no_apic", "xapic_truster"),
    }  # fmt: skip


def test_paolo_2_is_a_habit_of_guests_not_a_rule_of_kvm():
    """x2APIC is turned on at 0xFEE0_0000 first: true of guests that look there. It is turned on by an MSR, which KVM
    accepts without an in-kernel LAPIC (probed live, kvm.md 5.1), so CPUID alone is enough for the others."""
    found = violators("cpuid_overhaul", "x2apic_needs_mmio")
    assert not {guest for _, guest in found} & set(PROBERS)
    assert {guest for _, guest in found} == {"cpuid_truster", "bit_truster"}
    assert ("copy_blindly_no_apic", "cpuid_truster") in found


@pytest.mark.everything
def test_the_conclusion_needs_a_third_assumption():
    """Both halves hold for a guest that looks; it still observes the change where the VMM has a LAPIC of its own, which
    Paolo set aside as "utterly broken and even deprecated"."""
    new = violators("cpuid_overhaul", "no_unemulated_timer") - violators("cpuid_before", "no_unemulated_timer")
    assert {vmm for vmm, guest in new if guest in PROBERS} == {"qemu_cpuid_lapic_in_vmm", "copy_blindly_lapic_in_vmm"}


def test_disable_exits_after_a_vcpu_exists():
    for vmm in VMMS:
        before = verdicts("cpuid_before", vmm, "apic_prober")["late_disable_exits_is_refused"]
        assert before.status is VIOLATED
        assert [m.step for m in before.run.moves] == ["disable_exits_after_vcpus"]
        after = verdicts("cpuid_overhaul", vmm, "apic_prober")["late_disable_exits_is_refused"]
        assert (after.status, after.note) == (HOLDS, "")


@pytest.mark.parametrize("design", ["cpuid_before", "cpuid_overhaul"])
@pytest.mark.parametrize("vmm", VMMS)
def test_the_set_up_in_cpython(design, vmm):
    """DISABLE_EXITS before vCPUs is accepted; the guest's CPUID is what section 5 says."""
    (cell,) = cells(design, vmm, "apic_prober")
    system = cell.system(cell.scope)
    system.initial()
    in_kernel, copies = vmm in IN_KERNEL, vmm.startswith("copy_blindly")
    assert system.disable_exits_early is Errno.OK
    assert system.apic[0].created
    assert system.apic[0].cpuid_x2apic is (copies or in_kernel)
    overhauled = design == "cpuid_overhaul"
    assert system.cpuid_tsc_deadline is (overhauled or (not copies and in_kernel))


def test_a_copied_x2apic_bit_offers_suppress_eoi_broadcast():
    """kvm.md 5.6: with a split irqchip and nothing asked for, LVR bit 24 follows the guest's X2APIC bit."""
    offered = {v: verdicts("cpuid_before", v, "apic_prober")["suppression_offered"].status for v in VMMS}
    assert {v for v, status in offered.items() if status is Status.REACHED} == {
        "copy_blindly_split",
        "qemu_cpuid_split",
    }


def test_x2apic_cannot_be_set_without_the_cpuid_bit():
    (cell,) = cells("cpuid_before", "qemu_cpuid_no_apic", "bit_truster")
    system = cell.system(cell.scope)
    system.initial()
    system.kvm_set_apic_base(True)
    assert not system.apic_base_x2apic


def test_every_property_is_violated_somewhere_and_holds_somewhere():
    for name in ROLES["property"]:
        all_of = [verdicts(d, v, g)[name] for d in ("cpuid_before", "cpuid_overhaul") for v in VMMS for g in GUESTS]
        assert any(v.status is VIOLATED for v in all_of), name
        assert any(v.status is HOLDS and v.note == "" for v in all_of), name
