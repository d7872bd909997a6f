"""The header: index types, enums, records, scope, and prototypes of functions called across roles.

A system is one class per role, mixed: kernel (model/kvm), VMM (model/vmms), guest (model/guests), device
(model/devices.py). Every role derives from Machine, which declares what they share.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar, TypeAlias

from model import lang
from model.lang import Design, Index, Mask, Struct, Table

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]
Vector: TypeAlias = Annotated[int, Index("vectors")]


class IoapicVersion(Enum):
    """Bits 7:0 of the I/O APIC's version register. Only 0x20 has the EOI register (offset 0x40)."""

    V11 = 0x11
    V20 = 0x20


class Trigger(Enum):
    EDGE = 0
    LEVEL = 1


class IrqchipMode(Enum):
    """kvm->arch.irqchip_mode. It is set once."""

    NONE = 0  # no interrupt controller in the kernel
    KERNEL = 1  # KVM_CREATE_IRQCHIP: LAPIC and I/O APIC in KVM
    SPLIT = 2  # KVM_CAP_SPLIT_IRQCHIP: LAPIC in KVM, I/O APIC in the VMM


class ApiFlags(Enum):
    """Bits 2 and 3 of KVM_CAP_X2APIC_API that the VMM asks for; what they mean depends on the kernel design.

    BIT3 is also the wish for the one bit of KVM_CAP_SPLIT_IRQCHIP_API, where a kernel has that instead.
    """

    NONE = 0
    BIT2 = 4
    BIT3 = 8
    BOTH = 12


class SuppressEoi(Enum):
    """kvm->arch.suppress_eoi_broadcast_mode of the later designs."""

    QUIRKED = 0
    ENABLED = 1
    DISABLED = 2


class Errno(Enum):
    """What the last ioctl returned."""

    OK = 0
    ENXIO = 6
    EBUSY = 16
    EEXIST = 17
    EINVAL = 22
    ENOTTY = 25


@dataclass(frozen=True)
class Scope(lang.Scope):
    """Sizes, and the choices that userspace made before the guest started."""

    cpus: int = 2
    pins: int = 2
    vectors: int = 2
    ioapic: IoapicVersion = IoapicVersion.V20
    x2apic: bool = True  # CPUID.1:ECX[21] as given to KVM_SET_CPUID2
    flags: ApiFlags = ApiFlags.NONE  # for KVM_CAP_X2APIC_API or _SPLIT_IRQCHIP_API, by VMMs that know them
    throttle: bool = False  # QEMU's storm throttle: see model/vmms/qemu.py


class Lapic(Struct):
    """A vCPU's local APIC (struct kvm_lapic), with the fields of kvm_vcpu_arch and kvm_run that its EOI needs.

    Simplified: vectors are numbered by priority, one vector to a priority class, TPR 0.
    """

    created: bool  # KVM_CREATE_VCPU has run
    cpuid_x2apic: bool  # CPUID.1:ECX[21] of the guest, as set by KVM_SET_CPUID2
    lvr_directed_eoi: bool  # LVR bit 24: Suppress EOI Broadcast is offered
    spiv_enabled: bool  # SPIV bit 8: software enable
    spiv_directed_eoi: bool  # SPIV bit 12: the guest asks to suppress EOI broadcasts
    irr: Mask[Vector]
    isr: Mask[Vector]
    tmr: Mask[Vector]
    ioapic_handled_vectors: Mask[Vector]  # EOIs that KVM intercepts for an I/O APIC
    highest_stale_pending_ioapic_eoi: Vector | None
    pending_ioapic_eoi: Vector | None  # one slot, as in kvm_vcpu_arch
    req_ioapic_eoi_exit: bool  # KVM_REQ_IOAPIC_EOI_EXIT
    req_scan_ioapic: bool  # KVM_REQ_SCAN_IOAPIC
    in_guest: bool  # the vCPU executes guest code; otherwise it is in KVM or in the VMM
    exit_ioapic_eoi: Vector | None  # KVM_EXIT_IOAPIC_EOI returned to the VMM: run->eoi.vector


