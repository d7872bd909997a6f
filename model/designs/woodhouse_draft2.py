"""3 December, 13:55: no version field; the version says whether suppression is enabled."""

from model.designs.woodhouse_draft1 import EoiRegister
from model.lang import Patch
from model.machine import IoapicVersion, SuppressEoi


class WoodhouseDraft2(EoiRegister):
    patch = Patch(
        title="KVM: x86: EOI register in the in-kernel I/O APIC, version from the mode (untested)",
        author="David Woodhouse",
        date="2025-12-03",
        msgid="e5e180a20dd370f805a5b8070cfee1f4d5f5aa5e.camel@infradead.org",
        base="tristate_draft",
    )

    def kvm_ioapic_version(self) -> IoapicVersion:
        """The guest sees another chip only if the VMM asked for suppression, and then it needs that chip."""
        enabled = self.suppress_eoi_broadcast_mode == SuppressEoi.ENABLED
        return IoapicVersion.V20 if enabled else IoapicVersion.V11
