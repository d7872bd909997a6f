"""Everything that userspace and guests can do to KVM, in the model's language and with no state of their own.

So the reachable graph of a kernel with one of these scenes is a graph of KVM-side states, and each of its transitions
is one entry of KVM: an ioctl, a register write, a line. Two vCPUs with two vectors and two pins doing all of it at once
have more states than can be walked; each scene leaves out what its docstring says.
"""

from __future__ import annotations

from checker.engine.reference import Move
from model.kvm.x86 import X86C
from model.lang import Table, require, step
from model.machine import ApiFlags, Cpu, Machine, Pin, Trigger, Vector
from model.vmms.setup_vmm import SetupVmm


class Scene(Machine):
    """What all scenes have in common: vCPUs take any interrupt and do nothing, and the VMM ignores EOI exits."""

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return True

    def guest_interrupt(self, cpu: Cpu, vector: Vector) -> None:
        """Nothing follows from an interrupt."""

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return True

    def device_resample(self, pin: Pin) -> None:
        """No irqfds."""

    @step(by="VMM")
    def handle_exit(self, cpu: Cpu) -> None:
        """KVM_EXIT_IOAPIC_EOI was returned. This is not a step of KVM's."""
        require(self.apic[cpu].exit_ioapic_eoi is not None)
        self.apic[cpu].exit_ioapic_eoi = None


class SetUp(Scene, SetupVmm, X86C):
    """Set-up: every ioctl in any order, before and after vCPUs exist and run, with its errno; no interrupts."""

    has_run: Table[Cpu, bool]  # KVM_RUN was called
    enters_first: Table[Cpu, bool]  # and is about to enter the guest for the first time

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return self.has_run[cpu]

    def remember_asked(self, flags: ApiFlags | None) -> None:
        """What the VMM remembers is for properties: here it would multiply the states."""

    def remember_granted(self, flags: ApiFlags) -> None:
        """Nor this."""

    def ioctl_set_cpuid2(self, cpu: Cpu, x2apic: bool) -> None:
        require(not self.enters_first[cpu])
        super().ioctl_set_cpuid2(cpu, x2apic)

    @step(by="VMM")
    def init_vcpu(self, cpu: Cpu) -> None:
        require(self.apic[cpu].created and self.lapic_in_kernel())
        self.kvm_lapic_reset(self.apic[cpu])

    @step(by="guest")
    def write_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(self.apic[cpu].created and self.lapic_in_kernel())
        self.apic[cpu].in_guest = False
        self.kvm_lapic_reg_write_spiv(self.apic[cpu], enabled, directed_eoi)

    @step(by="guest")
    def write_eoi(self, cpu: Cpu) -> None:
        require(self.apic[cpu].created and self.lapic_in_kernel())
        self.apic[cpu].in_guest = False
        self.apic_set_eoi(self.apic[cpu])

    @step(by="VMM")
    def run_first(self, cpu: Cpu) -> None:
        """The model's kvm_vcpu_has_run() is the call, KVM's the entry: nothing else happens to the vCPU in between."""
        require(self.apic[cpu].created and not self.has_run[cpu])
        self.has_run[cpu] = True
        self.enters_first[cpu] = True

    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        super().vcpu_enter_guest(cpu)
        self.enters_first[cpu] = False


