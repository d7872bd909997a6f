"""Xen as the guest, at what it does more seldom: a move of an interrupt while broadcasts are suppressed (X2), and a crash
that hands the machine to a Linux (kdump; X5, L1, L5, L10)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from model.guests.guest import Doing
from model.guests.xen import Xen
from model.lang import Fair, Label, Table, require, step
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector


class XenMoves(Xen):
    """X2: with a move pending, the end masks the pin, ends the interrupt at the I/O APIC, moves it if Remote IRR is 0 and
    unmasks it. An entry is written in halves, and masked before it is unmasked (L9).

    Assumed: without directed EOI it does not move.
    Simplified: a move always brings a new vector.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {"vmm": ("qemu", "openvmm", "crosvm")}
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1}

    move_cpu: Annotated[Table[Pin, Cpu | None], Label("pin {0} is to go to CPU")]
    move_vector: Annotated[Table[Pin, Vector], Label("pin {0} is to get vector")]

    @step(by="guest", fair=Fair.FINITE)
    def set_desc_affinity(self, cpu: Cpu, pin: Pin, dest: Cpu, vector: Vector) -> None:
        rte = self.ioapic[pin]
        require(self.apic[cpu].in_guest and self.guest_is_idle(cpu) and self.driver_ready[pin])
        require(self.move_cpu[pin] is None and dest != rte.dest and self.apic[dest].spiv_enabled)
        require(self.apic[cpu].spiv_directed_eoi and vector != rte.vector)
        self.move_cpu[pin] = dest
        self.move_vector[pin] = vector

    def end_level_ioapic_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        if any(self.is_level_pin(p, irq.vector) and self.move_cpu[p] is not None for p in self.ioapic):
            require(self.apic[cpu].in_guest and irq.doing == Doing.END)
            irq.doing = Doing.MASKED
            self.write_level_pins(irq.vector, Trigger.LEVEL, True)
        else:
            super().end_level_ioapic_irq(cpu)

    @step(by="guest", fair=Fair.WEAK)
    def eoi_IO_APIC_irq(self, cpu: Cpu) -> None:
        """X3: the register, or masked to edge and back."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.MASKED)
        irq.doing = Doing.MOVE
        if self.ioapic_version() == IoapicVersion.V20:
            self.ioapic_mem_write_eoi(irq.vector)
        else:
            self.write_level_pins(irq.vector, Trigger.EDGE, True)
            self.write_level_pins(irq.vector, Trigger.LEVEL, True)

    @step(by="guest", fair=Fair.WEAK)
    def move_masked_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.MOVE)
        irq.doing = Doing.NOTHING
        for pin, rte in self.ioapic.items():
            if self.is_level_pin(pin, irq.vector):
                dest = self.move_cpu[pin]
                if dest is not None and not rte.remote_irr:
                    self.move_cpu[pin] = None
                    self.ioapic_mem_write_rte_high(pin, dest)
                    self.ioapic_mem_write_rte(pin, self.move_vector[pin], rte.dest, Trigger.LEVEL, True)
                self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, Trigger.LEVEL, False)

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        vector = self.ioapic[pin].vector
        ends = any(
            self.apic[cpu].spiv_directed_eoi and irq.doing == Doing.MASKED and irq.vector == vector
            for cpu, irq in self.irq.items()
        )
        return ends or super().guest_owes_directed_eoi(pin)


class XenKdump(Xen):
    """Xen crashes at any time, and a Linux goes on with the machine as it finds it.

    X5: the crash disables all LAPICs in software, with what they have pending or in service, and clears the I/O APIC; SPIV
    bit 12 stays. Linux EOIs what is in service before it enables the LAPIC (L10), and never touches bit 12 (L1), so
    the boot CPU has it and the CPUs that come by INIT have not.

    Simplified: the crash is one step; the new driver does not reset its device.
    Assumed: Xen clears an entry as Linux does (L5).
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {"vmm": ("qemu", "firecracker", "crosvm")}
    scope_defaults: ClassVar[dict[str, int]] = {"pins": 1, "vectors": 1}

    source: ClassVar[str] = ""  # crash.c, and Linux's apic.c
    drops_interrupts: ClassVar[bool] = True

    crashed_on: Annotated[Cpu | None, Label("Xen crashed on CPU")]
    stopped: Annotated[Table[Cpu, bool], Label("stopped", lane="CPU{0}")]

    @step(by="guest", fair=Fair.FREE)
    def nmi_shootdown_cpus(self, cpu: Cpu) -> None:
        require(self.crashed_on is None and all(apic.in_guest and apic.spiv_enabled for apic in self.apic.values()))
        self.crashed_on = cpu
        for other, apic in self.apic.items():
            self.irq[other].doing = Doing.NOTHING
            self.stopped[other] = other != cpu
            self.kvm_lapic_reg_write_spiv(apic, False, apic.spiv_directed_eoi)
        for pin in self.ioapic:
            self.clear_ioapic_pin(pin)

    def clear_ioapic_pin(self, pin: Pin) -> None:
        """L5: masked; if Remote IRR is still set, level and an EOI; then the entry is empty."""
        rte = self.ioapic[pin]
        self.driver_ready[pin] = False
        self.ioapic_mem_write_rte(pin, rte.vector, rte.dest, rte.trigger, True)
        if rte.remote_irr and self.ioapic_version() == IoapicVersion.V20:
            self.ioapic_mem_write_eoi(rte.vector)
        self.ioapic_mem_write_rte(pin, 0, 0, Trigger.EDGE, True)

    @step(by="guest", fair=Fair.WEAK)
    def apic_pending_intr_clear(self, cpu: Cpu) -> None:
        """Linux on the CPU that crashed. Interrupts are off: what is in IRR stays there."""
        apic = self.apic[cpu]
        require(apic.in_guest and self.crashed_on == cpu and not apic.spiv_enabled and apic.isr.highest() is not None)
        self.apic_set_eoi(apic)

    @step(by="guest", fair=Fair.FREE)
    def wakeup_secondary_cpu(self, cpu: Cpu) -> None:
        """INIT and SIPI, from the CPU that crashed."""
        require(self.stopped[cpu] and any(self.crashed_on == o and a.spiv_enabled for o, a in self.apic.items()))
        self.stopped[cpu] = False
        self.kvm_lapic_reset(self.apic[cpu])

    def setup_local_APIC(self, cpu: Cpu) -> None:
        apic = self.apic[cpu]
        if self.crashed_on is None:
            super().setup_local_APIC(cpu)
        else:
            require(apic.in_guest and not apic.spiv_enabled and self.guest_uses_cpu(cpu) and apic.isr.highest() is None)
            self.kvm_lapic_reg_write_spiv(apic, True, apic.spiv_directed_eoi)

    @step(by="guest", fair=Fair.WEAK)
    def setup_IO_APIC_irq(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        """Every kernel has a driver, and writes the entry masked before it unmasks it (L9)."""
        apic = self.apic[cpu]
        require(apic.in_guest and apic.spiv_enabled and self.guest_is_idle(cpu) and not self.driver_ready[pin])
        require(not any(self.driver_ready[p] and self.remapped_vector(p) == vector for p in self.ioapic))
        self.driver_ready[pin] = True
        self.ioapic_mem_write_rte(pin, vector, cpu, self.device_trigger(pin), True)
        self.ioapic_mem_write_rte(pin, vector, cpu, self.device_trigger(pin), False)

    def guest_uses_cpu(self, cpu: Cpu) -> bool:
        return not self.stopped[cpu]

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return self.apic[cpu].spiv_enabled and super().guest_can_take_interrupt(cpu)

    def mask_and_ack_level_ioapic_irq(self, cpu: Cpu) -> None:
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.ACK)
        irq.doing = Doing.HANDLER
        if self.apic[cpu].spiv_directed_eoi and self.crashed_on is None:
            self.apic_set_eoi(self.apic[cpu])

    def end_level_ioapic_irq(self, cpu: Cpu) -> None:
        """Linux's ack_APIC_irq(): the LAPIC's EOI, and nothing more."""
        irq = self.irq[cpu]
        if self.crashed_on is None:
            super().end_level_ioapic_irq(cpu)
        else:
            require(self.apic[cpu].in_guest and irq.doing == Doing.END)
            irq.doing = Doing.NOTHING
            self.apic_set_eoi(self.apic[cpu])

    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        return self.crashed_on is None and super().guest_owes_directed_eoi(pin)
