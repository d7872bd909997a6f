"""VMM profiles: the I/O APIC of a split irqchip, as each VMM emulates it."""