class RunTime(Scene):
    """A VM that is set up; what happens to its LAPICs."""

    def acts(self, cpu: Cpu) -> bool:
        """Something happens to this vCPU's LAPIC other than messages and scan requests."""
        return True

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return self.acts(cpu)

    def set_up(self) -> None:
        for apic in self.apic.values():
            self.kvm_arch_vcpu_create(apic)
            self.kvm_vcpu_after_set_cpuid(apic, self.scope.x2apic)

    def enable_flags(self) -> None:
        flags = self.scope.flags
        if flags != ApiFlags.NONE:
            self.enable_KVM_CAP_X2APIC_API(
                flags in (ApiFlags.BIT2, ApiFlags.BOTH), flags in (ApiFlags.BIT3, ApiFlags.BOTH)
            )

    @step(by="VMM")
    def init_vcpu(self, cpu: Cpu) -> None:
        require(self.acts(cpu))
        self.apic[cpu].in_guest = False
        self.kvm_lapic_reset(self.apic[cpu])

    @step(by="guest")
    def write_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(self.acts(cpu))
        self.apic[cpu].in_guest = False
        self.kvm_lapic_reg_write_spiv(self.apic[cpu], enabled, directed_eoi)

    @step(by="guest")
    def write_eoi(self, cpu: Cpu) -> None:
        require(self.acts(cpu))
        self.apic[cpu].in_guest = False
        self.apic_set_eoi(self.apic[cpu])


