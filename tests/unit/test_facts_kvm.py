"""What KVM's local APIC and its EOI exit do, one fact a test, against the model's functions run in CPython.

Numbers such as 1.2.1, and live observations such as L T18, are those of the fact sheet kvm.md; K ids are of vmm-guest.md.
Pin 0 sends level vector 1 to CPU 0; vectors are numbered by priority.
"""

from __future__ import annotations

import pytest

from model.designs.base import Base
from model.designs.v1 import V1
from model.machine import Machine
from tests.rigs.bench import EDGE, Bench, eoi_is_reported, in_service, stale

both_designs = pytest.mark.parametrize("kernel", [Base, V1])


# ---- LVR and SPIV ----


@both_designs
def test_lvr_bit_24_is_x2apic_in_cpuid(kernel: type[Machine]) -> None:
    """1.1.1, 1.1.4, L T6, U3; K2"""
    assert Bench(kernel=kernel).apic().lvr_directed_eoi
    assert not Bench(kernel=kernel, x2apic=False).apic().lvr_directed_eoi


@both_designs
def test_spiv_bit_12_is_kept_if_lvr_offers_it(kernel: type[Machine]) -> None:
    """1.2.1, L T23; K4; 3.4"""
    for offered in (True, False):
        b = Bench(kernel=kernel, x2apic=offered)
        b.write_spiv(directed=True)
        assert b.apic().spiv_directed_eoi == offered
        b.write_spiv(directed=False)
        assert not b.apic().spiv_directed_eoi


def test_a_planted_bit_12_goes_with_the_next_write() -> None:
    """1.2.2, L T7, T9: KVM_SET_LAPIC can plant it although LVR24=0"""
    b = Bench(x2apic=False)
    b.apic().spiv_directed_eoi = True
    b.write_spiv(directed=True)
    assert not b.apic().spiv_directed_eoi


def test_software_disable_clears_nothing() -> None:
    """1.2.4, L U11"""
    b = in_service()
    b.rte(1, vector=2)
    b.line(True, pin=1)
    assert b.sets() == ({2}, {1})
    b.write_spiv(enabled=False)
    assert b.sets() == ({2}, {1})


def test_software_enable_rescans_all() -> None:
    """1.2.4: the APIC map is recalculated, which requests SCAN_IOAPIC on all vCPUs; bit 12 alone does not"""
    b = Bench(cpus=2)
    b.write_spiv(directed=True)
    assert [b.apic(c).req_scan_ioapic for c in range(2)] == [False, False]
    b.write_spiv(enabled=False)
    assert [b.apic(c).req_scan_ioapic for c in range(2)] == [True, True]


def test_software_disabled_lapic_refuses() -> None:
    """1.2.5, L T19, U10"""
    b = Bench()
    b.write_spiv(enabled=False)
    b.settle()
    b.line(True)
    assert b.sets() == (set(), set())
    assert len(b.sent) == 1


def test_software_disabled_lapic_still_ends_what_is_in_service() -> None:
    """1.2.5, L T19: an EOI of an already in-service handled vector still exits"""
    b = in_service()
    b.write_spiv(enabled=False)
    b.settle()
    assert eoi_is_reported(b)


def test_software_disabled_lapic_still_delivers_what_is_pending() -> None:
    """kvm_apic_has_interrupt() asks kvm_apic_present(), which is IA32_APIC_BASE bit 11 and not SPIV bit 8 (lapic.c, lapic.h);
    with 1.2.4: IRR survives the clearing of SPIV8"""
    b = Bench()
    b.line(True)
    b.settle()
    b.write_spiv(enabled=False)
    b.settle()
    assert b.sets() == ({1}, set())
    assert b.inject()


# ---- delivery ----


def test_tmr_follows_acceptance() -> None:
    """1.3.2, K8, H2; T13-T16: written when accepted, not by RTE writes, not by EOI"""
    b = in_service()
    assert set(b.apic().tmr) == {1}
    b.eoi()
    b.settle()
    assert set(b.apic().tmr) == {1}
    b.rte(0, trigger=EDGE)
    assert set(b.apic().tmr) == {1}
    b.line(True)
    assert set(b.apic().tmr) == set()


