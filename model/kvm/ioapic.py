"""arch/x86/kvm/ioapic.c: the in-kernel I/O APIC, version 0x11 (functions are prefixed kvm_ where QEMU has the name)."""

from __future__ import annotations

from typing import ClassVar

from model.lang import Fair, require, step
from model.machine import Cpu, IoapicVersion, Lapic, Machine, Pin, Trigger, Vector

IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT = 2  # stands for 10000: see scope throttle in model/vmms/qemu.py


class IoapicC(Machine):
    """Simplified: no RTC tracking, one source per line, interrupts that were delivered are not told apart in irr."""

    source: ClassVar[str] = "arch/x86/kvm/ioapic.c"
    lane: ClassVar[str] = "KVM"

    def kvm_ioapic_version(self) -> IoapicVersion:
        """ioapic_read_indirect() of the version register."""
        return IoapicVersion.V11

    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """ioapic_set_irq(): the latch follows the line; an edge that is latched already is coalesced."""
        rte = self.ioapic[pin]
        if not level:
            rte.irr = False
        elif rte.trigger == Trigger.LEVEL or not rte.irr:
            rte.irr = True
            self.kvm_ioapic_service(pin)

    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        """Level pins routed to this vCPU, masked or not. Simplified: no ack notifiers, no RTC."""
        for rte in self.ioapic.values():
            if rte.trigger == Trigger.LEVEL:
                self.kvm_scan_ioapic_irq(cpu, apic, rte.dest, rte.vector)

    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """ioapic_write_indirect(): Remote IRR is read-only, but an edge entry has none: guests that have no EOI register
        flip an entry to edge and back for an explicit EOI. The old destination scans, too: it may be in its handler.
        """
        rte = self.ioapic[pin]
        old_dest = rte.dest
        self.set_entry(rte, vector, dest, trigger, mask)
        if trigger == Trigger.EDGE:
            rte.remote_irr = False
        if trigger == Trigger.LEVEL and rte.irr and not mask and not rte.remote_irr:
            self.kvm_ioapic_service_unmasked(pin)
        self.kvm_make_scan_ioapic_request_mask(old_dest, dest)

    def kvm_ioapic_service_unmasked(self, pin: Pin) -> None:
        """Of ioapic_write_indirect(): an open level pin has a high line. Since 6.3 a resampling irqfd is asked first."""
        self.device_resample(pin)
        if self.ioapic[pin].irr:
            self.kvm_ioapic_service(pin)

    def kvm_ioapic_service(self, pin: Pin) -> None:
        """ioapic_service(): a level pin closes (Remote IRR) if a LAPIC took the message, or if there is no vCPU (-1)."""
        rte = self.ioapic[pin]
        if rte.mask or (rte.trigger == Trigger.LEVEL and rte.remote_irr):
            return
        if rte.trigger == Trigger.LEVEL and (self.apic[rte.dest].spiv_enabled or not self.any_vcpu_created()):
            rte.remote_irr = True
        self.apic_accept_irq(self.apic[rte.dest], rte.vector, rte.trigger)

    @step(by="KVM", fair=Fair.WEAK)
    def kvm_ioapic_eoi_inject_work(self) -> None:
        """The throttle's delayed work."""
        require(self.delayed_work_is_due())
        self.delayed_ioapic_service = False
        for pin, rte in self.ioapic.items():
            if rte.trigger == Trigger.LEVEL and rte.irr and not rte.remote_irr:
                self.kvm_ioapic_service(pin)

    def delayed_work_is_due(self) -> bool:
        """No code of ioapic.c: the workqueue runs what schedule_delayed_work() was given, as its time is over."""
        return self.ioapic_in_kernel() and self.delayed_ioapic_service and self.ten_milliseconds_pass()

    def ten_milliseconds_pass(self) -> bool:
        """Assumed: 10 ms are long enough for vCPUs to be back in guest code, and to take and handle what is pending."""
        for cpu, apic in self.apic.items():
            handles = not self.guest_can_take_interrupt(cpu) or self.kvm_apic_has_interrupt(apic) is not None
            if not apic.in_guest or (apic.spiv_enabled and handles):
                return False
        return True

    def kvm_notify_acked_irq(self, pin: Pin) -> None:
        """Ack notifiers: irqfd_resampler_ack(). Simplified: those of RTC and PIT are in model/features/rtc.py."""
        self.device_resample(pin)

    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
        """The trigger mode is the LAPIC's TMR bit. SPIV bit 12 is tested, though no guest can set it here.

        Ack notifiers come first, suppressed or not: who waits for an EOI (PIT, RTC) waits for the LAPIC's (c806a6ad35bf).
        """
        self.kvm_notify_acked_irq(pin)
        if trigger != Trigger.LEVEL or apic.spiv_directed_eoi:
            return
        self.kvm_ioapic_eoi_pin(pin)

    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        """Of kvm_ioapic_update_eoi_one(), the rest: open the pin; if its line is still high, send it again.

        Real hardware takes a moment for that, in which a guest whose handler EOIs too early makes progress. After many
        EOIs in a row that found the line high, KVM takes 10 ms, too.
        """
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if not rte.mask and rte.irr:
            if rte.irq_eoi + 1 == IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT:
                rte.irq_eoi = 0
                self.delayed_ioapic_service = True
            else:
                self.count_eoi(rte)
                self.kvm_ioapic_service(pin)
        else:
            rte.irq_eoi = 0

    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """Every pin whose entry has the vector now hears the EOI."""
        for pin, rte in self.ioapic.items():
            if rte.vector == vector:
                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)

    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        """ioapic_mmio_write() at offset 0x40: version 0x11 has no EOI register, the write is ignored."""

    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        """An entry is stored as given, Remote IRR too, and its latch is replayed as a new interrupt.

        Simplified: one entry is changed, the others come back as KVM_GET_IRQCHIP returned them and are not replayed.
        """
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
        rte.remote_irr = remote_irr
        rte.irr = False
        self.kvm_make_scan_ioapic_request()
        if irr:
            self.kvm_ioapic_set_irq(pin, True)
