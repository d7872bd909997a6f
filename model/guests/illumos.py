"""illumos with directed EOI forced on (fact N1): usr/src/uts/i86pc/io/pcplusmp, apix.

By default (state 2) it is off under KVM. On, SPIV bit 12 is set wherever LVR bit 24 is, and the EOI register is written
whatever the I/O APIC's version is. As in class G-DIR-EOIR of the facts (3.7), the device is serviced in between.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from model.guests.guest import Guest
from model.lang import Fair, Label, Struct, Table, require, step
from model.machine import Cpu, Pin, Vector


class Doing(Enum):
    NOTHING = 0
    ENTER = 1  # the vector was taken
    HANDLER = 2  # the LAPIC is EOIed if broadcasts are suppressed
    EXIT = 3  # the device is serviced


class IllumosCpu(Struct):
    doing: Doing
    vector: Annotated[Vector, Label("handles vector")]


class Illumos(Guest):
    """Simplified: interrupts are off throughout; without LVR bit 24 the LAPIC is EOIed at the end, unmasked."""

    illumos: Annotated[Table[Cpu, IllumosCpu], Label("", lane="CPU{0}")]

    def guest_wants_directed_eoi(self) -> bool:
        return True

    def guest_is_idle(self, cpu: Cpu) -> bool:
        return self.illumos[cpu].doing == Doing.NOTHING

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        illumos = self.illumos[cpu]
        illumos.doing = Doing.ENTER
        illumos.vector = vector

    @step(by="guest", fair=Fair.WEAK)
    def apic_send_eoi(self, cpu: Cpu) -> None:
        illumos = self.illumos[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and illumos.doing == Doing.ENTER)
        illumos.doing = Doing.HANDLER
        if apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.WEAK)
    def service(self, cpu: Cpu) -> None:
        illumos = self.illumos[cpu]
        require(self.apic[cpu].in_guest and illumos.doing == Doing.HANDLER)
        illumos.doing = Doing.EXIT
        self.service_devices(illumos.vector)

    @step(by="guest", fair=Fair.WEAK)
    def apic_send_directed_EOI(self, cpu: Cpu) -> None:
        """No version test here."""
        illumos = self.illumos[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and illumos.doing == Doing.EXIT)
        illumos.doing = Doing.NOTHING
        if apic.spiv_directed_eoi:
            self.ioapic_mem_write_eoi(illumos.vector)
        else:
            self.apic_set_eoi(apic)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(i.doing in (Doing.ENTER, Doing.HANDLER) and i.vector == vector for i in self.illumos.values())

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.remapped_vector(pin)
        return any(
            self.apic[cpu].spiv_directed_eoi and i.doing in (Doing.HANDLER, Doing.EXIT) and i.vector == vector
            for cpu, i in self.illumos.items()
        )
