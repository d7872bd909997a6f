from model.machine import IoapicVersion, Trigger, Vector
from model.vmms.qemu import Qemu


class EoiRegisterWithoutResample(Qemu):
    """The register opens the pins itself; kvm_resample_fd_notify() stays with KVM's exit."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        if self.ioapic_version() == IoapicVersion.V20:
            for rte in self.ioapic.values():
                if rte.vector == vector and rte.trigger == Trigger.LEVEL and rte.remote_irr:
                    rte.remote_irr = False
                    rte.irq_eoi = 0
                    if not rte.mask and rte.irr:
                        self.ioapic_service()
