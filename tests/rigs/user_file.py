"""A user's file that is right, and options under which it is judged quickly."""

from __future__ import annotations

GOOD = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    \"\"\"Obey SPIV bit 12.\"\"\"

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
"""
WINDOWS = ("--vmm", "qemu", "--guest", "windows_cg")
