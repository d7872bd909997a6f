"""What a migrated or restored VM may expect. Asked of migration cells only (`eoi migrations`)."""

from __future__ import annotations

from model.lang import always, reachable
from model.machine import Cpu, Pin, Trigger
from model.migration import Life, Migrating

COVER = "Khushit Shah, 2026-03-09, 20260309054243.440453-1-khushit.shah@nutanix.com"
MIGRATION: dict[type, str] = {Migrating: "asked of migration cells (eoi migrations)"}


@always(source=COVER, premise="vm_loaded", only_for=MIGRATION)
def lvr_kept(before: Migrating, after: Migrating, cpu: Cpu) -> bool:
    """LVR bit 24 does not change under a running guest.

    Violated: LVR bit 24 of CPU{cpu} changes under the guest.
    """
    return before.apic[cpu].lvr_directed_eoi == after.apic[cpu].lvr_directed_eoi


@always(source=COVER, premise="honoured_before", only_for=MIGRATION)
def honoured_stays_honoured(s: Migrating, cpu: Cpu) -> bool:
    """A vCPU whose EOI broadcasts are suppressed keeps them suppressed.

    Violated: CPU{cpu} still asks to suppress EOI broadcasts, but they are no longer suppressed.
    """
    return not s.honoured[cpu] or s.suppression_honoured(s.apic[cpu])


@always(source="vmstate of QEMU's hw/intc/ioapic_common.c has no version", premise="vm_loaded", only_for=MIGRATION)
def ioapic_version_kept(s: Migrating) -> bool:
    """The I/O APIC's version register does not change under a running guest.

    Violated: The I/O APIC's version register changes under the guest.
    """
    return s.life != Life.LOADED or s.ioapic_version() == s.scope.ioapic


@always(source="expectations.md E1; QEMU migration/savevm.c load_snapshot()", premise="vm_refused", only_for=MIGRATION)
def refused_before_anything_changed(s: Migrating) -> bool:
    """An operation that is refused leaves the VM as it was.

    Violated: The operation fails after the running VM was reset: that VM is lost.
    """
    return s.life != Life.LOST


@always(source="expectations.md E2; " + COVER, only_for=MIGRATION)
def asked_for_nothing_as_before(s: Migrating, cpu: Cpu) -> bool:
    """If the user asked for nothing, LVR bit 24 and EOI broadcasts are what they were before the series.

    Violated: The user asked for nothing, and CPU{cpu} does not see what it saw before the series.
    """
    apic = s.apic[cpu]
    return not s.nobody_asked() or (apic.lvr_directed_eoi == apic.cpuid_x2apic and not s.suppression_honoured(apic))


@always(source="expectations.md E3; " + COVER, premise="vm_loaded_or_refused", only_for=MIGRATION)
def asked_for_nothing_migrates(s: Migrating) -> bool:
    """If the user asked for nothing, a host with the same machine type takes the VM.

    Violated: The user asked for nothing, and the destination refuses the VM.
    """
    refused = s.life == Life.REFUSED or s.life == Life.LOST
    return not refused or not s.nobody_asked() or s.scope.machine != s.scope.to_machine


@always(source="QEMU hw/intc/ioapic.c; facts Q20", premise="remote_irr_set", only_for=MIGRATION)
def high_line_is_sent(s: Migrating, pin: Pin) -> bool:
    """A high, unmasked, open level pin has a timer that will send it: else it was sent when the line rose.

    Violated: Pin {pin} is high and open, and nothing will send it by itself.
    """
    rte = s.ioapic[pin]
    waits = rte.trigger == Trigger.LEVEL and rte.irr and not rte.mask and not rte.remote_irr
    return not waits or s.delayed_ioapic_service


@reachable(only_for=MIGRATION)
def vm_loaded(s: Migrating) -> bool:
    """The VM runs on the destination, or is restored."""
    return s.life == Life.LOADED


@reachable(only_for=MIGRATION)
def vm_refused(s: Migrating) -> bool:
    """The operation fails."""
    return s.life == Life.REFUSED or s.life == Life.LOST


@reachable(only_for=MIGRATION)
def vm_loaded_or_refused(s: Migrating) -> bool:
    """The operation happens."""
    return s.life != Life.SOURCE


@reachable(only_for=MIGRATION)
def honoured_before(s: Migrating, cpu: Cpu) -> bool:
    """The vCPU's EOI broadcasts were suppressed when the VM was stopped."""
    return s.honoured[cpu]
