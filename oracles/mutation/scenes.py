"""`eoi conform kvm|qemu --mutants`: which one-change mutants of the model does the comparison with the real system notice?

Each scene is walked at random in lock-step, and its mutants are judged by what happened (judge.py). A mutant
that no scene's walks notice comes with a shortest walk that tells it from the model: this walk is then taken in
lock-step, too, by the unchanged model. If the real system agrees with the model all along, it differs from the mutant:
"a directed walk" noticed it. If it does not, the model is wrong: a divergence like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from model.lang import Design, Disabled
from oracles.lockstep import INITIAL, Mismatch, NotRunnable, Seen, Step, TooLate, Totals
from oracles.mutation.judge import Bounds, MutantJudge, Observables, WalkStep
from oracles.mutation.make import Rules
from oracles.mutation.report import DIRECTED, Fate, Judged, MutantReport, merged
from oracles.report import Conformance, Section, scope_line
from oracles.walk import Disagreement, Subject, random_walks, shrunk

BOUNDS = Bounds(max_states=400_000, max_pairs=1_000_000)
TRIES = 5  # of a walk that was too late
Refused: TypeAlias = Callable[[Seen], Iterable[Step]]
Say: TypeAlias = Callable[[str], None]


def nothing_refused(seen: Seen) -> Iterable[Step]:
    return ()


@dataclass(frozen=True)
class MutantScene:
    """judged: the subject's system with what else of it can be observed (default: as it is). refused: steps that, by
    what was observed of the real system, it cannot take now. share: of all random steps, relative to other scenes."""

    title: str
    subject: Subject
    observables: Observables
    judged: type[Design] | None = None
    refused: Refused = nothing_refused
    length: int = 200
    share: float = 1.0


class WalkLog:
    """Walks as they happened: the on_step of a lock-step."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        self.walks: list[list[WalkStep]] = []

    def __call__(self, seen: Seen) -> None:
        if seen.step == INITIAL:
            self.walks.append([])
        else:
            self.walks[-1].append(seen.step)
        if seen.entries:
            self.walks[-1] += [(name, args, False) for name, args in self.refused(seen)]


@dataclass
class Trial:
    """A scene with its compiled mutants and what became of them."""

    scene: MutantScene
    judge: MutantJudge
    report: MutantReport


@dataclass
class MutantRun:
    """What a run found. disagreement: model and real system differ, so there is no number."""

    trials: list[Trial] = field(default_factory=list[Trial])
    totals: Totals = field(default_factory=Totals)
    directed: int = 0  # walks taken
    disagreement: Disagreement | None = None
    seconds: float = 0.0

    @property
    def report(self) -> MutantReport:
        """All scenes as one. Raises ValueError if there is none."""
        return replace(merged([trial.report for trial in self.trials]), seconds=self.seconds)

    def noticed(self) -> set[tuple[str, str]]:
        """(side, name) of every mutant that a scene noticed."""
        judged = (j for trial in self.trials for j in trial.report.judged)
        return {(j.mutant.side, j.mutant.name) for j in judged if j.fate is Fate.NOTICED}

    def lines(self) -> list[str]:
        """The table, the survivors with their reasons, and how many directed walks it took; at most 72 columns."""
        return [*self.report.lines(), f"{self.directed} directed walks, {self.seconds:.0f} s"]

    def add_to(self, result: Conformance) -> None:
        """Number 4, the steps that were taken for it, and every mutant. Raises Disagreed."""
        if self.disagreement is not None or not self.trials:
            result.mutants = "no number: the model and the real system differ"
        else:
            result.mutants, result.mutant_lines = self.report.summary(), self.lines()
            result.mutant_numbers = {"directed_walks": self.directed, **self.report.to_json()}
        title = f"mutants: random walks of {len(self.trials)} scenes, and {self.directed} directed walks"
        result.add(Section(title, self.totals), self.disagreement)


