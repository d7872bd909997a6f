"""What userspace may rely on when it sets up a VM: capabilities, errnos, the version register, the EOI exit.

Asked of VMMs that issue ioctls in any order; `asked` and `granted` are what these remember (model/vmms/any_vmm.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model.lang import always, reachable
from model.machine import ApiFlags, Cpu, Errno, IrqchipMode
from model.vmms.any_vmm import AnyVmm
from model.vmms.msr_vmm import MsrVmm
from model.vmms.setup_vmm import SetupVmm

ANY_ORDER: dict[type, str] = {SetupVmm: "asked only of setup_vmm and any_vmm, which issue ioctls in any order"}
RUNNING: dict[type, str] = {AnyVmm: "asked only of any_vmm, which issues ioctls in any order while vCPUs run"}
MSRS: dict[type, str] = {MsrVmm: "asked only of msr_vmm, which writes LAPIC registers of a running vCPU"}
SEAN_0113 = "Sean Christopherson, 2026-01-13, aWbe8Iut90J0tI1Q@google.com"


@always(source="kvm.md 1.11: kvm->arch.irqchip_mode is write-once", premise="irqchip_chosen", only_for=ANY_ORDER)
def irqchip_is_chosen_once(before: SetupVmm, after: SetupVmm) -> bool:
    """Once an irqchip is chosen, it stays.

    Violated: The irqchip changes after it was chosen.
    """
    return before.irqchip_mode == IrqchipMode.NONE or after.irqchip_mode == before.irqchip_mode


@always(source="PATCH v6, api.rst: setting both is EINVAL", premise="both_flags_asked", only_for=ANY_ORDER)
def both_flags_are_refused(s: SetupVmm) -> bool:
    """A call that asks for both flags fails.

    Violated: KVM_CAP_X2APIC_API takes bit 2 and bit 3 in one call.
    """
    return s.asked != ApiFlags.BOTH or s.errno != Errno.OK


@always(source=SEAN_0113, premise="bit2_accepted", only_for=ANY_ORDER)
def enable_needs_a_split_irqchip(s: SetupVmm) -> bool:
    """Bit 2 (ENABLE) is accepted only after KVM_CAP_SPLIT_IRQCHIP.

    Violated: KVM_CAP_X2APIC_API takes bit 2 without a split irqchip.
    """
    return s.asked != ApiFlags.BIT2 or s.errno != Errno.OK or s.irqchip_mode == IrqchipMode.SPLIT


@always(source="David Woodhouse, 2026-01-16 (kvm.md 3.6)", premise="bit2_granted", only_for=ANY_ORDER)
def enable_never_meets_a_kernel_ioapic(s: SetupVmm) -> bool:
    """An accepted bit 2 (ENABLE) and an I/O APIC in the kernel exclude each other, whichever comes first.

    Violated: Bit 2 is granted, and the I/O APIC is in the kernel.
    """
    return s.granted not in (ApiFlags.BIT2, ApiFlags.BOTH) or not s.ioapic_in_kernel()


@always(source="api.rst on KVM_CAP_X2APIC_API; kvm.md 3.3", premise="flags_asked_late", only_for=ANY_ORDER)
def flags_after_vcpus_are_ebusy(s: SetupVmm) -> bool:
    """KVM_CAP_X2APIC_API fails with EBUSY once a vCPU exists.

    Violated: KVM_CAP_X2APIC_API does not answer EBUSY although a vCPU exists.
    """
    return s.asked is None or not any(apic.created for apic in s.apic.values()) or s.errno == Errno.EBUSY


@always(source=SEAN_0113, premise="one_flag_asked", only_for=ANY_ORDER)
def check_extension_is_right(s: SetupVmm) -> bool:
    """A flag that KVM_CHECK_EXTENSION reports on the VM's fd is never EINVAL; one that it does not report is refused.

    Violated: KVM_CHECK_EXTENSION on the VM's fd and KVM_ENABLE_CAP disagree about a flag.
    """
    if s.asked not in (ApiFlags.BIT2, ApiFlags.BIT3):
        return True
    reported = s.check_KVM_CAP_X2APIC_API(True, s.asked == ApiFlags.BIT3)
    return s.errno != Errno.EINVAL if reported else s.errno != Errno.OK


@always(source="David Woodhouse, 2026-01-27 (kvm.md 3.6)", premise="flag_reported", only_for=ANY_ORDER)
def early_probe_sees_the_flags(s: SetupVmm) -> bool:
    """KVM_CHECK_EXTENSION reports on the VM's fd at any time what it reports on the system's fd.

    Violated: KVM_CHECK_EXTENSION on the VM's fd hides a flag that the system's fd reports.
    """
    bit2 = s.check_KVM_CAP_X2APIC_API(True, False) == s.check_KVM_CAP_X2APIC_API(False, False)
    bit3 = s.check_KVM_CAP_X2APIC_API(True, True) == s.check_KVM_CAP_X2APIC_API(False, True)
    return bit2 and bit3


@always(source="kvm.md 1.1, 3.2", premise="flag_in_lvr", only_for=ANY_ORDER)
def granted_flag_takes_effect(s: SetupVmm, cpu: Cpu) -> bool:
    """An accepted flag shows in LVR as soon as LVR is computed: bit 24 follows CPUID for bit 2, is clear for bit 3.

    Violated: LVR of CPU{cpu} was computed after the flag was accepted, and does not show it.
    """
    apic = s.apic[cpu]
    if not s.lvr_current[cpu] or not s.lapic_in_kernel():
        return True
    if s.granted == ApiFlags.BIT2:
        return apic.lvr_directed_eoi == apic.cpuid_x2apic
    return s.granted != ApiFlags.BIT3 or not apic.lvr_directed_eoi


@always(source="kvm.md 3.3 and 7.6 P8", premise="suppression_after_grant", only_for=RUNNING)
def quirk_does_not_return(before: AnyVmm, after: AnyVmm, cpu: Cpu) -> bool:
    """Once a flag was accepted and LVR computed, an offer in LVR is honoured: the quirk does not come back.

    Violated: CPU{cpu} suppresses broadcasts as its LVR offers, the VMM had opted out of the quirk, and the EOI exits.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    offered = before.lvr_current[cpu] and was.lvr_directed_eoi and was.spiv_directed_eoi
    return not offered or was.req_ioapic_eoi_exit or not now.req_ioapic_eoi_exit


