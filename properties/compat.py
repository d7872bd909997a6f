"""Compatibility: what may not change for those who did not ask for a change. `eoi compat BASE DESIGN` judges it.

A claim is about two kernels that run in lock step. Everything is compared after every step (registers that a guest can
read, what the VMM is told, errnos, devices, the guest itself) but the fields named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.machine import ApiFlags

# KVM's own, which only shows in what follows from it; and what VMM profiles remember for properties
UNSEEN = (
    "apic[].ioapic_handled_vectors", "apic[].highest_stale_pending_ioapic_eoi", "apic[].pending_ioapic_eoi",
    "apic[].req_ioapic_eoi_exit", "apic[].req_scan_ioapic", "apic[].in_guest", "delayed_ioapic_service",
    "ioapic[].irq_eoi", "asked", "granted", "lvr_current[]",
)  # fmt: skip

# steps that nobody sees begin: one kernel may take such a step while the other needs none
INTERNAL = ("vcpu_enter_guest", "kvm_ioapic_eoi_inject_work")


@dataclass(frozen=True)
class Claim:
    """`without`: steps that the claim leaves out: all of a step ({}), or where a parameter has one of these values.

    `flags`: the VMM may set API flags, which the other kernel does not know. `unseen`: what may differ as well.
    """

    name: str
    sentence: str
    source: str
    without: Mapping[str, Mapping[str, tuple[object, ...]]]
    flags: bool = False
    unseen: tuple[str, ...] = field(default=())


FLAGLESS_VMM = Claim(
    name="flagless_vmm",
    sentence="Under a VMM that asks for nothing new, any guest sees exactly what it saw before.",
    source="Sean Christopherson, 2025-09-22, aNHE0U3qxEOniXqO@google.com: existing VMMs must not be broken",
    without={
        "ioctl_enable_cap_x2apic_api": {"flags": (ApiFlags.BIT2, ApiFlags.BIT3, ApiFlags.BOTH)},
        "ioctl_enable_cap_split_irqchip_api": {},
        "ioctl_set_irqchip2": {},
    },
)

QUIET_GUEST = Claim(
    name="quiet_guest",
    sentence="While nobody sets SPIV bit 12, all but LVR bit 24 and errnos is as before, whatever flags are set.",
    source="Intel SDM 10.8.5: without bit 12 every EOI of a level interrupt is broadcast",
    without={
        "write_spiv": {"directed_eoi": (True,)},
        "ioctl_set_lapic": {"directed_eoi": (True,)},
        "ioctl_set_msr_spiv": {"directed_eoi": (True,)},
    },
    flags=True,
    unseen=("apic[].lvr_directed_eoi", "errno"),
)

CLAIMS = (FLAGLESS_VMM, QUIET_GUEST)
