"""What KVM_GET_SUPPORTED_CPUID says of the local APIC, VMMs that pass it on, and guests that act on it (mails.md S4).

A system of its own: one vCPU, no I/O APIC, no device interrupts; kernel designs cpuid_before and cpuid_overhaul.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar

from model.designs.base import Base
from model.guests.lapic_guest import LapicGuest
from model.lang import Label, require, step
from model.machine import Cpu, Errno, Machine
from model.vmms.no_ioapic import NoIoapic


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


class CpuidC(Base, CpuidMachine):
    """arch/x86/kvm/cpuid.c and the MSRs. X2APIC is always in KVM_GET_SUPPORTED_CPUID (0d1de2d901f4), and so is APIC."""

    source: ClassVar[str] = "arch/x86/kvm/cpuid.c"
    default_roles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "vmm": (
            "copy_blindly", "copy_blindly_split", "copy_blindly_lapic_in_vmm", "copy_blindly_no_apic",
            "qemu_cpuid", "qemu_cpuid_split", "qemu_cpuid_lapic_in_vmm", "qemu_cpuid_no_apic",
        ),
        "guest": ("apic_prober", "xapic_prober", "cpuid_truster", "xapic_truster", "bit_truster"),
        "property": (
            "no_unemulated_timer", "no_unemulated_apic_mode", "deadline_needs_an_apic", "x2apic_needs_mmio",
            "late_disable_exits_is_refused",
        ),
    }  # fmt: skip
    scope_defaults: ClassVar[Mapping[str, Any]] = {"cpus": 1, "pins": 1, "vectors": 1}

    def check_KVM_CAP_TSC_DEADLINE_TIMER(self) -> bool:
        return True

    def kvm_set_apic_base(self, apic_x2apic: bool) -> None:
        """Setting bit 10 is #GP without X2APIC in CPUID; with it, it succeeds even without a LAPIC (probed live)."""
        if not apic_x2apic or self.apic[0].cpuid_x2apic:
            self.apic_base_x2apic = apic_x2apic


class CpuidVmm(NoIoapic, CpuidMachine):
    """Sets up one vCPU. Asks for KVM_CAP_X86_DISABLE_EXITS at the proper time, and perhaps once more, too late."""

    def initial(self) -> None:
        """KVM_SET_CPUID2 is issued last, with what this VMM makes of KVM_GET_SUPPORTED_CPUID."""
        super().initial()
        self.cpuid_apic = self.guest_has_apic_bit()
        self.cpuid_tsc_deadline = self.guest_has_tsc_deadline()
        for apic in self.apic.values():
            self.kvm_vcpu_after_set_cpuid(apic, self.guest_has_x2apic())

    def enable_capabilities(self) -> None:
        self.enable_KVM_CAP_X86_DISABLE_EXITS()
        self.disable_exits_early = self.errno

    @step(by="VMM")
    def disable_exits_after_vcpus(self) -> None:
        require(self.disable_exits_late is None)
        self.enable_KVM_CAP_X86_DISABLE_EXITS()
        self.disable_exits_late = self.errno

    def lapic_in_vmm(self) -> bool:
        return False

    def guest_has_apic_bit(self) -> bool:
        """Assumed: KVM reports APIC, as it does here (6.18, probed live)."""
        return True

    @abstractmethod
    def guest_has_x2apic(self) -> bool:
        """CPUID.1:ECX[21]."""

    @abstractmethod
    def guest_has_tsc_deadline(self) -> bool:
        """CPUID.1:ECX[24]."""


class CopyBlindly(CpuidVmm):
    """KVM_SET_CPUID2 of what KVM_GET_SUPPORTED_CPUID returned. KVM_CREATE_IRQCHIP."""

    def create_irqchip(self) -> None:
        self.ioctl_KVM_CREATE_IRQCHIP()

    def guest_has_x2apic(self) -> bool:
        return True

    def guest_has_tsc_deadline(self) -> bool:
        return self.kvm_get_supported_cpuid_tsc_deadline()


class CopyBlindlySplit(CopyBlindly):
    def create_irqchip(self) -> None:
        self.enable_KVM_CAP_SPLIT_IRQCHIP()


class CopyBlindlyLapicInVmm(CopyBlindly):
    """No irqchip: the VMM has a local APIC of its own."""

    def create_irqchip(self) -> None:
        """None."""

    def lapic_in_vmm(self) -> bool:
        return True


class CopyBlindlyNoApic(CopyBlindly):
    """No irqchip, and nothing at 0xFEE0_0000; CPUID says otherwise."""

    def create_irqchip(self) -> None:
        """None."""