@always(source="kvm.md 7.6 P4, L T5", premise="suppression_offered", only_for=RUNNING)
def lvr_is_stable(before: AnyVmm, after: AnyVmm, cpu: Cpu) -> bool:
    """LVR bit 24 does not change under a running guest.

    Violated: CPU{cpu} runs guest code, and its LVR bit 24 changes.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    return not was.in_guest or was.lvr_directed_eoi == now.lvr_directed_eoi


@always(source="kvm.md 1.1: LVR is computed per vCPU, flags are per VM", premise="two_x2apic_vcpus", only_for=ANY_ORDER)
def vcpus_agree(s: SetupVmm, cpu: Cpu, other: Cpu) -> bool:
    """vCPUs with the same CPUID offer the same in LVR.

    Violated: CPU{cpu} and CPU{other} have x2APIC, and LVR bit 24 of only one of them is set.
    """
    one = s.apic[cpu]
    two = s.apic[other]
    both = one.cpuid_x2apic and two.cpuid_x2apic
    return not both or one.lvr_directed_eoi == two.lvr_directed_eoi


@always(source="kvm.md 1.2 and 7.6 P3, L T7, T9", premise="suppression_requested", only_for=ANY_ORDER)
def spiv_needs_lvr(s: SetupVmm, cpu: Cpu) -> bool:
    """SPIV bit 12 is set only while LVR bit 24 is.

    Violated: CPU{cpu} has SPIV bit 12 set, and LVR bit 24 is clear.
    """
    return not s.apic[cpu].spiv_directed_eoi or s.apic[cpu].lvr_directed_eoi


@always(source="kvm.md 1.5 and 7.6 P5, L T12", premise="eoi_exit_pending", only_for=MSRS)
def pending_eoi_is_kept(before: MsrVmm, after: MsrVmm, cpu: Cpu) -> bool:
    """An EOI that waits to be told to userspace is told before the next one is given: neither takes the other's place.

    Violated: CPU{cpu} has two EOIs that userspace was to hear of, and one of them is lost.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    waits = was.req_ioapic_eoi_exit and now.req_ioapic_eoi_exit
    ended = (was.isr - now.isr) & was.ioapic_handled_vectors
    both = not was.spiv_directed_eoi and any(vector != was.pending_ioapic_eoi for vector in ended)
    return not waits or (was.pending_ioapic_eoi == now.pending_ioapic_eoi and not both)