def test_edge_on_the_same_vector_clears_tmr_in_service() -> None:
    """1.3.2, 1.3.3, L T17: the split irqchip's exit does not look at TMR"""
    b = in_service()
    b.rte(1, trigger=EDGE)
    b.line(True, pin=1)
    assert set(b.apic().tmr) == set()
    assert b.sets() == ({1}, {1})
    b.settle()
    assert eoi_is_reported(b)


def test_a_pending_vector_is_pending_once() -> None:
    """1.3.1, L T24: no coalescing information"""
    b = Bench()
    b.rte(0, trigger=EDGE)
    b.line(True)
    b.line(True)
    b.take()
    assert b.sets() == (set(), {1})
    assert not b.inject()


def test_only_a_higher_vector_nests() -> None:
    """1.3.4: deliverable iff above the highest in service; EOI ends the highest"""
    b = in_service()
    b.rte(1, vector=0, trigger=EDGE)
    b.line(True, pin=1)
    b.settle()
    assert not b.inject()
    b.rte(1, vector=2, trigger=EDGE)
    b.line(True, pin=1)
    b.settle()
    assert b.inject()
    assert b.sets() == ({0}, {1, 2})
    b.eoi()
    assert b.sets() == ({0}, {1})


def test_destination_selects_the_lapic() -> None:
    """1.3.6"""
    b = Bench(cpus=2)
    b.rte(0, dest=1)
    b.line(True)
    assert b.sets(0) == (set(), set())
    assert b.sets(1) == ({1}, set())


def test_a_low_line_recalls_nothing() -> None:
    """K9, Q3: split pins are only ever pulsed"""
    b = Bench()
    b.line(True)
    b.line(False)
    assert b.sets() == ({1}, set())


# ---- the EOI ----


@both_designs
def test_spurious_eoi_is_silent(kernel: type[Machine]) -> None:
    """1.4.1, L T21; K5"""
    b = Bench(kernel=kernel)
    assert not eoi_is_reported(b)
    assert b.apic().in_guest


@both_designs
def test_only_intercepted_eois_exit(kernel: type[Machine]) -> None:
    """1.4.3a; Sean, 2025-09-22 (K10): an edge vector is in no level route"""
    b = Bench(kernel=kernel)
    b.rte(1, vector=2, trigger=EDGE)
    b.line(True, pin=1)
    b.take()
    b.eoi()
    assert b.apic().in_guest
    assert not b.apic().req_ioapic_eoi_exit
    assert not eoi_is_reported(b)


def test_an_edge_with_a_level_routes_vector_exits_too() -> None:
    """K5-D: the split branch is taken before any TMR test"""
    b = Bench()
    b.rte(1, vector=1, trigger=EDGE)
    b.line(True, pin=1)
    b.take()
    assert eoi_is_reported(b)


def test_base_exits_whatever_spiv_says() -> None:
    """3.2 row base: suppressed in split mode: never; K3 QUIRKED+split"""
    for directed in (False, True):
        assert eoi_is_reported(in_service(kernel=Base, directed=directed))


def test_v1_exits_unless_spiv_says_so() -> None:
    """3.2 row v1: suppressed in split mode: always (SPIV12=1)"""
    assert eoi_is_reported(in_service(kernel=V1, directed=False))
    assert not eoi_is_reported(in_service(kernel=V1, directed=True))


def test_v1_suppression_is_per_vcpu() -> None:
    """1.4.4, L U4: the EOI-ing vCPU's own SPIV"""
    b = Bench(cpus=2, kernel=V1)
    b.write_spiv(directed=True, cpu=1)
    b.line(True)
    b.take()
    assert eoi_is_reported(b)


def test_setting_spiv_afterwards_does_not_cancel_the_exit() -> None:
    """1.4.4, L U7"""
    b = in_service(kernel=V1)
    b.eoi()
    b.write_spiv(directed=True)
    b.enter()
    assert b.apic().exit_ioapic_eoi == 1


def test_stale_vector_asks_for_a_scan_even_if_suppressed() -> None:
    """1.4.3b, L U6"""
    for directed in (False, True):
        b = stale(V1, directed)
        b.eoi()
        assert b.apic().req_scan_ioapic
        b.settle()
        assert b.handled() == set()
