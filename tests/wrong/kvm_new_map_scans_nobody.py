from model.designs.base import Base
from model.machine import Lapic


class NewMapScansNobody(Base):
    """A LAPIC that comes or goes has the map made anew, and nobody scans."""

    def apic_set_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        apic.spiv_directed_eoi = directed_eoi
        apic.spiv_enabled = enabled
