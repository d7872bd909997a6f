"""`eoi conform kvm`: covering and random walks of the model in lock-step with the running kernel, and its mutants."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from checker.errors import UserError
from checker.matrix.scope import parse_scope
from checker.matrix.select import find_role
from checker.progress import PIPED_SECONDS
from model.machine import Machine
from oracles.cover import Covered, SliceError, Space, TooBig, cover, space
from oracles.kvm import harness, mutants, subjects
from oracles.kvm.driver import LiveKvmSystem
from oracles.lockstep import Walk
from oracles.mutation.scenes import judge_scenes
from oracles.processes import in_processes
from oracles.record import Recorder
from oracles.report import Conformance, Disagreed, Request, Section, cover_section, section_lines
from oracles.walk import Disagreement, Subject, random_walks, seen_again

STEPS = 100_000
MUTANT_STEPS = 200_000
MAX_STATES = 1_000_000
MAX_KINDS = 3_000_000  # a quarter of an hour
Say = Callable[[str], None]


def conform(request: Request, say: Say) -> Conformance:
    """What was compared, up to the first disagreement. say: is told of each part as it ends, in other processes, too,
    so it is a function that can be pickled.

    Raises UserError, OracleMissing, OracleDied, NotReproducible.
    """
    if request.scope and request.mutants and not (request.cover or request.random):
        raise UserError("--scope is for --cover and --random: the scenes of --mutants have their own")
    started = time.monotonic()
    with closing(LiveKvmSystem()) as real:
        design = request.design or subjects.running_design()
        run = KvmRun(request, design, find_role("kernel", design), real, say)
        with suppress(Disagreed):
            run.all_parts()
    run.result.seconds = time.monotonic() - started
    return run.result


class KvmRun:
    """One `eoi conform kvm`, part by part; each part may raise Disagreed."""

    def __init__(self, request: Request, design: str, kernel: type[Machine], real: LiveKvmSystem, say: Say) -> None:
        self.request, self.design, self.kernel, self.real, self.say = request, design, kernel, real, say
        self.result = Conformance("kvm", real.title, design, request.command("kvm"), differences=real.differences)

    def all_parts(self) -> None:
        if self.request.covers:
            self.cover()
        if self.request.walks_at_random:
            self.random()
        if self.request.mutants:
            steps = self.request.steps if self.request.steps and not self.request.random else MUTANT_STEPS
            found = list(mutants.scenes(self.kernel, self.real))
            judge_scenes(found, mutants.rules, self.request.seed, steps, say=self.say).add_to(self.result)

    def add(self, section: Section, disagreement: Disagreement | None) -> None:
        self.say("\n".join(section_lines(section)))
        self.result.add(section, disagreement)

    def cover(self) -> None:
        not_covered: list[str] = [*subjects.NOT_COVERED]
        self.result.not_covered = not_covered
        scenes = list(subjects.scenes(self.kernel, subjects.sizes_of(self.request.scope)))
        work = partial(covered, self.design, self.request.scope, self.say)
        for scene, walked in zip(scenes, in_processes(work, range(len(scenes)), self.request.jobs), strict=True):
            if isinstance(walked, str):
                not_covered.append(f"{scene.title}: {walked}")
                continue
            section, walk = walked
            self.add(section, None if walk is None else seen_again(scene.subject(self.kernel, self.real), walk))

    def random(self) -> None:
        found = subjects.random_subjects(self.design, self.kernel, parse_scope(self.request.scope), self.real)
        share = -(-(self.request.steps or STEPS) // len(found))
        for seed, subject in enumerate(found, self.request.seed):
            recorder = Recorder(subject, self.result.walks) if self.request.record else None
            done = random_walks(subject, seed, share, on_step=recorder)
            shown = {role: name for role, name in subject.names.items() if role not in ("kernel", "device")}
            said = ", ".join(f"flags {name}" if role == "flags" else name for role, name in shown.items())
            self.add(Section(f"random: {said}", done.totals, left_out=done.not_runnable), done.disagreement)


def covered(design: str, sizes: str, say: Say, number: int) -> tuple[Section, Walk | None] | str:
    """A process's own part of a covering run, one scene: what it executed, and the shortest walk that ends in a difference;
    or why the scene cannot be walked."""
    kernel = find_role("kernel", design)
    scene = list(subjects.scenes(kernel, subjects.sizes_of(sizes)))[number]
    with closing(LiveKvmSystem()) as real:
        subject = scene.subject(kernel, real)
        try:
            of, local = to_walk(scene, subject, say)
        except TooBig as error:
            return str(error)
        done = cover(subject, of, scene.title, progress=Every(PIPED_SECONDS, say))
    section = cover_section(f"cover {'local ' if local else ''}transitions: {scene.title}", done)
    return section, None if done.disagreement is None else done.disagreement.walk


def to_walk(scene: subjects.CoverScene, subject: Subject, say: Say) -> tuple[Space, bool]:
    """What is walked, and whether of local transitions. Raises TooBig."""
    try:
        return space(subject.design, scene.scope, harness.part_of if scene.local else None, MAX_STATES), scene.local
    except SliceError as error:  # a design that looks at more than those that the parts were declared for
        why = str(error)
    of = space(subject.design, scene.scope, None, MAX_STATES)
    if of.kinds > MAX_KINDS:
        raise TooBig(f"{of.kinds:,} transitions, of which none are the same locally: {why}")
    say(f"  {scene.title}: each transition is taken, none are the same locally: {why}")
    return of, False


class Every:
    """Says how far a covering walk is, once in so many seconds."""

    def __init__(self, seconds: float, say: Say) -> None:
        self.seconds, self.say, self.last = seconds, say, time.monotonic()

    def __call__(self, so_far: Covered) -> None:
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            done = f"{so_far.done:,} of {so_far.kinds:,} transitions, {so_far.totals.steps:,} steps"
            self.say(f"  {so_far.title}: {done}")
