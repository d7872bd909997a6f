"""VMMs that pass KVM_GET_SUPPORTED_CPUID on to the guest, and what they make of it."""

from __future__ import annotations

from abc import abstractmethod

from model.cpuid.machine import CpuidMachine
from model.lang import require, step
from model.vmms.no_ioapic import NoIoapic


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
