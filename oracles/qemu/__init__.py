"""The model of QEMU's userspace I/O APIC against the I/O APIC of a real qemu-system-x86_64."""
