"""Linux KVM before the feature (6.16 to 6.18): Suppress EOI Broadcast is offered, and the request is ignored.

Older kernels differ: what is offered is so since 4.17, and only since 6.16 is the highest stale vector of a moved route
known in both irqchips, so that its EOI brings a rescan (docs/facts/kvm.md, 1.6 and 7.3)."""

from model.kvm import Kvm
from model.lang import Patch
from model.machine import Vector


class Base(Kvm):
    patch = Patch(
        title="Linux KVM, before the feature",
        note="offered since 4.4 (7543a635aa09), hidden for the in-kernel I/O APIC since 4.17 (0bcc3fb95b97)",
    )

    def kvm_holds_eoi(self, vector: Vector) -> bool:
        """pending_ioapic_eoi is all that there is."""
        return False
