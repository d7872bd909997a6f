"""Guests that act on what CPUID says of the local APIC."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from model.cpuid.machine import CpuidMachine, Search, Timer
from model.guests.lapic_guest import LapicGuest
from model.lang import require, step
from model.machine import Cpu


class ApicProber(LapicGuest, CpuidMachine):
    """Looks for an APIC: the CPUID bit, then the version register at 0xFEE0_0000. Then x2APIC, then a timer."""

    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 1, "pins": 1, "vectors": 1}

    @abstractmethod
    def kvm_set_apic_base(self, apic_x2apic: bool) -> None:
        """The guest writes IA32_APIC_BASE."""

    @step(by="guest")
    def look_for_an_apic(self, cpu: Cpu) -> None:
        require(self.apic[cpu].in_guest and self.search == Search.NOT_YET)
        if self.reads_version_register():
            self.answered_mmio = self.cpuid_apic and (self.lapic_in_kernel() or self.lapic_in_vmm())
        self.search = Search.FOUND if self.is_content() else Search.NOT_FOUND

    def reads_version_register(self) -> bool:
        return True

    def is_content(self) -> bool:
        """Is what it saw an APIC to this guest?"""
        return self.answered_mmio

    def uses_x2apic(self) -> bool:
        return True

    @step(by="guest")
    def enable_x2apic(self, cpu: Cpu) -> None:
        """Wherever CPUID offers it."""
        require(self.apic[cpu].in_guest and self.search == Search.FOUND and self.timer == Timer.NONE)
        require(self.uses_x2apic() and self.apic[cpu].cpuid_x2apic and not self.apic_base_x2apic)
        self.kvm_set_apic_base(True)

    @step(by="guest")
    def setup_APIC_timer(self, cpu: Cpu) -> None:
        """LVTT, then the count register or the MSR. A dead x2APIC stops the guest here: its MSRs are #GP."""
        require(self.apic[cpu].in_guest and self.search == Search.FOUND and self.timer == Timer.NONE)
        require(self.apic_base_x2apic == (self.uses_x2apic() and self.apic[cpu].cpuid_x2apic))
        require(not self.apic_base_x2apic or self.lapic_in_kernel())
        self.timer = Timer.TSC_DEADLINE if self.cpuid_tsc_deadline else Timer.COUNT


class XapicProber(ApicProber):
    """Knows no x2APIC."""

    def uses_x2apic(self) -> bool:
        return False


class CpuidTruster(ApicProber):
    """Trusts the CPUID bit APIC and reads nothing at 0xFEE0_0000 before it turns x2APIC on."""

    def reads_version_register(self) -> bool:
        return False

    def is_content(self) -> bool:
        return self.cpuid_apic


class XapicTruster(CpuidTruster):
    """Trusts the CPUID bit APIC, knows no x2APIC."""

    def uses_x2apic(self) -> bool:
        return False


class BitTruster(CpuidTruster):
    """Looks for no APIC at all: it acts on the CPUID bits X2APIC and TSC_DEADLINE alone."""

    def is_content(self) -> bool:
        return self.apic[0].cpuid_x2apic or self.cpuid_tsc_deadline
