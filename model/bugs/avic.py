"""SVM AVIC: the hardware ends edge interrupts and tells nobody (bug B9), and the fix that called itself for ever."""

from __future__ import annotations

from model.features.avic import Avic
from model.lang import Patch
from model.machine import Pin


class MutantB9(Avic):
    patch = Patch(
        title="B9: AVIC hides the EOI of edge interrupts from the I/O APIC",
        author="fixed by Suravee Suthikulpanit", date="5.6", base="avic", note="f458d039db7e",
    )  # fmt: skip

    def lazy_update_applies(self, pin: Pin) -> bool:
        return False


class MutantB9EdgeRecursion(Avic):
    patch = Patch(
        title="B9: the lazy EOI of an edge pin with a resampler calls itself for ever",
        author="fixed by Vitaly Kuznetsov", date="2020", base="avic", note="77377064c3a9, CVE-2020-27152",
    )  # fmt: skip

    def lazy_update_notifies(self) -> bool:
        return True


class MutantB9Recursion(MutantB9EdgeRecursion):
    patch = Patch(
        title="B9: the lazy EOI of a level pin with a resampler calls itself for ever",
        date="2020-05-04", base="mutant_b9_edge_recursion", note="8be8f932e3db",
    )  # fmt: skip

    def lazy_update_applies(self, pin: Pin) -> bool:
        rte = self.ioapic[pin]
        return not self.kvm_apic_pending_eoi(self.apic[rte.dest], rte.vector)
