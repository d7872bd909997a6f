"""QEMU, March 2026: RFC v1 with the flags that were merged."""

from model.designs.qemu_rfc_v1 import SeoibSeries
from model.lang import Patch
from model.vmms.qemu_vmstate import SeoibState


class QemuRfcV2(SeoibSeries):
    patch = Patch(
        title="target/i386/kvm: Configure proper KVM SEOIB behavior (RFC v2)",
        author="Khushit Shah",
        date="2026-03-09",
        msgid="20260309054243.440453-2-khushit.shah@nutanix.com",
        base="qemu",
    )

    def kvm_x2apic_api_set_flags(self, state: SeoibState) -> None:
        self.enable_KVM_CAP_X2APIC_API(state == SeoibState.RESPECTED, state == SeoibState.NOT_ADVERTISED)
