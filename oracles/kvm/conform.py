"""`eoi conform kvm`: covering and random walks of the model in lock-step with the running kernel."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from checker.errors import UserError
from checker.matrix.scope import parse_scope
from checker.matrix.select import find_role
from checker.progress import PIPED_SECONDS
from model.machine import Machine
from oracles import record, report
from oracles.cover import Covered, SliceError, Space, TooBig, cover, space
from oracles.kvm import harness, subjects
from oracles.kvm.driver import LiveKvmSystem
from oracles.kvm.mutant_scenes import scenes as scenes_for_mutants
from oracles.lockstep import OracleDied, OracleMissing, Walk
from oracles.mutation import mutant_scenes
from oracles.processes import in_processes
from oracles.record import RecordedWalk, Recorder
from oracles.walk import Disagreement, NotReproducible, Subject, closing, random_walks, seen_again

STEPS = 100_000
MUTANT_STEPS = 200_000
MAX_STATES = 1_000_000
MAX_KINDS = 3_000_000  # a quarter of an hour


class Run:
    """One `eoi conform kvm`: collects sections, stops at the first disagreement."""

    def __init__(self, options: Namespace, design: str, kernel: type[Machine], real: LiveKvmSystem) -> None:
        self.options, self.design, self.kernel, self.real = options, design, kernel, real
        self.disagreement: Disagreement | None = None
        self.walks: list[RecordedWalk] = []
        self.judged: mutant_scenes.MutantRun | None = None
        today = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.result = report.Conformance(real.title, design, command_of(options), today, differences=real.differences)

    def add(self, section: report.Section, disagreement: Disagreement | None) -> None:
        section.unexplained = int(disagreement is not None)
        self.disagreement = disagreement
        self.result.sections.append(section)
        print("\n".join(report.section_lines(section)), file=sys.stderr, flush=True)

    def cover(self) -> None:
        not_covered: list[str] = [*subjects.NOT_COVERED]
        self.result.not_covered = not_covered
        scenes = list(subjects.scenes(self.kernel, subjects.sizes_of(self.options.scope)))
        walks = in_processes(partial(covered, self.design, self.options.scope), range(len(scenes)), self.options.jobs)
        for scene, walked in zip(scenes, walks, strict=True):
            if isinstance(walked, str):
                not_covered.append(f"{scene.title}: {walked}")
                continue
            section, walk = walked
            self.add(section, None if walk is None else seen_again(scene.subject(self.kernel, self.real), walk))
            if self.disagreement is not None:
                return

    def random(self) -> None:
        found = subjects.random_subjects(self.design, self.kernel, parse_scope(self.options.scope), self.real)
        share = -(-(self.options.steps or STEPS) // len(found))
        for number, subject in enumerate(found):
            if self.disagreement is not None:
                return
            seed = self.options.seed + number
            if self.options.record:
                recorder = Recorder(subject)
                walks = random_walks(subject, seed, share, on_start=recorder.start, on_step=recorder.step)
                self.walks += recorder.walks
            else:
                walks = random_walks(subject, seed, share)
            shown = {role: name for role, name in subject.names.items() if role not in ("kernel", "device")}
            said = ", ".join(f"flags {name}" if role == "flags" else name for role, name in shown.items())
            self.add(report.Section(f"random: {said}", walks.totals, left_out=walks.not_runnable), walks.disagreement)

    def mutants(self) -> None:
        steps = self.options.steps if self.options.steps and not self.options.random else MUTANT_STEPS
        found = list(scenes_for_mutants(self.kernel, self.real))
        self.judged = mutant_scenes.judge_scenes(found, self.options.seed, steps, say=_progress)
        mutant_scenes.add_to(self.result, self.judged)
        self.disagreement = self.judged.disagreement


def covered(design: str, sizes: str, number: int) -> tuple[report.Section, Walk | None] | str:
    """A process's own part of a covering run, one scene: what it executed, and the shortest walk that ends in a difference;
    or why the scene cannot be walked."""
    kernel = find_role("kernel", design)
    scene = list(subjects.scenes(kernel, subjects.sizes_of(sizes)))[number]
    with closing(LiveKvmSystem()) as real:
        subject = scene.subject(kernel, real)
        try:
            of, local = to_walk(scene, subject)
        except TooBig as error:
            return str(error)
        done = cover(subject, of, scene.title, local=local, progress=Every(PIPED_SECONDS))
    kind = "local " if local else ""
    section = report.Section(
        f"cover {kind}transitions: {scene.title}", done.totals, done.done, done.kinds, done.states,
        done.transitions, done.left_out,
    )  # fmt: skip
    return section, None if done.disagreement is None else done.disagreement.walk


def to_walk(scene: subjects.CoverScene, subject: Subject) -> tuple[Space, bool]:
    """What is walked, and whether of local transitions. Raises TooBig."""
    try:
        return space(subject.design, scene.scope, harness.part_of if scene.local else None, MAX_STATES), scene.local
    except SliceError as error:  # a design that looks at more than those that the parts were declared for
        why = str(error)
    of = space(subject.design, scene.scope, None, MAX_STATES)
    if of.kinds > MAX_KINDS:
        raise TooBig(f"{of.kinds:,} transitions, of which none are the same locally: {why}")
    _progress(f"  {scene.title}: each transition is taken, none are the same locally: {why}")
    return of, False


class Every:
    """Says how far a covering walk is, once in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, time.monotonic()

    def __call__(self, so_far: Covered) -> None:
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            _progress(
                f"  {so_far.title}: {so_far.done:,} of {so_far.kinds:,} transitions, {so_far.totals.steps:,} steps"
            )


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def command_of(options: Namespace) -> str:
    parts = ["eoi conform kvm", *(f"--{flag}" for flag in ("cover", "random", "mutants") if getattr(options, flag))]
    parts += [f"--design {options.design}"] if options.design else []
    parts += [f"--scope {options.scope}"] if options.scope else []
    parts += [f"--seed {options.seed}"] + ([f"--steps {options.steps}"] if options.steps else [])
    return " ".join(parts)


