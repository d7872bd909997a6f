"""`eoi migrations`: what becomes of a VM, for every pair of hosts and every operation.

A table has one of QEMU's policy designs, a kernel design, and hosts; each host is a source (where the VM was powered
on) and a destination (where it is loaded). A cell is one pair, one operation and one guest. Its outcome is read off the
verdicts of properties/migration.py and properties/eoi.py: nothing here knows what QEMU or KVM do.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.engine.search import Outcome
from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.matrix.roles import GUESTS, all_properties, designs, look_up
from checker.matrix.scope import ScopeValue, with_values
from checker.matrix.system import system_of
from checker.questions.verdict import CellResult, Status, Verdict, check_cell, trace_of
from checker.stories.write import to_text
from model.devices import Level
from model.lang import Design, Property
from model.machine import ApiFlags, IoapicVersion, Machine
from model.migration import HostKernel, MachineType, Migrating, MigrationScope, Operation, V3Host, V6Host
from model.vmms.qemu import Qemu

OPERATIONS = (Operation.MIGRATE, Operation.LOADVM_AT_START, Operation.LOADVM_RUNNING)
AGAIN = 64  # states
KERNELS: dict[str, type[Machine]] = {"v3": V3Host, "v6": V6Host}
POLICY = {ApiFlags.NONE: "", ApiFlags.BIT2: " respected", ApiFlags.BIT3: " not-advertised"}

# property -> the letter that says in the table that the operation breaks it
BREAKS = {
    "lvr_kept": "L", "honoured_stays_honoured": "H", "ioapic_version_kept": "V", "no_eoi_lost": "E",
    "line_is_serviced": "S", "high_line_is_sent": "T", "asked_for_nothing_as_before": "A",
}  # fmt: skip
REFUSES = ("refused_before_anything_changed", "asked_for_nothing_migrates")
LEGEND = """\
ok  the VM goes on as it was promised        R   refused, and nothing changed
R!  refused although the user asked for nothing
X   fails after the running VM was reset: it is lost; X! the same, and the user asked for nothing
L   LVR bit 24 changes under the guest       H   a guest whose SPIV bit 12 was honoured is not any more
V   the I/O APIC's version changes           E   an EOI is lost, Remote IRR stays set
S   a device waits for service for ever      T   a high line is not sent again by itself
A   the user asked for nothing, and the guest sees something else than before the series
E, S, T, A are shown only where the source alone, without the operation, has no such violation.""".splitlines()


@dataclass(frozen=True)
class Host:
    """One side of a pair."""

    ioapic: IoapicVersion = IoapicVersion.V20
    qemu_has_series: bool = True
    kernel_has_flags: bool = True
    flags: ApiFlags = ApiFlags.NONE
    machine: MachineType = MachineType.V10_1

    def __str__(self) -> str:
        qemu, kernel = ("new" if b else "old" for b in (self.qemu_has_series, self.kernel_has_flags))
        return f"QEMU {qemu}, kernel {kernel}, {self.ioapic.value:#x}{POLICY[self.flags]}"


@dataclass(frozen=True)
class Table:
    """Hosts that are compared with each other. `scope`: choices that all its cells share. `file`, `classes`: the design of
    the user's that plays a role here, as it was named (see migration_of_file.py)."""

    name: str
    title: str
    design: str
    kernel: str
    hosts: tuple[Host, ...]
    guests: tuple[str, ...]
    scope: Mapping[str, ScopeValue] = field(default_factory=dict[str, ScopeValue])
    file: str = ""
    classes: Mapping[str, type[Machine]] = field(default_factory=dict[str, type[Machine]])

    def tell_command(self, entry: str) -> str:
        """What tells the stories of an entry."""
        return " ".join(["eoi migrations", *([shlex.quote(self.file)] if self.file else []), "--tell", entry])


def _hosts(
    policies: Sequence[ApiFlags] = (ApiFlags.NONE,), machine: MachineType = MachineType.V10_1
) -> tuple[Host, ...]:
    """Every host there can be: only a QEMU with the series knows machine type 10.2 or takes a seoib-policy, and it does
    not start with a policy that its kernel cannot do (Assumed, see qemu_seoib_property)."""
    found = []
    both = (False, True)
    for version, qemu, kernel, flags in itertools.product(IoapicVersion, both, both, policies):
        exists = qemu or (flags is ApiFlags.NONE and machine is MachineType.V10_1)
        if exists and (kernel or flags is ApiFlags.NONE):
            found.append(Host(version, qemu, kernel, flags, machine))
    return tuple(found)


