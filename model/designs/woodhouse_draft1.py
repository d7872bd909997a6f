"""3 December, 12:26: the in-kernel I/O APIC gets an EOI register and a version field."""

from model.designs.tristate_draft import TristateDraft
from model.lang import Patch
from model.machine import IoapicVersion, Vector


class EoiRegister(TristateDraft):
    """What both drafts of that day have. Suppressed EOIs without this register would never happen at all.

    Simplified: the SPIV that the EOI register looks at is the destination's, where C takes the writing vCPU's.
    """

    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        if self.kvm_ioapic_version() == IoapicVersion.V11:
            return
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(self.apic[rte.dest], pin, rte.trigger)


class WoodhouseDraft1(EoiRegister):
    """Assumed: userspace sets the version field before the guest starts; the mail leaves open how."""

    patch = Patch(
        title="KVM: x86: EOI register in the in-kernel I/O APIC, version in a struct field (untested)",
        author="David Woodhouse",
        date="2025-12-03",
        msgid="d3b8fd036f05e9819f654c18853ff79a255c919d.camel@infradead.org",
        base="tristate_draft",
    )

    def kvm_ioapic_version(self) -> IoapicVersion:
        return self.scope.ioapic
