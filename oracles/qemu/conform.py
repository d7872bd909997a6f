"""`eoi conform qemu`: the model of QEMU's I/O APIC (model/vmms/qemu.py, model/migration.py) against a real one.

What is walked, for each of the versions 0x11 and 0x20: every transition of the I/O APIC alone (harness.py: 2 pins,
2 vectors, 2 destinations), then seeded random walks; the throttle's graph; and every transition of an I/O APIC that is
migrated, or restored, into either version.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

from checker.errors import UserError
from model.lang import Design
from model.machine import IoapicVersion
from model.migration import Migrating, Operation
from model.vmms.qemu import Qemu
from oracles.cover import cover, space
from oracles.lockstep import Totals
from oracles.mutation.scenes import judge_scenes
from oracles.qemu import mutants
from oracles.qemu.harness import bench, bench_scope, moving_bench, moving_scope
from oracles.qemu.system import QemuIoapic
from oracles.record import Recorder
from oracles.report import Conformance, Disagreed, Request, Section, cover_section, section_lines
from oracles.walk import Disagreement, Subject, random_walks

STEPS = 200_000  # compared steps for each version, at least
MUTANT_STEPS = 30_000
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
Say = Callable[[str], None]


def conform(request: Request, say: Say, *, quick: bool = False, vmm: type[Design] = Qemu) -> Conformance:
    """What was compared, up to the first disagreement. request.steps: of each version, random walks fill up what
    covering walks leave. quick: seconds instead of minutes, on one pin. vmm: the model under test.

    Raises UserError, OracleMissing, OracleDied, NotReproducible, NoCompiler.
    """
    for name, why in (("design", "the model of QEMU"), ("scope", "each part's scope")):
        if getattr(request, name):
            raise UserError(f"--{name} is for conform kvm: {why} is fixed here")
    started = time.monotonic()
    with closing(QemuIoapic()) as real:
        run = QemuRun(request, real, say, vmm)
        with suppress(Disagreed):
            run.all_parts(quick)
    run.result.seconds = time.monotonic() - started
    return run.result


class QemuRun:
    """One `eoi conform qemu`, part by part; each part may raise Disagreed."""

    def __init__(self, request: Request, real: QemuIoapic, say: Say, vmm: type[Design]) -> None:
        self.request, self.real, self.say, self.vmm = request, real, say, vmm
        self.agreed = dict.fromkeys(IoapicVersion, 0)  # compared steps of machines that were started with a version
        self.result = Conformance(
            "qemu", f"{real.title}, on {platform.machine()}", "model/vmms/qemu.py, model/migration.py",
            request.command("qemu"), differences=real.differences, not_covered=NOT_COVERED,
        )  # fmt: skip

    def all_parts(self, quick: bool) -> None:
        request, v11, v20 = self.request, IoapicVersion.V11, IoapicVersion.V20
        for version in IoapicVersion:
            self.alone(version, 1 if quick else 2)
        if request.covers and not quick:
            self.leave_out("0x11, throttle", v11, self.subject(v11, throttle=True), THROTTLE_0X11)
            self.cover("0x20, throttle", v20, self.subject(v20, throttle=True))
        for title, version, subject in moves(self.real, quick) if request.covers else ():
            self.cover(title, version, subject)
        if request.mutants:
            steps = request.steps if request.steps and not request.random else MUTANT_STEPS
            judged = judge_scenes(list(mutants.scenes(self.real)), mutants.rules, request.seed, steps, say=self.say)
            judged.add_to(self.result)

    def alone(self, version: IoapicVersion, pins: int) -> None:
        """Every transition, then random walks until there are enough steps."""
        subject = self.subject(version, pins=pins)
        if self.request.covers:
            self.cover(f"{version.value:#x}, every transition of {pins} pin{'s' * (pins > 1)}", version, subject)
        missing = (self.request.steps or STEPS) - self.agreed[version]
        if self.request.walks_at_random and missing > 0:
            seed = self.request.seed
            done = random_walks(subject, seed, missing, length=LENGTH, on_step=self.recorder(subject))
            section = Section(f"{version.value:#x}, random walks, seed {seed}", done.totals, left_out=done.not_runnable)
            self.add(version, section, done.disagreement)

    def add(self, version: IoapicVersion, section: Section, disagreement: Disagreement | None = None) -> None:
        self.agreed[version] += section.totals.agreed
        self.say("\n".join(section_lines(section)))
        self.result.add(section, disagreement)

    def subject(self, version: IoapicVersion, *, pins: int = 2, throttle: bool = False) -> Subject:
        return Subject(bench(self.vmm), bench_scope(version, pins=pins, throttle=throttle), self.real, NAMES)

    def cover(self, title: str, version: IoapicVersion, subject: Subject) -> None:
        done = cover(subject, space(subject.design, subject.scope), title, on_step=self.recorder(subject))
        self.add(version, cover_section(title, done), done.disagreement)

    def recorder(self, subject: Subject) -> Recorder | None:
        """What is to be told of every step."""
        return Recorder(subject, self.result.walks) if self.request.record else None

    def leave_out(self, title: str, version: IoapicVersion, subject: Subject, why: str) -> None:
        of = space(subject.design, subject.scope)
        self.add(version, Section(title, Totals(), 0, of.kinds, of.states, len(of.label), {why: of.kinds}))


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