def tables() -> dict[str, Table]:
    """All tables by name."""
    guests = ("linux", "windows_cg", "xen")
    policies = (ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3)
    today = (Host(IoapicVersion.V11, False), Host(IoapicVersion.V20, False))
    new, late = Host(), Host(machine=MachineType.V10_2)
    found = [
        Table("today", "no series: today's QEMU", "qemu", "v6", today, guests),
        Table("today_throttle", "the same, in a storm (throttle=on)", "qemu", "v6", today,
              (*guests, *(g for g in ("broken",) if g in GUESTS)), {"throttle": True}),
        Table("today_in_flight", "the same, a vCPU stopped between its EOI and the exit for it", "qemu", "v6",
              today, guests, {"eoi_in_flight": True}),
        Table("today_masked", "the same, a guest that masks the pin before it EOIs", "qemu", "v6", today,
              tuple(g for g in ("linux_threaded", "sel4") if g in GUESTS)),
        Table("rfc_v1", "RFC v1 on kernel v3: automatic", "qemu_rfc_v1", "v3", _hosts(), guests),
        Table("rfc_v2", "RFC v2 on the merged kernel: automatic", "qemu_rfc_v2", "v6", _hosts(), guests),
        Table("gated_10.1", "RFC v2 for machine types from 10.2; the VM's is 10.1", "qemu_rfc_v2", "v6", _hosts(),
              guests, {"gated": True}),
        Table("gated_10.2", "RFC v2 for machine types from 10.2; the VM's is 10.2", "qemu_rfc_v2", "v6",
              _hosts(machine=MachineType.V10_2), guests, {"gated": True}),
        Table("machine_types", "machine types 10.1 (1) and 10.2 (2)", "qemu_rfc_v2", "v6", (new, late), guests,
              {"gated": True}),
        Table("property", "seoib-policy; a stream's policy wins", "qemu_seoib_property", "v6", _hosts(policies),
              guests),
        Table("property_at_init", "seoib-policy, applied at start even if a stream is to come", "qemu_seoib_property",
              "v6", _hosts(policies), guests, {"property_at_init": True}),
        Table("property_not_sent", "seoib-policy, applied at start and not in the stream", "qemu_seoib_property", "v6",
              _hosts(policies), guests, {"property_at_init": True, "section": False}),
    ]  # fmt: skip
    return {table.name: table for table in found if table.guests}


@dataclass(frozen=True)
class Entry:
    """One point of a table: source, destination, operation, and what each guest's run says."""

    table: Table
    source: int
    to: int
    operation: Operation
    results: tuple[CellResult, ...]
    broken: tuple[tuple[CellResult, Verdict], ...]  # violations that the operation is to blame for

    @property
    def name(self) -> str:
        return f"{self.table.name}:{self.source + 1}:{self.to + 1}:{self.operation.name.lower()}"

    @property
    def names(self) -> set[str]:
        return {verdict.property.name for _, verdict in self.broken}

    @property
    def code(self) -> str:
        """`ok`, `R`, `X!`, `LE`, ... (see LEGEND)."""
        letters = "".join(letter for name, letter in BREAKS.items() if name in self.names)
        mark = "!" if "asked_for_nothing_migrates" in self.names else ""
        if "refused_before_anything_changed" in self.names:
            return f"X{mark}"
        refused = any(_status(r, "vm_refused") is Status.REACHED for r in self.results)
        return f"R{mark}" if refused else letters or "ok"

    @property
    def outcome(self) -> str:
        """KEPT, REFUSED or BROKEN."""
        return {"o": "KEPT", "R": "REFUSED", "X": "REFUSED AFTER"}.get(self.code[0], "BROKEN")

    @property
    def bad(self) -> bool:
        return bool(self.broken)

    def shortest(self) -> list[tuple[CellResult, Verdict]]:
        """The shortest run for each property that is broken, of all guests."""
        best = dict[str, tuple[CellResult, Verdict]]()
        for result, verdict in self.broken:
            name = verdict.property.name
            if name not in best or length(verdict) < length(best[name][1]):
                best[name] = (result, verdict)
        return list(best.values())


def length(verdict: Verdict) -> int:
    assert verdict.run is not None
    return verdict.run.length


def _status(result: CellResult, name: str) -> Status:
    return next(v.status for v in result.verdicts if v.property.name == name)


def wanted() -> list[Property]:
    """What is asked of every cell."""
    known = all_properties()
    return [known[name] for name in (*BREAKS, *REFUSES, "vm_loaded", "vm_refused")]


