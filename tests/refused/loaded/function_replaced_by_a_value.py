from model.designs.base import Base
from model.machine import Lapic


class Mine(Base):
    apic_set_eoi = None

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = False
