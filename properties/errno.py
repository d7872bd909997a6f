"""Which errno each ioctl of the set-up answers, and when; what it does if it succeeds, and that it does nothing if not.

Asked of errno_vmm, which remembers the ioctl. An edge that has another one than the edge before is that ioctl.
"""

from __future__ import annotations

from model.lang import always, reachable
from model.machine import Cpu, Errno, IrqchipMode, Trigger
from model.vmms.errno_vmm import ErrnoVmm, Ioctl

ERRNOS: dict[type, str] = {ErrnoVmm: "asked only of errno_vmm, which remembers the ioctl"}


@always(
    source="x86.c kvm_arch_vm_ioctl() case KVM_CREATE_IRQCHIP; kvm.md 1.11, L U9",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def create_irqchip_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_CREATE_IRQCHIP puts all of the irqchip into KVM; once there is one, of either kind, it fails with EEXIST, and
    without one with EINVAL once there is a vCPU.

    Violated: KVM_CREATE_IRQCHIP does not answer EEXIST for a second irqchip, EINVAL after a vCPU, and 0 before.
    """
    if after.asked == before.asked or after.asked != Ioctl.CREATE_IRQCHIP:
        return True
    if before.irqchip_mode != IrqchipMode.NONE:
        return after.errno == Errno.EEXIST
    if any(apic.created for apic in before.apic.values()):
        return after.errno == Errno.EINVAL
    return after.errno == Errno.OK and after.irqchip_mode == IrqchipMode.KERNEL


@always(
    source="x86.c kvm_vm_ioctl_enable_cap() case KVM_CAP_SPLIT_IRQCHIP; kvm.md 1.11, L T3, T5",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def split_irqchip_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_CAP_SPLIT_IRQCHIP leaves the I/O APIC to the VMM; it fails with EEXIST once there is an irqchip or a vCPU.

    Violated: KVM_CAP_SPLIT_IRQCHIP does not answer EEXIST after an irqchip or a vCPU, and 0 before.
    """
    if after.asked == before.asked or after.asked != Ioctl.SPLIT_IRQCHIP:
        return True
    if before.irqchip_mode != IrqchipMode.NONE or any(apic.created for apic in before.apic.values()):
        return after.errno == Errno.EEXIST
    return after.errno == Errno.OK and after.irqchip_mode == IrqchipMode.SPLIT


@always(
    source="x86.c kvm_vm_ioctl_enable_cap() case KVM_CAP_X2APIC_API; api.rst; kvm.md 3.3",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def x2apic_api_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_CAP_X2APIC_API without flags succeeds, and flags that it does not take are EINVAL. Only a vCPU makes it EBUSY.

    Violated: KVM_CAP_X2APIC_API fails without flags, or with another errno than EINVAL, or EBUSY after a vCPU.
    """
    if after.asked == before.asked or after.asked not in (Ioctl.X2APIC_API, Ioctl.X2APIC_API_WITH_FLAGS):
        return True
    if after.errno == Errno.EBUSY:
        return any(apic.created for apic in before.apic.values())
    return after.errno == Errno.OK or (after.asked == Ioctl.X2APIC_API_WITH_FLAGS and after.errno == Errno.EINVAL)


@always(source="x86.c kvm_vm_ioctl_enable_cap() case KVM_CAP_X2APIC_API", premise="vcpu_with_lapic", only_for=ERRNOS)
def enable_cap_leaves_lvr(before: ErrnoVmm, after: ErrnoVmm, cpu: Cpu) -> bool:
    """KVM_ENABLE_CAP is the VM's: the LVR of a vCPU that exists changes with its own ioctls only, so not under a guest that runs.

    Violated: KVM_CAP_X2APIC_API changes the LVR of CPU{cpu}, which was there before.
    """
    if after.asked == before.asked or after.asked not in (Ioctl.X2APIC_API, Ioctl.X2APIC_API_WITH_FLAGS):
        return True
    return before.apic[cpu].lvr_directed_eoi == after.apic[cpu].lvr_directed_eoi


@always(
    source="x86.c kvm_vm_ioctl_enable_cap() default; kvm.md 3.2 (Oct-3 diff)", premise="ioctl_refused", only_for=ERRNOS
)
def split_irqchip_api_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """A capability that KVM does not know is EINVAL. Where it knows KVM_CAP_SPLIT_IRQCHIP_API, that is ENXIO without a split
    irqchip, EINVAL after a vCPU, and else succeeds.

    Violated: KVM_CAP_SPLIT_IRQCHIP_API answers neither what an unknown capability does nor what its proposal says.
    """
    if after.asked == before.asked or after.asked != Ioctl.SPLIT_IRQCHIP_API or after.errno == Errno.EINVAL:
        return True
    if before.irqchip_mode != IrqchipMode.SPLIT:
        return after.errno == Errno.ENXIO
    return after.errno == Errno.OK and not any(apic.created for apic in before.apic.values())


@always(source="kvm_main.c kvm_vm_ioctl_create_vcpu(); api.rst 4.7", premise="ioctl_refused", only_for=ERRNOS)
def create_vcpu_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_CREATE_VCPU makes a vCPU, with or without an irqchip; for an id that is taken it fails with EEXIST.

    Violated: KVM_CREATE_VCPU does not make a vCPU that is not there, or does not answer EEXIST for one that is.
    """
    if after.asked == before.asked or after.asked != Ioctl.CREATE_VCPU:
        return True
    if before.apic[0].created:
        return after.errno == Errno.EEXIST
    return after.errno == Errno.OK and after.apic[0].created


@always(source="lapic.c kvm_create_lapic(), kvm_lapic_reset(); kvm.md 1.2", premise="vcpu_with_lapic", only_for=ERRNOS)
def new_vcpu_is_reset(before: ErrnoVmm, after: ErrnoVmm, cpu: Cpu) -> bool:
    """A new vCPU's local APIC is as after a reset: software-disabled, with nothing pending or in service, and the vCPU looks
    at the I/O APIC's entries before it first runs.

    Violated: CPU{cpu} is new, and its local APIC is not as after a reset, or has no scan before it.
    """
    apic = after.apic[cpu]
    if before.apic[cpu].created or not apic.created or after.irqchip_mode == IrqchipMode.NONE:
        return True
    quiet = not apic.irr and not apic.isr and not apic.tmr
    return quiet and not apic.spiv_enabled and not apic.spiv_directed_eoi and apic.req_scan_ioapic


@always(source="cpuid.c kvm_set_cpuid(); L U9, and probed after KVM_RUN", premise="ioctl_refused", only_for=ERRNOS)
def set_cpuid2_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_SET_CPUID2 sets a vCPU's CPUID until it has run; from then on it fails with EINVAL, unless it changes nothing.

    Violated: KVM_SET_CPUID2 changes the CPUID of a vCPU that has run, or does not set what it accepts, or has a wrong errno.
    """
    if after.asked == before.asked or after.asked not in (Ioctl.SET_CPUID2, Ioctl.SET_CPUID2_X2APIC):
        return True
    x2apic = after.asked == Ioctl.SET_CPUID2_X2APIC
    if before.has_run and x2apic != before.apic[0].cpuid_x2apic:
        return after.errno == Errno.EINVAL
    return after.errno == Errno.OK and after.apic[0].cpuid_x2apic == x2apic


@always(
    source="x86.c kvm_arch_vcpu_ioctl() case KVM_SET_LAPIC, lapic.c kvm_apic_set_state(); kvm.md 1.2, L T7",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def set_lapic_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_SET_LAPIC stores SPIV as it is given, bit 12 even where LVR does not offer it; without a local APIC in KVM it
    fails with EINVAL.

    Violated: KVM_SET_LAPIC does not answer EINVAL without an irqchip, or stores another SPIV than it was given.
    """
    if after.asked == before.asked or after.asked not in (Ioctl.SET_LAPIC_ENABLED, Ioctl.SET_LAPIC_DIRECTED_EOI):
        return True
    if before.irqchip_mode == IrqchipMode.NONE:
        return after.errno == Errno.EINVAL
    directed_eoi = after.asked == Ioctl.SET_LAPIC_DIRECTED_EOI
    apic = after.apic[0]
    stored = apic.spiv_directed_eoi == directed_eoi and apic.spiv_enabled != directed_eoi
    return after.errno == Errno.OK and stored


@always(
    source="x86.c kvm_arch_vm_ioctl() cases KVM_GET_IRQCHIP, KVM_SET_IRQCHIP; L I9, I12",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def irqchip_state_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_GET_IRQCHIP and KVM_SET_IRQCHIP are for an I/O APIC in KVM: without one they fail with ENXIO.

    Violated: KVM_GET_IRQCHIP or KVM_SET_IRQCHIP does not answer ENXIO without an I/O APIC in KVM, and 0 with one.
    """
    if after.asked == before.asked or not (after.writes_irqchip() or after.asked == Ioctl.GET_IRQCHIP):
        return True
    return after.errno == (Errno.OK if before.irqchip_mode == IrqchipMode.KERNEL else Errno.ENXIO)


@always(source="ioapic.c kvm_set_ioapic(); kvm.md 2.7, L I9", premise="irqchip_written", only_for=ERRNOS)
def set_irqchip_stores_the_entry(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_SET_IRQCHIP stores an entry as it is given: vector, destination, trigger mode, mask, Remote IRR, and the latch. A latch
    is sent, but by a level pin that is closed, and closes a level pin: if no vCPU exists, too.

    Violated: The entry that KVM_SET_IRQCHIP gave is not the one that is there, or its latch was not sent.
    """
    rte = after.ioapic[0]
    if after.asked == before.asked or not after.writes_irqchip() or after.errno != Errno.OK:
        return True
    edge = after.asked == Ioctl.SET_IRQCHIP_EDGE
    latched = edge or after.asked == Ioctl.SET_IRQCHIP_IRR
    given = rte.vector == 0 and rte.dest == 0 and (rte.trigger == Trigger.EDGE) == edge
    taken = after.apic[0].spiv_enabled or not any(apic.created for apic in after.apic.values())
    closed = edge or after.asked == Ioctl.SET_IRQCHIP_REMOTE_IRR or (latched and taken)
    sent = not latched or not after.apic[0].spiv_enabled or 0 in after.apic[0].irr
    masked = rte.mask == (after.asked == Ioctl.SET_IRQCHIP_MASKED)
    return given and masked and rte.remote_irr == closed and rte.irr == latched and sent


@always(
    source="ioapic.c kvm_set_ioapic(): kvm_make_scan_ioapic_request()", premise="irqchip_written_later", only_for=ERRNOS
)
def set_irqchip_asks_for_a_scan(before: ErrnoVmm, after: ErrnoVmm, cpu: Cpu) -> bool:
    """After KVM_SET_IRQCHIP each vCPU looks at the entries, before it runs on.

    Violated: KVM_SET_IRQCHIP stored an entry, and CPU{cpu} is not asked to look at it.
    """
    if after.asked == before.asked or not after.writes_irqchip() or after.errno != Errno.OK:
        return True
    return not after.apic[cpu].created or after.apic[cpu].req_scan_ioapic


@always(
    source="x86.c kvm_arch_vm_ioctl() default; Paolo Bonzini, 2025-12-03 (kvm.md 2.9)",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def set_irqchip2_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """An ioctl that KVM does not know is ENOTTY. Where it knows KVM_SET_IRQCHIP2, that is ENXIO without an I/O APIC in KVM.

    Violated: KVM_SET_IRQCHIP2 answers neither what an unknown ioctl does nor what KVM_SET_IRQCHIP does.
    """
    if after.asked == before.asked or after.asked != Ioctl.SET_IRQCHIP2 or after.errno == Errno.ENOTTY:
        return True
    return after.errno == (Errno.OK if before.irqchip_mode == IrqchipMode.KERNEL else Errno.ENXIO)


@always(
    source="kvm_main.c case KVM_SET_GSI_ROUTING, irq.c kvm_arch_can_set_irq_routing(); L I12",
    premise="ioctl_refused", only_for=ERRNOS,
)  # fmt: skip
def set_gsi_routing_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_SET_GSI_ROUTING needs an irqchip, and fails with EINVAL without one. With a split one its table is in force: the
    route of the GSI that it names, and no other.

    Violated: KVM_SET_GSI_ROUTING does not answer EINVAL without an irqchip, or its table is not the one in force.
    """
    if after.asked == before.asked or after.asked != Ioctl.SET_GSI_ROUTING:
        return True
    if before.irqchip_mode != IrqchipMode.SPLIT:
        return after.errno == (Errno.EINVAL if before.irqchip_mode == IrqchipMode.NONE else Errno.OK)
    route = after.irq_routing[0]
    given = route.valid and route.vector == 0 and route.dest == 0 and route.trigger == Trigger.LEVEL
    others = any(other.valid for gsi, other in after.irq_routing.items() if gsi != 0)
    return after.errno == Errno.OK and given and not others


@always(source="x86.c kvm_vm_ioctl_irq_line(); L T24", premise="ioctl_refused", only_for=ERRNOS)
def irq_line_errno(before: ErrnoVmm, after: ErrnoVmm) -> bool:
    """KVM_IRQ_LINE raises the line of its GSI: that pin of an I/O APIC in KVM is latched, or that route's message is sent.
    Without an irqchip it fails with ENXIO.

    Violated: KVM_IRQ_LINE does not answer ENXIO without an irqchip, or its GSI hears nothing of it.
    """
    if after.asked == before.asked or after.asked != Ioctl.IRQ_LINE:
        return True
    if before.irqchip_mode == IrqchipMode.NONE:
        return after.errno == Errno.ENXIO
    if before.irqchip_mode == IrqchipMode.KERNEL:
        return after.errno == Errno.OK and after.ioapic[0].irr
    sent = before.irq_routing[0].valid and before.apic[0].spiv_enabled
    return after.errno == Errno.OK and (not sent or 0 in after.apic[0].irr)


@always(source="x86.c: what an ioctl tests comes before what it does", premise="ioctl_refused", only_for=ERRNOS)
def refused_ioctl_changes_nothing(before: ErrnoVmm, after: ErrnoVmm, cpu: Cpu) -> bool:
    """An ioctl that fails leaves the VM as it was: its irqchip, vCPUs, CPUID, local APICs, I/O APIC and routes.

    Violated: An ioctl failed, and the irqchip, an entry, a route, or something of CPU{cpu} is another than before.
    """
    if after.asked in (before.asked, Ioctl.RUN) or after.errno == Errno.OK:
        return True
    was = before.apic[cpu]
    now = after.apic[cpu]
    spiv = was.spiv_enabled == now.spiv_enabled and was.spiv_directed_eoi == now.spiv_directed_eoi
    lapic = spiv and was.lvr_directed_eoi == now.lvr_directed_eoi and was.req_scan_ioapic == now.req_scan_ioapic
    registers = was.irr == now.irr and was.isr == now.isr and was.tmr == now.tmr
    vcpu = was.created == now.created and was.cpuid_x2apic == now.cpuid_x2apic
    routes = before.irq_routing[0].valid == after.irq_routing[0].valid
    rte = before.ioapic[0]
    loaded = after.ioapic[0]
    chip = rte.mask == loaded.mask and rte.remote_irr == loaded.remote_irr and rte.irr == loaded.irr
    return lapic and registers and vcpu and routes and chip and before.irqchip_mode == after.irqchip_mode


@always(source="x86.c kvm_arch_vcpu_create(): irqchip_in_kernel()", premise="vcpu_without_lapic", only_for=ERRNOS)
def no_lapic_without_an_irqchip(s: ErrnoVmm, cpu: Cpu) -> bool:
    """Without an irqchip a vCPU has no local APIC in KVM: nothing is stored in one, and nobody asks it to scan.

    Violated: There is no irqchip, and CPU{cpu} has something in a local APIC.
    """
    apic = s.apic[cpu]
    stored = apic.lvr_directed_eoi or apic.spiv_enabled or apic.spiv_directed_eoi or apic.req_scan_ioapic
    return s.irqchip_mode != IrqchipMode.NONE or not (stored or apic.irr)


@reachable(only_for=ERRNOS)
def ioctl_refused(s: ErrnoVmm) -> bool:
    """An ioctl of the set-up failed."""
    return s.asked != Ioctl.NONE and s.errno != Errno.OK


@reachable(only_for=ERRNOS)
def irqchip_written(s: ErrnoVmm) -> bool:
    """KVM_SET_IRQCHIP stored an entry with Remote IRR."""
    return s.asked == Ioctl.SET_IRQCHIP_REMOTE_IRR and s.errno == Errno.OK


@reachable(only_for=ERRNOS)
def irqchip_written_later(s: ErrnoVmm) -> bool:
    """KVM_SET_IRQCHIP stored an entry after a vCPU had run."""
    return s.asked == Ioctl.SET_IRQCHIP_MASKED and s.has_run and s.errno == Errno.OK


@reachable(only_for=ERRNOS)
def vcpu_with_lapic(s: ErrnoVmm, cpu: Cpu) -> bool:
    """A vCPU has a local APIC in KVM."""
    return s.apic[cpu].created and s.irqchip_mode != IrqchipMode.NONE


@reachable(only_for=ERRNOS)
def vcpu_without_lapic(s: ErrnoVmm, cpu: Cpu) -> bool:
    """A vCPU was made without an irqchip."""
    return s.apic[cpu].created and s.irqchip_mode == IrqchipMode.NONE
