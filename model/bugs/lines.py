"""Two devices on one line: KVM ORs their sources, and the OR may arrive late (bug B14)."""

from __future__ import annotations

from model.features.lines import Call, LineSources, Source
from model.lang import Fair, Patch, Table, require, step
from model.machine import Pin


class MutantB14(LineSources):
    patch = Patch(
        title="B14: the OR of the sources is computed before the I/O APIC's lock is taken",
        author="fixed by Michael S. Tsirkin", date="2012", base="line_sources", note="1a577b72475d",
    )  # fmt: skip

    call: Table[Source, Call]

    def kvm_set_irq_source(self, pin: Pin, source: Source, level: bool) -> None:
        self.kvm_irq_line_state(pin, source, level)
        call = self.call[source]
        call.on_its_way = True
        call.pin = pin
        call.level = self.line_is_high(pin)

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_set_irq_locked(self, source: Source) -> None:
        """The thread has the lock now."""
        call = self.call[source]
        require(call.on_its_way)
        self.kvm_ioapic_set_irq(call.pin, call.level)
        call.on_its_way = False
        call.level = False

    def kvm_set_irq_in_progress(self, source: Source) -> bool:
        return self.call[source].on_its_way