@reachable(only_for=ANY_ORDER)
def irqchip_chosen(s: SetupVmm) -> bool:
    """An irqchip is chosen."""
    return s.irqchip_mode != IrqchipMode.NONE


@reachable(only_for=ANY_ORDER)
def both_flags_asked(s: SetupVmm) -> bool:
    """The last ioctl asked for both flags."""
    return s.asked == ApiFlags.BOTH


@reachable(only_for=ANY_ORDER)
def one_flag_asked(s: SetupVmm) -> bool:
    """The last ioctl asked for one flag."""
    return s.asked in (ApiFlags.BIT2, ApiFlags.BIT3)


@reachable(only_for=ANY_ORDER)
def flags_asked_late(s: SetupVmm) -> bool:
    """The last ioctl was KVM_CAP_X2APIC_API, with a vCPU there."""
    return s.asked is not None and any(apic.created for apic in s.apic.values())


@reachable(only_for=ANY_ORDER)
def bit2_accepted(s: SetupVmm) -> bool:
    """The last ioctl asked for bit 2, and got it."""
    return s.asked == ApiFlags.BIT2 and s.errno == Errno.OK


@reachable(only_for=ANY_ORDER)
def bit2_granted(s: SetupVmm) -> bool:
    """Bit 2 was accepted."""
    return s.granted in (ApiFlags.BIT2, ApiFlags.BOTH)


@reachable(only_for=ANY_ORDER)
def flag_reported(s: SetupVmm) -> bool:
    """KVM_CHECK_EXTENSION reports a flag on the system's fd."""
    return s.check_KVM_CAP_X2APIC_API(False, False) or s.check_KVM_CAP_X2APIC_API(False, True)


@reachable(only_for=ANY_ORDER)
def flag_in_lvr(s: SetupVmm, cpu: Cpu) -> bool:
    """A vCPU with x2APIC has had its LVR computed after one of the flags was accepted."""
    apic = s.apic[cpu]
    return s.lvr_current[cpu] and s.lapic_in_kernel() and apic.cpuid_x2apic


@reachable(only_for=RUNNING)
def suppression_after_grant(s: AnyVmm, cpu: Cpu) -> bool:
    """A vCPU whose LVR was computed after the grant is offered suppression, asks for it, and has an EOI to write."""
    apic = s.apic[cpu]
    asks = s.lvr_current[cpu] and apic.lvr_directed_eoi and apic.spiv_directed_eoi
    vector = apic.isr.highest()
    return asks and vector is not None and vector in apic.ioapic_handled_vectors


@reachable(only_for=ANY_ORDER)
def two_x2apic_vcpus(s: SetupVmm, cpu: Cpu, other: Cpu) -> bool:
    """Two vCPUs have x2APIC in their CPUID and LVR bit 24."""
    one = s.apic[cpu]
    two = s.apic[other]
    return cpu != other and one.lvr_directed_eoi and two.lvr_directed_eoi


@reachable(only_for=MSRS)
def eoi_exit_pending(s: MsrVmm, cpu: Cpu) -> bool:
    """KVM_REQ_IOAPIC_EOI_EXIT is pending while another vector is in service."""
    apic = s.apic[cpu]
    return apic.req_ioapic_eoi_exit and apic.isr.highest() is not None


# What these say of a flag is what v6 means by its bit; a patch that gives the bit another name may mean another thing.
READ_AS_V6: Mapping[Callable[..., object], tuple[ApiFlags, ...]] = {
    enable_needs_a_split_irqchip.function: (ApiFlags.BIT2,),
    enable_never_meets_a_kernel_ioapic.function: (ApiFlags.BIT2,),
    granted_flag_takes_effect.function: (ApiFlags.BIT2, ApiFlags.BIT3),
}