class QemuCpuid(CpuidVmm):
    """kvm_arch_get_supported_cpuid(), the C that mails.md S4 speaks of. Assumed: -cpu host, so all of it is offered."""

    @abstractmethod
    def check_KVM_CAP_TSC_DEADLINE_TIMER(self) -> bool:
        """KVM_CHECK_EXTENSION(KVM_CAP_TSC_DEADLINE_TIMER)."""

    def create_irqchip(self) -> None:
        self.ioctl_KVM_CREATE_IRQCHIP()

    def guest_has_tsc_deadline(self) -> bool:
        """Or-ed in with an in-kernel irqchip; never masked out without one."""
        ret = self.kvm_get_supported_cpuid_tsc_deadline()
        if self.lapic_in_kernel() and self.check_KVM_CAP_TSC_DEADLINE_TIMER():
            ret = True
        return ret

    def guest_has_x2apic(self) -> bool:
        return self.lapic_in_kernel()


class QemuCpuidSplit(QemuCpuid):
    def create_irqchip(self) -> None:
        self.enable_KVM_CAP_SPLIT_IRQCHIP()


class QemuCpuidLapicInVmm(QemuCpuid):
    """kernel-irqchip=off."""

    def create_irqchip(self) -> None:
        """None."""

    def lapic_in_vmm(self) -> bool:
        return True


class QemuCpuidNoApic(QemuCpuid):
    """kernel-irqchip=off and -cpu host,-apic: the guest is told that there is no APIC. Assumed: other bits stay."""

    def create_irqchip(self) -> None:
        """None."""

    def guest_has_apic_bit(self) -> bool:
        return False


class ApicProber(LapicGuest, CpuidMachine):
    """Looks for an APIC: the CPUID bit, then the version register at 0xFEE0_0000. Then x2APIC, then a timer."""

    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    @abstractmethod
    def kvm_set_apic_base(self, apic_x2apic: bool) -> None:
        """The guest writes IA32_APIC_BASE."""

    @step(by="guest")
    def look_for_an_apic(self, cpu: Cpu) -> None:
        require(self.apic[cpu].in_guest and self.search == Search.NOT_YET)
        if self.reads_version_register():
            self.answered_mmio = self.cpuid_apic and (self.lapic_in_kernel() or self.lapic_in_vmm())
        self.search = Search.FOUND if self.is_content() else Search.NOT_FOUND

    def reads_version_register(self) -> bool:
        return True

    def is_content(self) -> bool:
        """Is what it saw an APIC to this guest?"""
        return self.answered_mmio

    def uses_x2apic(self) -> bool:
        return True

    @step(by="guest")
    def enable_x2apic(self, cpu: Cpu) -> None:
        """Wherever CPUID offers it."""
        require(self.apic[cpu].in_guest and self.search == Search.FOUND and self.timer == Timer.NONE)
        require(self.uses_x2apic() and self.apic[cpu].cpuid_x2apic and not self.apic_base_x2apic)
        self.kvm_set_apic_base(True)

    @step(by="guest")
    def setup_APIC_timer(self, cpu: Cpu) -> None:
        """LVTT, then the count register or the MSR. A dead x2APIC stops the guest here: its MSRs are #GP."""
        require(self.apic[cpu].in_guest and self.search == Search.FOUND and self.timer == Timer.NONE)
        require(self.apic_base_x2apic == (self.uses_x2apic() and self.apic[cpu].cpuid_x2apic))
        require(not self.apic_base_x2apic or self.lapic_in_kernel())
        self.timer = Timer.TSC_DEADLINE if self.cpuid_tsc_deadline else Timer.COUNT


class XapicProber(ApicProber):
    """Knows no x2APIC."""

    def uses_x2apic(self) -> bool:
        return False


class CpuidTruster(ApicProber):
    """Trusts the CPUID bit APIC and reads nothing at 0xFEE0_0000 before it turns x2APIC on."""

    def reads_version_register(self) -> bool:
        return False

    def is_content(self) -> bool:
        return self.cpuid_apic


class XapicTruster(CpuidTruster):
    """Trusts the CPUID bit APIC, knows no x2APIC."""

    def uses_x2apic(self) -> bool:
        return False


class BitTruster(CpuidTruster):
    """Looks for no APIC at all: it acts on the CPUID bits X2APIC and TSC_DEADLINE alone."""

    def is_content(self) -> bool:
        return self.apic[0].cpuid_x2apic or self.cpuid_tsc_deadline
