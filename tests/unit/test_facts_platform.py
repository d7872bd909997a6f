"""QEMU's I/O APIC with KVM's local APIC, and OpenVMM's: one fact a test, against the model's functions run in CPython.

"oracle" names a row of the table observed on QEMU 7.2 (fact sheet qemu-oracle.md, section 2, 3 or 4); Q and V-OV ids are of
vmm-guest.md. Pin 0 is level, vector 1, unmasked unless said; d counts messages since last asked, r is Remote IRR.
"""

from __future__ import annotations

import pytest

from model.designs.v1 import V1
from model.guests.linux_affinity import LinuxMovesInService
from model.machine import IoapicVersion, Machine
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from tests.rigs.bench import EDGE, LEVEL, V11, V20, Bench, both_versions, raised

# ---- QEMU and the LAPIC: oracle sections 3 and 4 ----


@both_versions
def test_lapic_eoi_line_low(version: IoapicVersion) -> None:
    """oracle 3 "LAPIC EOI, line low: broadcast cleared R" """
    b = raised(version)
    b.take()
    assert b.sets() == (set(), {1})
    b.line(False)
    b.eoi()
    b.settle()
    assert (b.sets(), b.r, b.d) == ((set(), set()), False, 0)


@both_versions
def test_lapic_eoi_line_high(version: IoapicVersion) -> None:
    """oracle 3 "LAPIC EOI, line high: IRR=41, 0xc041" """
    b = raised(version)
    b.take()
    b.eoi()
    b.settle()
    assert (b.sets(), b.r, b.d) == (({1}, set()), True, 1)


@pytest.mark.parametrize(("version", "closed"), [(V11, True), (V20, False)])
def test_eoi_register_while_in_service(version: IoapicVersion, closed: bool) -> None:
    """oracle 3 "EOI register while in service, line low" """
    b = raised(version)
    b.take()
    b.line(False)
    b.eoir()
    assert (b.sets(), b.r) == ((set(), {1}), closed)


def suppressed(version: IoapicVersion) -> Bench:
    """v1, SPIV bit 12 set, the LAPIC EOIed with the line high."""
    b = Bench(version, kernel=V1, directed=True)
    b.line(True)
    b.take()
    b.eoi()
    b.settle()
    assert (b.sets(), b.r, b.d) == ((set(), set()), True, 1)  # oracle 4: no broadcast, nothing pending
    return b


@pytest.mark.parametrize(("version", "pending"), [(V11, set()), (V20, {1})])
def test_suppressed_then_eoi_register(version: IoapicVersion, pending: set[int]) -> None:
    """oracle 4 "then EOI register": 0x11 stuck, also after line low/high; 0x20 reassert; S-D1"""
    b = suppressed(version)
    b.eoir()
    assert (b.sets(), b.r) == ((pending, set()), True)
    if version is V11:
        b.line(False)
        b.line(True)
        b.eoir()
        assert (b.sets(), b.r, b.d) == ((set(), set()), True, 0)


@both_versions
def test_suppressed_then_flip(version: IoapicVersion) -> None:
    """oracle 4 "recover by mask+edge, mask+level, unmask: IRR=41"; X3, B19"""
    b = suppressed(version)
    b.rte(0, trigger=EDGE, mask=True)
    b.rte(0, mask=True)
    b.rte(0)
    assert (b.sets(), b.r) == (({1}, set()), True)


@pytest.mark.parametrize(("version", "pending"), [(V11, set()), (V20, {1})])
def test_eoi_register_before_the_lapics(version: IoapicVersion, pending: set[int]) -> None:
    """oracle 4 "EOI register BEFORE LAPIC EOI": 0x20 has it in ISR and IRR; taken again after the LAPIC's EOI"""
    b = Bench(version, kernel=V1, directed=True)
    b.line(True)
    b.take()
    b.eoir()
    assert b.sets() == (pending, {1})
    assert not b.inject()
    b.eoi()
    b.settle()
    assert b.inject() == bool(pending)


