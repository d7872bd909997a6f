"""The CPUID overhaul: TSC_DEADLINE is reported, and KVM_CAP_X86_DISABLE_EXITS is refused once a vCPU exists."""

from model.cpuid.designs.cpuid_before import CpuidBefore
from model.lang import Patch
from model.machine import Errno


class CpuidOverhaul(CpuidBefore):
    patch = Patch(
        title="KVM: x86: CPUID overhaul, fixes, and caching (v2 00/49)",
        author="Sean Christopherson",
        date="2024-05-17",
        msgid="20240517173926.965351-1-seanjc@google.com",
        base="cpuid_before",
        note="merged as 9be4ec35d668 (TSC_DEADLINE) and 04cd8f8628d8 (DISABLE_EXITS)",
    )

    def kvm_get_supported_cpuid_tsc_deadline(self) -> bool:
        return True

    def enable_KVM_CAP_X86_DISABLE_EXITS(self) -> None:
        self.errno = Errno.EINVAL if self.any_vcpu_created() else Errno.OK
