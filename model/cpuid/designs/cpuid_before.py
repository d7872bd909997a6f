"""Before the CPUID overhaul: TSC_DEADLINE is never reported, KVM_CAP_TSC_DEADLINE_TIMER tells of it."""

from model.cpuid.kernel import CpuidC
from model.lang import Patch
from model.machine import Errno


class CpuidBefore(CpuidC):
    patch = Patch(
        title="KVM_GET_SUPPORTED_CPUID and KVM_CAP_X86_DISABLE_EXITS before the CPUID overhaul",
        note="X2APIC is always reported since 0d1de2d901f4; api.rst documents both as known problems",
    )

    def kvm_get_supported_cpuid_tsc_deadline(self) -> bool:
        return False

    def enable_KVM_CAP_X86_DISABLE_EXITS(self) -> None:
        self.errno = Errno.OK
