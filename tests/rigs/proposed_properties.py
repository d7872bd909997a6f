"""A property of KVM's EOI exit that is not registered: every property there needs a real design that violates it.

No kernel of the record tested the scan before the exit. Where that loses an EOI, no_eoi_lost says so, too.
"""

from __future__ import annotations

from model.lang import always
from model.machine import Cpu, Machine


@always(source="fact sheet kvm.md P5; 1.5.2, L T18", premise="eoi_exit")
def latched_eoi_is_reported(before: Machine, after: Machine, cpu: Cpu) -> bool:
    """An EOI that KVM has latched for the VMM is reported to it, whatever routes change meanwhile.

    Violated: CPU{cpu} drops the EOI that it was to report.
    """
    was = before.apic[cpu]
    now = after.apic[cpu]
    served = was.req_ioapic_eoi_exit and not now.req_ioapic_eoi_exit
    return not served or now.exit_ioapic_eoi == was.pending_ioapic_eoi


PROPOSED = {latched_eoi_is_reported.name: latched_eoi_is_reported}
