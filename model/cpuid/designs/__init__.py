"""The kernel before the CPUID overhaul, and with it."""
