"""What the RFC's cover letter prefers: an accelerator property, quirked unless the user says otherwise."""

from model.designs.qemu_rfc_v2 import QemuRfcV2
from model.lang import Patch
from model.machine import ApiFlags
from model.vmms.qemu_vmstate import SeoibState


class QemuSeoibProperty(QemuRfcV2):
    """Assumed: the section in the stream and the choice that waits for it stay as in the series."""

    patch = Patch(
        title="-accel kvm,seoib-policy=respected|not-advertised|quirked (RFC v2's cover letter, no code posted)",
        author="Khushit Shah",
        date="2026-03-09",
        msgid="20260309054243.440453-1-khushit.shah@nutanix.com",
        base="qemu_rfc_v2",
        note="the rest of the series stays: the section in the stream, and the choice that waits for it",
    )
    api_flags = (ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3)

    def enable_capabilities(self) -> None:
        """Assumed: QEMU does not start if the kernel cannot do what the user asked for; here errno says so."""
        if self.runstate_inmigrate():
            return
        policy = self.seoib_policy()
        if policy == ApiFlags.BIT2:
            self.kvm_lapic_seoib_state = SeoibState.RESPECTED
        elif policy == ApiFlags.BIT3:
            self.kvm_lapic_seoib_state = SeoibState.NOT_ADVERTISED
        self.kvm_try_set_lapic_seoib_state()
