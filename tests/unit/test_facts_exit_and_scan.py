"""KVM_EXIT_IOAPIC_EOI and the bitmap of intercepted vectors, one fact a test, against the model's functions run in CPython.

Numbers such as 1.2.1, and live observations such as L T18, are those of the fact sheet kvm.md; K ids are of vmm-guest.md.
Pin 0 sends level vector 1 to CPU 0; vectors are numbered by priority.
"""

from __future__ import annotations

import pytest

from model.designs.base import Base
from tests.rigs.bench import EDGE, LEVEL, Bench, eoi_is_reported, in_service, stale

# ---- the exit ----


def test_the_exit_hands_over_the_vector() -> None:
    """1.5.1, 1.5.5: synchronous; no guest code runs before the VMM has it"""
    b = in_service()
    assert eoi_is_reported(b)
    assert b.apic().exit_ioapic_eoi == 1
    assert not b.enter()
    assert b.exit()
    assert b.enter()


def test_a_latched_eoi_is_reported_with_the_old_bitmap() -> None:
    """1.5.2, L T18: EOI_EXIT is tested before SCAN"""
    b = in_service()
    b.eoi()
    b.rte(0, vector=2)
    b.enter()
    assert b.apic().exit_ioapic_eoi == 1
    assert b.handled() == {1}


def test_the_scan_takes_effect_at_the_next_run() -> None:
    """1.5.2, L U5: a rescan requested by the EOI itself"""
    b = stale(Base, False)
    b.eoi()
    b.enter()
    assert b.apic().req_scan_ioapic
    assert b.handled() == {1}
    b.exit()
    b.enter()
    assert b.handled() == set()


def test_one_slot_only() -> None:
    """1.5.3, L T12: two host-initiated EOIs before KVM_RUN; only the second (lower) vector is reported"""
    b = in_service()
    b.rte(1, vector=2)
    b.line(True, pin=1)
    b.take()
    b.eoi()
    b.eoi()
    b.enter()
    assert b.apic().exit_ioapic_eoi == 1
    b.exit()
    b.settle()
    assert b.pin(1).remote_irr
    assert not b.r


# ---- the bitmap ----


def test_scan_takes_level_routes_to_this_vcpu() -> None:
    """1.6.2, K7"""
    b = Bench(cpus=2)
    b.rte(1, vector=2, dest=1)
    b.settle()
    assert (b.handled(0), b.handled(1)) == ({1}, {2})
    b.rte(1, vector=2, dest=1, trigger=EDGE)
    b.settle()
    assert (b.handled(0), b.handled(1)) == ({1}, set())


@pytest.mark.parametrize("taken", [False, True])
def test_destination_change_is_covered(taken: bool) -> None:
    """1.6.4, L T13; B3: in IRR or in ISR"""
    b = Bench(cpus=2)
    b.line(True)
    if taken:
        b.take()
    b.rte(0, dest=1)
    b.settle()
    assert b.handled() == {1}
    if not taken:
        assert b.inject()
    b.line(False)
    assert eoi_is_reported(b)
    b.exit()
    assert not b.r


def test_vector_change_is_not_covered() -> None:
    """1.6.4, L T14"""
    b = in_service()
    b.rte(0, vector=2)
    b.settle()
    assert b.handled() == {2}
    assert not eoi_is_reported(b)
    assert b.r


def test_change_to_edge_is_not_covered() -> None:
    """1.6.4, L T15"""
    b = in_service()
    b.rte(0, trigger=EDGE)
    b.settle()
    assert not eoi_is_reported(b)


def test_removal_is_not_covered() -> None:
    """1.6.4, L T16"""
    b = in_service()
    b.s.irq_routing[0].valid = False
    b.s.kvm_set_irq_routing()
    b.settle()
    assert not eoi_is_reported(b)


def test_stale_is_the_highest() -> None:
    """1.6.2: stale := max"""
    b = in_service(cpus=2)
    b.rte(1, vector=2)
    b.line(True, pin=1)
    b.take()
    b.rte(0, dest=1)
    b.rte(1, vector=2, dest=1)
    b.settle()
    assert b.apic().highest_stale_pending_ioapic_eoi == 2
    assert b.handled() == {1, 2}


def test_new_routes_ask_every_vcpu_to_scan_and_to_leave_the_guest() -> None:
    """1.6.5, 1.6.6: SCAN_IOAPIC is a WAIT request"""
    b = Bench(cpus=2)
    assert all(b.apic(c).in_guest for c in range(2))
    b.s.kvm_set_irq_routing()
    assert [(b.apic(c).req_scan_ioapic, b.apic(c).in_guest) for c in range(2)] == [(True, False)] * 2


def test_a_message_goes_by_the_route_and_not_by_the_entry() -> None:
    """Q7; kvm_set_msi()"""
    b = Bench()
    b.s.irq_routing[0].vector = 2
    b.line(True)
    assert b.sets() == ({2}, set())
    b.s.irq_routing[0].valid = False
    b.s.kvm_set_irq(0, True)
    assert b.sets() == ({2}, set())


def test_a_scan_forgets_what_was_stale() -> None:
    """1.6.1 "stale := -1" """
    b = stale(Base, False)
    b.eoi()
    b.settle()
    assert b.apic().highest_stale_pending_ioapic_eoi is None


def test_a_request_is_consumed_once() -> None:
    """1.5.1: kvm_check_request() clears it"""
    b = in_service()
    b.eoi()
    assert b.apic().req_ioapic_eoi_exit
    b.enter()
    assert not b.apic().req_ioapic_eoi_exit


def test_interrupts_are_injected_into_a_running_vcpu_only() -> None:
    """1.5.5: between the exit and KVM_RUN no guest code runs; nor does KVM_RUN nest"""
    b = Bench()
    b.line(True)
    b.s.kvm_set_irq_routing()
    assert not b.inject()
    assert b.enter()
    assert not b.enter()
    assert b.inject()


def test_level_of_the_bench() -> None:
    """The bench is what its docstring says."""
    b = Bench(cpus=2)
    assert (b.pin(0).vector, b.pin(0).dest, b.pin(0).trigger, b.pin(0).mask) == (1, 0, LEVEL, False)
    assert all(b.apic(c).in_guest and b.apic(c).spiv_enabled for c in range(2))
    assert b.handled() == {1}
    assert not b.r
