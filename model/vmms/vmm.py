"""What every VMM with a split irqchip does: run vCPUs, and tell its I/O APIC of KVM's EOI exits."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from model.lang import Fair, require, step
from model.machine import Cpu, Machine, Vector


class Vmm(Machine):
    """Set-up order: irqchip, capabilities, vCPUs, CPUID."""

    lane: ClassVar[str] = "VMM"

    def initial(self) -> None:
        super().initial()
        self.create_irqchip()
        self.enable_capabilities()
        for apic in self.apic.values():
            self.kvm_arch_vcpu_create(apic)
            self.kvm_vcpu_after_set_cpuid(apic, self.scope.x2apic)

    def create_irqchip(self) -> None:
        self.kvm_enable_cap_split_irqchip()

    def enable_capabilities(self) -> None:
        """A VMM that knows nothing of the feature."""

    @step(by="VMM", fair=Fair.WEAK)
    def kvm_arch_handle_exit(self, cpu: Cpu) -> None:
        """KVM_RUN returned KVM_EXIT_IOAPIC_EOI; the vCPU thread calls KVM_RUN again afterwards."""
        apic = self.apic[cpu]
        vector = require(apic.exit_ioapic_eoi)
        apic.exit_ioapic_eoi = None
        self.ioapic_eoi_broadcast(vector)

    @abstractmethod
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """The I/O APIC hears the EOI of a vector."""
