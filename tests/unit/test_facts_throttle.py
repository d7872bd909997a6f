"""QEMU's throttle against interrupt storms, one fact a test, against the model's functions run in CPython.

"oracle" names a row of the table observed on QEMU 7.2 (fact sheet qemu-oracle.md, section 2, 3 or 4); Q and V-OV ids are of
vmm-guest.md. Pin 0 is level, vector 1, unmasked unless said; d counts messages since last asked, r is Remote IRR.
"""

from __future__ import annotations

from model.guests.linux import Linux
from model.machine import IoapicVersion
from tests.rigs.bench import LEVEL, V20, Bench


def throttled(version: IoapicVersion = V20) -> Bench:
    """One EOI with the line high short of the throttle."""
    b = Bench(version, throttle=True)
    b.line(True)
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 2
    return b


def test_throttle_withholds() -> None:
    """oracle "storm: EOI 10,000 in a row: no reassert, R=0"; Q11 (here the second stands for the 10,000th)"""
    b = throttled()
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (0, False)
    b.take()
    assert b.can("delayed_ioapic_service_cb")
    assert (b.d, b.r) == (1, True)
    assert not b.can("delayed_ioapic_service_cb")


def test_throttle_is_set_back_by_a_write_and_by_a_low_line() -> None:
    """oracle 2: "counter is set back by a RTE write of that pin and by an EOI with the line low"; Q8, Q11, S-D18"""
    b = throttled()
    b.rte(0)
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 1
    b = throttled()
    b.line(False)
    b.s.ioapic_eoi_broadcast(1)
    b.line(True)
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 2


def test_throttle_is_not_set_back_by_the_line_alone() -> None:
    """oracle 2: "not by line low->high" """
    b = throttled()
    b.line(False)
    b.line(True)
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (0, False)


def test_throttle_is_weak() -> None:
    """Q12: any other service sends the delayed pin early"""
    b = throttled()
    b.s.ioapic_eoi_broadcast(1)
    b.rte(1, vector=2, mask=True)
    assert (b.d, b.r) == (1, True)


def delayed() -> Bench:
    """Pin 0 waits for the throttle's timer: the line is high, Remote IRR is clear, nothing is sent."""
    b = throttled()
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r, b.pin(0).irr) == (0, False, True)
    return b


def test_a_delayed_pin_ignores_eois() -> None:
    """Q11 "if RIRR=0 stop here"; S-D17"""
    b = delayed()
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (0, False)


def test_the_count_starts_again_after_a_delay() -> None:
    """Q11 "irq_eoi[p] := 0 and arm"; oracle 2 "repeats each 10,000" """
    b = delayed()
    b.take()
    assert b.can("delayed_ioapic_service_cb")
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 2
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 0


def test_the_timer_waits_for_the_vcpus() -> None:
    """The `Assumed:` of ten_milliseconds_pass(): 10 ms are longer than an exit and an entry."""
    b = delayed()
    b.take()
    b.s.kvm_set_irq_routing()
    assert not b.apic().in_guest
    assert not b.can("delayed_ioapic_service_cb")
    b.settle()
    assert b.can("delayed_ioapic_service_cb")


def test_the_timer_waits_for_handlers() -> None:
    """The `Assumed:` of ten_milliseconds_pass(): the delayed pin is not sent while another pin's handler is still to run
    or runs, on any vCPU. (oracle 2: it came 10 ms later; W3: a handler takes some 48 us.)"""
    b = Bench(V20, throttle=True, guest=Linux, cpus=2)
    s = b.s
    s.setup_IO_APIC_irq(0, 0, 1)
    b.settle()
    s.setup_IO_APIC_irq(1, 1, 2)
    b.settle()
    s.delayed_ioapic_service = True
    s.device_raise(1)
    assert b.sets(1) == ({2}, set())
    assert not b.can("delayed_ioapic_service_cb"), "pending"
    assert b.inject(1)
    assert not b.can("delayed_ioapic_service_cb"), "handled"
    s.handle_fasteoi_irq(1)
    s.ack_APIC_irq(1)
    assert not b.can("delayed_ioapic_service_cb"), "its EOI is on its way"
    b.settle()
    assert b.can("delayed_ioapic_service_cb")


def test_the_timer_does_not_wait_for_a_vcpu_that_takes_no_interrupts() -> None:
    """A LAPIC that is software-disabled (a CPU that went offline, or never came up) handles nothing."""
    b = Bench(V20, throttle=True, cpus=2)
    b.s.delayed_ioapic_service = True
    b.apic(1).irr.add(1)
    assert not b.can("delayed_ioapic_service_cb")
    b.write_spiv(enabled=False, cpu=1)
    b.settle()
    assert b.can("delayed_ioapic_service_cb")


def test_a_low_line_is_not_an_event_of_the_throttle() -> None:
    """Q11: an EOI with the line low zeroes the count and arms no timer"""
    b = throttled()
    b.line(False)
    b.s.ioapic_eoi_broadcast(1)
    b.settle()
    assert not b.can("delayed_ioapic_service_cb")


def test_a_masked_eoi_does_not_count() -> None:
    """Q11 "if masked or irr[p]=0: irq_eoi[p] := 0" (masked without a write, which would zero the count itself)"""
    b = Bench(V20, throttle=True)
    b.line(True)
    b.pin(0).mask = True
    b.s.ioapic_eoi_broadcast(1)
    b.pin(0).mask = False
    b.s.ioapic_service()
    assert b.d == 2
    b.s.ioapic_eoi_broadcast(1)
    assert b.d == 1


def test_which_line_changes_run_the_service() -> None:
    """Q2 "if RIRR[p]=0 then SERVICE", Q3: a raise on a closed pin and a low line run none; an open pin's raise does"""
    b = delayed()
    b.rte(1, vector=2, mask=True)
    assert b.d == 1
    b.pin(0).remote_irr = False  # waits again
    b.pin(1).remote_irr = True
    b.line(True, pin=1)
    b.line(False, pin=1)
    b.pin(1).remote_irr = False
    b.line(False, pin=1)
    assert b.d == 0
    b.line(True, pin=1)
    assert b.sent == [(0, 1, 0, LEVEL)]
