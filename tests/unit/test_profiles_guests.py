"""Guests do what was read in the guests' sources.

The docstrings cite the fact sheet (vmm-guest.md, and kvm.md by name). Steps run by hand, in CPython."""

from __future__ import annotations

import pytest

from model.designs.v6 import V6
from model.guests.freebsd import FreeBsd
from model.guests.illumos import Illumos
from model.guests.linux_affinity import LinuxAffinity, LinuxMovesInService
from model.guests.linux_explicit_eoi import LinuxIr, LinuxTmr0
from model.guests.threaded import Broken, LinuxThreaded, Sel4, Thread
from model.machine import ApiFlags, IoapicVersion
from model.vmms.cloud_hypervisor import CloudHypervisor
from model.vmms.kernel_irqchip import KernelIrqchip
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from tests.rigs.profiles_rig import EDGE, LEVEL, V11, V20, disabled, driver, enter, run, system, take


def test_sel4_masks_eois_serves_and_unmasks() -> None:
    """Facts 3.6, G-EARLY: the LAPIC's EOI comes with the line high, and sends nothing again because of the mask."""
    s = system(Qemu, Sel4)
    driver(s)
    s.device_raise(0)
    take(s)
    run(s, "mask_and_wake", "ack")
    assert s.ioapic[0].mask
    assert not s.ioapic[0].remote_irr
    assert s.ioapic[0].irr
    assert not s.apic[0].irr
    assert disabled(s, "unmask", 0, 0), "the driver has to be done first"
    run(s, "thread_fn", "unmask", pin=0)
    assert not s.ioapic[0].mask
    assert not s.raised[0]
    assert not s.apic[0].spiv_directed_eoi


def test_linux_threaded_wakes_no_thread_for_a_spurious_interrupt() -> None:
    """L6: one-shot with a woken thread: unmask when it ends; without: EOI, then unmask."""
    for wanted, state in ((True, Thread.WOKEN), (False, Thread.DONE)):
        s = system(Qemu, LinuxThreaded)
        driver(s)
        s.device_raise(0)
        take(s)
        s.raised[0] = wanted
        run(s, "mask_and_wake")
        assert s.thread[0] is state
        assert s.ioapic[0].mask
        assert disabled(s, "unmask", 0, 0), "the EOI comes first"
        run(s, "ack")
        assert disabled(s, "unmask", 0, 0) == wanted


def test_linux_tmr0_repairs_a_forwarded_interrupt_in_the_kernels_chip() -> None:
    """L3 step 4, K13, S-D15: the IPI clears TMR, so the LAPIC's EOI leaves Remote IRR; the trigger flip clears it."""
    s = system(KernelIrqchip, LinuxTmr0, ioapic=V11)
    driver(s)
    s.device_raise(0)
    s.fixup_irqs(0, 1)
    enter(s)
    assert 0 in s.apic[1].irr
    assert 0 not in s.apic[1].tmr
    assert not s.apic[0].spiv_enabled
    assert disabled(s, "setup_local_APIC", 0)
    take(s, 1)
    run(s, "handle_fasteoi_irq", "ack_APIC_irq", cpu=1)
    assert s.ioapic[0].remote_irr
    assert s.guest_owes_ioapic_eoi(0)
    assert not s.guest_owes_directed_eoi(0)
    run(s, "eoi_ioapic_pin", cpu=1)
    assert s.ioapic[0].mask
    assert not s.ioapic[0].remote_irr
    run(s, "restore_entry", cpu=1)
    assert not s.ioapic[0].mask
    assert s.ioapic[0].trigger == LEVEL


def test_linux_tmr0_does_nothing_more_where_tmr_is_set() -> None:
    """L3: normal operation is the broadcast only."""
    s = system(Qemu, LinuxTmr0)
    driver(s)
    s.device_raise(0)
    take(s)
    run(s, "handle_fasteoi_irq", "ack_APIC_irq")
    assert s.guest_is_idle(0)
    assert not s.ioapic[0].remote_irr


def test_linux_ir_writes_the_pin_number_and_needs_its_own_eoi() -> None:
    """L4, S-D8: the LAPIC gets the IRTE's vector, the exit's broadcast matches no entry, the EOI register does."""
    s = system(Qemu, LinuxIr, vectors=3)
    driver(s, vector=2, pin=1)
    assert s.ioapic[1].vector == 1
    assert s.irq_routing[1].vector == 2
    s.device_raise(1)
    take(s)
    run(s, "handle_fasteoi_irq", "ack_APIC_irq")
    assert s.ioapic[1].remote_irr, "KVM exited for vector 2, the entry has vector 1"
    run(s, "eoi_ioapic_pin")
    assert not s.ioapic[1].remote_irr
    assert s.guest_is_idle(0)


def test_linux_ir_is_linux_where_there_is_no_iommu() -> None:
    """L3: without remapping the entry has the LAPIC's vector and the broadcast is enough."""
    s = system(Openvmm, LinuxIr, vectors=3, ioapic=V11)
    driver(s, vector=2, pin=1)
    assert s.ioapic[1].vector == 2
    s.device_raise(1)
    take(s)
    run(s, "handle_fasteoi_irq", "ack_APIC_irq")
    assert s.guest_is_idle(0)
    assert not s.ioapic[1].remote_irr


