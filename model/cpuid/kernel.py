"""arch/x86/kvm/cpuid.c, as far as both designs have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from model.cpuid.machine import CpuidMachine
from model.designs.base import Base


class CpuidC(Base, CpuidMachine):
    """arch/x86/kvm/cpuid.c and the MSRs. X2APIC is always in KVM_GET_SUPPORTED_CPUID (0d1de2d901f4), and so is APIC."""

    source: ClassVar[str] = "arch/x86/kvm/cpuid.c"
    default_roles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "vmm": (
            "copy_blindly", "copy_blindly_split", "copy_blindly_lapic_in_vmm", "copy_blindly_no_apic",
            "qemu_cpuid", "qemu_cpuid_split", "qemu_cpuid_lapic_in_vmm", "qemu_cpuid_no_apic",
        ),
        "guest": ("apic_prober", "xapic_prober", "cpuid_truster", "xapic_truster", "bit_truster"),
        "property": (
            "no_unemulated_timer", "no_unemulated_apic_mode", "deadline_needs_an_apic", "x2apic_needs_mmio",
            "late_disable_exits_is_refused",
        ),
    }  # fmt: skip
    scope_defaults: ClassVar[Mapping[str, Any]] = {"cpus": 1, "pins": 1, "vectors": 1}

    def check_KVM_CAP_TSC_DEADLINE_TIMER(self) -> bool:
        return True

    def kvm_set_apic_base(self, apic_x2apic: bool) -> None:
        """Setting bit 10 is #GP without X2APIC in CPUID; with it, it succeeds even without a LAPIC (probed live)."""
        if not apic_x2apic or self.apic[0].cpuid_x2apic:
            self.apic_base_x2apic = apic_x2apic
