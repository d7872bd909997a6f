"""The header: index types, enums, records, scope, and prototypes of functions called across roles.

A system is one class per role, mixed: kernel (model/kvm), VMM (model/vmms), guest (model/guests), device
(model/devices.py). Every role derives from Machine, which declares what they share.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, TypeAlias

from model import lang
from model.lang import Design, Index, Label, Mask, Struct, Table

Cpu: TypeAlias = Annotated[int, Index("cpus")]
Pin: TypeAlias = Annotated[int, Index("pins")]
Vector: TypeAlias = Annotated[int, Index("vectors")]


class IoapicVersion(Enum):
    """Bits 7:0 of the I/O APIC's version register. Only 0x20 has the EOI register (offset 0x40)."""

    V11 = 0x11  # without an EOI register
    V20 = 0x20  # with an EOI register


class Trigger(Enum):
    EDGE = 0
    LEVEL = 1


class IrqchipMode(Enum):
    """kvm->arch.irqchip_mode. It is set once."""

    NONE = 0  # no interrupt controller in the kernel
    KERNEL = 1  # KVM_CREATE_IRQCHIP: LAPIC and I/O APIC in KVM
    SPLIT = 2  # KVM_CAP_SPLIT_IRQCHIP: LAPIC in KVM, I/O APIC in the VMM


class ApiFlags(Enum):
    """Bits 2 and 3 of KVM_CAP_X2APIC_API that the VMM asks for, or BIT3 for the one bit of KVM_CAP_SPLIT_IRQCHIP_API."""

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
    cpuid_x2apic: Annotated[bool, Label("CPUID X2APIC")]  # CPUID.1:ECX[21] of the guest, as set by KVM_SET_CPUID2
    lvr_directed_eoi: Annotated[bool, Label("LVR.24")]  # LVR bit 24: Suppress EOI Broadcast is offered
    spiv_enabled: Annotated[bool, Label("SPIV.8")]  # SPIV bit 8: software enable
    spiv_directed_eoi: Annotated[bool, Label("SPIV.12")]  # SPIV bit 12: the guest asks to suppress EOI broadcasts
    irr: Annotated[Mask[Vector], Label("IRR", drawn="bar")]
    isr: Annotated[Mask[Vector], Label("ISR", drawn="bar")]
    tmr: Annotated[Mask[Vector], Label("TMR")]
    ioapic_handled_vectors: Annotated[Mask[Vector], Label("handled vectors")]  # EOIs that KVM intercepts
    highest_stale_pending_ioapic_eoi: Annotated[Vector | None, Label("stale vector")]
    pending_ioapic_eoi: Annotated[Vector | None, Label("pending EOI", drawn="bar")]  # one slot, as in kvm_vcpu_arch
    req_ioapic_eoi_exit: Annotated[bool, Label("REQ_IOAPIC_EOI_EXIT", drawn="aside")]  # KVM_REQ_IOAPIC_EOI_EXIT
    req_scan_ioapic: Annotated[bool, Label("REQ_SCAN_IOAPIC", drawn="aside")]
    in_guest: Annotated[bool, Label("in guest", drawn="aside")]  # it executes guest code, else KVM's or the VMM's
    exit_ioapic_eoi: Annotated[Vector | None, Label("KVM_EXIT_IOAPIC_EOI")]  # returned to the VMM: run->eoi.vector


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
    remote_irr: Annotated[bool, Label("Remote IRR", drawn="bar")]  # a level interrupt was taken, and its EOI is to come
    irr: bool  # the input latch (one bit of IOAPICState.irr, or of kvm_ioapic.irr)
    irq_eoi: Annotated[int, Index(2)]  # EOIs in a row that found the line high (see throttle)


