"""The kernel: one module per C file. `Kvm` is Linux before the feature, with a split irqchip."""

from model.kvm.x86 import X86C


class Kvm(X86C):
    """Linux KVM, split irqchip: the local APIC is here, the I/O APIC is the VMM's."""
