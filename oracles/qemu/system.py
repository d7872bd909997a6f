"""A QEMU process in the role of the VMM's I/O APIC: see oracles/lockstep.py.

Which path each entry takes is said in chip.py. Pin p of the model is input 5 + p of QEMU's chip, vector v is
0x41 + 16 v, and CPU c is APIC ID 1 + c, which no CPU has: messages are seen on their way, and nobody takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import cast

from model.lang import Design
from model.machine import IoapicVersion, Machine, Trigger
from model.migration import Life, Migrating
from model.vmms.qemu import Qemu
from model.vmms.two_ioapics import TwoIoapics
from oracles.lockstep import Arguments, NotRunnable, Observed, OracleDied, OracleMissing
from oracles.qemu import moves
from oracles.qemu.chip import LEVEL, MASKED, PINS, REMOTE_IRR, RESET_ENTRY, Chip, ChipView, Message, entry
from oracles.qemu.process import OracleFailed, version, why_missing

FIRST_PIN, FIRST_VECTOR, VECTOR_STEP, FIRST_DEST = 5, 0x41, 0x10, 1
MOST = 8  # pins, and vectors, that the model may have
VECTORS = [FIRST_VECTOR + VECTOR_STEP * vector for vector in range(MOST)]
THROTTLED_AT = 10_000  # EOIs in a row (SUCCESSIVE_IRQ_MAX_COUNT of hw/intc/ioapic.c); the model counts to 2
SHOWN = 4  # messages of one step that are compared one by one; all of them are counted
_KNOWN_BITS = 0xFF << 56 | MASKED | LEVEL | REMOTE_IRR | 0xFF


class QemuIoapic:
    """RealSystem of a `qemu-system-x86_64` process. One process serves many walks: entries, latches and lines are put
    back between them, and looked at. With throttle=on, and after a migration, a walk gets a process of its own."""

    entries: Collection[str] = (
        "ioapic_set_irq", "ioapic_mem_write_rte", "ioapic_mem_write_eoi", "ioapic_eoi_broadcast",
        "delayed_ioapic_service_cb", "migrate", "loadvm_at_start", "hmp_loadvm",
    )  # fmt: skip
    tail_calls: Collection[str] = ()
    differences: Sequence[str] = (
        "messages are MSIs made from the entries (TCG), not KVM_IRQ_LINE on a route: ioapic_service() under KVM "
        "differs in that one statement; the model's route is compared with the MSI",
        "an EOI exit is replaced by a local APIC's EOI under TCG: both call ioapic_eoi_broadcast()",
        "an entry is written in two halves, destination first if it changes; the model writes it at once. It matters "
        "only where a message is due by the throttle's timer: the first half already sends it",
        "loadvm_running goes into a new process: in one that ran before, its EOI count and its throttle timer would "
        "stay (the model, and a new process, start without them)",
        f"with throttle=on the model's count of 1 stands for {THROTTLED_AT - 1} EOIs",
    )

    def __init__(self) -> None:
        """Raises OracleMissing."""
        missing = why_missing()
        if missing is not None:
            raise OracleMissing(missing)
        self.title = f"QEMU {version()}, TCG, q35"
        self.chip: Chip | None = None
        self.version = 0
        self.used_up = False  # the next walk needs a new process
        self.sending = 0
        self.sent: list[tuple[int, int, int]] = []
        self.shown: tuple[list[int], list[int]] = ([], [])
        self.counts: list[int] = []  # irq_eoi of each pin after the last entry
        self.dests: list[int] = []  # destination of each pin as last written
        self.scale = 1
        self.performed = 0  # entries, since the process began

    def close(self) -> None:
        if self.chip is not None:
            self.chip.close()
            self.chip = None

    # --- the life of a walk ---

    def start(self, system: Design) -> None:
        machine = cast(Machine, system)
        why = self.not_runnable("start", system, ())
        if why is not None:
            raise NotRunnable(why)
        wanted = machine.scope.ioapic.value
        if self.used_up or wanted != self.version:
            self.close()
        self.used_up = machine.scope.throttle
        self.version = wanted
        self._watch(machine)
        try:
            self._chip_for(machine)
        except OracleFailed as failed:
            self.close()
            raise OracleDied(str(failed)) from None

    def _chip_for(self, machine: Machine) -> None:
        """A chip in the state in which the model's fields hold their defaults."""
        if self.chip is None:
            self.chip = Chip(self.version, VECTORS)
        self.chip.clear(range(FIRST_PIN, FIRST_PIN + MOST))
        view = self.chip.look()
        if view != ChipView(self.version, (RESET_ENTRY,) * PINS, 0):
            raise OracleFailed(f"the chip could not be put back: {view}")
        for pin in range(machine.scope.pins):
            self.chip.write_rte(FIRST_PIN + pin, entry(vector_of(0), FIRST_DEST, False, True))
        self.counts = [0] * machine.scope.pins
        self.dests = [0] * machine.scope.pins
        if machine.scope.throttle:
            self.chip.process.qmp("stop")  # the 10 ms of the throttle pass in delayed_ioapic_service_cb() only

    def _watch(self, machine: Machine) -> None:
        """Note the messages that the model's I/O APIC sends: its calls of kvm_set_irq() from ioapic_service()."""
        if not isinstance(machine, Qemu):
            return
        service: Callable[[], None] = machine.ioapic_service
        set_irq: Callable[[int, bool], None] = machine.kvm_set_irq

        def ioapic_service() -> None:
            self.sending += 1
            try:
                service()
            finally:
                self.sending -= 1

        def kvm_set_irq(gsi: int, level: bool) -> None:
            route = machine.irq_routing[gsi]
            if self.sending and route.valid and route.vector == machine.remapped_vector(gsi):
                self.sent.append((route.dest, machine.ioapic[gsi].vector, route.trigger.value))
            set_irq(gsi, level)

        machine.__dict__["ioapic_service"] = ioapic_service
        machine.__dict__["kvm_set_irq"] = kvm_set_irq
        self.sent = []

    def not_runnable(self, entry: str, system: Design, args: Arguments) -> str | None:
        """QEMU's own I/O APIC is here, one of it, and no other VMM's."""
        if not isinstance(system, Qemu):
            return f"QEMU's I/O APIC is here, and the VMM of this system is {_vmm_name(system)}"
        if isinstance(system, TwoIoapics):
            return "one I/O APIC is here, not two"
        if max(system.scope.pins, system.scope.vectors) > MOST:
            return f"up to {MOST} pins and {MOST} vectors"
        if system.scope.throttle and system.scope.pins > 1:
            return "the model counts 1 EOI for 9,999, which is driven for one pin: with two, each sends in its own time"
        if isinstance(system, Migrating) and entry in moves.OPERATIONS and system.stream_is_refused():
            return "this QEMU has no policy section, so it refuses no stream for one"
        return None

    # --- entries ---

    def perform(self, entry: str, system: Design, args: Arguments) -> None:
        machine = cast(Qemu, system)
        self.performed += 1
        sent, self.sent = self.sent, []
        try:
            self._perform(entry, machine, args)
            assert self.chip is not None
            messages = list(map(_code_of, self.chip.messages()))
        except OracleFailed as failed:
            self.close()
            raise OracleDied(str(failed)) from None
        expected = [_code(*message) for message in sent]
        if messages == expected * self.scale:
            messages = expected
        self.shown = expected, messages
        self.counts = [rte.irq_eoi for rte in machine.ioapic.values()]

    def _perform(self, entry: str, machine: Qemu, args: Arguments) -> None:
        chip, self.scale = self.chip, 1
        assert chip is not None
        match entry:
            case "ioapic_set_irq":
                chip.set_line(FIRST_PIN + args[0], args[1])
            case "ioapic_mem_write_rte":
                self._write_rte(chip, *args)
            case "ioapic_mem_write_eoi":
                self.scale = self._scale_of(machine, args[0])
                chip.write_eoi(vector_of(args[0]), self.scale)
            case "ioapic_eoi_broadcast":
                self.scale = self._scale_of(machine, args[0])
                self._broadcast(chip, machine, vector_of(args[0]))
            case "delayed_ioapic_service_cb":
                moves.let_time_pass(chip)
            case _:
                self._move(entry, cast(Migrating, machine))

    def _write_rte(self, chip: Chip, pin: int, vector: int, dest: int, trigger: Trigger, mask: bool) -> None:
        """What the guest writes, not what the model made of it."""
        value = entry(vector_of(vector), FIRST_DEST + dest, trigger is Trigger.LEVEL, mask)
        chip.write_rte(FIRST_PIN + pin, value, moves=self.dests[pin] != dest)
        self.dests[pin] = dest

    def _broadcast(self, chip: Chip, machine: Qemu, vector: int) -> None:
        if not machine.scope.throttle:
            chip.lapic_eoi(vector)
        elif self.version == IoapicVersion.V20.value:
            chip.write_eoi(vector, self.scale)  # the same function, and no CPU has to run for it
        else:
            raise NotRunnable("an EOI broadcast of version 0x11 needs a running CPU, and the throttle a stopped one")

    def _scale_of(self, machine: Qemu, vector: int) -> int:
        """How many EOIs one of the model's stands for: it counts to 2 where QEMU counts to 10,000."""
        if not machine.scope.throttle:
            return 1
        rows = list(zip(self.counts, machine.ioapic.values(), strict=True))
        first = [rte for before, rte in rows if rte.vector == vector and before == 0 and rte.irq_eoi == 1]
        second = [rte for before, rte in rows if rte.vector == vector and before == 1 and rte.irq_eoi == 0]
        if first and second:
            raise NotRunnable("two pins of one vector are at different counts of the throttle")
        return THROTTLED_AT - 1 if first else 1

    def _move(self, entry: str, machine: Migrating) -> None:
        """The old process ends, a new one of the destination's version has its state."""
        assert self.chip is not None
        if machine.life != Life.LOADED:
            raise NotRunnable("the model's VM was refused")
        old, self.chip = self.chip, None
        self.version = machine.scope.to_ioapic.value
        try:
            self.chip = moves.OPERATIONS[entry](old, self.version, VECTORS)
        finally:
            old.close()
        self.used_up = True
        if machine.scope.throttle:
            self.chip.process.qmp("stop")

    # --- what is compared ---

    def observe(self, system: Design) -> Observed:
        machine = cast(Machine, system)
        assert self.chip is not None
        try:
            view = self.chip.look()
        except OracleFailed as failed:
            self.close()
            raise OracleDied(str(failed)) from None
        found = {"ioapic version": view.version}
        mine = range(FIRST_PIN, FIRST_PIN + machine.scope.pins)
        for pin in range(machine.scope.pins):
            raw = view.entries[FIRST_PIN + pin]
            found[f"ioapic[{pin}].vector"] = _vector_code(raw & 0xFF)
            found[f"ioapic[{pin}].dest"] = (raw >> 56) - FIRST_DEST
            found[f"ioapic[{pin}].trigger"] = int(bool(raw & LEVEL))
            found[f"ioapic[{pin}].mask"] = int(bool(raw & MASKED))
            found[f"ioapic[{pin}].remote_irr"] = int(bool(raw & REMOTE_IRR))
            found[f"ioapic[{pin}].irr"] = view.latch >> FIRST_PIN + pin & 1
            found[f"pin {pin} other bits"] = raw & ~_KNOWN_BITS
        others = [p for p in range(PINS) if p not in mine]
        found["other pins touched"] = sum(view.entries[p] != RESET_ENTRY or view.latch >> p & 1 for p in others)
        return _with_messages(found, self.shown[1])

    def expected(self, system: Design) -> Observed:
        machine = cast(Machine, system)
        found = {"ioapic version": machine.ioapic_version().value}
        for pin, rte in machine.ioapic.items():
            found[f"ioapic[{pin}].vector"] = rte.vector
            found[f"ioapic[{pin}].dest"] = rte.dest
            found[f"ioapic[{pin}].trigger"] = rte.trigger.value
            found[f"ioapic[{pin}].mask"] = int(rte.mask)
            found[f"ioapic[{pin}].remote_irr"] = int(rte.remote_irr)
            found[f"ioapic[{pin}].irr"] = int(rte.irr)
            found[f"pin {pin} other bits"] = 0
        found["other pins touched"] = 0
        return _with_messages(found, self.shown[0])


def vector_of(vector: int) -> int:
    """The interrupt vector that stands for a vector of the model."""
    return FIRST_VECTOR + VECTOR_STEP * vector


def _vector_code(raw: int) -> int:
    """The model's vector; 256 and more for a raw vector that stands for none."""
    vector, rest = divmod(raw - FIRST_VECTOR, VECTOR_STEP)
    return 256 + raw if rest or vector < 0 else vector


def _code(dest: int, vector: int, trigger: int) -> int:
    """A message as `DVT` in decimal: destination, vector, trigger, each of the model's; 100000 more, so 0 is none."""
    return 100_000 + 10_000 * dest + 10 * vector + trigger


def _code_of(message: Message) -> int:
    return _code(message.dest - FIRST_DEST, _vector_code(message.vector), int(message.level))


def _with_messages(found: dict[str, int], messages: Sequence[int]) -> Observed:
    found["messages"] = len(messages)
    for i in range(SHOWN):
        found[f"message {i + 1}"] = messages[i] if i < len(messages) else 0
    return found


def _vmm_name(system: Design) -> str:
    return next((cls.__name__ for cls in type(system).__mro__ if cls.__module__.startswith("model.vmms.")), "none")


__all__ = ["QemuIoapic", "vector_of"]
