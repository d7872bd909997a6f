"""VMM profiles do what was read in the VMMs' sources.

The docstrings cite the fact sheet (vmm-guest.md, and kvm.md by name). Steps run by hand, in CPython."""

from __future__ import annotations

from model.designs.base import Base
from model.designs.irqchip2 import Irqchip2
from model.designs.v6 import V6
from model.designs.woodhouse_draft1 import WoodhouseDraft1
from model.lines import Resample
from model.machine import ApiFlags, SuppressEoi
from model.vmms.cloud_hypervisor import CloudHypervisor
from model.vmms.crosvm import Crosvm
from model.vmms.kernel_irqchip import KernelIrqchip, QemuKernelIrqchip
from model.vmms.no_ioapic import NoIoapic
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from model.vmms.two_ioapics import TwoIoapics
from tests.rigs.profiles_rig import EDGE, LEVEL, V11, V20, system, take, write


def test_qemu_masked_pins_keep_their_route_and_lose_edges() -> None:
    """Q8: only unmasked pins refresh their KVM route. Q4: an edge on a masked pin latches nothing."""
    s = system(Qemu)
    write(s, vector=1)
    write(s, vector=0, trigger=EDGE, mask=True)
    assert s.irq_routing[0].valid
    assert s.irq_routing[0].vector == 1
    assert s.irq_routing[0].trigger == LEVEL
    s.ioapic_set_irq(0, True)
    write(s, vector=0)
    assert not s.ioapic[0].irr
    assert not s.apic[0].irr


def test_qemu_sends_again_at_eoi_and_knows_the_eoi_register_by_version() -> None:
    """Q11: Remote IRR falls, the line is high: sent again. Q10: the register exists with version 0x20 only."""
    for version in (V11, V20):
        s = system(Qemu, ioapic=version)
        write(s)
        s.ioapic_set_irq(0, True)
        take(s)
        assert 0 not in s.apic[0].irr
        s.ioapic_mem_write_eoi(0)
        assert (0 in s.apic[0].irr) == (version is V20)
        assert s.ioapic[0].remote_irr


def test_qemu_kicks_resamplefds_before_it_looks_at_remote_irr() -> None:
    """Q11, Q19, S-D17: every match of vector and level kicks; the irqfd's interrupt never sets Remote IRR."""
    s = system(Qemu, device=Resample)
    write(s)
    s.device_raise(0)
    assert 0 in s.apic[0].irr
    assert not s.ioapic[0].irr
    assert not s.ioapic[0].remote_irr
    take(s)
    s.ioapic_mem_write_eoi(0)
    assert 0 in s.apic[0].irr, "the device still wants service, so its owner signals again"
    s = system(Qemu, device=Resample)
    write(s, trigger=EDGE)
    s.device_raise(0)
    take(s)
    s.ioapic_mem_write_eoi(0)
    assert 0 not in s.apic[0].irr, "an edge entry is no match"


def test_openvmm_loses_remote_irr_at_any_write_and_matches_by_vector_only() -> None:
    """V-OV2: mask and unmask send an interrupt again that is in service; an EOI opens an edge entry's pin, too."""
    s = system(Openvmm, ioapic=V11)
    write(s)
    s.ioapic_set_irq(0, True)
    take(s)
    write(s, mask=True)
    assert not s.ioapic[0].remote_irr
    assert 0 not in s.apic[0].irr
    write(s)
    assert s.ioapic[0].remote_irr
    assert 0 in s.apic[0].irr
    assert 0 in s.apic[0].isr
    s.ioapic[0].trigger = EDGE
    s.ioapic_eoi_broadcast(0)
    assert not s.ioapic[0].remote_irr


def test_cloud_hypervisor_has_no_line_state() -> None:
    """V-CH1: an assertion in service is a second message. V-CH2: the EOI opens the pin and sends nothing."""
    s = system(CloudHypervisor, ioapic=V11)
    write(s)
    s.ioapic_set_irq(0, True)
    take(s)
    s.ioapic_set_irq(0, True)
    assert 0 in s.apic[0].irr
    assert s.ioapic[0].remote_irr
    s.apic[0].irr.discard(0)
    s.ioapic_eoi_broadcast(0)
    assert not s.ioapic[0].remote_irr
    assert 0 not in s.apic[0].irr


def test_cloud_hypervisor_masks_by_dropping_the_route_and_keeps_remote_irr() -> None:
    """V-CH3; a write to the pin's eventfd meanwhile counts once when it is an irqfd again. No EOI register."""
    s = system(CloudHypervisor, ioapic=V11)
    write(s)
    s.ioapic_set_irq(0, True)
    take(s)
    write(s, trigger=EDGE, mask=True)
    assert s.ioapic[0].remote_irr
    assert not s.irq_routing[0].valid
    s.ioapic_mem_write_eoi(0)
    assert s.ioapic[0].remote_irr
    s.ioapic_set_irq(0, True)
    s.ioapic_set_irq(0, True)
    assert 0 not in s.apic[0].irr
    write(s)
    assert 0 in s.apic[0].irr
    assert not s.ioapic[0].irr


def test_crosvm_coalesces_until_the_eoi_and_then_asks_the_owner() -> None:
    """C3, C4, C18: raise, lower, raise: one message; the EOI lowers the line unless its owner still wants service."""
    for wants in (True, False):
        s = system(Crosvm)
        write(s)
        s.device_raise(0)
        take(s)
        s.ioapic_set_irq(0, False)
        s.ioapic_set_irq(0, True)
        assert 0 not in s.apic[0].irr
        s.raised[0] = wants
        s.ioapic_mem_write_eoi(0)
        assert (0 in s.apic[0].irr) == s.ioapic[0].irr == s.ioapic[0].remote_irr == wants


