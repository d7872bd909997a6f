"""VMM profiles: the I/O APIC of a split irqchip, as each VMM emulates it."""

# The order in matrices, lists and expectations; a VMM that is not named here follows by its module.
ORDER = (
    "qemu", "openvmm", "firecracker", "any_vmm", "setup_vmm", "msr_vmm", "errno_vmm", "cloud_hypervisor", "crosvm",
    "no_ioapic", "two_ioapics", "qemu_kernel_irqchip", "qemu_migrated",
    "qemu_kernel_migrated",
)  # fmt: skip
