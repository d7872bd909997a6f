"""Linux gives out vectors per CPU: two pins may have one vector if they go to different CPUs (fact L8)."""

from __future__ import annotations

from typing import ClassVar

from model.guests.guest import Doing
from model.guests.linux import Linux
from model.lang import require
from model.machine import Cpu, Pin, Vector


class LinuxVectors(Linux):
    """Each CPU has a table of its own from vectors to interrupts. One vector is there, so that it has to be shared.

    An EOI of the vector opens both pins, as on real hardware (H2, H5); the pin whose handler still runs is sent again.
    """

    meets: ClassVar[dict[str, tuple[str, ...]]] = {
        "vmm": ("qemu", "openvmm", "firecracker", "cloud_hypervisor", "crosvm")
    }
    scope_defaults: ClassVar[dict[str, int]] = {"vectors": 1}

    def setup_IO_APIC_irq(self, cpu: Cpu, pin: Pin, vector: Vector) -> None:
        """vector_matrix: any vector that is free on this CPU."""
        apic = self.apic[cpu]
        require(apic.in_guest and apic.spiv_enabled and self.guest_is_idle(cpu) and not self.driver_ready[pin])
        require(not any(self.driver_ready[p] and e.vector == vector and e.dest == cpu for p, e in self.ioapic.items()))
        self.driver_ready[pin] = True
        self.ioapic_mem_write_rte(pin, vector, cpu, self.device_trigger(pin), False)

    def handle_fasteoi_irq(self, cpu: Cpu) -> None:
        """The interrupt that this CPU's vector_irq[] has for the vector."""
        irq = self.irq[cpu]
        require(self.apic[cpu].in_guest and irq.doing == Doing.HANDLER)
        irq.doing = Doing.ACK
        for pin, rte in self.ioapic.items():
            if self.driver_ready[pin] and rte.vector == irq.vector and rte.dest == cpu:
                self.device_service(pin)

    def guest_is_handling(self, pin: Pin) -> bool:
        rte = self.ioapic[pin]
        irq = self.irq[rte.dest]
        return irq.doing == Doing.HANDLER and irq.vector == rte.vector