@pytest.mark.parametrize(("vmm", "moves"), [(Qemu, True), (Openvmm, True), (CloudHypervisor, False)])
def test_linux_affinity_moves_if_remote_irr_is_clear(vmm: type, moves: bool) -> None:
    """L3 steps 1, 3, 5. QEMU keeps a masked pin's route (Q8) and hears of the EOI, OpenVMM forgets Remote IRR (V-OV2).
    Cloud Hypervisor's masked pin has no route (V-CH3), its vector is not intercepted (kvm.md 1.6.4), Remote IRR stays.
    """
    s = system(vmm, LinuxAffinity, ioapic=V11, pins=1)
    driver(s)
    s.irq_set_affinity(0, 0, 1)
    for _ in range(2):
        if moves and s.move_pending[0] is None:
            break
        s.device_raise(0)
        take(s)
        run(s, "handle_fasteoi_irq")
        assert disabled(s, "ack_APIC_irq", 0), "masked first"
        run(s, "mask_ioapic_irq", "ack_APIC_irq", "irq_move_masked_irq")
        assert not s.ioapic[0].mask
    assert (s.ioapic[0].dest == 1) == (s.move_pending[0] is None) == moves


def test_linux_moves_in_service_and_its_eoi_still_exits() -> None:
    """kvm.md 1.6.2, [L T13]: the moved vector is in service here, so it stays handled, as a stale one."""
    s = system(Qemu, LinuxMovesInService, pins=1)
    driver(s)
    s.device_raise(0)
    take(s)
    s.ioapic_set_affinity(0, 0, 1)
    enter(s)
    assert 0 in s.apic[0].ioapic_handled_vectors
    assert s.apic[0].highest_stale_pending_ioapic_eoi == 0
    run(s, "handle_fasteoi_irq")
    s.ack_APIC_irq(0)
    assert s.apic[0].req_ioapic_eoi_exit
    assert s.apic[0].req_scan_ioapic
    enter(s)
    assert not s.ioapic[0].remote_irr


@pytest.mark.parametrize("version", [V11, V20])
def test_freebsd_ends_the_interrupt_at_the_ioapic_while_masked(version: IoapicVersion) -> None:
    """B1, B2: SPIV bit 12, mask, LAPIC EOI, then by version the register or the flip, before the ithread runs."""
    s = system(Qemu, FreeBsd, kernel=V6, flags=ApiFlags.BIT2, ioapic=version)
    assert s.apic[0].spiv_directed_eoi
    driver(s)
    s.device_raise(0)
    take(s)
    run(s, "mask_and_wake", "ack")
    assert s.ioapic[0].remote_irr
    assert s.guest_owes_directed_eoi(0)
    run(s, "ioapic_eoi_source")
    assert (s.ioapic[0].trigger == EDGE) == (version is V11)
    if version is V11:
        run(s, "ioapic_restore")
    assert s.ioapic[0].mask
    assert s.ioapic[0].trigger == LEVEL
    assert not s.ioapic[0].remote_irr
    assert s.raised[0]
    run(s, "thread_fn", "unmask", pin=0)
    assert not s.ioapic[0].mask
    assert not s.apic[0].irr


@pytest.mark.parametrize("version", [V11, V20])
def test_illumos_writes_the_eoi_register_whatever_the_version(version: IoapicVersion) -> None:
    """N1: no version test, so with 0x11 Remote IRR stays (S-D1, ENABLED)."""
    s = system(Qemu, Illumos, kernel=V6, flags=ApiFlags.BIT2, ioapic=version)
    driver(s)
    s.device_raise(0)
    take(s)
    run(s, "apic_send_eoi")
    assert s.raised[0]
    assert s.ioapic[0].remote_irr
    run(s, "service", "apic_send_directed_EOI")
    assert s.guest_is_idle(0)
    assert s.ioapic[0].remote_irr == (version is V11)


def test_illumos_asks_for_nothing_that_is_not_offered() -> None:
    """N1: only where LVR bit 24 is set; then the LAPIC's EOI comes last."""
    s = system(Qemu, Illumos, kernel=V6, flags=ApiFlags.BIT3)
    assert not s.apic[0].spiv_directed_eoi
    driver(s)
    s.device_raise(0)
    take(s)
    run(s, "apic_send_eoi", "service")
    assert s.apic[0].isr.highest() == 0
    run(s, "apic_send_directed_EOI")
    assert s.apic[0].isr.highest() is None
    assert not s.ioapic[0].remote_irr


def test_broken_masks_nothing_and_eois_too_early() -> None:
    """kvm.md B11: EOI with the line high; QEMU sends again before the device is serviced, Cloud Hypervisor does not."""
    for vmm, again in ((Qemu, True), (CloudHypervisor, False)):
        s = system(vmm, Broken, ioapic=V11)
        driver(s)
        s.device_raise(0)
        take(s)
        run(s, "mask_and_wake", "ack")
        assert not s.ioapic[0].mask
        assert s.raised[0]
        assert (0 in s.apic[0].irr) == again == disabled(s, "thread_fn", 0, 0)
