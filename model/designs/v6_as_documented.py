"""v6 as api.rst describes it: KVM_CAP_X2APIC_API fails with EBUSY once a vCPU exists. The code has no such check."""

from model.designs.v6 import V6
from model.lang import Patch
from model.machine import Errno


class V6AsDocumented(V6):
    """Assumed: the check comes first, and covers every flag of the capability."""

    patch = Patch(
        title='KVM_CAP_X2APIC_API as documented: "Will return -EBUSY if a VCPU has already been created"',
        author="Documentation/virt/kvm/api.rst",
        date="2026-01-23",
        msgid="20260123125657.3384063-1-khushit.shah@nutanix.com",
        base="v6",
        note="the sentence is older than the flags, and no kernel enforces it",
    )

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if self.any_vcpu_created():
            self.errno = Errno.EBUSY
            return
        super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
