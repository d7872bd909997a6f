"""What every VMM with a split irqchip does: run vCPUs, and tell its I/O APIC of KVM's EOI exits."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from model.lang import Fair, require, step
from model.machine import ApiFlags, Cpu, Errno, Machine, Pin, Vector


class Vmm(Machine):
    """Set-up order: irqchip, capabilities, vCPUs, CPUID."""

    lane: ClassVar[str] = "VMM"
    asked_of_kernels: ClassVar[bool] = False  # with its guest, though on request
    sets_remote_irr: ClassVar[bool] = False  # it writes Remote IRR itself, by KVM_SET_IRQCHIP
    opens_early: ClassVar[bool] = False  # its I/O APIC may lose Remote IRR while an interrupt is outstanding

    def initial(self) -> None:
        super().initial()
        self.create_irqchip()
        self.enable_capabilities()
        for apic in self.apic.values():
            self.kvm_arch_vcpu_create(apic)
            self.kvm_vcpu_after_set_cpuid(apic, self.scope.x2apic)

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        """All vCPUs run from the end of the set-up on."""
        return True

    def create_irqchip(self) -> None:
        self.enable_KVM_CAP_SPLIT_IRQCHIP()

    def has_interrupt_remapping(self) -> bool:
        return False

    def has_resamplefds(self) -> bool:
        return False

    def enable_capabilities(self) -> None:
        """A VMM that knows nothing of the feature."""

    def enable_cap_api(self, flags: ApiFlags) -> None:
        """KVM_ENABLE_CAP, if there is anything to ask for.

        Assumed: where KVM_CAP_X2APIC_API refuses bit 3, the VMM tries KVM_CAP_SPLIT_IRQCHIP_API, whose bit means the same.
        """
        bit2 = flags in (ApiFlags.BIT2, ApiFlags.BOTH)
        bit3 = flags in (ApiFlags.BIT3, ApiFlags.BOTH)
        if bit2 or bit3:
            self.enable_KVM_CAP_X2APIC_API(bit2, bit3)
        if flags == ApiFlags.BIT3 and self.errno != Errno.OK:
            self.enable_KVM_CAP_SPLIT_IRQCHIP_API(True)

    @step(by="VMM", fair=Fair.WEAK)
    def kvm_arch_handle_exit(self, cpu: Cpu) -> None:
        """KVM_RUN returned KVM_EXIT_IOAPIC_EOI; the vCPU thread calls KVM_RUN again afterwards."""
        apic = self.apic[cpu]
        vector = require(apic.exit_ioapic_eoi)
        apic.exit_ioapic_eoi = None
        self.ioapic_eoi_broadcast(vector)

    def vmm_holds_eoi(self, vector: Vector) -> bool:
        """Whoever has an EOI in hand other than in run->eoi says so."""
        return False

    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None:
        """Most I/O APICs do the same after either half."""
        rte = self.ioapic[pin]
        self.ioapic_mem_write_rte(pin, rte.vector, dest, rte.trigger, rte.mask)

    @abstractmethod
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """The I/O APIC hears the EOI of a vector."""
