"""Live migration, -loadvm, and loadvm into a running VM: what a stream carries, and what is made anew around it.

Source and destination each have a QEMU (with the policy series or before it), a kernel (with the flags or before
them), a machine type, an I/O APIC version and a command line. One system holds both: `life` says where the VM is, and
with that which of them it has. An old kernel is the new one without its flags: with none set they do the same, which
tests/agree/test_migration.py checks.

The stream (hw/intc/ioapic_common.c: vmstate "ioapic"; KVM_GET_LAPIC): redirection entries with Remote IRR, the input
latches, the LAPICs' SPIV, IRR, ISR and TMR, and the series' section if it is needed. Not in it: the I/O APIC's
version, irq_eoi, the throttle's timer, KVM's routes, bitmaps and requests.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

from model.designs.v3 import V3
from model.designs.v6 import V6
from model.kvm import Kvm
from model.lang import Label, Table, require, step
from model.machine import ApiFlags, Cpu, Errno, IoapicVersion, Lapic, Machine, Scope, SuppressEoi
from model.vmms.qemu_vmstate import QemuVmstate


class Operation(Enum):
    """Assumed: what the source violates without any operation (STAY) is no fault of the operation."""

    STAY = 0
    MIGRATE = 1
    LOADVM_AT_START = 2  # a new process with -loadvm
    LOADVM_RUNNING = 3  # HMP or QMP loadvm in a VM that was powered on


class MachineType(Enum):
    """pc-i440fx-*, pc-q35-*: a QEMU before the series has no 10.2."""

    V10_1 = 101
    V10_2 = 102


class Life(Enum):
    """What became of the VM. Assumed: after a refusal management lets the source go on."""

    SOURCE = 0  # where it was powered on
    LOADED = 1  # on the destination, or restored
    REFUSED = 2  # an error, and nothing changed: it still is where it was
    LOST = 3  # an error after the running VM was reset, or an abort() in its process


@dataclass(frozen=True)
class MigrationScope(Scope):
    """The source has `ioapic`, `flags`, `machine`, ...; the destination what is said of it here."""

    cpus: int = 1
    pins: int = 1
    vectors: int = 1
    operation: Operation = Operation.MIGRATE
    machine: MachineType = MachineType.V10_1
    qemu_has_series: bool = True
    kernel_has_flags: bool = True
    to_machine: MachineType = MachineType.V10_1
    to_qemu_has_series: bool = True
    to_kernel_has_flags: bool = True
    to_ioapic: IoapicVersion = IoapicVersion.V20
    to_flags: ApiFlags = ApiFlags.NONE  # seoib-policy on the destination's command line
    gated: bool = False  # machine types before 10.2 keep the old behaviour
    property_at_init: bool = False  # seoib-policy is applied at start even if a stream is to come
    section: bool = True  # the stream carries the policy
    eoi_in_flight: bool = False  # a vCPU may be stopped between its EOI and the exit for it


class Hosts(Machine):
    """Which host the VM is on decides what its kernel and its QEMU are."""

    scope: MigrationScope

    life: Annotated[Life, Label("the VM is", lane="VMM")]
    # EOI broadcasts were suppressed when the VM was stopped; for properties only
    honoured: Annotated[Table[Cpu, bool], Label("CPU{0} was honoured", lane="VMM")]

    def kernel_has_flags(self) -> bool:
        return self.scope.to_kernel_has_flags if self.life == Life.LOADED else self.scope.kernel_has_flags

    @abstractmethod
    def to_kernel_has_flags(self) -> bool:
        """KVM_CHECK_EXTENSION on the destination: both flags are there."""

    @abstractmethod
    def kvm_create_vm(self) -> None:
        """KVM_CREATE_VM: a new struct kvm_arch."""

    @abstractmethod
    def suppression_honoured(self, apic: Lapic) -> bool:
        """An EOI of this vCPU is not broadcast."""


class HostKernel(Hosts, Kvm):
    """A kernel design, or the kernel before it: KVM_CAP_X2APIC_API then refuses bits 2 and 3."""

    def enable_KVM_CAP_X2APIC_API(self, bit2: bool, bit3: bool) -> None:
        if self.kernel_has_flags():
            super().enable_KVM_CAP_X2APIC_API(bit2, bit3)
        else:
            self.errno = Errno.EINVAL if bit2 or bit3 else Errno.OK

    def check_KVM_CAP_X2APIC_API(self, vm_fd: bool, bit3: bool) -> bool:
        return self.kernel_has_flags() and super().check_KVM_CAP_X2APIC_API(vm_fd, bit3)

    def to_kernel_has_flags(self) -> bool:
        bit2 = super().check_KVM_CAP_X2APIC_API(True, False)
        bit3 = super().check_KVM_CAP_X2APIC_API(True, True)
        return self.scope.to_kernel_has_flags and bit2 and bit3


class V6Host(HostKernel, V6):
    """The kernel of the hosts that have its flags; the others have the kernel before it."""

    def kvm_create_vm(self) -> None:
        self.suppress_eoi_broadcast_mode = SuppressEoi.QUIRKED

    def suppression_honoured(self, apic: Lapic) -> bool:
        return self.kvm_lapic_suppress_eoi_broadcast(apic)


class V3Host(HostKernel, V3):
    """The kernel of the hosts that have its flags; the others have the kernel before it."""

    def kvm_create_vm(self) -> None:
        self.suppress_eoi_broadcast_quirk_disabled = False
        self.suppress_eoi_broadcast_disabled = False

    def suppression_honoured(self, apic: Lapic) -> bool:
        return self.suppress_eoi_broadcast_quirk_disabled and apic.spiv_directed_eoi


class Migrating(Hosts, QemuVmstate):
    """QEMU's migration/savevm.c around one of the series' designs. At most one operation in the VM's life.

    Simplified: the machine is as small as can be (memory, disks and devices move without loss).
    """

    source: ClassVar[str] = "migration/savevm.c"

    # --- which host ---

    def is_loaded(self) -> bool:
        return self.life == Life.LOADED

    def ioapic_version(self) -> IoapicVersion:
        return self.scope.to_ioapic if self.is_loaded() else self.scope.ioapic

    def seoib_policy(self) -> ApiFlags:
        return self.scope.to_flags if self.is_loaded() else self.scope.flags

    def qemu_has_series(self) -> bool:
        return self.scope.to_qemu_has_series if self.is_loaded() else self.scope.qemu_has_series

    def runstate_inmigrate(self) -> bool:
        new_process = self.scope.operation != Operation.LOADVM_RUNNING
        return self.is_loaded() and new_process and not self.scope.property_at_init

    def x86_seoib_needed(self) -> bool:
        return self.qemu_has_series() and self.scope.section and super().x86_seoib_needed()

    def enable_capabilities(self) -> None:
        """A QEMU before the series, or a machine type that is kept out of it, sets no flags."""
        machine = self.scope.to_machine if self.is_loaded() else self.scope.machine
        if self.qemu_has_series() and not (self.scope.gated and machine == MachineType.V10_1):
            super().enable_capabilities()

    def nobody_asked(self) -> bool:
        """Neither command line has a seoib-policy."""
        return self.scope.flags == ApiFlags.NONE and self.scope.to_flags == ApiFlags.NONE

    # --- the operations ---

    @step(by="VMM")
    def migrate(self) -> None:
        """The source has stopped its vCPUs and sent everything; the destination loads it and goes on."""
        require(self.scope.operation == Operation.MIGRATE and self.vm_can_stop())
        self.qemu_loadvm_state(Life.REFUSED)

    @step(by="VMM")
    def loadvm_at_start(self) -> None:
        """savevm now, and a new process with -loadvm later."""
        require(self.scope.operation == Operation.LOADVM_AT_START and self.vm_can_stop())
        self.qemu_loadvm_state(Life.REFUSED)

    @step(by="VMM")
    def hmp_loadvm(self) -> None:
        """savevm now, and loadvm later in a VM that was powered on with the destination's command line.

        load_snapshot() reverts the disks and resets the machine before it reads the stream. Simplified: KVM requests
        and routes that the running VM leaves behind are gone (they could only cause an EOI exit too many).
        """
        require(self.scope.operation == Operation.LOADVM_RUNNING and self.vm_can_stop())
        self.qemu_loadvm_state(Life.LOST)

    def vm_can_stop(self) -> bool:
        """kvm_cpu_exec() handles an exit before its vCPU thread stops. A signal makes KVM_RUN return before requests
        are served (vcpu_run(): signals are tested after an exit from the guest, requests before the next entry)."""
        handled = all(apic.exit_ioapic_eoi is None for apic in self.apic.values())
        served = not any(apic.req_ioapic_eoi_exit for apic in self.apic.values())
        return self.life == Life.SOURCE and handled and (served or self.scope.eoi_in_flight)

    def stream_is_refused(self) -> bool:
        """configuration_post_load() compares machine types; an unknown section is an error; x86_seoib_post_load()
        aborts without the flags. Nothing compares I/O APIC versions, or tells of a section that is not there.

        Assumed: KVM_CHECK_EXTENSION on the destination tells now what x86_seoib_post_load() will find then.
        """
        section = self.x86_seoib_needed()
        other_machine = self.scope.machine != self.scope.to_machine
        return other_machine or (section and not (self.scope.to_qemu_has_series and self.to_kernel_has_flags()))

    def qemu_loadvm_state(self, refused: Life) -> None:
        """A new VM, powered on as the destination's command line says, with the stream loaded into it."""
        if self.stream_is_refused():
            self.life = refused
            return
        section = self.x86_seoib_needed()
        state = self.kvm_lapic_seoib_state
        for cpu, apic in self.apic.items():
            self.honoured[cpu] = self.suppression_honoured(apic)
        self.life = Life.LOADED
        self.kvm_create_vm()
        self.x86_machine_init()
        self.enable_capabilities()
        if section:
            self.kvm_lapic_seoib_state = state
            self.x86_seoib_post_load()
            if self.errno != Errno.OK:
                self.life = Life.LOST
        self.ioapic_post_load()
        self.kvm_arch_put_registers()

    def ioapic_post_load(self) -> None:
        """Fresh KVM routes: those of unmasked pins only."""
        self.delayed_ioapic_service = False
        for pin, rte in self.ioapic.items():
            rte.irq_eoi = 0
            self.irq_routing[pin].valid = False
        for pin in self.ioapic:
            self.ioapic_update_kvm_routes(pin)

    def kvm_arch_put_registers(self) -> None:
        """KVM_SET_LAPIC in new vCPUs: IRR, ISR, TMR and SPIV as they were, LVR as this VM computes it."""
        for apic in self.apic.values():
            apic.ioapic_handled_vectors.clear()
            apic.highest_stale_pending_ioapic_eoi = None
            apic.pending_ioapic_eoi = None
            apic.req_ioapic_eoi_exit = False
            self.kvm_vcpu_ioctl_set_lapic(apic, apic.spiv_enabled, apic.spiv_directed_eoi)
