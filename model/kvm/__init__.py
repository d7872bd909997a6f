"""The kernel: one module per C file. `Kvm` is Linux before the feature."""

from model.kvm.ioapic import IoapicC
from model.kvm.irq import IrqC
from model.kvm.lapic import LapicC
from model.kvm.x86 import X86C


class Kvm(X86C, IoapicC, IrqC, LapicC):
    """Linux KVM: local APICs in the kernel; the I/O APIC is here, too, or the VMM's (split irqchip)."""
