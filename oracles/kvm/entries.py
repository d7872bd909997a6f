"""What each function of the model that enters KVM is in ioctls, under the model's name: ioctls, register writes, lines."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from model.machine import IoapicVersion, IrqchipMode, Lapic, Machine, Route, Trigger
from oracles.kvm import abi
from oracles.kvm.throttle import Throttle
from oracles.kvm.view import ERRNO_CODES, FIRST_PIN, UNKNOWN, KvmView, bits256, real_vector, spiv
from oracles.kvm.vm import Vcpu, Vm
from oracles.lockstep import OracleDied, row_of

LOW_HALF = 0xFFFF_FFFF


class KvmEntries:
    """Every public method is an entry: done to the VM after the model has done it, with the model's arguments.

    live: the VM. mode: its irqchip. errno: code of the last ioctl whose errno the model knows. exits: vCPU -> how its
    last KVM_RUN ended, of those that the last entry made run. agrees(system): does all that can be seen agree now?
    """

    live: Vm
    view: KvmView
    mode: IrqchipMode
    errno: int
    exits: dict[int, int]
    throttle: Throttle
    agrees: Callable[[Machine], bool]

    def _errno_of(self, function: Callable[..., object], *args: object) -> None:
        """An ioctl whose errno the model knows, too."""
        try:
            function(*args)
            self.errno = 0
        except OSError as error:
            self.errno = ERRNO_CODES.get(error.errno or 0, UNKNOWN + (error.errno or 0))

    def _vcpu(self, system: Machine, apic: Lapic) -> Vcpu:
        return self.live.vcpus[row_of(system.apic, apic)]

    # --- the VM's ioctls ---

    def ioctl_KVM_CREATE_IRQCHIP(self, system: Machine) -> None:
        self._errno_of(self.live.call, abi.CREATE_IRQCHIP)
        self.mode = self.live.irqchip_mode()

    def enable_KVM_CAP_SPLIT_IRQCHIP(self, system: Machine) -> None:
        self._errno_of(self.live.call, abi.ENABLE_CAP, abi.enable_cap(abi.CAP_SPLIT_IRQCHIP, abi.IOAPIC_PINS))
        self.mode = self.live.irqchip_mode()

    def enable_KVM_CAP_X2APIC_API(self, system: Machine, bit2: bool, bit3: bool) -> None:
        enable, disable = abi.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, abi.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST
        flags = enable * bit2 | disable * bit3
        self._errno_of(self.live.call, abi.ENABLE_CAP, abi.enable_cap(abi.CAP_X2APIC_API, flags))

    def enable_KVM_CAP_SPLIT_IRQCHIP_API(self, system: Machine, disable_suppression: bool) -> None:
        cap = abi.enable_cap(abi.CAP_SPLIT_IRQCHIP_API, int(disable_suppression))
        self._errno_of(self.live.call, abi.ENABLE_CAP, cap)

    def ioctl_KVM_SET_IRQCHIP2(self, system: Machine, version: IoapicVersion) -> None:
        self._errno_of(self.live.call, abi.SET_IRQCHIP2, bytes(abi.IRQCHIP_SIZE))

    def kvm_vm_ioctl_get_irqchip(self, system: Machine) -> None:
        self._errno_of(self.live.get_ioapic)

    def kvm_vm_ioctl_set_irqchip(
        self, system: Machine, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:  # fmt: skip
        self._errno_of(self.kvm_set_ioapic, system, pin, vector, dest, trigger, mask, remote_irr, irr)

    def kvm_set_ioapic(
        self, system: Machine, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool, remote_irr: bool, irr: bool
    ) -> None:  # fmt: skip
        chip, gsi = self.live.get_ioapic(), FIRST_PIN + pin
        entry = abi.redirection_entry(real_vector(vector), dest, trigger == Trigger.LEVEL, mask, remote_irr)
        struct.pack_into("<Q", chip, abi.IOAPIC_REDIRTBL + 8 * gsi, entry)
        latched: int = struct.unpack_from("<I", chip, abi.IOAPIC_IRR)[0] & ~(1 << gsi)
        struct.pack_into("<I", chip, abi.IOAPIC_IRR, latched | irr << gsi)
        self.live.call(abi.SET_IRQCHIP, bytes(chip))

    def kvm_vm_ioctl_irq_line(self, system: Machine, gsi: int, level: bool) -> None:
        self._errno_of(self.kvm_set_irq, system, gsi, level)

    def kvm_set_irq(self, system: Machine, gsi: int, level: bool) -> None:
        self.live.call(abi.IRQ_LINE, abi.irq_level(FIRST_PIN + gsi, level))

    def kvm_ioapic_set_irq(self, system: Machine, pin: int, level: bool) -> None:
        self.kvm_set_irq(system, pin, level)

    def ioctl_KVM_SET_GSI_ROUTING(self, system: Machine, *_: object) -> None:
        self._errno_of(self.kvm_set_irq_routing, system)

    def kvm_set_irq_routing(self, system: Machine) -> None:
        """The whole table as the model has it now; in-kernel: the default one again."""
        if self.mode == IrqchipMode.KERNEL:
            table = [abi.ioapic_route(gsi) for gsi in range(abi.IOAPIC_PINS)]
        else:
            table = [self._route(gsi, r) for gsi, r in system.irq_routing.items() if r.valid]
        self.live.call(abi.SET_GSI_ROUTING, abi.routing(table))

    def _route(self, gsi: int, route: Route) -> bytes:
        return abi.msi_route(FIRST_PIN + gsi, real_vector(route.vector), route.dest, route.trigger == Trigger.LEVEL)

    # --- a vCPU's ioctls ---

    def kvm_arch_vcpu_create(self, system: Machine, apic: Lapic) -> None:
        """In-kernel irqchip: the helper for guest MMIO comes with the first vCPU, whose creation makes all scan."""
        vm, number = self.live, row_of(system.apic, apic)
        if self.mode == IrqchipMode.KERNEL and vm.helper is None:
            vm.create_helper()
        if number in vm.vcpus:
            self._errno_of(vm.call, abi.CREATE_VCPU, number)
        else:
            self._errno_of(vm.create_vcpu, number, self.mode != IrqchipMode.NONE)

    def kvm_set_cpuid(self, system: Machine, cpu: int, x2apic: bool) -> None:
        self._errno_of(self.live.vcpus[cpu].set_cpuid, x2apic)

    def kvm_vcpu_after_set_cpuid(self, system: Machine, apic: Lapic, x2apic: bool) -> None:
        self._errno_of(self._vcpu(system, apic).set_cpuid, x2apic)

    def kvm_vcpu_ioctl_set_lapic(self, system: Machine, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        """The image that KVM_GET_LAPIC gives, with this SPIV."""
        self._errno_of(self._vcpu(system, apic).edit_lapic, {abi.LAPIC_SPIV: spiv(enabled, directed_eoi)})

    def kvm_lapic_reset(self, system: Machine, apic: Lapic) -> None:
        self._vcpu(system, apic).init()

    def vcpu_enter_guest(self, system: Machine, cpu: int) -> None:
        """KVM_RUN. It ends with the guest's `out`, or before that with an EOI exit."""
        reason, vector = self.live.vcpus[cpu].run()
        if reason == abi.EXIT_IOAPIC_EOI:
            self.exits[cpu] = 1 + self.view.vector_code(vector)
        elif reason == abi.EXIT_IO:
            self.exits[cpu] = 0
        else:
            raise OracleDied(f"KVM_RUN ended with exit reason {reason}")

    # --- what the guest, and the CPU, do ---

    def kvm_check_and_inject_events(self, system: Machine, cpu: int) -> None:
        """What the CPU would take: the highest bit of IRR goes to ISR. Then KVM_RUN wherever a vCPU was running."""
        vcpu = self.live.vcpus[cpu]
        page = vcpu.get_lapic()
        vector = bits256(page, abi.LAPIC_IRR).bit_length() - 1
        if vector < 0:
            return  # the comparison will say so
        word, bit = abi.LAPIC_WORD * (vector // 32), 1 << vector % 32
        irr, isr = (struct.unpack_from("<I", page, reg + word)[0] for reg in (abi.LAPIC_IRR, abi.LAPIC_ISR))
        vcpu.edit_lapic({abi.LAPIC_IRR + word: irr & ~bit, abi.LAPIC_ISR + word: isr | bit})
        for number, apic in system.apic.items():
            if apic.in_guest:
                self.vcpu_enter_guest(system, number)

    def apic_accept_irq(self, system: Machine, apic: Lapic, vector: int, trigger: Trigger) -> None:
        message = abi.signal_msi(real_vector(vector), row_of(system.apic, apic), trigger == Trigger.LEVEL)
        self.live.call(abi.SIGNAL_MSI, message)

    def kvm_lapic_reg_write_spiv(self, system: Machine, apic: Lapic, enabled: bool, directed_eoi: bool) -> None:
        self._vcpu(system, apic).write_x2apic(abi.MSR_X2APIC_SPIV, spiv(enabled, directed_eoi))

    def apic_set_eoi(self, system: Machine, apic: Lapic) -> None:
        if system.scope.throttle and self.mode == IrqchipMode.KERNEL:
            self.throttle.write_eoi(system, self._vcpu(system, apic), partial(self.agrees, system))
        else:
            self._vcpu(system, apic).write_x2apic(abi.MSR_X2APIC_EOI, 0)

    def kvm_ioapic_write_rte(
        self, system: Machine, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool
    ) -> None:
        """Guest MMIO, in halves. Where the destination changes, the pin is masked meanwhile: one write to the model."""
        self._write_entry(pin, abi.redirection_entry(real_vector(vector), dest, trigger == Trigger.LEVEL, mask))

    def _write_entry(self, pin: int, entry: int) -> None:
        vm, register = self.live, abi.IOAPIC_FIRST_RTE + 2 * (FIRST_PIN + pin)
        if entry >> abi.RTE_DEST_SHIFT != KvmView.entry(vm.get_ioapic(), pin) >> abi.RTE_DEST_SHIFT:
            vm.write_ioapic(register, entry & LOW_HALF | abi.RTE_MASK)
            vm.write_ioapic(register + 1, entry >> 32)
        vm.write_ioapic(register, entry & LOW_HALF)

    def kvm_ioapic_write_eoi(self, system: Machine, vector: int) -> None:
        self.live.write_ioapic_eoi(real_vector(vector))

    def kvm_ioapic_eoi_inject_work(self, system: Machine) -> None:
        """The throttle's delayed work. It comes by itself."""
        self.throttle.let_work_run(partial(self.agrees, system))


ENTRIES = tuple(name for name in vars(KvmEntries) if not name.startswith("_"))
