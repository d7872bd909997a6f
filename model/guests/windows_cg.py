"""Windows with Credential Guard: L1 is Hyper-V, the devices belong to the nested guest.

Source: the message of 6517dfbcc918 and the September 2025 thread: (1) the interrupt exits to L1, (2) L1 EOIs its
LAPIC, (3) L1 injects it into L2, (4) L2 services the device, (5) L1 writes the I/O APIC's EOI register, whatever
the I/O APIC's version is. L2 runs only while no interrupt is pending for L1.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, ClassVar

from model.guests.guest import OwnBoot
from model.lang import Fair, Label, Mask, Struct, Table, require, step
from model.machine import Cpu, Machine, Pin, Vector


class Doing(Enum):
    NESTED = 0  # L2 runs, or would run
    INTERRUPTED = 1  # L1 took an interrupt and has not EOIed its LAPIC
    SERVICED = 2  # L2's own EOI exited to L1, which must end the interrupt


class HyperVCpu(Struct):
    doing: Annotated[Doing, Label("L1")]
    vector: Annotated[Vector, Label("L1 handles vector")]
    l2_pending: Annotated[Mask[Vector], Label("pending for L2")]  # injected into L2, not serviced yet


class WindowsCg(OwnBoot):
    formerly: ClassVar[Mapping[str, str]] = {
        **Machine.formerly, "setup_local_APIC": "l1_apic_enable", "setup_IO_APIC_irq": "l1_set_entry",
    }  # fmt: skip

    l1: Annotated[Table[Cpu, HyperVCpu], Label("", lane="CPU{0}")]

    def guest_wants_directed_eoi(self) -> bool:
        return True

    @step(by="guest", fair=Fair.WEAK)
    def l1_apic_enable(self, cpu: Cpu) -> None:
        self.enable_lapic(cpu)

    @step(by="guest", fair=Fair.FREE)
    def l1_set_entry(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        self.set_up_pin(cpu, pin, vector)

    def guest_is_idle(self, cpu: Cpu) -> bool:
        return self.l1[cpu].doing == Doing.NESTED

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        l1 = self.l1[cpu]
        l1.doing = Doing.INTERRUPTED
        l1.vector = vector

    @step(by="guest", fair=Fair.WEAK)
    def l1_apic_eoi(self, cpu: Cpu) -> None:
        """Steps 2 and 3. Assumed: where suppression is not offered, the LAPIC is EOIed after the service."""
        l1 = self.l1[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and l1.doing == Doing.INTERRUPTED)
        l1.l2_pending.add(l1.vector)
        l1.doing = Doing.NESTED
        if apic.spiv_directed_eoi:
            self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.STRONG)
    def l2_service_device(self, cpu: Cpu) -> None:
        """Step 4. STRONG: a nested guest that can run again and again does run (it needs some 50 us)."""
        l1 = self.l1[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and l1.doing == Doing.NESTED and self.kvm_apic_has_interrupt(apic) is None)
        vector = require(l1.l2_pending.highest())
        l1.l2_pending.discard(vector)
        l1.vector = vector
        l1.doing = Doing.SERVICED
        self.service_devices(vector)

    @step(by="guest", fair=Fair.WEAK)
    def l1_ioapic_eoi(self, cpu: Cpu) -> None:
        """Step 5. The version register is not read first."""
        l1 = self.l1[cpu]
        apic = self.apic[cpu]
        require(apic.in_guest and l1.doing == Doing.SERVICED)
        l1.doing = Doing.NESTED
        if apic.spiv_directed_eoi:
            self.ioapic_mem_write_eoi(l1.vector)
        else:
            self.apic_set_eoi(apic)

    def guest_is_handling(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(
            vector in l1.l2_pending or (l1.doing == Doing.INTERRUPTED and l1.vector == vector)
            for l1 in self.l1.values()
        )

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        return any(
            self.apic[cpu].spiv_directed_eoi
            and (vector in l1.l2_pending or (l1.doing == Doing.SERVICED and l1.vector == vector))
            for cpu, l1 in self.l1.items()
        )