def test_crosvm_sends_to_the_old_route_and_clears_remote_irr_for_an_edge_entry() -> None:
    """V-CR3, C11, C13, C14. A line that rose while the entry was edge and masked is remembered (V-CR2)."""
    s = system(Crosvm)
    write(s, vector=0, dest=0, mask=True)
    s.ioapic_set_irq(0, True)
    s.write_half(0, 1, 1, LEVEL, False)
    assert 0 in s.apic[0].irr, "sent before the route was set up anew"
    assert not s.apic[1].irr
    write(s, vector=1, dest=1, mask=True)
    assert s.ioapic[0].remote_irr
    write(s, vector=1, dest=1, trigger=EDGE, mask=True)
    assert not s.ioapic[0].remote_irr
    write(s, vector=1, dest=1)
    assert 1 in s.apic[1].irr


def test_crosvm_sends_to_the_new_route_if_the_entry_is_written_masked_first() -> None:
    """As Linux and Xen do (L9), and as a write of the whole entry stands for; the high half alone is one write."""
    s = system(Crosvm)
    write(s, vector=0, dest=0, mask=True)
    s.ioapic_set_irq(0, True)
    write(s, vector=1, dest=1)
    assert 1 in s.apic[1].irr
    assert not s.apic[0].irr
    s = system(Crosvm)
    write(s, vector=0, dest=0)
    s.ioapic[0].irr = True
    s.ioapic_mem_write_rte_high(0, 1)
    assert 0 in s.apic[0].irr
    assert not s.apic[1].irr


def test_no_ioapic_has_messages_only() -> None:
    """No pin ever closes, no EOI is intercepted; a masked message is pending, not lost; every device is an edge."""
    s = system(NoIoapic, ioapic=V11)
    assert s.device_trigger(0) == EDGE
    write(s, mask=True)
    s.device_raise(0)
    assert 0 not in s.apic[0].irr
    write(s)
    take(s)
    s.write_apic_eoi(0)
    assert s.apic[0].in_guest
    assert not s.apic[0].req_ioapic_eoi_exit
    assert not s.apic[0].ioapic_handled_vectors.bits
    assert not s.ioapic[0].remote_irr


def test_two_ioapics_share_a_gsi_and_every_eoi() -> None:
    """Q16: the chip whose entry was written last owns the route. Q11, S-D7: one EOI register opens both chips' pins."""
    s = system(TwoIoapics)
    write(s, pin=0, vector=0)
    write(s, pin=1, vector=1)
    assert s.irq_routing[0].vector == 1
    assert not s.irq_routing[1].valid
    s.ioapic_set_irq(0, True)
    assert 1 in s.apic[0].irr
    assert 0 not in s.apic[0].irr
    write(s, pin=0, vector=1)
    s.ioapic_set_irq(1, True)
    s.ioapic_set_irq(0, False)
    s.ioapic_set_irq(1, False)
    assert s.ioapic[0].remote_irr
    assert s.ioapic[1].remote_irr
    s.ioapic_mem_write_eoi(1)
    assert not s.ioapic[0].remote_irr
    assert not s.ioapic[1].remote_irr


def test_kernel_irqchip_hides_the_feature_and_has_no_eoi_register() -> None:
    """Table of section 2, kvm.md 2.1: 0x11, LVR bit 24 clear, offset 0x40 ignored; K13: the pin sends again at EOI."""
    s = system(KernelIrqchip, ioapic=V11)
    assert s.ioapic_version() is V11
    assert not s.apic[0].lvr_directed_eoi
    write(s)
    s.ioapic_set_irq(0, True)
    take(s)
    s.ioapic_mem_write_eoi(0)
    assert s.ioapic[0].remote_irr
    assert 0 not in s.apic[0].irr
    s.write_apic_eoi(0)
    assert s.ioapic[0].remote_irr
    assert 0 in s.apic[0].irr


def test_qemu_kernel_irqchip_gets_the_version_that_the_kernel_grants() -> None:
    """kvm.md 2.1, 2.8, 2.9: 0x11 always; the version field of draft 1; KVM_SET_IRQCHIP2, with default 0x11."""
    for kernel, granted in ((Base, V11), (WoodhouseDraft1, V20), (Irqchip2, V20)):
        assert system(QemuKernelIrqchip, kernel=kernel, ioapic=V20).ioapic_version() is granted
        assert system(QemuKernelIrqchip, kernel=kernel, ioapic=V11).ioapic_version() is V11
    assert system(KernelIrqchip, kernel=Irqchip2, ioapic=V11).ioapic_version() is V11


def test_qemu_kernel_irqchip_asks_for_flags() -> None:
    """kvm.md 3.3: ENABLE needs a split irqchip, so the mode stays; DISABLE is accepted for every irqchip."""
    modes = {
        ApiFlags.BIT2: SuppressEoi.QUIRKED,
        ApiFlags.BIT3: SuppressEoi.DISABLED,
        ApiFlags.BOTH: SuppressEoi.QUIRKED,
    }
    for flags, mode in modes.items():
        assert system(QemuKernelIrqchip, kernel=V6, flags=flags).suppress_eoi_broadcast_mode is mode
    assert system(Qemu, kernel=V6, flags=ApiFlags.BIT2).suppress_eoi_broadcast_mode is SuppressEoi.ENABLED
