"""Verdicts of VMM profiles and guests, each argued for from the fact sheet (vmm-guest.md, and kvm.md by name)."""

from __future__ import annotations

from typing import Any

import pytest

from checker.matrix.cells import Cell, matrix
from checker.questions.verdict import Status
from model.bugs.routes import MutantB3Split
from model.designs.base import Base
from model.designs.split_irqchip_api import SplitIrqchipApi
from model.designs.split_irqchip_api_on_v1 import SplitIrqchipApiOnV1
from model.designs.v1 import V1
from model.designs.v6 import V6
from model.guests.freebsd import FreeBsd
from model.guests.illumos import Illumos
from model.guests.linux import Linux
from model.guests.linux_affinity import LinuxAffinity, LinuxMovesInService
from model.guests.linux_explicit_eoi import LinuxIr, LinuxTmr0
from model.guests.threaded import Broken, Sel4
from model.guests.windows_cg import WindowsCg
from model.lines import Resample
from model.machine import ApiFlags, Cpu, IoapicVersion, Lapic, Vector
from model.vmms.cloud_hypervisor import CloudHypervisor
from model.vmms.crosvm import Crosvm
from model.vmms.kernel_irqchip import KernelIrqchip, QemuKernelIrqchip
from model.vmms.openvmm import Openvmm
from model.vmms.qemu import Qemu
from model.vmms.two_ioapics import TwoIoapics
from tests.rigs.profiles_rig import HOLDS, V11, V20, VIOLATED, system, verdicts


def test_suppression_without_an_eoi_register_stops_openvmm_but_not_cloud_hypervisor() -> None:
    """v1 obeys SPIV bit 12; neither chip has an EOI register (section 2), so Remote IRR stays for ever in both. OpenVMM
    sends only while it is clear (V-OV2); Cloud Hypervisor never looks at it before it sends (V-CH1)."""
    both = ("no_eoi_lost", "line_is_serviced")
    assert verdicts(*both, vmm=Openvmm, guest=WindowsCg, kernel=V1, ioapic=V11) == (VIOLATED, VIOLATED)
    assert verdicts(*both, vmm=CloudHypervisor, guest=WindowsCg, kernel=V1, ioapic=V11) == (VIOLATED, HOLDS)


def test_cloud_hypervisor_never_storms() -> None:
    """V-CH2: nothing is sent at an EOI, so each assertion is one interrupt, even for the guest that EOIs too early and
    for Windows with a broadcast that is not suppressed. crosvm sends again (V-CR1)."""
    for guest in (Broken, WindowsCg):
        assert verdicts("no_storm", vmm=CloudHypervisor, guest=guest, ioapic=V11) == (HOLDS,)
        assert verdicts("no_storm", vmm=Crosvm, guest=guest) == (VIOLATED,)


def test_two_chips_with_one_gsi_lose_interrupts() -> None:
    """Q16: two drivers on equal-numbered pins: one pin's message has the other's vector. With one driver nothing
    collides, so the same guest on one pin of the first chip is served."""
    assert verdicts("line_is_serviced", vmm=TwoIoapics, guest=Linux) == (VIOLATED,)
    assert verdicts("line_is_serviced", vmm=TwoIoapics, guest=Linux, pins=1) == (HOLDS,)


def test_a_line_that_rises_during_the_trigger_flip_is_lost_in_qemu() -> None:
    """Q4: a masked edge latches nothing, and Q8 takes no new look at the line when the entry is level again. Linux with
    remapping flips at every interrupt of a 0x11 chip (L2, L4); with 0x20 it does not flip. OpenVMM and KVM's chip keep
    the line's state across the flip (V-OV2; kvm.md 2.3), so flips are harmless there."""
    assert verdicts("line_is_serviced", vmm=Qemu, guest=LinuxIr, ioapic=V11, pins=1) == (VIOLATED,)
    assert verdicts("line_is_serviced", vmm=Qemu, guest=LinuxIr, ioapic=V20, pins=1) == (HOLDS,)
    assert verdicts("line_is_serviced", vmm=Openvmm, guest=LinuxTmr0, ioapic=V11, pins=1) == (HOLDS,)
    assert verdicts("line_is_serviced", vmm=KernelIrqchip, guest=LinuxTmr0, ioapic=V11, pins=1) == (HOLDS,)


