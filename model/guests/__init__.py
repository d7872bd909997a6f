"""Guests: what the operating system does with a level interrupt."""

# The order in matrices, lists and expectations; a guest that is not named here follows by its module.
ORDER = (
    "linux", "windows_cg", "xen", "any", "lapic", "linux_threaded", "linux_tmr0", "linux_ir", "linux_affinity",
    "linux_moves_in_service", "sel4", "freebsd", "illumos", "broken", "linux_vectors",
)  # fmt: skip
