"""The kernel role as the running KVM plays it: what each entry of the model is in ioctls, and what can be seen.

Model pin p is pin and GSI 16+p (below 16 the PIC listens, too); vector v is 0x31 + 0x10*v, one to a priority class.
Not observable, hence not compared: H (ioapic_handled_vectors) and the pending requests, which show in the exits of
later steps; in_guest; and the routes, which KVM does not give back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from model.lang import Design
from model.machine import IrqchipMode, Trigger
from oracles.kvm import abi
from oracles.kvm.differences import DIFFERENCES
from oracles.kvm.throttle import Throttle
from oracles.kvm.view import ERRNO_CODES, FIRST_PIN, UNKNOWN, KvmView, bits256, real_vector, spiv
from oracles.kvm.vm import Vm, check_extension, description
from oracles.lockstep import Observed, OracleDied, row_of

MAX_VECTORS, MAX_PINS, MAX_CPUS = 12, abi.IOAPIC_PINS - FIRST_PIN, 64


class LiveKvmSystem:
    """A RealSystem: one VM at a time."""

    tail_calls = ("guest_interrupt",)
    compares_start = True
    differences = DIFFERENCES

    def __init__(self) -> None:
        """Raises OracleMissing with the reason."""
        self.title = description()
        self.entries = tuple(ENTRIES)
        self.vm: Vm | None = None
        self.errno = 0
        self.mode = IrqchipMode.NONE
        self.exits: dict[int, int] = {}  # vCPU -> how its last KVM_RUN ended, if the last entry made it run
        self.throttle = Throttle()

    def start(self, system: Design) -> None:
        self.close()
        sizes = system.scope.sizes()
        assert sizes["vectors"] <= MAX_VECTORS and sizes["pins"] <= MAX_PINS and sizes["cpus"] <= MAX_CPUS, sizes
        self.vm = Vm()
        self.errno = 0
        self.mode = IrqchipMode.NONE
        self.exits = {}
        self.throttle = Throttle()
        self.view = KvmView(sizes["cpus"], sizes["pins"], sizes["vectors"], check_extension(abi.CAP_X2APIC_API))

    def close(self) -> None:
        """Lines go low first where the throttle's work is armed: kernels before mid-2026 free vCPUs and then let it send."""
        vm, self.vm = self.vm, None
        if vm is None:
            return
        if self.throttle.armed is not None:
            for pin in range(FIRST_PIN, abi.IOAPIC_PINS):
                vm.call(abi.IRQ_LINE, abi.irq_level(pin, False))
        vm.close()

    def not_runnable(self, entry: str, system: Any, args: Sequence[Any]) -> str | None:
        vm = self.live
        if system.scope.sizes()["vectors"] > MAX_VECTORS:
            return f"there are {MAX_VECTORS} priority classes"
        if (
            entry == "kvm_set_cpuid"
            and args[0] in vm.vcpus
            and vm.vcpus[args[0]].ran != system.kvm_vcpu_has_run(args[0])
        ):
            return "the model takes the first KVM_RUN to be the call, not the entry into the guest"
        if entry in ("kvm_lapic_reg_write_spiv", "apic_set_eoi") and row_of(system.apic, args[0]) not in vm.vcpus:
            return "the vCPU does not exist"
        return None

    @property
    def live(self) -> Vm:
        assert self.vm is not None, "start() first"
        return self.vm

    def perform(self, entry: str, system: Any, args: Sequence[Any]) -> None:
        self.exits = {}
        try:
            ENTRIES[entry](self, system, *args)
        except OSError as error:
            raise OracleDied(f"{entry}: {error}") from None
        if system.scope.throttle:
            self.throttle.note(system)

    # --- what the entries are ---

    def _errno_of(self, function: Callable[..., Any], *args: Any) -> None:
        """An ioctl whose errno the model knows, too."""
        try:
            function(*args)
            self.errno = 0
        except OSError as error:
            self.errno = ERRNO_CODES.get(error.errno or 0, UNKNOWN + (error.errno or 0))

    def create_irqchip(self, system: Any) -> None:
        self._errno_of(self.live.call, abi.CREATE_IRQCHIP)
        self.mode = self.live.irqchip_mode()

    def enable_split_irqchip(self, system: Any) -> None:
        cap = abi.enable_cap(abi.CAP_SPLIT_IRQCHIP, abi.IOAPIC_PINS)
        self._errno_of(self.live.call, abi.ENABLE_CAP, cap)
        self.mode = self.live.irqchip_mode()

    def enable_x2apic_api(self, system: Any, bit2: bool, bit3: bool) -> None:
        enable, disable = abi.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, abi.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST
        flags = enable * bit2 | disable * bit3
        self._errno_of(self.live.call, abi.ENABLE_CAP, abi.enable_cap(abi.CAP_X2APIC_API, flags))

    def enable_split_irqchip_api(self, system: Any, disable_suppression: bool) -> None:
        cap = abi.enable_cap(abi.CAP_SPLIT_IRQCHIP_API, int(disable_suppression))
        self._errno_of(self.live.call, abi.ENABLE_CAP, cap)

    def set_irqchip2(self, system: Any, version: Any) -> None:
        self._errno_of(self.live.call, abi.SET_IRQCHIP2, bytes(520))

    def create_vcpu(self, system: Any, apic: Any) -> None:
        """In-kernel irqchip: the helper for guest MMIO comes with the first vCPU, whose creation makes all scan."""
        vm, number = self.live, row_of(system.apic, apic)
        if self.mode == IrqchipMode.KERNEL and vm.helper is None:
            vm.create_helper()
        if number in vm.vcpus:
            self._errno_of(vm.call, abi.CREATE_VCPU, number)
        else:
            self._errno_of(vm.create_vcpu, number, self.mode != IrqchipMode.NONE)

    def set_cpuid(self, system: Any, cpu: int, x2apic: bool) -> None:
        self._errno_of(self.live.vcpus[cpu].set_cpuid, x2apic)

    def first_cpuid(self, system: Any, apic: Any, x2apic: bool) -> None:
        self.set_cpuid(system, row_of(system.apic, apic), x2apic)

    def set_lapic(self, system: Any, apic: Any, enabled: bool, directed_eoi: bool) -> None:
        self._errno_of(self._set_spiv_by_image, row_of(system.apic, apic), enabled, directed_eoi)

    def _set_spiv_by_image(self, cpu: int, enabled: bool, directed_eoi: bool) -> None:
        vcpu = self.live.vcpus[cpu]
        page = vcpu.get_lapic()
        struct.pack_into("<I", page, abi.LAPIC_SPIV, spiv(enabled, directed_eoi))
        vcpu.set_lapic(page)

    def init_vcpu(self, system: Any, apic: Any) -> None:
        self.live.vcpus[row_of(system.apic, apic)].init()

    def irq_line(self, system: Any, gsi: int, level: bool) -> None:
        self._errno_of(self.live.call, abi.IRQ_LINE, abi.irq_level(FIRST_PIN + gsi, level))

    def line(self, system: Any, pin: int, level: bool) -> None:
        self.live.call(abi.IRQ_LINE, abi.irq_level(FIRST_PIN + pin, level))

    def set_route(self, system: Any, *_: Any) -> None:
        """The whole table as the model has it now; in-kernel: the default one again."""
        self._errno_of(self._set_routes, system)

    def set_routes(self, system: Any) -> None:
        self._set_routes(system)

    def _set_routes(self, system: Any) -> None:
        if self.mode == IrqchipMode.KERNEL:
            table = [abi.ioapic_route(gsi) for gsi in range(abi.IOAPIC_PINS)]
        else:
            table = [
                abi.msi_route(FIRST_PIN + gsi, real_vector(r.vector), r.dest, r.trigger == Trigger.LEVEL)
                for gsi, r in system.irq_routing.items()
                if r.valid
            ]
        self.live.call(abi.SET_GSI_ROUTING, abi.routing(table))

    def get_irqchip(self, system: Any) -> None:
        self._errno_of(self.live.get_ioapic)

    def set_irqchip(self, system: Any, *entry: Any) -> None:
        self._errno_of(self.set_ioapic, system, *entry)

    def set_ioapic(
        self, system: Any, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:
        chip = self.live.get_ioapic()
        gsi, level = FIRST_PIN + pin, trigger == Trigger.LEVEL
        entry = abi.redirection_entry(real_vector(vector), dest, level, mask, remote_irr)
        struct.pack_into("<Q", chip, 32 + 8 * gsi, entry)
        latched = struct.unpack_from("<I", chip, 24)[0] & ~(1 << gsi)
        struct.pack_into("<I", chip, 24, latched | irr << gsi)
        self.live.call(abi.SET_IRQCHIP, bytes(chip))

    def write_rte(self, system: Any, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool) -> None:
        """Guest MMIO, in halves. Where the destination changes, the pin is masked meanwhile: one write to the model."""
        vm, register = self.live, 0x10 + 2 * (FIRST_PIN + pin)
        entry = abi.redirection_entry(real_vector(vector), dest, trigger == Trigger.LEVEL, mask)
        if dest != KvmView.entry(vm.get_ioapic(), pin) >> 56:
            vm.write_ioapic(register, entry & 0xFFFF_FFFF | abi.RTE_MASK)
            vm.write_ioapic(register + 1, entry >> 32)
        vm.write_ioapic(register, entry & 0xFFFF_FFFF)

    def write_ioapic_eoi(self, system: Any, vector: int) -> None:
        self.live.write_ioapic_eoi(real_vector(vector))

    def accept_message(self, system: Any, apic: Any, vector: int, trigger: Trigger) -> None:
        dest = row_of(system.apic, apic)
        self.live.call(abi.SIGNAL_MSI, abi.signal_msi(real_vector(vector), dest, trigger == Trigger.LEVEL))

    def write_spiv(self, system: Any, apic: Any, enabled: bool, directed_eoi: bool) -> None:
        self._write_msr(system, apic, abi.MSR_X2APIC_SPIV, spiv(enabled, directed_eoi))

    def write_eoi(self, system: Any, apic: Any) -> None:
        if system.scope.throttle and self.mode == IrqchipMode.KERNEL:
            vcpu = self.live.vcpus[row_of(system.apic, apic)]
            self.throttle.write_eoi(system, vcpu, lambda: self._agrees(system))
        else:
            self._write_msr(system, apic, abi.MSR_X2APIC_EOI, 0)

    def _write_msr(self, system: Any, apic: Any, index: int, value: int) -> None:
        """The x2APIC registers, through the same code as a guest's write. Without a LAPIC it goes to userspace."""
        if self.mode != IrqchipMode.NONE:
            self.live.vcpus[row_of(system.apic, apic)].write_msr(index, value)

    def run(self, system: Any, cpu: int) -> None:
        """KVM_RUN. It ends with the guest's `out`, or before that with an EOI exit."""
        reason, vector = self.live.vcpus[cpu].run()
        if reason == abi.EXIT_IOAPIC_EOI:
            self.exits[cpu] = 1 + self.view.vector_code(vector)
        elif reason == abi.EXIT_IO:
            self.exits[cpu] = 0
        else:
            raise OracleDied(f"KVM_RUN ended with exit reason {reason}")

    def accept(self, system: Any, cpu: int) -> None:
        """What the CPU would take: the highest bit of IRR goes to ISR. Then KVM_RUN wherever a vCPU was running."""
        vcpu = self.live.vcpus[cpu]
        page = vcpu.get_lapic()
        vector = bits256(page, abi.LAPIC_IRR).bit_length() - 1
        if vector < 0:
            return  # the comparison will say so
        offset, bit = 16 * (vector // 32), 1 << vector % 32
        for register, keep, add in ((abi.LAPIC_IRR, ~bit, 0), (abi.LAPIC_ISR, ~0, bit)):
            word = struct.unpack_from("<I", page, register + offset)[0]
            struct.pack_into("<I", page, register + offset, word & keep & 0xFFFF_FFFF | add)
        vcpu.set_lapic(page)
        for number, apic in system.apic.items():
            if apic.in_guest:
                self.run(system, number)

    def delayed_work(self, system: Any) -> None:
        """The throttle's. It comes by itself."""
        self.throttle.let_work_run(lambda: self._agrees(system))

    def _agrees(self, system: Any) -> bool:
        return self.observe(system) == self.expected(system)

    # --- what is compared ---

    def observe(self, system: Any) -> Observed:
        seen = self.view.observe(self.live, self.mode, self.errno, self.exits)
        self.throttle.check_time()
        return seen

    def expected(self, system: Any) -> Observed:
        return self.view.expected(system, self.exits)


ENTRIES: dict[str, Callable[..., None]] = {
    "ioctl_KVM_CREATE_IRQCHIP": LiveKvmSystem.create_irqchip,
    "enable_KVM_CAP_SPLIT_IRQCHIP": LiveKvmSystem.enable_split_irqchip,
    "enable_KVM_CAP_X2APIC_API": LiveKvmSystem.enable_x2apic_api,
    "enable_KVM_CAP_SPLIT_IRQCHIP_API": LiveKvmSystem.enable_split_irqchip_api,
    "ioctl_KVM_SET_IRQCHIP2": LiveKvmSystem.set_irqchip2,
    "kvm_vm_ioctl_get_irqchip": LiveKvmSystem.get_irqchip,
    "kvm_vm_ioctl_set_irqchip": LiveKvmSystem.set_irqchip,
    "kvm_set_ioapic": LiveKvmSystem.set_ioapic,
    "kvm_vm_ioctl_irq_line": LiveKvmSystem.irq_line,
    "kvm_ioapic_set_irq": LiveKvmSystem.line,
    "kvm_set_irq": LiveKvmSystem.line,
    "ioctl_KVM_SET_GSI_ROUTING": LiveKvmSystem.set_route,
    "kvm_set_irq_routing": LiveKvmSystem.set_routes,
    "kvm_arch_vcpu_create": LiveKvmSystem.create_vcpu,
    "kvm_set_cpuid": LiveKvmSystem.set_cpuid,
    "kvm_vcpu_after_set_cpuid": LiveKvmSystem.first_cpuid,
    "kvm_vcpu_ioctl_set_lapic": LiveKvmSystem.set_lapic,
    "kvm_lapic_reset": LiveKvmSystem.init_vcpu,
    "kvm_lapic_reg_write_spiv": LiveKvmSystem.write_spiv,
    "apic_set_eoi": LiveKvmSystem.write_eoi,
    "apic_accept_irq": LiveKvmSystem.accept_message,
    "kvm_ioapic_write_rte": LiveKvmSystem.write_rte,
    "kvm_ioapic_write_eoi": LiveKvmSystem.write_ioapic_eoi,
    "vcpu_enter_guest": LiveKvmSystem.run,
    "kvm_check_and_inject_events": LiveKvmSystem.accept,
    "kvm_ioapic_eoi_inject_work": LiveKvmSystem.delayed_work,
}