def judge_scenes(
    scenes: Sequence[MutantScene], rules: Rules, seed: int, steps: int, *, say: Say = lambda line: None
) -> MutantRun:
    """Random walks of `steps` steps of the real system over all scenes, every mutant judged, then directed walks.

    Ends at the first disagreement. Raises OracleDied, NotReproducible, ModelError, NoCompiler.
    """
    run, started, shares = MutantRun(), time.monotonic(), sum(scene.share for scene in scenes)
    for number, scene in enumerate(scenes):
        if run.disagreement is None:
            _random(run, scene, rules, seed + number, max(1, int(steps * scene.share / shares)), say)
    for trial in run.trials:
        if run.disagreement is None:
            _directed(run, trial, say)
    run.seconds = time.monotonic() - started
    return run


def _random(run: MutantRun, scene: MutantScene, rules: Rules, seed: int, steps: int, say: Say) -> None:
    log = WalkLog(scene.refused)
    done = random_walks(scene.subject, seed, steps, length=scene.length, on_step=log)
    run.totals += done.totals
    run.disagreement = done.disagreement
    if done.disagreement is not None:
        return
    judge = MutantJudge(scene.judged or scene.subject.design, scene.subject.scope, scene.observables, rules, BOUNDS)
    report = judge.report(judge.corpus(log.walks), known=run.noticed())
    report.steps = done.totals.replayed
    report.scopes = [f"{scene.title}: {scope_line(scene.subject.scope)}"]
    run.trials.append(Trial(scene, judge, report))
    noticed, left = (sum(j.fate is fate for j in report.judged) for fate in (Fate.NOTICED, Fate.SURVIVOR))
    say(f"mutants, {scene.title}: {report.steps:,} steps; {noticed} more noticed, {left} not")


def _directed(run: MutantRun, trial: Trial, say: Say) -> None:
    """Every walk that this scene knows for a mutant that no scene has noticed yet, on the real system."""
    wanted, taken = 0, 0
    for number, judged in enumerate(trial.report.judged):
        key = (judged.mutant.side, judged.mutant.name)
        if judged.fate is not Fate.SURVIVOR or not judged.walk or key in run.noticed():
            continue
        wanted += 1
        trial.report.judged[number] = _after_its_walk(run, trial, judged, judged.walk)
        taken += trial.report.judged[number].fate is Fate.NOTICED
        if run.disagreement is not None:
            break
    if wanted:
        say(f"mutants, {trial.scene.title}: {taken} of {wanted} noticed by a directed walk")


def _after_its_walk(run: MutantRun, trial: Trial, judged: Judged, walk: Sequence[Step]) -> Judged:
    """What becomes of it once the model and the real system have gone the walk together."""
    subject = trial.scene.subject
    run.directed += 1
    try:
        log = _taken(run, trial.scene, walk)
    except NotRunnable as error:
        return replace(judged, how=f"{judged.how}; it cannot be taken here: {error}")
    except Mismatch:
        run.disagreement = shrunk(subject, walk)
        return judged
    except Disabled:
        return replace(judged, how=f"{judged.how}; the lock-step cannot take it")
    finally:
        subject.real.close()
    again = trial.judge.judge(judged.mutant, trial.judge.corpus(log.walks))
    trial.report.walks += 1
    trial.report.steps += len(walk)
    if again.fate is not Fate.NOTICED:
        return judged
    return replace(again, how=f"{DIRECTED}: {again.how}", walk=judged.walk)


def _taken(run: MutantRun, scene: MutantScene, walk: Sequence[Step], tries: int = TRIES) -> WalkLog:
    """The walk as it happened. Raises NotRunnable, Mismatch, Disabled."""
    log = WalkLog(scene.refused)
    try:
        lock = scene.subject.begin(run.totals, log)
        for name, args in walk:
            lock.step(name, args)
    except TooLate:
        if tries == 1:
            raise
        return _taken(run, scene, walk, tries - 1)
    return log
