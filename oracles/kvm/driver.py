"""The kernel role as the running KVM plays it: entries.py says what each entry is, view.py what can be seen.

Model pin p is pin and GSI 16+p (below 16 the PIC listens, too); vector v is 0x31 + 0x10*v, one to a priority class.
Not observable, hence not compared: H (ioapic_handled_vectors) and the pending requests, which show in the exits of
later steps; in_guest; and the routes, which KVM does not give back.
"""

from __future__ import annotations

from typing import cast

from model.features.destinations import HasModes
from model.lang import Design
from model.machine import IrqchipMode, Machine
from oracles.kvm import abi
from oracles.kvm.differences import DIFFERENCES, LiveKvm
from oracles.kvm.entries import ENTRIES, KvmEntries
from oracles.kvm.throttle import Throttle
from oracles.kvm.view import FIRST_PIN, KvmView
from oracles.kvm.vm import Vm, check_extension, description
from oracles.lockstep import Arguments, NotRunnable, Observed, OracleDied, row_of

MOST = {"vectors": 12, "pins": abi.IOAPIC_PINS - FIRST_PIN, "cpus": 64}  # a vector to each priority class from 3 on


class LiveKvmSystem(KvmEntries):
    """A RealSystem: one VM at a time."""

    entries = ENTRIES
    tail_calls = ("guest_interrupt",)
    compares_start = True
    differences = DIFFERENCES
    drives_modes = False  # entries and routes are physical and fixed: else oracles/kvm/destinations.py

    def __init__(self) -> None:
        """Raises OracleMissing with the reason."""
        self.title = description()
        self.vm: Vm | None = None

    def start(self, system: Design) -> None:
        """Raises NotRunnable for more than there is room for, and for what is not driven."""
        self.close()
        sizes = system.scope.sizes()
        if any(sizes[name] > most for name, most in MOST.items()):
            raise NotRunnable(f"up to {', '.join(f'{most} {name}' for name, most in MOST.items())}")
        if isinstance(system, HasModes) and not self.drives_modes:
            raise NotRunnable("physical destinations and fixed delivery only")
        self.vm = self.live = Vm()
        self.errno, self.mode, self.exits, self.throttle = 0, IrqchipMode.NONE, {}, Throttle()
        self.agrees = lambda machine: self.observe(machine) == self.expected(machine)
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

    def not_runnable(self, entry: str, system: Design, args: Arguments) -> str | None:
        machine, vcpus = cast(Machine, system), self.live.vcpus
        if entry == "kvm_set_cpuid" and args[0] in vcpus and vcpus[args[0]].ran != machine.kvm_vcpu_has_run(args[0]):
            return "the model takes the first KVM_RUN to be the call, not the entry into the guest"
        if entry in ("kvm_lapic_reg_write_spiv", "apic_set_eoi") and row_of(machine.apic, args[0]) not in vcpus:
            return "the vCPU does not exist"
        return None

    def perform(self, entry: str, system: Design, args: Arguments) -> None:
        machine = cast(Machine, system)
        self.exits = {}
        try:
            getattr(self, entry)(machine, *args)
        except OSError as error:
            raise OracleDied(f"{entry}: {error}") from None
        if machine.scope.throttle:
            self.throttle.note(machine)

    def observe(self, system: Design | None = None) -> Observed:
        seen = self.view.observe(self.live, self.mode, self.errno, self.exits)
        self.throttle.check_time()
        return seen

    def expected(self, system: Design) -> Observed:
        return self.view.expected(cast(LiveKvm, system), self.exits)
