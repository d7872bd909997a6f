from model.designs.v6 import V6
from model.machine import Errno, SuppressEoi


class FlagUpdatesLvr(V6):
    """A flag takes effect at once: the LVR of vCPUs that exist is made anew (kvm_for_each_vcpu), so that vCPUs agree."""

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if (bit2 and bit3) or (bit2 and not self.irqchip_split()):
            self.errno = Errno.EINVAL
            return
        if bit2:
            self.suppress_eoi_broadcast_mode = SuppressEoi.ENABLED
        if bit3:
            self.suppress_eoi_broadcast_mode = SuppressEoi.DISABLED
        self.errno = Errno.OK
        for apic in self.apic.values():
            if apic.created and self.lapic_in_kernel():
                self.kvm_apic_set_version(apic)
