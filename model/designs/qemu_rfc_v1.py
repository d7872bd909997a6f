"""QEMU, November 2025: the policy follows from the I/O APIC's version at power-on. Flags of kernel v3."""

from abc import abstractmethod
from typing import ClassVar

from model.lang import Patch
from model.machine import ApiFlags, Errno, IoapicVersion
from model.vmms.qemu_vmstate import QemuVmstate, SeoibState


class SeoibSeries(QemuVmstate):
    """What both versions of the series have."""

    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.NONE,)  # it chooses the flags itself

    def enable_capabilities(self) -> None:
        """x86_cpus_init(). A kernel without the flags is only a warning."""
        if self.runstate_inmigrate():
            return
        v20 = self.ioapic_version() == IoapicVersion.V20
        self.kvm_lapic_seoib_state = SeoibState.RESPECTED if v20 else SeoibState.NOT_ADVERTISED
        self.kvm_try_set_lapic_seoib_state()
        if self.errno != Errno.OK:
            self.kvm_lapic_seoib_state = SeoibState.QUIRKED

    def kvm_try_set_lapic_seoib_state(self) -> None:
        """Both flags must be known to the kernel, whichever is needed."""
        state = self.kvm_lapic_seoib_state
        if state == SeoibState.QUIRKED:
            self.errno = Errno.OK
        elif not self.kvm_has_seoib_flags():
            self.errno = Errno.EINVAL
        else:
            self.kvm_x2apic_api_set_flags(state)

    def kvm_has_seoib_flags(self) -> bool:
        return self.check_KVM_CAP_X2APIC_API(True, False) and self.check_KVM_CAP_X2APIC_API(True, True)

    @abstractmethod
    def kvm_x2apic_api_set_flags(self, state: SeoibState) -> None: ...

    def x86_seoib_needed(self) -> bool:
        return self.kvm_lapic_seoib_state != SeoibState.QUIRKED

    def x86_seoib_post_load(self) -> None:
        """Before KVM_SET_LAPIC, which makes the flags take effect in LVR."""
        self.kvm_try_set_lapic_seoib_state()


class QemuRfcV1(SeoibSeries):
    patch = Patch(
        title="target/i386/kvm: Configure proper KVM SEOIB behavior (RFC v1, for the flags of kernel v3)",
        author="Khushit Shah",
        date="2025-11-26",
        msgid="20251126093742.2110483-1",
        base="qemu",
    )

    def kvm_x2apic_api_set_flags(self, state: SeoibState) -> None:
        self.enable_KVM_CAP_X2APIC_API(True, state == SeoibState.NOT_ADVERTISED)
