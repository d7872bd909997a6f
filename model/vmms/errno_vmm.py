"""The ioctls of the set-up, each once with every outcome: it remembers which was the last, so that errnos can be asked of."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, ClassVar

from model.lang import Label, require, step
from model.machine import ApiFlags, Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.vmm import Vmm


class Ioctl(Enum):
    """What the VMM asked last. Where an argument decides, it is in the name; where there are several, one at a time is set."""

    NONE = 0
    CREATE_IRQCHIP = 1
    SPLIT_IRQCHIP = 2
    X2APIC_API = 3
    X2APIC_API_WITH_FLAGS = 4
    SPLIT_IRQCHIP_API = 5
    CREATE_VCPU = 6
    SET_CPUID2 = 7
    SET_CPUID2_X2APIC = 8
    SET_LAPIC_ENABLED = 9
    SET_LAPIC_DIRECTED_EOI = 10
    GET_IRQCHIP = 11
    SET_IRQCHIP_MASKED = 12
    SET_IRQCHIP_REMOTE_IRR = 13
    SET_IRQCHIP_IRR = 14
    SET_IRQCHIP2 = 15
    SET_GSI_ROUTING = 16
    IRQ_LINE = 17
    RUN = 18
    SET_IRQCHIP_EDGE = 19


class ErrnoVmm(Vmm):
    """vCPU 0 is made, and no other; GSI 0 gets a route, and no other. So "any" is not "all", and "0" not "whichever".

    Simplified: after KVM_RUN only KVM_SET_CPUID2 is tried, and one KVM_SET_IRQCHIP, which asks a vCPU that has scanned to scan
    again: what the others do does not depend on it.
    """

    scope_defaults: ClassVar[dict[str, int]] = {"cpus": 2, "pins": 2, "vectors": 2}
    ioapic_lane: ClassVar[str] = "KVM"
    on_request = "made for KVM's errnos"
    asked_of_kernels: ClassVar[bool] = True
    sets_remote_irr: ClassVar[bool] = True
    has_ioapic: ClassVar[bool] = False
    versions: ClassVar[tuple[IoapicVersion, ...]] = (IoapicVersion.V11,)

    asked: Annotated[Ioctl, Label("asked for")]
    has_run: Annotated[bool, Label("CPU0 has run")]

    def initial(self) -> None:
        """Nothing is set up yet."""

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return cpu == 0 and self.has_run

    @step(by="VMM")
    def ioctl_create_irqchip(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.CREATE_IRQCHIP
        self.ioctl_KVM_CREATE_IRQCHIP()

    @step(by="VMM")
    def ioctl_enable_cap_split_irqchip(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.SPLIT_IRQCHIP
        self.enable_KVM_CAP_SPLIT_IRQCHIP()

    @step(by="VMM")
    def ioctl_enable_cap_x2apic_api(self, flags: ApiFlags) -> None:
        require(not self.has_run)
        self.asked = Ioctl.X2APIC_API if flags == ApiFlags.NONE else Ioctl.X2APIC_API_WITH_FLAGS
        self.enable_KVM_CAP_X2APIC_API(flags in (ApiFlags.BIT2, ApiFlags.BOTH), flags in (ApiFlags.BIT3, ApiFlags.BOTH))

    @step(by="VMM")
    def ioctl_enable_cap_split_irqchip_api(self) -> None:
        """The proposal of 3 October; most kernels do not know it."""
        require(not self.has_run)
        self.asked = Ioctl.SPLIT_IRQCHIP_API
        self.enable_KVM_CAP_SPLIT_IRQCHIP_API(True)

    @step(by="VMM")
    def ioctl_create_vcpu(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.CREATE_VCPU
        self.kvm_arch_vcpu_create(self.apic[0])

    @step(by="VMM")
    def ioctl_set_cpuid2(self, x2apic: bool) -> None:
        require(self.apic[0].created)
        self.asked = Ioctl.SET_CPUID2_X2APIC if x2apic else Ioctl.SET_CPUID2
        self.apic[0].in_guest = False
        self.kvm_set_cpuid(0, x2apic)

    @step(by="VMM")
    def ioctl_set_lapic(self, directed_eoi: bool) -> None:
        """SPIV with bit 12, or with bit 8."""
        require(self.apic[0].created and not self.has_run)
        self.asked = Ioctl.SET_LAPIC_DIRECTED_EOI if directed_eoi else Ioctl.SET_LAPIC_ENABLED
        self.kvm_vcpu_ioctl_set_lapic(self.apic[0], not directed_eoi, directed_eoi)

    @step(by="VMM")
    def ioctl_get_irqchip(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.GET_IRQCHIP
        self.kvm_vm_ioctl_get_irqchip()

    def writes_irqchip(self) -> bool:
        """The last ioctl was KVM_SET_IRQCHIP."""
        return self.asked in (
            Ioctl.SET_IRQCHIP_MASKED, Ioctl.SET_IRQCHIP_REMOTE_IRR, Ioctl.SET_IRQCHIP_IRR, Ioctl.SET_IRQCHIP_EDGE
        )  # fmt: skip

    @step(by="VMM")
    def ioctl_set_irqchip_masked(self) -> None:
        self.asked = Ioctl.SET_IRQCHIP_MASKED
        self.kvm_vm_ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, True, False, False)

    @step(by="VMM")
    def ioctl_set_irqchip_remote_irr(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.SET_IRQCHIP_REMOTE_IRR
        self.kvm_vm_ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, False, True, False)

    @step(by="VMM")
    def ioctl_set_irqchip_irr(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.SET_IRQCHIP_IRR
        self.kvm_vm_ioctl_set_irqchip(0, 0, 0, Trigger.LEVEL, False, False, True)

    @step(by="VMM")
    def ioctl_set_irqchip_edge(self) -> None:
        """An edge entry with Remote IRR, as no chip has it: its latch is sent all the same."""
        require(not self.has_run)
        self.asked = Ioctl.SET_IRQCHIP_EDGE
        self.kvm_vm_ioctl_set_irqchip(0, 0, 0, Trigger.EDGE, False, True, True)

    @step(by="VMM")
    def ioctl_set_irqchip2(self) -> None:
        """Another proposal."""
        require(not self.has_run)
        self.asked = Ioctl.SET_IRQCHIP2
        self.ioctl_KVM_SET_IRQCHIP2(IoapicVersion.V11)

    @step(by="VMM")
    def ioctl_set_gsi_routing(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.SET_GSI_ROUTING
        self.ioctl_KVM_SET_GSI_ROUTING(0, True, 0, 0, Trigger.LEVEL)

    @step(by="VMM")
    def ioctl_irq_line(self) -> None:
        require(not self.has_run)
        self.asked = Ioctl.IRQ_LINE
        self.kvm_vm_ioctl_irq_line(0, True)

    @step(by="VMM")
    def ioctl_run(self) -> None:
        """The first KVM_RUN; model/kvm/x86.py repeats it."""
        require(self.apic[0].created and not self.has_run and not self.apic[0].irr)
        self.asked = Ioctl.RUN
        self.has_run = True

    def ioapic_version(self) -> IoapicVersion:
        return IoapicVersion.V11

    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """No device is connected."""

    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        """There is nothing to EOI."""

    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """The guest writes to its LAPIC only."""

    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """The guest writes to its LAPIC only."""
