"""`eoi conform kvm|qemu --mutants`: which one-change mutants of the model does the comparison with the real system notice?

Each scene is walked at random in lock-step, and its mutants are judged by what happened (oracles/mutation/mutants.py). A mutant
that no scene's walks notice comes with a shortest walk that tells it from the model: this walk is then taken in
lock-step, too, by the unchanged model. If the real system agrees with the model all along, it differs from the mutant:
"a directed walk" noticed it. If it does not, the model is wrong: a divergence like any other.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checker.stories.trace import show
from model.lang import Design, Disabled, Scope
from oracles.lockstep import Mismatch, NotRunnable, Seen, TooLate, Totals
from oracles.mutation.mutant_make import Rules, kvm_rules
from oracles.mutation.mutant_report import ASSUMPTIONS, DEAD, TARGET, Judged, MutantReport, Verdict, merged
from oracles.mutation.mutants import Bounds, Judge, Observables, Step
from oracles.report import Conformance, Section, wrapped
from oracles.walk import Disagreement, Subject, random_walks, shrunk

BOUNDS = Bounds(max_states=400_000, max_pairs=1_000_000)
DIRECTED = "a directed walk"
TRIES = 5  # of a walk that was too late
Refused = Callable[[Seen], Iterable[tuple[str, tuple[Any, ...]]]]
Say = Callable[[str], None]


def nothing_refused(seen: Seen) -> Iterable[tuple[str, tuple[Any, ...]]]:
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


class Corpus:
    """Walks as they happened; give `start` and `step` to a lock-step."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused
        self.walks: list[list[Step]] = []

    def start(self) -> None:
        self.walks.append([])

    def step(self, seen: Seen) -> None:
        if seen.step[0] != "initial":
            self.walks[-1].append(seen.step)
        if seen.entries:
            self.walks[-1] += [(name, args, False) for name, args in self.refused(seen)]


@dataclass
class Trial:
    """A scene with its compiled mutants and their verdicts."""

    scene: MutantScene
    judge: Judge
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
        return merged([trial.report for trial in self.trials])

    def noticed(self) -> set[tuple[str, str]]:
        """(side, name) of every mutant that a scene noticed."""
        judged = (j for trial in self.trials for j in trial.report.judged)
        return {(j.mutant.side, j.mutant.name) for j in judged if j.verdict is Verdict.NOTICED}


def judge_scenes(
    scenes: Sequence[MutantScene], seed: int, steps: int, *, rules: Rules = kvm_rules, say: Say = lambda line: None
) -> MutantRun:
    """Random walks of `steps` steps of the real system over all scenes, every mutant judged, then directed walks.

    Ends at the first disagreement. Raises OracleDied, NotReproducible, ModelError, NoCompiler.
    """
    run, started, shares = MutantRun(), time.monotonic(), sum(scene.share for scene in scenes)
    for number, scene in enumerate(scenes):
        if run.disagreement is None:
            _random(run, scene, seed + number, max(1, int(steps * scene.share / shares)), rules, say)
    for trial in run.trials:
        if run.disagreement is None:
            _directed(run, trial, say)
    run.seconds = time.monotonic() - started
    return run


def _random(run: MutantRun, scene: MutantScene, seed: int, steps: int, rules: Rules, say: Say) -> None:
    corpus = Corpus(scene.refused)
    done = random_walks(scene.subject, seed, steps, length=scene.length, on_step=corpus.step, on_start=corpus.start)
    run.totals += done.totals
    if done.disagreement is not None:
        run.disagreement = done.disagreement
        return
    judge = Judge(scene.judged or scene.subject.design, scene.subject.scope, scene.observables, rules, BOUNDS)
    report = judge.report(judge.corpus(corpus.walks), known=run.noticed())
    report.steps = done.totals.replayed
    report.scopes = [f"{scene.title}: {_scope_of(scene.subject.scope)}"]
    run.trials.append(Trial(scene, judge, report))
    noticed, left = (sum(j.verdict is v for j in report.judged) for v in (Verdict.NOTICED, Verdict.SURVIVOR))
    say(f"mutants, {scene.title}: {report.steps:,} steps; {noticed} more noticed, {left} not")


def _scope_of(scope: Scope) -> str:
    return ",".join(f"{name}={show(value)}" for name, value in vars(scope).items())


def _directed(run: MutantRun, trial: Trial, say: Say) -> None:
    """Every walk that this scene knows for a mutant that no scene has noticed yet, on the real system."""
    wanted, taken = 0, 0
    for number, judged in enumerate(trial.report.judged):
        key = (judged.mutant.side, judged.mutant.name)
        if judged.verdict is not Verdict.SURVIVOR or not judged.steps or key in run.noticed():
            continue
        wanted += 1
        trial.report.judged[number] = _after_its_walk(run, trial, judged)
        taken += trial.report.judged[number].verdict is Verdict.NOTICED
        if run.disagreement is not None:
            break
    if wanted:
        say(f"mutants, {trial.scene.title}: {taken} of {wanted} noticed by a directed walk")


