"""What is so in every reachable state of every system, and is proved so before anybody relies on it (equal.py).

Not here: what only some VMMs keep to (that no vCPU comes late, say, or that there is an irqchip). A mutant that they cannot tell is
not equal: another VMM may.
"""

from __future__ import annotations

from model.lang import always
from model.machine import Cpu, Machine


@always()
def exit_was_intercepted(s: Machine, cpu: Cpu) -> bool:
    """An EOI exit that is asked for has a vector, and the bitmap of the last scan has it."""
    apic = s.apic[cpu]
    asked = apic.pending_ioapic_eoi
    return not apic.req_ioapic_eoi_exit or (asked is not None and asked in apic.ioapic_handled_vectors)


@always()
def slot_is_of_a_request(s: Machine, cpu: Cpu) -> bool:
    """The slot of an EOI exit is empty without its request."""
    return s.apic[cpu].req_ioapic_eoi_exit or s.apic[cpu].pending_ioapic_eoi is None


@always()
def stale_is_intercepted(s: Machine, cpu: Cpu) -> bool:
    """The scan that noted the stale vector intercepted it, too."""
    stale = s.apic[cpu].highest_stale_pending_ioapic_eoi
    return stale is None or stale in s.apic[cpu].ioapic_handled_vectors


LEMMAS = (exit_was_intercepted, slot_is_of_a_request, stale_is_intercepted)