class Split(RunTime):
    """Split irqchip: messages by routes that change at any time, wherever they point to."""

    def initial(self) -> None:
        self.enable_KVM_CAP_SPLIT_IRQCHIP()
        self.enable_flags()
        self.set_up()

    @step(by="VMM")
    def set_route(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        require(valid or (vector == 0 and dest == 0 and trigger == Trigger.EDGE))  # one way to have no route
        self.ioctl_KVM_SET_GSI_ROUTING(gsi, valid, vector, dest, trigger)

    @step(by="VMM")
    def send(self, gsi: Pin) -> None:
        require(self.irq_routing[gsi].valid)
        self.kvm_set_irq(gsi, True)


class InKernel(RunTime):
    """In-kernel irqchip: lines, and guest writes to the I/O APIC."""

    def initial(self) -> None:
        self.ioctl_KVM_CREATE_IRQCHIP()
        self.enable_flags()
        self.set_up()

    @step(by="device")
    def line(self, pin: Pin, level: bool) -> None:
        self.kvm_ioapic_set_irq(pin, level)

    @step(by="guest")
    def write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        self.kvm_ioapic_write_rte(pin, vector, dest, trigger, mask)

    @step(by="guest")
    def write_ioapic_eoi(self, vector: Vector) -> None:
        self.kvm_ioapic_write_eoi(vector)


class LapicImages(RunTime):
    """And KVM_SET_LAPIC at any time, which can plant SPIV bits. Mixed in before a scene."""

    @step(by="VMM")
    def set_lapic(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(self.acts(cpu))
        self.apic[cpu].in_guest = False
        self.kvm_vcpu_ioctl_set_lapic(self.apic[cpu], enabled, directed_eoi)


class IoapicImages(InKernel):
    """And KVM_SET_IRQCHIP at any time, which can plant Remote IRR. Mixed in before InKernel."""

    @step(by="VMM")
    def set_irqchip(self, pin: Pin, remote_irr: bool, irr: bool) -> None:
        """The entry as it is, with these bits."""
        rte = self.ioapic[pin]
        self.kvm_set_ioapic(pin, rte.vector, rte.dest, rte.trigger, rte.mask, remote_irr, irr)


class Throttled(InKernel):
    """And the throttle (throttle=True), which can be driven for one vCPU. Once its delayed work is armed, nothing else
    happens, so it does not matter how long 10 ms are. Mixed in before InKernel, for one vector."""

    def acts(self, cpu: Cpu) -> bool:
        return not self.delayed_ioapic_service

    def guest_can_take_interrupt(self, cpu: Cpu) -> bool:
        return not self.delayed_ioapic_service

    def ten_milliseconds_pass(self) -> bool:
        """They are waited for."""
        return True

    def line(self, pin: Pin, level: bool) -> None:
        require(not self.delayed_ioapic_service)
        super().line(pin, level)

    def write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        require(not self.delayed_ioapic_service)
        super().write_rte(pin, vector, dest, trigger, mask)

    def write_ioapic_eoi(self, vector: Vector) -> None:
        require(not self.delayed_ioapic_service)
        super().write_ioapic_eoi(vector)

    def write_eoi(self, cpu: Cpu) -> None:
        """Not where one pin would be counted once (9,999 times) while another one waits its 10 ms."""
        first = any(rte.irq_eoi == 0 and rte.irr and not rte.mask for rte in self.ioapic.values())
        last = any(rte.irq_eoi == 1 and rte.irr and not rte.mask for rte in self.ioapic.values())
        require(not (first and last))
        super().write_eoi(cpu)


class OneActs(RunTime):
    """Only vCPU 0 does anything; the others are destinations. Mixed in before a scene."""

    def acts(self, cpu: Cpu) -> bool:
        return cpu == 0


class Moved(OneActs, Split):
    """Split, two vCPUs, two vectors: what vCPU 0 has pending when its routes move to vCPU 1. Mixed in before Split.

    The LAPIC is enabled from the start, messages go to vCPU 0 only, and there is no INIT: few states, so that two
    vectors and two routes fit."""

    def initial(self) -> None:
        super().initial()
        self.kvm_lapic_reg_write_spiv(self.apic[0], True, False)

    def init_vcpu(self, cpu: Cpu) -> None:
        require(not self.apic[cpu].spiv_enabled)
        super().init_vcpu(cpu)

    def write_spiv(self, cpu: Cpu, enabled: bool, directed_eoi: bool) -> None:
        require(enabled and not directed_eoi and not self.apic[cpu].spiv_enabled)
        super().write_spiv(cpu, enabled, directed_eoi)

    def set_route(self, gsi: Pin, valid: bool, vector: Vector, dest: Cpu, trigger: Trigger) -> None:
        require(valid)
        super().set_route(gsi, valid, vector, dest, trigger)

    def send(self, gsi: Pin) -> None:
        require(self.irq_routing[gsi].dest == 0)
        super().send(gsi)


COMMON = r"errno|irqchip_mode|suppress_eoi|delayed|has_run|enters_first|irr_delivered"
SCANS = r"apic\[\d+\]\.(req_scan_ioapic|in_guest)"
TAKES = r"apic\[\d+\]\.(created|spiv_enabled|irr|tmr)"
SCANNED = r"irq_routing|ioapic\[\d+\]\.(vector|dest|trigger)"
MESSAGES = {"send", "line", "write_rte", "set_irqchip"}


def part_of(move: Move) -> list[str]:
    """What each step of the run-time scenes touches (see oracles.cover.Slice): its own vCPU or pin, and what follows."""
    parts = [COMMON, SCANS]
    name, number = move.step, move.args[0]
    if name == "set_irqchip":
        parts += [r"ioapic\["]
    elif name == "write_eoi":  # an EOI of nothing looks no further; nor does one of a vector that nobody intercepts
        handled = f"apic[{number}].ioapic_handled_vectors"
        parts += [rf"ioapic\[?apic[{number}].isr", rf"{TAKES}?{handled}"]
    if name in MESSAGES:
        parts += [TAKES]
    if name in MESSAGES | {"set_route"}:
        parts += [rf"(irq_routing|ioapic)\[{number}\]"]
    elif name == "vcpu_enter_guest":
        scans = f"apic[{number}].req_scan_ioapic"
        mine = "created|exit|req_ioapic|pending|ioapic_handled"
        parts += [
            rf"apic\[{number}\]\.({mine})",
            rf"({SCANNED}|apic\[{number}\]\.(irr|isr))?{scans}",
            rf"+apic\[{number}\]",
        ]
    elif name != "write_ioapic_eoi":
        parts += [rf"apic\[{number}\]"]
    if name == "kvm_check_and_inject_events":  # and the others' scans: see AcceptedBySetLapic
        parts += [SCANNED, r"apic\[\d+\]\.(irr|isr|ioapic_handled_vectors|highest_stale_pending_ioapic_eoi)"]
    return parts
