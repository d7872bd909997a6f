"""The CPUID overhaul (mails.md S4): what no guest may end up with, and the two halves of Paolo Bonzini's argument.

The argument: a guest that finds no APIC uses no TSC-deadline timer, for LVTT could not be configured; nor x2APIC, for
that is turned on at 0xFEE0_0000 first. Each half is a query of its own, with a verdict for each kind of guest.
"""

from __future__ import annotations

from model.cpuid.machine import CpuidMachine, Timer
from model.lang import always, reachable
from model.machine import Errno

CPUID: dict[type, str] = {CpuidMachine: "asked only of cpuid_before and cpuid_overhaul"}
PAOLO = "Paolo Bonzini, 2024-05-17 (mails.md S4)"


@always(source=PAOLO, premise="apic_timer_used", only_for=CPUID)
def no_unemulated_timer(s: CpuidMachine) -> bool:
    """No guest waits for a timer that nothing emulates.

    Violated: The guest armed a local APIC timer that neither KVM nor the VMM emulates.
    """
    count = s.timer == Timer.COUNT and s.lapic_in_vmm()
    return s.timer == Timer.NONE or s.lapic_in_kernel() or count


@always(source="api.rst, KVM_GET_SUPPORTED_CPUID issues", premise="x2apic_offered", only_for=CPUID)
def no_unemulated_apic_mode(s: CpuidMachine) -> bool:
    """No guest turns on x2APIC where KVM does not emulate the local APIC.

    Violated: The guest turned on x2APIC, and nothing emulates its MSRs.
    """
    return not s.apic_base_x2apic or s.lapic_in_kernel()


@always(source=PAOLO, premise="deadline_offered", only_for=CPUID)
def deadline_needs_an_apic(s: CpuidMachine) -> bool:
    """Only a guest that has a local APIC uses the TSC-deadline timer.

    Violated: The guest uses the TSC-deadline timer, and there is no local APIC.
    """
    return s.timer != Timer.TSC_DEADLINE or s.lapic_in_kernel() or s.lapic_in_vmm()


@always(source=PAOLO, premise="x2apic_offered", only_for=CPUID)
def x2apic_needs_mmio(s: CpuidMachine) -> bool:
    """x2APIC is turned on only after something answered at 0xFEE0_0000.

    Violated: The guest turned on x2APIC by MSR, and nothing has answered at 0xFEE0_0000.
    """
    return not s.apic_base_x2apic or s.answered_mmio


@always(source="04cd8f8628d8; kvm.md 5.4", premise="late_disable_exits", only_for=CPUID)
def late_disable_exits_is_refused(s: CpuidMachine) -> bool:
    """KVM_CAP_X86_DISABLE_EXITS fails with EINVAL once a vCPU exists.

    Violated: KVM_CAP_X86_DISABLE_EXITS is accepted although a vCPU exists.
    """
    return s.disable_exits_late is None or s.disable_exits_late == Errno.EINVAL


@reachable(only_for=CPUID)
def apic_timer_used(s: CpuidMachine) -> bool:
    """The guest armed a timer of the local APIC."""
    return s.timer != Timer.NONE


@reachable(only_for=CPUID)
def deadline_offered(s: CpuidMachine) -> bool:
    """CPUID offers the TSC-deadline timer."""
    return s.cpuid_tsc_deadline


@reachable(only_for=CPUID)
def x2apic_offered(s: CpuidMachine) -> bool:
    """CPUID offers x2APIC."""
    return s.apic[0].cpuid_x2apic


@reachable(only_for=CPUID)
def late_disable_exits(s: CpuidMachine) -> bool:
    """KVM_CAP_X86_DISABLE_EXITS was asked for after a vCPU existed."""
    return s.disable_exits_late is not None