def cell_of(table: Table, guest: str, source: Host, to: Host, operation: Operation) -> Cell:
    """One system at one scope."""
    names = {"kernel": table.kernel, "vmm": table.design, "guest": guest, "device": "level"}
    known: dict[str, type[Machine]] = {"qemu": Qemu, **designs()}
    own = table.classes
    kernel, vmm = own.get("kernel") or known[table.kernel], own.get("vmm") or known[table.design]
    system = system_of(*moved([kernel, vmm, GUESTS[guest], Level]))
    scope = MigrationScope(
        ioapic=source.ioapic, flags=source.flags, operation=operation, machine=source.machine,
        qemu_has_series=source.qemu_has_series, kernel_has_flags=source.kernel_has_flags, to_machine=to.machine,
        to_qemu_has_series=to.qemu_has_series, to_kernel_has_flags=to.kernel_has_flags, to_ioapic=to.ioapic,
        to_flags=to.flags,
    )  # fmt: skip
    return Cell(names, system, with_values(scope, table.scope))


def moved(roles: Sequence[type[Machine]]) -> list[type[Machine]]:
    """The classes of a system (kernel, VMM, guest, device) where its VM moves between hosts. Raises UserError."""
    kernel, vmm, guest, device = roles
    if not issubclass(vmm, Qemu):
        raise UserError(f"in a migration the VMM is qemu, or a patch of it, not {vmm.__name__}")
    series = [] if issubclass(Migrating, vmm) else [vmm]
    if issubclass(kernel, HostKernel):
        return [kernel, Migrating, *series, guest, device]
    known = designs()
    own = next((cls for cls in kernel.__mro__ if cls in known.values()), kernel)
    host = next((KERNELS[name] for name in KERNELS if known[name] is own), None)
    if host is None:
        raise UserError(
            f"in a migration the kernel is {' or '.join(KERNELS)}, or a patch of one, not {kernel.__name__}"
        )
    patch = [] if kernel is own else [kernel]
    return [host, *patch, Migrating, *series, guest, device]


class Runner:
    """Runs cells; remembers what the source alone violates. States are looked at again in CPython in the first cell of each
    system: its others, hundreds, differ in their choices."""

    def __init__(self, engine: str = "auto", sizes: int = 1) -> None:
        """`sizes`: vCPUs, pins and vectors of every cell."""
        self.engine, self.sizes, self.wanted = engine, sizes, wanted()
        self._alone: dict[tuple[str, str, str, Host], frozenset[str]] = {}
        self._met = set[type[Design]]()

    def check(self, cell: Cell) -> CellResult:
        """A whole answer. Raises KeyboardInterrupt, or MemoryError where the search found no memory."""
        scope = replace(cell.scope, cpus=self.sizes, pins=self.sizes, vectors=self.sizes)
        again = 0 if cell.system in self._met else AGAIN
        self._met.add(cell.system)
        result = check_cell(replace(cell, scope=scope), self.wanted, engine=self.engine, again=again)
        if result.outcome is not Outcome.COMPLETE:  # nothing else is limited here
            raise MemoryError
        return result

    def alone(self, table: Table, guest: str, host: Host) -> frozenset[str]:
        """What is violated on the source if nothing happens to the VM."""
        key = (table.file, table.name, guest, host)
        if key not in self._alone:
            result = self.check(cell_of(table, guest, host, host, Operation.STAY))
            self._alone[key] = frozenset(v.property.name for v in result.verdicts if v.status is Status.VIOLATED)
        return self._alone[key]

    def entry(self, table: Table, source: int, to: int, operation: Operation) -> Entry:
        results, broken = [], list[tuple[CellResult, Verdict]]()
        for guest in table.guests:
            result = self.check(cell_of(table, guest, table.hosts[source], table.hosts[to], operation))
            before = self.alone(table, guest, table.hosts[source])
            results.append(result)
            violated = [v for v in result.verdicts if v.status is Status.VIOLATED]
            broken += [(result, v) for v in violated if v.property.name not in before]
        return Entry(table, source, to, operation, tuple(results), tuple(broken))

    def entries(self, table: Table, operations: Sequence[Operation] = OPERATIONS) -> Iterator[Entry]:
        """Every entry of a table, a row after the other."""
        count = range(len(table.hosts))
        for operation, source, to in itertools.product(operations, count, count):
            yield self.entry(table, source, to, operation)


def _key(entry: Entry, verdict: Verdict) -> tuple[object, ...]:
    """What two violations of a table must share to share a story. A new process with -loadvm is told like -incoming."""
    assert verdict.run is not None
    start = {"loadvm_at_start": "migrate"}
    moves = tuple((start.get(m.step, m.step), m.args) for m in verdict.run.moves)
    return entry.table.name, verdict.property.name, moves, verdict.run.loop_start, length(verdict)


