"""What a kernel, a VMM and a guest share when it is about CPUID and the local APIC."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Annotated

from model.lang import Label
from model.machine import Errno, Machine


class Timer(Enum):
    """What the guest waits for."""

    NONE = 0  # nothing of a local APIC
    COUNT = 1  # LVTT one-shot or periodic, with the count register
    TSC_DEADLINE = 2  # LVTT in TSC-deadline mode, armed by the MSR


class Search(Enum):
    """What the guest thinks of the local APIC."""

    NOT_YET = 0
    FOUND = 1
    NOT_FOUND = 2


class CpuidMachine(Machine):
    """Simplified: of one vCPU."""

    # CPUID.1:EDX[9] as the guest reads it; ECX[21] is apic[0].cpuid_x2apic
    cpuid_apic: Annotated[bool, Label("CPUID APIC", lane="VMM")]
    cpuid_tsc_deadline: Annotated[bool, Label("CPUID TSC_DEADLINE", lane="VMM")]  # CPUID.1:ECX[24]
    # IA32_APIC_BASE bit 10: the APIC is in x2APIC mode
    apic_base_x2apic: Annotated[bool, Label("IA32_APIC_BASE.10", lane="KVM")]
    # the guest read a version register at 0xFEE0_0000
    answered_mmio: Annotated[bool, Label("0xFEE0_0000 answered", lane="CPU0")]
    search: Annotated[Search, Label("local APIC", lane="CPU0")]
    timer: Annotated[Timer, Label("timer", lane="CPU0")]
    # what KVM_CAP_X86_DISABLE_EXITS returned before a vCPU existed
    disable_exits_early: Annotated[Errno, Label("DISABLE_EXITS before vCPUs", lane="VMM")]
    # and after; None: not asked
    disable_exits_late: Annotated[Errno | None, Label("DISABLE_EXITS after vCPUs", lane="VMM")]

    @abstractmethod
    def kvm_get_supported_cpuid_tsc_deadline(self) -> bool:
        """KVM_GET_SUPPORTED_CPUID, leaf 1 ECX[24]."""

    @abstractmethod
    def enable_KVM_CAP_X86_DISABLE_EXITS(self) -> None:
        """KVM_CAP_X86_DISABLE_EXITS, with a bit that KVM_CHECK_EXTENSION offers."""

    @abstractmethod
    def lapic_in_kernel(self) -> bool:
        """KVM emulates the local APIC: xAPIC and x2APIC mode, all timer modes."""

    @abstractmethod
    def lapic_in_vmm(self) -> bool:
        """The VMM emulates the local APIC. KVM never forwards x2APIC MSRs to it, nor IA32_TSC_DEADLINE."""
