"""What the policy series touches in QEMU besides the I/O APIC: power-on, and what a migration stream carries.

Today's QEMU has none of it. The hooks are here so that the series' designs restate them (read in the RFC patches:
hw/i386/x86-common.c, target/i386/kvm/kvm.c).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from model.lang import Label
from model.machine import ApiFlags
from model.vmms.qemu import Qemu


class SeoibState(Enum):
    """X86MachineState.kvm_lapic_seoib_state."""

    QUIRKED = 0  # offered, but LAPIC EOIs are broadcast whatever the guest asks
    RESPECTED = 1
    NOT_ADVERTISED = 2


class QemuVmstate(Qemu):
    called = None

    kvm_lapic_seoib_state: Annotated[SeoibState, Label("seoib state")]

    def x86_machine_init(self) -> None:
        """A new process: QEMU's own fields as they are before a stream is read. Whoever adds one says here what it is then;
        one that the stream carries stays as it is.
        """
        self.kvm_lapic_seoib_state = SeoibState.QUIRKED

    def enable_capabilities(self) -> None:
        """Today's QEMU sets no flags."""

    def runstate_inmigrate(self) -> bool:
        """Started with -incoming or -loadvm: the policy is not known before the stream says it."""
        return False

    def seoib_policy(self) -> ApiFlags:
        """The accelerator property's value on the command line, as the flag that it stands for."""
        return self.scope.flags

    def x86_seoib_needed(self) -> bool:
        """Is the section "x86-seoib-state" sent?"""
        return False

    def x86_seoib_post_load(self) -> None:
        """The section was received; errno is not OK if its policy cannot be set (QEMU then aborts)."""