class LinuxWithoutRepair(LinuxTmr0):
    """ioapic_ack_level() without its step 4."""

    def needs_explicit_eoi(self, cpu: Cpu, vector: Vector) -> bool:
        return False


def test_the_tmr_repair_is_needed_for_the_kernels_chip_only() -> None:
    """K13: with TMR = 0 the in-kernel chip ignores the EOI. kvm.md 1.3.3: a split irqchip does not look at TMR."""
    both = name, _ = "line_is_serviced", "no_eoi_lost"
    assert verdicts(*both, vmm=KernelIrqchip, guest=LinuxWithoutRepair, ioapic=V11, pins=1) == (VIOLATED, VIOLATED)
    assert verdicts(name, vmm=Qemu, guest=LinuxWithoutRepair, pins=1) == (HOLDS,)


class NoExitForAnEdge(V6):
    """A patch that somebody may come to write: the LAPIC took an edge, so no I/O APIC waits for the EOI."""

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if vector in apic.tmr:
            super().kvm_ioapic_send_eoi(apic, vector)


@pytest.mark.parametrize(("guest", "kernel", "found"), [
    (LinuxWithoutRepair, NoExitForAnEdge, VIOLATED),
    (LinuxWithoutRepair, V6, HOLDS),  # KVM broadcasts what the IPI brought
    (LinuxTmr0, NoExitForAnEdge, HOLDS),  # the guest EOIs the I/O APIC itself
])  # fmt: skip
def test_what_an_offline_cpu_has_pending_ends_nothing(guest: type, kernel: type, found: Status) -> None:
    """L3 step 4: the CPU went offline with the vector in IRR, which stays there and is never handled; the interrupt went
    on by IPI, an edge, so TMR is 0 where it is handled (1.3.3: a split irqchip does not look at TMR; this patch does)."""
    both = ("no_eoi_lost", "line_is_serviced")
    flags = ApiFlags.BIT2
    assert verdicts(*both, vmm=Qemu, guest=guest, kernel=kernel, ioapic=V20, pins=1, flags=flags) == (found, found)


@pytest.mark.parametrize("vmm", [Qemu, Crosvm])
def test_moving_in_service_needs_the_stale_vector(vmm: type) -> None:
    """kvm.md 1.6.2, B3, 7.3: the old CPU's EOI is for a vector that is routed elsewhere now. Linux's own order (L3)
    moves after the EOI, when nothing is pending, and does not need it; nor does crosvm, which sends a line that is high
    before it sets up the new route (V-CR3): the new CPU is written while the entry is masked (L9)."""
    both = ("no_eoi_lost", "line_is_serviced")
    assert verdicts(*both, vmm=vmm, guest=LinuxMovesInService) == (HOLDS, HOLDS)
    assert verdicts(*both, vmm=vmm, guest=LinuxMovesInService, kernel=MutantB3Split) == (VIOLATED, VIOLATED)
    assert verdicts(*both, vmm=vmm, guest=LinuxAffinity, kernel=MutantB3Split) == (HOLDS, HOLDS)


def test_only_a_throttle_lets_a_broken_guest_live() -> None:
    """B11: the EOI with the line high sends again for ever; every 10,000th is late, and then the guest gets on."""
    for vmm, version in ((Qemu, V20), (KernelIrqchip, V11)):
        for throttle, verdict in ((False, VIOLATED), (True, HOLDS)):
            assert verdicts("no_storm", vmm=vmm, guest=Broken, ioapic=version, throttle=throttle, pins=1) == (verdict,)


def test_two_storms_on_one_cpu_pause_and_on_two_do_not() -> None:
    """Q12: the EOI of one pin sends the other one early, so two vCPUs can take turns for ever. One vCPU takes the higher
    vector until that is throttled, then the other until it is, and 10 ms are longer than a handler: the pause comes."""
    for guest, kernel in ((WindowsCg, Base), (Broken, Base)):
        for cpus, verdict in ((1, HOLDS), (2, VIOLATED)):
            found = verdicts("no_storm", vmm=Qemu, guest=guest, kernel=kernel, throttle=True, pins=2, cpus=cpus)
            assert found == (verdict,)