class Machine(Design):
    """What every role can see, and the functions that one role calls of another."""

    scope: Scope
    lane: ClassVar[str] = ""  # the column that a role has in a trace
    called: ClassVar[str | None] = ""  # its name in its family, if not the class's; None: designs are made of it
    on_request: ClassVar[str] = ""  # why it is not in the default matrix
    meets: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # role -> with whom alone it is in the default matrix
    lane_order: ClassVar[tuple[str, ...]] = ("CPU{cpu}", "KVM", "VMM", "device")
    api_flags: ClassVar[tuple[ApiFlags, ...]] = (ApiFlags.NONE,)  # worth trying (kernel), or known (VMM)
    flag_names: ClassVar[Mapping[ApiFlags, str]] = {}  # of a kernel: what it calls BIT2 and BIT3
    versions: ClassVar[tuple[IoapicVersion, ...]] = tuple(IoapicVersion)  # I/O APICs that a VMM can have
    formerly: ClassVar[Mapping[str, str]] = {"kvm_inject_irq": "kvm_check_and_inject_events"}  # steps in old stories
    default_roles: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # role (or property) -> what it is explored with
    # What a role promises; properties ask, so that they need not know the roles.
    withholds_eois: ClassVar[bool] = False  # a guest: it may leave an interrupt in service for ever
    drops_interrupts: ClassVar[bool] = False  # a guest: it takes pins away while their interrupts are outstanding
    sends_level_ipis: ClassVar[bool] = False  # a guest: level messages that no route sent; found, if it says nothing
    has_modes: ClassVar[bool] = False  # entries may have logical destinations, which are no vCPUs
    posts_interrupts: ClassVar[bool] = False  # a kernel: what is pending may stand in a PIR
    keeps_stale_vectors: ClassVar[bool] = True  # a kernel: from Linux 6.16 (87e4951e250b) on
    passes_ioapic_by: ClassVar[bool] = False  # a device: its messages do not go through the I/O APIC's pins
    has_ioapic: ClassVar[bool] = True  # a VMM: its guest sees an I/O APIC
    gets_eoi_exits: ClassVar[bool] = True  # a VMM: the I/O APIC is its own
    scope_defaults: ClassVar[Mapping[str, Any]] = {}  # of the scope, for systems with this role
    ioapic_lane: ClassVar[str] = "VMM"  # the column that the I/O APIC is drawn in

    irqchip_mode: Annotated[IrqchipMode, Label("irqchip", lane="KVM")]
    errno: Annotated[Errno, Label("errno", lane="KVM")]  # of the last ioctl
    apic: Annotated[Table[Cpu, Lapic], Label("CPU{0}", lane="KVM")]
    irq_routing: Annotated[Table[Pin, Route], Label("GSI {0} route", lane="KVM")]
    ioapic: Annotated[Table[Pin, RedirectionEntry], Label("pin {0}", lane="{design.ioapic_lane}")]
    delayed_ioapic_service: Annotated[bool, Label("delayed service armed", lane="{design.ioapic_lane}")]  # throttle
    raised: Annotated[Table[Pin, bool], Label("line {0}", lane="device", drawn="bar")]  # it wants service: its line

    def set_entry(self, rte: RedirectionEntry, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        """The fields of a redirection table entry that software writes."""
        rte.vector = vector
        rte.dest = dest
        rte.trigger = trigger
        rte.mask = mask

    def set_routing_entry(self, route: Route, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        route.valid = valid
        route.vector = vector
        route.dest = dest
        route.trigger = trigger

    def route_is_to(self, gsi: Pin, cpu: Cpu) -> bool:  # for properties: a message of this route may go to this vCPU
        return self.irq_routing[gsi].dest == cpu

    def entry_is_to(self, pin: Pin, cpu: Cpu) -> bool:  # for properties: so may one of this entry
        return self.ioapic[pin].dest == cpu

    def pin_sends(self, pin: Pin, cpu: Cpu, vector: Vector, trigger: Trigger) -> bool:  # for properties
        rte = self.ioapic[pin]
        if self.ioapic_in_kernel():
            return rte.vector == vector and rte.trigger == trigger and self.entry_is_to(pin, cpu)
        route = self.irq_routing[pin]
        return route.valid and route.vector == vector and route.trigger == trigger and self.route_is_to(pin, cpu)

    def pin_is_scanned(self, cpu: Cpu, vector: Vector) -> bool:  # for properties: a level pin sends it to this vCPU
        for pin, route in self.irq_routing.items():
            rte = self.ioapic[pin]
            if self.ioapic_in_kernel():
                found = rte.vector == vector and rte.trigger == Trigger.LEVEL and self.entry_is_to(pin, cpu)
            else:
                level = route.valid and route.trigger == Trigger.LEVEL
                found = route.vector == vector and level and self.route_is_to(pin, cpu)
            if found:
                return True
        return False

    def count_eoi(self, rte: RedirectionEntry) -> None:
        """One more EOI that found the line high. Without the throttle nobody counts, as if the count were never reached."""
        if self.scope.throttle:
            rte.irq_eoi = 1

    # --- kernel, called by the VMM and by guest instructions ---

    @abstractmethod
    def ioctl_KVM_CREATE_IRQCHIP(self) -> None: ...
    @abstractmethod
    def ioctl_KVM_SET_IRQCHIP2(self, version: IoapicVersion) -> None: ...
    @abstractmethod  # One GSI, with its errno.
    def ioctl_KVM_SET_GSI_ROUTING(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None: ...
    @abstractmethod
    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool: ...
    @abstractmethod
    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None: ...
    @abstractmethod
    def enable_KVM_CAP_SPLIT_IRQCHIP(self) -> None: ...
    @abstractmethod
    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, disable_suppression: bool) -> None: ...
    @abstractmethod
    def kvm_vm_ioctl_get_irqchip(self) -> None: ...  # KVM_GET_IRQCHIP.
    @abstractmethod  # KVM_SET_IRQCHIP.
    def kvm_vm_ioctl_set_irqchip(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None: ...
    @abstractmethod
    def kvm_vm_ioctl_irq_line(self, gsi: Pin, level: bool) -> None: ...  # KVM_IRQ_LINE, with its errno.
    @abstractmethod  # KVM_IRQ_LINE that cannot fail: a pin of the in-kernel I/O APIC, or with level 1 one message.
    def kvm_set_irq(self, gsi: Pin, level: bool) -> None: ...
    @abstractmethod
    def kvm_set_irq_routing(self) -> None: ...  # KVM_SET_GSI_ROUTING that cannot fail: irq_routing holds the new table.
    @abstractmethod
    def kvm_arch_vcpu_create(self, apic: Lapic) -> None: ...  # KVM_CREATE_VCPU.
    @abstractmethod  # KVM_SET_CPUID2 before the first KVM_RUN.
    def kvm_vcpu_after_set_cpuid(self, apic: Lapic, x2apic: bool) -> None: ...
    @abstractmethod
    def kvm_set_cpuid(self, cpu: Cpu, x2apic: bool) -> None: ...  # KVM_SET_CPUID2 at any time.
    @abstractmethod
    def kvm_vcpu_ioctl_set_lapic(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None: ...  # KVM_SET_LAPIC.
    @abstractmethod
    def kvm_lapic_reset(self, apic: Lapic) -> None: ...  # INIT or reset.
    @abstractmethod  # The guest writes SPIV.
    def kvm_lapic_reg_write_spiv(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None: ...
    @abstractmethod
    def apic_set_eoi(self, apic: Lapic) -> None: ...  # The guest writes the LAPIC's EOI register.
    @abstractmethod  # A message reaches the local APIC: from an I/O APIC pin, or edge-triggered from a guest's IPI.
    def apic_accept_irq(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None: ...
    @abstractmethod  # The guest writes an entry of the in-kernel I/O APIC.
    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None: ...
    @abstractmethod  # The guest writes offset 0x40 of the in-kernel I/O APIC.
    def kvm_ioapic_write_eoi(self, vector: Vector) -> None: ...
    @abstractmethod
    def kvm_ioapic_version(self) -> IoapicVersion: ...  # Version register of the in-kernel I/O APIC.
    @abstractmethod  # Nothing is under way that takes less than the 10 ms of the throttle against interrupt storms.
    def ten_milliseconds_pass(self) -> bool: ...

    # --- kernel, from one of its files to another ---

    @abstractmethod
    def irqchip_in_kernel(self) -> bool: ...  # An irqchip was chosen.
    @abstractmethod
    def irqchip_split(self) -> bool: ...  # It was KVM_CAP_SPLIT_IRQCHIP.
    @abstractmethod
    def ioapic_in_kernel(self) -> bool: ...  # It was KVM_CREATE_IRQCHIP.
    @abstractmethod
    def lapic_in_kernel(self) -> bool: ...  # The vCPU has a LAPIC.
    @abstractmethod
    def any_vcpu_created(self) -> bool: ...
    @abstractmethod
    def kvm_make_request_scan_ioapic(self, apic: Lapic) -> None: ...
    @abstractmethod
    def kvm_make_request_ioapic_eoi_exit(self, apic: Lapic) -> None: ...
    @abstractmethod
    def kvm_make_scan_ioapic_request(self) -> None: ...
    @abstractmethod
    def kvm_make_scan_ioapic_request_mask(self, old_dest: Cpu, dest: Cpu) -> None: ...
    @abstractmethod
    def kvm_scan_ioapic_irq(self, cpu: Cpu, apic: Lapic, dest: Cpu, vector: Vector) -> None: ...
    @abstractmethod
    def kvm_scan_ioapic_routes(self, cpu: Cpu, apic: Lapic) -> None: ...
    @abstractmethod
    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None: ...
    @abstractmethod
    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None: ...
    @abstractmethod
    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None: ...
    @abstractmethod
    def kvm_set_ioapic(
        self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None: ...
    @abstractmethod
    def kvm_apic_set_version(self, apic: Lapic) -> None: ...
    @abstractmethod
    def kvm_apic_set_state(self, apic: Lapic, enabled: bool, directed_eoi: bool) -> None: ...
    @abstractmethod  # The vector that the local APIC would deliver now.
    def kvm_apic_has_interrupt(self, apic: Lapic) -> Vector | None: ...
    @abstractmethod
    def kvm_apic_ack_interrupt(self, apic: Lapic, vector: Vector) -> None: ...
    @abstractmethod  # True if the vector is pending or in service, so that an EOI for it is still to come.
    def kvm_apic_pending_eoi(self, apic: Lapic, vector: Vector) -> bool: ...
    @abstractmethod  # An EOI of this vector is on its way to the I/O APIC, in a field of this design's own.
    def kvm_holds_eoi(self, vector: Vector) -> bool: ...

    # --- VMM, called by KVM, by devices, by guest MMIO ---

    @abstractmethod  # It was told of an EOI of this vector, and will tell its I/O APIC: a queue to another thread, say.
    def vmm_holds_eoi(self, vector: Vector) -> bool: ...
    @abstractmethod  # The VMM has called KVM_RUN on this vCPU. Simplified: that it entered the guest at once.
    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool: ...
    @abstractmethod
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None: ...  # The line of a pin changes.
    @abstractmethod  # The guest writes a redirection table entry.
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None: ...
    @abstractmethod  # The guest writes the high half of an entry: its destination.
    def ioapic_mem_write_rte_high(self, pin: Pin, dest: Cpu) -> None: ...
    @abstractmethod  # The guest writes offset 0x40, the EOI register of I/O APIC version 0x20.
    def ioapic_mem_write_eoi(self, vector: Vector) -> None: ...
    @abstractmethod
    def ioapic_version(self) -> IoapicVersion: ...  # What the version register reads.
    @abstractmethod
    def has_interrupt_remapping(self) -> bool: ...  # The machine has an IOMMU that remaps interrupts.
    @abstractmethod
    def has_resamplefds(self) -> bool: ...  # The VMM signals resampling eventfds when its I/O APIC hears an EOI.

    # --- guest, called by KVM when it injects, by devices, and by properties ---

    @abstractmethod
    def guest_can_take_interrupt(self, cpu: Cpu) -> bool: ...  # RFLAGS.IF and no handler in the way.
    @abstractmethod  # The CPU is not offline for good: what its LAPIC has pending or in service gets an EOI some time.
    def guest_uses_cpu(self, cpu: Cpu) -> bool: ...
    @abstractmethod
    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None: ...  # The CPU vectors through the guest's IDT.
    @abstractmethod  # The guest's driver has set up the pin, so the device may raise its line.
    def guest_uses_device(self, pin: Pin) -> bool: ...
    @abstractmethod  # The guest took the pin's interrupt and has not serviced the device yet.
    def guest_is_handling(self, pin: Pin) -> bool: ...
    @abstractmethod  # The guest EOIed its LAPIC with broadcasts suppressed, and means to EOI the I/O APIC itself.
    def guest_owes_directed_eoi(self, pin: Pin) -> bool: ...
    @abstractmethod  # The guest means to EOI the pin at the I/O APIC itself, suppressed or not.
    def guest_owes_ioapic_eoi(self, pin: Pin) -> bool: ...
    @abstractmethod  # The vector that a LAPIC gets from this pin: the entry's, or what the guest's remapping table says.
    def remapped_vector(self, pin: Pin) -> Vector: ...

    # --- device, called by the guest's driver ---

    @abstractmethod
    def device_trigger(self, pin: Pin) -> Trigger: ...  # How the device on a pin signals.
    @abstractmethod
    def device_service(self, pin: Pin) -> None: ...  # The driver clears the cause of the interrupt in the device.
    @abstractmethod
    def device_resample(self, pin: Pin) -> None: ...  # The VMM signals the pin's resampling eventfds, if there are any.