def conform(options: Namespace) -> int:
    """0: everything agreed; 1: a difference, shrunk and told; 3: no oracle here, or it broke. Raises UserError."""
    if options.scope and options.mutants and not (options.cover or options.random):
        raise UserError("--scope is for --cover and --random: the scenes of --mutants have their own")
    started = time.monotonic()
    try:
        real = LiveKvmSystem()
    except OracleMissing as error:
        print(f"SKIPPED: {error}")
        return 3
    try:
        design = options.design or subjects.running_design()
        run = Run(options, design, find_role("kernel", design), real)
        unasked = not (options.cover or options.random or options.mutants)
        if options.cover or unasked:
            run.cover()
        if (options.random or unasked) and run.disagreement is None:
            run.random()
        if options.mutants and run.disagreement is None:
            run.mutants()
    except (OracleDied, NotReproducible) as error:
        print(f"INCONCLUSIVE: {error}")
        return 3
    finally:
        real.close()
    run.result.seconds = time.monotonic() - started
    return finish(options, run)


def finish(options: Namespace, run: Run) -> int:
    """Print, write, record."""
    lines = run.result.lines()
    data = run.result.as_json()
    if run.disagreement is not None:
        lines = [*report.story_lines(run.disagreement), "", *lines]
        data["mismatch"] = report.mismatch_json(run.disagreement)
    judged = run.judged if run.disagreement is None else None
    table = mutant_scenes.table_lines(judged, run.real.title) if judged is not None else []
    print(json.dumps(data, indent=1) if options.json else "\n".join([*table, *lines]))
    if options.write and judged is not None:
        mutant_scenes.write(judged, run.real.title, run.result, Path(options.write), "kvm")
    if options.write and (judged is None or options.cover or options.random):
        folder = Path(options.write)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kvm.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "kvm.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if options.record:
        record.write(run.walks, Path(options.record))
    return 0 if run.disagreement is None else 1


def recorded(subject: Subject, seed: int, steps: int) -> list[RecordedWalk]:
    """Random walks of a subject as they were really observed; the judge of mutants asks for them. Raises Mismatch's
    like as AssertionError: walks on which the two disagree are no corpus."""
    recorder = Recorder(subject)
    walks = random_walks(subject, seed, steps, on_start=recorder.start, on_step=recorder.step)
    assert walks.disagreement is None, walks.disagreement
    return recorder.walks