@pytest.mark.parametrize("version", [V11, V20])
def test_the_bit_of_3_october_hides_the_feature(version: IoapicVersion) -> None:
    """kvm.md 3.2, "Oct-3 diff": LVR bit 24 is X && m!=K && !flag. What is not offered is not asked for, so Windows EOIs
    late (W4) and nothing storms; unset, the kernel below decides: base storms, v1 loses the EOI on 0x11."""
    asked = ("no_storm", "no_eoi_lost", "line_is_serviced")
    windows: dict[str, Any] = {"vmm": Qemu, "guest": WindowsCg, "ioapic": version, "pins": 1}
    lost = VIOLATED if version is V11 else HOLDS
    for kernel, unset in ((SplitIrqchipApi, (VIOLATED, HOLDS, VIOLATED)), (SplitIrqchipApiOnV1, (HOLDS, lost, lost))):
        assert verdicts(*asked, kernel=kernel, flags=ApiFlags.BIT3, **windows) == (HOLDS, HOLDS, HOLDS)
        assert verdicts(*asked, kernel=kernel, flags=ApiFlags.NONE, **windows) == unset


def test_the_bit_of_3_october_is_in_the_default_matrix() -> None:
    """`eoi prove split_irqchip_api` explores it set and unset, by VMMs that set flags; the second graph is not base's."""
    for kernel in (SplitIrqchipApi, SplitIrqchipApiOnV1):
        found = matrix(
            ("split", kernel), kernels=["base"], vmms=["qemu", "openvmm"], guests=["windows_cg"], devices=["level"], scope={}
        )  # fmt: skip
        flags = [(cell.names["vmm"], cell.scope.flags) for cell in found if isinstance(cell, Cell)]
        assert flags == [*[("qemu", ApiFlags.NONE), ("qemu", ApiFlags.BIT3)] * 2, ("openvmm", ApiFlags.NONE)]


def test_the_bit_of_3_october_needs_a_split_irqchip() -> None:
    """kvm.md 3.2: m!=S -> ENXIO: with the I/O APIC in the kernel the wish changes nothing (LVR bit 24 is clear anyway)."""
    s = system(QemuKernelIrqchip, WindowsCg, kernel=SplitIrqchipApi, flags=ApiFlags.BIT3)
    assert not s.disable_eoi_broadcast_suppression_support
    s = system(Qemu, WindowsCg, kernel=SplitIrqchipApi, flags=ApiFlags.BIT3)
    assert s.disable_eoi_broadcast_suppression_support
    assert not any(apic.lvr_directed_eoi for apic in s.apic.values())


def test_a_masked_pin_does_not_stop_an_irqfd_in_qemu() -> None:
    """Q19: the irqfd's message goes by KVM's route, which a masked pin keeps (Q8). seL4 masks, EOIs with the line high;
    the EOI kicks the owner, who signals again; the throttle does not count that (Q11). Plain Linux services first."""
    resample: dict[str, Any] = {"vmm": Qemu, "device": Resample, "pins": 1, "throttle": True}
    assert verdicts("no_storm", guest=Sel4, **resample) == (VIOLATED,)
    assert verdicts("no_storm", guest=Linux, **resample) == (HOLDS,)
    assert verdicts("no_storm", guest=Sel4, vmm=Qemu, pins=1) == (HOLDS,)


def test_a_trigger_flip_kicks_no_resamplefd() -> None:
    """Q11: only a broadcast kicks; Q8: a flip clears Remote IRR, that is all. With remapping the exit's vector matches no
    entry (L4), so with a 0x11 chip the owner never hears of an EOI and the device stays silent."""
    for version, verdict in ((V11, VIOLATED), (V20, HOLDS)):
        found = verdicts(
            "line_is_serviced", vmm=Qemu, guest=LinuxIr, device=Resample, ioapic=version, pins=1, vectors=2
        )
        assert found == (verdict,)


def test_illumos_needs_the_eoi_register_that_v6_makes_it_use() -> None:
    """S-D1 for N1: ENABLE on a 0x11 chip loses the EOI; on a 0x20 chip it is what the guest expects; FreeBSD's flip (B2)
    ends the interrupt on 0x11, masked, so no line rises meanwhile."""
    both = ("no_eoi_lost", "line_is_serviced")
    enabled: dict[str, Any] = {"vmm": Qemu, "kernel": V6, "flags": ApiFlags.BIT2}
    assert verdicts(*both, guest=Illumos, ioapic=V11, **enabled) == (VIOLATED, VIOLATED)
    assert verdicts(*both, guest=Illumos, ioapic=V20, **enabled) == (HOLDS, HOLDS)
    assert verdicts(*both, guest=FreeBsd, ioapic=V11, **enabled) == (HOLDS, HOLDS)
