"""The model of QEMU's I/O APIC (model/vmms/qemu.py, model/migration.py) against a real one, part by part.

What is walked, for each of the versions 0x11 and 0x20: every transition of the I/O APIC alone (harness.py: 2 pins,
2 vectors, 2 destinations), then seeded random walks; the throttle's graph; and every transition of an I/O APIC that is
migrated, or restored, into either version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from model.lang import Design
from model.machine import IoapicVersion
from model.migration import Migrating, Operation
from model.vmms.qemu import Qemu
from oracles.cover import cover, space
from oracles.lockstep import Seen, Totals
from oracles.qemu.harness import bench, bench_scope, moving_bench, moving_scope
from oracles.qemu.system import QemuIoapic
from oracles.record import Recorder
from oracles.report import Section
from oracles.walk import Disagreement, Subject, random_walks

STEPS = 200_000  # compared steps for each version, at least
LENGTH = 2_000  # of a random walk
NAMES = {"kernel": "stand-in", "vmm": "qemu", "guest": "any access", "device": "any line"}
OPERATIONS = (Operation.MIGRATE, Operation.LOADVM_AT_START, Operation.LOADVM_RUNNING)
THROTTLE_0X11 = (
    "the EOIs of 0x11 need a running CPU, and the throttle's 10 ms a stopped one (tests/oracles/test_qemu_moves.py "
    "counts 10,000 EOIs of a running machine instead)"
)
NOT_COVERED = (
    "QEMU's I/O APIC under KVM: kvm_set_irq() instead of an MSI, and the routes that KVM gets",
    "other delivery modes than fixed, logical destinations, interrupt remapping, a second I/O APIC",
    "resampling irqfds",
    "the throttle with two pins, or two vectors",
)
Say = Callable[[Section], None]


@dataclass
class QemuConformance:
    """What was compared, in parts. oracle: QEMU's version and how it runs; versions[i]: the I/O APIC version that the
    machine of sections[i] was started with; recorders: one for each part, if walks were to be recorded."""

    oracle: str
    sections: list[Section] = field(default_factory=list[Section])
    versions: list[IoapicVersion] = field(default_factory=list[IoapicVersion])
    disagreement: Disagreement | None = None
    recorders: list[Recorder] = field(default_factory=list[Recorder])

    def agreed(self, version: IoapicVersion) -> int:
        """Compared steps without a difference, of machines that were started with this version."""
        parts = zip(self.versions, self.sections, strict=True)
        return sum(section.totals.agreed for v, section in parts if v is version)

    def share(self) -> tuple[int, int]:
        """(transitions executed, transitions that are reachable), over all covering walks."""
        return sum(s.covered for s in self.sections), sum(s.kinds for s in self.sections)


class Run:
    """One run, part by part. It ends at the first disagreement."""

    def __init__(self, real: QemuIoapic, vmm: type[Design], record: bool, say: Say) -> None:
        self.real, self.vmm, self.record, self.say = real, vmm, record, say
        self.result = QemuConformance(real.title)

    def add(self, version: IoapicVersion, section: Section, disagreement: Disagreement | None = None) -> None:
        section.unexplained = int(disagreement is not None)
        self.result.sections.append(section)
        self.result.versions.append(version)
        self.result.disagreement = disagreement
        self.say(section)
        if disagreement is not None:
            raise _Different

    def subject(self, version: IoapicVersion, *, pins: int = 2, throttle: bool = False) -> Subject:
        return Subject(bench(self.vmm), bench_scope(version, pins=pins, throttle=throttle), self.real, NAMES)

    def cover(self, title: str, version: IoapicVersion, subject: Subject) -> None:
        on_step, on_start = self.recorder(subject)
        done = cover(subject, space(subject.design, subject.scope), title, on_step=on_step, on_start=on_start)
        section = Section(title, done.totals, done.done, done.kinds, done.states, done.transitions, done.left_out)
        self.add(version, section, done.disagreement)

    def random(self, version: IoapicVersion, subject: Subject, seed: int, steps: int) -> None:
        on_step, on_start = self.recorder(subject)
        done = random_walks(subject, seed, steps, length=LENGTH, on_step=on_step, on_start=on_start)
        section = Section(f"{version.value:#x}, random walks, seed {seed}", done.totals, left_out=done.not_runnable)
        self.add(version, section, done.disagreement)

    def recorder(self, subject: Subject) -> tuple[Callable[[Seen], None] | None, Callable[[], None] | None]:
        """What is to be told of every step, and of every start of a walk."""
        if not self.record:
            return None, None
        recorder = Recorder(subject)
        self.result.recorders.append(recorder)
        return recorder.step, recorder.start

    def leave_out(self, title: str, version: IoapicVersion, subject: Subject, why: str) -> None:
        of = space(subject.design, subject.scope)
        self.add(version, Section(title, Totals(), 0, of.kinds, of.states, len(of.label), {why: of.kinds}))


class _Different(Exception):
    """A part ended in a disagreement."""


def run(
    steps: int = STEPS, seed: int = 1, *, covering: bool = True, quick: bool = False, vmm: type[Design] = Qemu,
    record: bool = False, say: Say = lambda section: None,
) -> QemuConformance:  # fmt: skip
    """Compare, and stop at the first disagreement. steps: of each version, random walks fill up what covering walks
    leave. covering=False: random walks only; quick: seconds instead of minutes, on one pin.

    vmm: the model under test; record: keep what was seen, for mutants.
    Raises OracleMissing, OracleDied, NoCompiler.
    """
    real = QemuIoapic()
    run = Run(real, vmm, record, say)
    try:
        for version in IoapicVersion:
            _alone(run, version, 1 if quick else 2, steps, seed, covering)
        if covering and not quick:
            run.leave_out(
                "0x11, throttle", IoapicVersion.V11, run.subject(IoapicVersion.V11, throttle=True), THROTTLE_0X11
            )
            run.cover("0x20, throttle", IoapicVersion.V20, run.subject(IoapicVersion.V20, throttle=True))
        for title, version, subject in moves(real, quick) if covering else ():
            run.cover(title, version, subject)
    except _Different:
        pass
    finally:
        real.close()
    return run.result


def _alone(run: Run, version: IoapicVersion, pins: int, steps: int, seed: int, covering: bool) -> None:
    """Every transition, then random walks until there are enough steps."""
    subject = run.subject(version, pins=pins)
    if covering:
        run.cover(f"{version.value:#x}, every transition of {pins} pin{'s' * (pins > 1)}", version, subject)
    missing = steps - run.result.agreed(version)
    if missing > 0:
        run.random(version, subject, seed, missing)


def moves(real: QemuIoapic, quick: bool) -> Iterator[tuple[str, IoapicVersion, Subject]]:
    """(title, version at the start, subject) of each operation between each two versions, and of the throttle."""
    system = moving_bench(Migrating)
    for operation in OPERATIONS[:1] if quick else OPERATIONS:
        for old in IoapicVersion:
            for new in IoapicVersion:
                if not quick or (old, new) == (IoapicVersion.V11, IoapicVersion.V20):
                    title = f"{old.value:#x} -> {new.value:#x}, {operation.name.lower()}"
                    yield title, old, Subject(system, moving_scope(old, new, operation), real, NAMES)
        if not quick:
            v20 = IoapicVersion.V20
            scope = moving_scope(v20, v20, operation, throttle=True)
            yield f"0x20 -> 0x20, {operation.name.lower()}, throttle", v20, Subject(system, scope, real, NAMES)
