"""The throttle against interrupt storms: after many EOIs in a row that found the line high, an I/O APIC waits for 10 ms before
it sends again, so that a guest whose handler gives the EOI too early makes progress (184564efae4d, QEMU's 958a01dab8e0).
"""

from __future__ import annotations

from model.lang import always, leads_to, reachable
from model.lines import Storming
from model.machine import Machine, Pin, Trigger

STORMS: dict[type, str] = {Storming: "asked only with the device storming, whose lines are high often enough"}


@reachable(only_for=STORMS)
def throttled(s: Machine, pin: Pin) -> bool:
    """A pin with a high line is open, and waits for the throttle's 10 ms."""
    rte = s.ioapic[pin]
    level = rte.trigger == Trigger.LEVEL and rte.irr and not rte.mask
    return s.delayed_ioapic_service and level and not rte.remote_irr


@always(source="kvm.md B11; vmm-guest.md Q12", premise="throttled", only_for=STORMS)
def throttled_pin_rests(before: Storming, after: Storming, pin: Pin) -> bool:
    """A pin that waits for the throttle is not sent before the vCPUs run guest code again, with no interrupt in hand: 10 ms
    are long enough for that.

    Violated: The throttle holds pin {pin} back, and it is sent before the guest had time for anything.
    """
    was = before.ioapic[pin]
    level = was.trigger == Trigger.LEVEL and was.irr and not was.mask
    held = before.delayed_ioapic_service and level and not was.remote_irr
    return (
        not held
        or not after.ioapic[pin].remote_irr
        or all(
            before.apic[cpu].in_guest and before.apic[cpu].irr.highest() is None and after.guest_can_take_interrupt(cpu)
            for cpu in after.apic
        )
    )


@always(source="kvm.md B11; vmm-guest.md Q8, S-D18", premise="remote_irr_set", only_for=STORMS)
def throttle_counts_in_a_row(before: Storming, after: Storming, pin: Pin) -> bool:
    """The throttle counts EOIs in a row that find the line high: one that finds it low, or is throttled, begins the count anew,
    and nothing else does.

    Violated: The count of pin {pin} is not that of the EOIs in a row that found its line high.
    """
    was = before.ioapic[pin]
    now = after.ioapic[pin]
    if not was.remote_irr or was.trigger != Trigger.LEVEL or now.trigger != Trigger.LEVEL:
        return True
    return now.irq_eoi >= was.irq_eoi if now.remote_irr else now.irq_eoi == 0


@leads_to(source="kvm.md B11; vmm-guest.md Q12", only_for=STORMS)
def throttle_ends(s: Machine) -> tuple[bool, bool]:
    """The throttle's 10 ms are over in the end.

    Violated: The throttle waits for ever.
    """
    return s.delayed_ioapic_service, not s.delayed_ioapic_service