def _after_its_walk(run: MutantRun, trial: Trial, judged: Judged) -> Judged:
    """The verdict once the model and the real system have gone the walk together."""
    subject = trial.scene.subject
    assert judged.steps is not None
    run.directed += 1
    try:
        corpus = _taken(run, trial.scene, judged.steps)
    except NotRunnable as error:
        return replace(judged, how=f"{judged.how}; it cannot be taken here: {error}")
    except Mismatch:
        run.disagreement = shrunk(subject, judged.steps)
        return judged
    except Disabled:
        return replace(judged, how=f"{judged.how}; the lock-step cannot take it")
    finally:
        subject.real.close()
    again = trial.judge.judge(judged.mutant, trial.judge.corpus(corpus.walks))
    trial.report.walks += 1
    trial.report.steps += len(judged.steps)
    if again.verdict is not Verdict.NOTICED:
        return judged
    return replace(again, how=f"{DIRECTED}: {again.how}", walk=judged.walk)


def _taken(
    run: MutantRun, scene: MutantScene, steps: Sequence[tuple[str, tuple[Any, ...]]], tries: int = TRIES
) -> Corpus:
    """The walk as it happened. Raises NotRunnable, Mismatch, Disabled."""
    corpus = Corpus(scene.refused)
    corpus.start()
    try:
        lock = scene.subject.begin(run.totals, corpus.step)
        for name, args in steps:
            lock.step(name, args)
    except TooLate:
        if tries == 1:
            raise
        return _taken(run, scene, steps, tries - 1)
    return corpus


# --- what is printed ---


def summary(report: MutantReport) -> str:
    """Number 4 of the five numbers, in one sentence for each side."""
    return "; ".join(_of_side(report, side) for side in report.sides)


def _of_side(report: MutantReport, side: str) -> str:
    n, share = report.numbers(side), report.noticed_share(side)
    if share is None:
        return f"{side}: {n['generated']} mutants, all equivalent at these scopes"
    noticed, equal = sum(n["noticed"].values()), sum(n["equivalent"].values())
    directed = n["noticed"].get(DIRECTED, 0)
    by = f", {directed} of them by a directed walk" if directed else ""
    met = "reached" if share >= TARGET else "missed"
    dead = n["equivalent"].get(DEAD, 0)
    assumed = f"{n['assumptions']} {ASSUMPTIONS}, " if n["assumptions"] else ""
    unreached = f" ({dead} of them in code that no scene reaches)" if dead else ""
    return (
        f"{side}: {noticed} of {noticed + n['survivors']} ({100 * share:.1f} %; target {100 * TARGET:.0f} % {met}){by}; "
        f"{n['survivors']} survivors, {equal} equivalent{unreached}, {assumed}{n['generated']} generated"
    )


def table_lines(run: MutantRun, title: str) -> list[str]:
    """The table, every scene, and the survivors with their reasons; at most 72 columns, 7-bit ASCII."""
    return [line for text in _table_text(run, title) for line in _fitted(text)]


def _table_text(run: MutantRun, title: str) -> Iterator[str]:
    report = run.report
    yield title
    yield from report.text().splitlines()
    yield ""
    yield "equivalent only because no scene reaches them, by function"
    dead = Counter((j.mutant.side, j.mutant.function) for j in report.judged if j.how == DEAD)
    yield from [f"  {number:4} {side}: {function}()" for (side, function), number in sorted(dead.items())] or ["  none"]
    yield from _assumption_lines(report)
    yield f"{run.directed} directed walks, {run.seconds:.0f} s"


def _assumption_lines(report: MutantReport) -> Iterator[str]:
    """The mutants that are not compared, by rule, with the reason."""
    found = [j for j in report.judged if j.verdict is Verdict.ASSUMPTION]
    if found:
        yield from ("", f"{ASSUMPTIONS}: {len(found)}")
    counted = Counter((j.mutant.side, j.mutant.function.rpartition(".")[2], j.how) for j in found)
    for (side, function, why), number in sorted(counted.items()):
        yield f"  {number:4} {side}: {function}(): {why}"
    yield from ("",) if found else ()


def _fitted(text: str) -> list[str]:
    """A line in 72 columns, as far indented as it was."""
    indent = text[: len(text) - len(text.lstrip())]
    return wrapped(text.strip(), indent + "    ", indent) or [""]


def as_json(run: MutantRun, title: str) -> dict[str, Any]:
    """Plain data: the numbers, then every mutant with its verdict, reason and walk."""
    report = run.report
    said = {"format": "eoiproof mutants 1", "oracle": title, "directed_walks": run.directed, **report.to_json()}
    return {**said, "reaches_target": report.reaches_target(), "seconds": round(run.seconds, 1)}


def add_to(result: Conformance, run: MutantRun) -> None:
    """Number 4, and the steps that were taken for it."""
    title = f"mutants: random walks of {len(run.trials)} scenes, and {run.directed} directed walks"
    result.sections.append(Section(title, run.totals, unexplained=int(run.disagreement is not None)))
    if run.disagreement is not None or not run.trials:
        result.mutants = "no number: the model and the real system differ"
        return
    result.mutants = summary(run.report)
    raw = run.report.to_json()
    survivors = [m for m in raw["mutants"] if m["verdict"] == Verdict.SURVIVOR.value]
    result.mutant_numbers = {
        "sides": raw["sides"],
        "reaches_target": run.report.reaches_target(),
        "survivors": survivors,
    }


def write(run: MutantRun, title: str, result: Conformance, folder: Path, oracle: str) -> None:
    """mutants-ORACLE.txt: table, survivors, the five numbers; mutants-ORACLE.json: every mutant."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*table_lines(run, title), "", *result.lines()]) + "\n"
    (folder / f"mutants-{oracle}.txt").write_text(text, encoding="utf-8")
    (folder / f"mutants-{oracle}.json").write_text(json.dumps(as_json(run, title), indent=1) + "\n", encoding="utf-8")