class Stories:
    """The different violations of a table: each is told where it was met first."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.met = dict[tuple[object, ...], list[tuple[Entry, CellResult, Verdict]]]()
        for entry in entries:
            for result, verdict in entry.shortest():
                self.met.setdefault(_key(entry, verdict), []).append((entry, result, verdict))

    def texts(self) -> dict[str, str]:
        """File name -> story, of those in WRITTEN."""
        told = {_file(met[0][0], met[0][2]): met[0] for met in self.met.values()}
        return {file: tell(*of) for file, of in told.items() if file in WRITTEN}

    def lines(self) -> list[str]:
        """What is violated where, in how many steps, and the command that tells it."""
        found = []
        for met in self.met.values():
            entry, _, verdict = met[0]
            operations = ", ".join(dict.fromkeys(e.operation.name.lower() for e, _, _ in met))
            pairs = " ".join(dict.fromkeys(f"{e.source + 1}>{e.to + 1}" for e, _, _ in met))
            steps = f"{length(verdict)} step{'s' * (length(verdict) != 1)}"
            found += [
                f"  {verdict.property.name} in {steps} ({operations}): {pairs}",
                f"      {entry.table.tell_command(entry.name)}",
            ]
        return found or ["  no bad cell"]


WRITTEN = (  # what `--write` keeps beside the table, one story of each kind; `--tell` tells any
    "today_masked-migrate-1-to-1-no_eoi_lost.txt",
    "today_throttle-migrate-2-to-1-high_line_is_sent.txt",
    "gated_10.2-migrate-3-to-1-line_is_serviced.txt",
    "property-loadvm_running-5-to-1-refused_before_anything_changed.txt",
    "property_not_sent-loadvm_running-5-to-1-honoured_stays_honoured.txt",
)


def _file(entry: Entry, verdict: Verdict) -> str:
    table, source, to, operation = entry.name.split(":")
    return f"{table}-{operation}-{source}-to-{to}-{verdict.property.name}.txt"


def tell(entry: Entry, result: CellResult, verdict: Verdict) -> str:
    """The story of one violation."""
    hosts = f"From: {entry.table.hosts[entry.source]}\nTo:   {entry.table.hosts[entry.to]}\n\n"
    return hosts + to_text(trace_of(result, verdict, entry.table.tell_command(entry.name)))


def lines(table: Table, entries: Sequence[Entry]) -> list[str]:
    """The table: hosts, a grid for each operation (rows: source, columns: destination), and the bad cells."""
    found = [f"{table.name}: {table.title}", f"design {table.design}, kernel design {table.kernel}, guests "
             + ", ".join(table.guests)]  # fmt: skip
    found += ["  " + f"{n:>2}  {host}" for n, host in enumerate(table.hosts, 1)]
    codes = {(e.operation, e.source, e.to): e.code for e in entries}
    width = max([3, *map(len, codes.values())]) + 1
    count = range(len(table.hosts))
    for names, operation in _alike(codes):
        found += ["", f"  {names}:", " " * 6 + "".join(f"{n + 1:>{width}}" for n in count)]
        found += [f"{s + 1:>6}" + "".join(f"{codes[operation, s, d]:>{width}}" for d in count) for s in count]
    return [line.rstrip() for line in [*found, "", *Stories(entries).lines()]]


def _alike(codes: Mapping[tuple[Operation, int, int], str]) -> list[tuple[str, Operation]]:
    """The operations, those with the same grid together."""
    grids = dict[tuple[str, ...], list[Operation]]()
    for operation in dict.fromkeys(o for o, _, _ in codes):
        grids.setdefault(tuple(c for (o, _, _), c in codes.items() if o is operation), []).append(operation)
    return [(", ".join(o.name.lower() for o in alike), alike[0]) for alike in grids.values()]


def report_text(found: Mapping[str, Sequence[Entry]]) -> str:
    """Tables with their legend."""
    head = ["Migration, -loadvm and loadvm into a running VM: rows are sources, columns are destinations.", "", *LEGEND]
    for entries in found.values():
        head += ["", *lines(entries[0].table, entries)]
    return "\n".join(head) + "\n"


def find_entry(name: str, known: Mapping[str, Table] | None = None) -> tuple[Table, int, int, Operation]:
    """TABLE:SOURCE:TO:OPERATION, of the tables that are known (default: all). Raises UserError."""
    parts = name.split(":")
    if len(parts) != 4:
        raise UserError(f"--tell takes TABLE:FROM:TO:OPERATION, for example rfc_v2:8:1:migrate, not {name!r}")
    table: Table = look_up("table", parts[0], known or tables())
    operation: Operation = look_up("operation", parts[3], {o.name.lower(): o for o in OPERATIONS})
    hosts = {str(n): n - 1 for n in range(1, len(table.hosts) + 1)}
    return table, look_up("host", parts[1], hosts), look_up("host", parts[2], hosts), operation