# ---- OpenVMM ----


def test_openvmm_level() -> None:
    """V-OV2: level needs line and RIRR=0; RIRR := is_level on send; EOI: vector equality, re-evaluate"""
    b = Bench(V11, vmm=Openvmm)
    b.line(True)
    b.line(True)
    assert (b.d, b.r) == (1, True)
    b.s.ioapic_eoi_broadcast(2)
    assert (b.d, b.r) == (0, True)
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (1, True)
    b.line(False)
    b.s.ioapic_eoi_broadcast(1)
    assert (b.d, b.r) == (0, False)


def test_openvmm_edges() -> None:
    """V-OV2: masked edges lost, a rising edge is sent once; no Remote IRR"""
    b = Bench(V11, vmm=Openvmm)
    b.rte(0, trigger=EDGE, mask=True)
    b.line(True)
    b.rte(0, trigger=EDGE)
    assert b.d == 0
    b.line(False)
    b.line(False)
    assert b.d == 0
    b.line(True)
    assert b.d == 1
    b.line(True)
    assert (b.d, b.r) == (0, False)


def test_openvmm_routes() -> None:
    """kvm_set_irq_routing() with the entry's values, and every vCPU rescans"""
    b = Bench(V11, vmm=Openvmm, cpus=2)
    route = b.s.irq_routing[1]
    for trigger in (LEVEL, EDGE):
        b.rte(1, vector=2, dest=1, trigger=trigger)
        assert (route.valid, route.vector, route.dest, route.trigger) == (True, 2, 1, trigger)
        assert (b.pin(1).vector, b.pin(1).dest, b.pin(1).trigger) == (2, 1, trigger)
    assert all(b.apic(c).req_scan_ioapic for c in range(2))
    b.rte(1, mask=True)
    assert not route.valid


def test_openvmm_write_loses_remote_irr() -> None:
    """V-OV2: mask+unmask re-sends a level interrupt still in service"""
    b = Bench(V11, vmm=Openvmm)
    b.line(True)
    b.rte(0, mask=True)
    assert (b.d, b.r) == (1, False)
    b.rte(0)
    assert (b.d, b.r) == (1, True)


def test_openvmm_retargets_without_losing_remote_irr() -> None:
    """V-OV2 speaks of low-half writes: the high half has the destination and no Remote IRR. The route follows, and an
    open pin is evaluated again after either half."""
    b = Bench(V11, vmm=Openvmm, cpus=2)
    b.line(True)
    assert (b.d, b.r) == (1, True)
    b.s.ioapic_mem_write_rte_high(0, 1)
    assert (b.d, b.r, b.pin(0).dest, b.s.irq_routing[0].dest) == (0, True, 1, 1)
    b.s.ioapic_eoi_broadcast(1)
    assert b.sent == [(0, 1, 1, LEVEL)]
    b.pin(0).remote_irr = False
    b.s.ioapic_mem_write_rte_high(0, 0)
    assert b.sent[1:] == [(0, 1, 0, LEVEL)]


@pytest.mark.parametrize("vmm", [Qemu, Openvmm])
def test_a_move_in_service_is_one_interrupt(vmm: type[Machine]) -> None:
    """B3: the handler rewrites the high half only. Q8 keeps Remote IRR, and so does V-OV2: nothing is sent before the EOI."""
    b = Bench(V11, vmm=vmm, guest=LinuxMovesInService, cpus=2)
    b.s.setup_IO_APIC_irq(0, 0, 1)
    b.settle()
    b.s.device_raise(0)
    b.take()
    b.s.ioapic_set_affinity(0, 0, 1)
    b.settle()
    assert (b.d, b.r, b.sets(1)) == (1, True, (set(), set()))


def test_openvmm_has_no_eoi_register() -> None:
    """section 2, OV: version 0x11, EOIR no"""
    b = Bench(V11, vmm=Openvmm)
    b.line(True)
    b.line(False)
    b.eoir()
    assert b.r
    assert b.s.ioapic_version() is V11