class Route(Struct):
    """A KVM MSI route (KVM_SET_GSI_ROUTING) of one GSI; GSI p belongs to I/O APIC pin p."""

    valid: bool
    vector: Vector
    dest: Cpu
    trigger: Trigger


class RedirectionEntry(Struct):
    """A pin of the I/O APIC, in the VMM or in KVM: its redirection table entry and its input latch.

    Simplified: fixed delivery, physical destination; one write sets the whole entry, but for a guest that only moves it.
    """

    vector: Vector
    dest: Cpu
    trigger: Trigger
    mask: bool = True
    remote_irr: bool
    irr: bool  # the input latch (one bit of IOAPICState.irr, or of kvm_ioapic.irr)
    irq_eoi: Annotated[int, Index(2)]  # EOIs in a row that found the line high (see throttle)


class Machine(Design):
    """What every role can see, and the functions that one role calls of another."""

    scope: Scope
    lane: ClassVar[str] = ""  # the column that a role has in a trace
    lane_order: ClassVar[tuple[str, ...]] = ("CPU{cpu}", "KVM", "VMM", "device")
    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.NONE,)  # worth trying (kernel), or known (VMM)
    flag_names: ClassVar[Mapping[ApiFlags, str]] = {}  # of a kernel: what it calls BIT2 and BIT3
    versions: ClassVar[tuple[IoapicVersion, ...]] = tuple(IoapicVersion)  # I/O APICs that a VMM can have
    default_roles: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # role (or property) -> what it is explored with
    labels: ClassVar[dict[str, tuple[str, str]]] = {
        "irqchip_mode": ("KVM", "irqchip"), "errno": ("KVM", "errno"), "apic[].created": ("KVM", "CPU{0} created"),
        "apic[].in_guest": ("KVM", "CPU{0} in guest"), "apic[].cpuid_x2apic": ("KVM", "CPU{0} CPUID X2APIC"),
        "apic[].lvr_directed_eoi": ("KVM", "CPU{0} LVR.24"), "apic[].spiv_enabled": ("KVM", "CPU{0} SPIV.8"),
        "apic[].spiv_directed_eoi": ("KVM", "CPU{0} SPIV.12"), "apic[].irr": ("KVM", "CPU{0} IRR"),
        "apic[].isr": ("KVM", "CPU{0} ISR"), "apic[].tmr": ("KVM", "CPU{0} TMR"),
        "apic[].ioapic_handled_vectors": ("KVM", "CPU{0} handled vectors"),
        "apic[].highest_stale_pending_ioapic_eoi": ("KVM", "CPU{0} stale vector"),
        "apic[].pending_ioapic_eoi": ("KVM", "CPU{0} pending EOI"),
        "apic[].req_ioapic_eoi_exit": ("KVM", "CPU{0} REQ_IOAPIC_EOI_EXIT"),
        "apic[].req_scan_ioapic": ("KVM", "CPU{0} REQ_SCAN_IOAPIC"),
        "apic[].exit_ioapic_eoi": ("KVM", "CPU{0} KVM_EXIT_IOAPIC_EOI"),
        "irq_routing[].valid": ("KVM", "GSI {0} route valid"), "irq_routing[].vector": ("KVM", "GSI {0} route vector"),
        "irq_routing[].dest": ("KVM", "GSI {0} route dest"), "irq_routing[].trigger": ("KVM", "GSI {0} route trigger"),
        "ioapic[].vector": ("VMM", "pin {0} vector"), "ioapic[].dest": ("VMM", "pin {0} dest"),
        "ioapic[].trigger": ("VMM", "pin {0} trigger"), "ioapic[].mask": ("VMM", "pin {0} mask"),
        "ioapic[].remote_irr": ("VMM", "pin {0} Remote IRR"), "ioapic[].irr": ("VMM", "pin {0} irr"),
        "ioapic[].irq_eoi": ("VMM", "pin {0} irq_eoi"), "delayed_ioapic_service": ("VMM", "delayed service armed"),
        "raised[]": ("device", "line {0}"),
    }  # fmt: skip

    irqchip_mode: IrqchipMode
    errno: Errno  # of the last ioctl
    apic: Table[Cpu, Lapic]
    irq_routing: Table[Pin, Route]
    ioapic: Table[Pin, RedirectionEntry]
    delayed_ioapic_service: bool  # the I/O APIC's 10 ms timer that re-delivers after a storm
    raised: Table[Pin, bool]  # the device wants service; for a level device this is its line

    # --- kernel, called by the VMM and by guest instructions ---

    @abstractmethod
    def lapic_in_kernel(self) -> bool:
        """An irqchip was chosen."""

    @abstractmethod
    def ioapic_in_kernel(self) -> bool:
        """It was KVM_CREATE_IRQCHIP."""

    @abstractmethod
    def kvm_arch_vm_ioctl_create_irqchip(self) -> None:
        """KVM_CREATE_IRQCHIP."""

    @abstractmethod
    def kvm_enable_cap_split_irqchip(self) -> None:
        """KVM_CAP_SPLIT_IRQCHIP."""

    @abstractmethod
    def kvm_enable_cap_x2apic_api(self, bit2: bool, bit3: bool) -> None:
        """KVM_CAP_X2APIC_API."""

    @abstractmethod
    def kvm_check_extension_x2apic_api(self, vm_fd: bool, bit3: bool) -> bool:
        """KVM_CHECK_EXTENSION(KVM_CAP_X2APIC_API)."""

    @abstractmethod
    def kvm_enable_cap_split_irqchip_api(self, disable_suppression: bool) -> None:
        """KVM_CAP_SPLIT_IRQCHIP_API."""

    @abstractmethod
    def kvm_vm_ioctl_get_irqchip(self) -> None:
        """KVM_GET_IRQCHIP and KVM_SET_IRQCHIP."""

    @abstractmethod
    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        """What KVM_SET_IRQCHIP stores."""

    @abstractmethod
    def kvm_vm_ioctl_set_irqchip2(self, version: IoapicVersion) -> None:
        """KVM_SET_IRQCHIP2."""

    @abstractmethod
    def kvm_vm_ioctl_set_gsi_routing(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        """KVM_SET_GSI_ROUTING, one GSI, with its errno."""

    @abstractmethod
    def kvm_vm_ioctl_irq_line(self, gsi: Pin, level: bool) -> None:
        """KVM_IRQ_LINE."""

    @abstractmethod
    def kvm_arch_vcpu_create(self, apic: Lapic) -> None:
        """KVM_CREATE_VCPU."""

    @abstractmethod
    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None:
        """KVM_SET_CPUID2 before the first KVM_RUN."""

    @abstractmethod
    def kvm_set_cpuid(self, cpu: Cpu, x2apic: bool) -> None:
        """KVM_SET_CPUID2 at any time."""

    @abstractmethod
    def kvm_vcpu_ioctl_set_lapic(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """KVM_SET_LAPIC."""

    @abstractmethod
    def kvm_lapic_reset(self, apic: Lapic) -> None:
        """INIT or reset."""

    @abstractmethod
    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """KVM_IRQ_LINE on a pin of the in-kernel I/O APIC."""

    @abstractmethod
    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """The guest writes an entry of the in-kernel I/O APIC."""

    @abstractmethod
    def kvm_ioapic_write_eoi(self, vector: Vector) -> None:
        """The guest writes offset 0x40 of the in-kernel I/O APIC."""

    @abstractmethod
    def kvm_ioapic_version(self) -> IoapicVersion:
        """Version register of the in-kernel I/O APIC."""

    @abstractmethod
    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:
        """A message reaches the local APIC: from an I/O APIC pin, or edge-triggered from a guest's IPI."""

    @abstractmethod
    def kvm_set_irq(self, gsi: Pin) -> None:
        """KVM_IRQ_LINE with level 1 on an MSI route: one message to the route's destination."""

    @abstractmethod
    def kvm_set_irq_routing(self) -> None:
        """KVM_SET_GSI_ROUTING: irq_routing holds the new table; vCPUs must rescan."""

    @abstractmethod
    def kvm_lapic_reg_write_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """The guest writes SPIV."""

    @abstractmethod
    def apic_set_eoi(self, apic: Lapic) -> None:
        """The guest writes the LAPIC's EOI register."""

    @abstractmethod
    def kvm_apic_has_interrupt(self, apic: Lapic) -> Vector | None:
        """The vector that the local APIC would deliver now."""

    @abstractmethod
    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool:
        """True if the vector is pending or in service, so that an EOI for it is still to come."""

    @abstractmethod
    def ten_milliseconds_pass(self) -> bool:
        """Nothing is under way that takes less than the 10 ms of the throttle against interrupt storms."""

    # --- VMM, called by KVM, by devices, by guest MMIO ---

    @abstractmethod
    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        """The VMM has called KVM_RUN on this vCPU. Simplified: that it entered the guest at once."""

    @abstractmethod
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        """The line of a pin changes."""

    @abstractmethod
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """The guest writes a redirection table entry."""

    @abstractmethod
    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None:
        """The guest writes the high half of an entry: its destination."""

    @abstractmethod
    def ioapic_mem_write_eoi(self, vector: Vector) -> None:
        """The guest writes offset 0x40, the EOI register of I/O APIC version 0x20."""

    @abstractmethod
    def ioapic_version(self) -> IoapicVersion:
        """What the version register reads."""

    @abstractmethod
    def has_interrupt_remapping(self) -> bool:
        """The machine has an IOMMU that remaps interrupts."""

    @abstractmethod
    def has_resamplefds(self) -> bool:
        """The VMM signals resampling eventfds when its I/O APIC hears an EOI."""

    # --- guest, called by KVM when it injects, by devices, and by properties ---

    @abstractmethod
    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        """RFLAGS.IF and no handler in the way."""

    @abstractmethod
    def guest_uses_cpu(self, cpu: Cpu) -> bool:
        """The CPU is not offline for good: what its LAPIC has pending or in service gets an EOI some time."""

    @abstractmethod
    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        """The CPU vectors through the guest's IDT."""

    @abstractmethod
    def guest_uses_device(self, pin: Pin) -> bool:
        """The guest's driver has set up the pin, so the device may raise its line."""

    @abstractmethod
    def guest_is_handling(self, pin: Pin) -> bool:
        """The guest took the pin's interrupt and has not serviced the device yet."""

    @abstractmethod
    def guest_owes_directed_eoi(self, pin: Pin) -> bool:
        """The guest EOIed its LAPIC with broadcasts suppressed, and means to EOI the I/O APIC itself."""

    @abstractmethod
    def guest_owes_ioapic_eoi(self, pin: Pin) -> bool:
        """The guest means to EOI the pin at the I/O APIC itself, suppressed or not."""

    @abstractmethod
    def remapped_vector(self, pin: Pin) -> Vector:
        """The vector that a LAPIC gets from this pin: the entry's, or what the guest's remapping table says."""

    # --- device, called by the guest's driver ---

    @abstractmethod
    def device_trigger(self, pin: Pin) -> Trigger:
        """How the device on a pin signals."""

    @abstractmethod
    def device_service(self, pin: Pin) -> None:
        """The driver clears the cause of the interrupt in the device."""

    @abstractmethod
    def device_resample(self, pin: Pin) -> None:
        """The VMM signals the pin's resampling eventfds, if there are any."""
