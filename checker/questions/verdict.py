"""What a cell of the matrix answers: one verdict per property, with the shortest run that shows it."""

from __future__ import annotations

import functools
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

from checker.engine.atoms import Atom, atoms
from checker.engine.native import CorruptParents, Outcome, Stats
from checker.engine.passages import SourceLine
from checker.engine.prepare import Prepared, prepare
from checker.engine.reference import Move, Reference, Value
from checker.engine.search import Limits, NativeSearch, ReferenceSearch, open_search, stop_when
from checker.engine.shared import Shared
from checker.errors import InternalError
from checker.language.layout import binding_of
from checker.language.renaming import Renaming
from checker.language.source import USERS_MODULE
from checker.matrix.alike import asked_alike
from checker.matrix.carried import pack, unpack
from checker.matrix.cells import Cell
from checker.matrix.loader import file_digest, property_argument, provenance
from checker.matrix.roles import role_of, users_file
from checker.matrix.scope import scope_value
from checker.questions.graph_compare import digest_of
from checker.questions.parting import Taken, parted
from checker.questions.recheck import LEAST, Recheck
from checker.questions.restated import restated
from checker.questions.simplifications import assumptions_of
from checker.stories.replay import lanes_of, provenance_of, replay, sentence_for
from checker.stories.replay_line import ReplayLine, moves_digest
from checker.stories.setup import set_up_of
from checker.stories.trace import Trace, show, steps_text
from checker.stories.write import sealed
from checker.words import count
from checker.workers import partitioned
from checker.workers.where import HERE
from model.finite import ModelError, RangeError
from model.lang import Design, Fair, Kind, Property


class Status(Enum):
    """What a property says of a cell: the word; its mark in a matrix; what is said where it is counted, of one and of more."""

    HOLDS = "HOLDS", "ok", "holds", "hold"
    VIOLATED = "VIOLATED", "FAIL", "VIOLATED"
    REACHED = "REACHED", "yes", "reached"
    NEVER = "NEVER", "no", "never reached"
    INCONCLUSIVE = "INCONCLUSIVE", "?", "INCONCLUSIVE"
    SKIPPED = "SKIPPED", "-", "not asked"

    mark: str
    one: str
    many: str

    def __new__(cls, word: str, mark: str, one: str, many: str = "") -> Self:
        made = object.__new__(cls)
        made._value_ = word
        made.mark, made.one, made.many = mark, one, many or one
        return made


@dataclass(frozen=True)
class Run:
    """A run that shows something: moves from the initial state; then back to loop_start, or stay for ever."""

    moves: tuple[Move, ...]
    codes: tuple[tuple[int, ...], ...]  # leaf codes, one more than moves
    loop_start: int | None = None
    stutter: bool = False

    @property
    def length(self) -> int:
        return len(self.moves)

    @property
    def begins_again(self) -> int | None:
        """How many moves lead to what it repeats for ever, be it nothing but to stay; None if it does not go on."""
        return self.length if self.stutter else self.loop_start


@dataclass(frozen=True)
class Path:
    """What a search found: state ids, and the moves between them where it knows them; last: the last one of these. See Run."""

    states: Sequence[int]
    labels: Sequence[int] | None = None
    loop_start: int | None = None
    stutter: bool = False
    last: int | None = None

    @property
    def stem(self) -> int:
        """How many steps there are before the loop, or at all."""
        return len(self.states) - 1 if self.loop_start is None else self.loop_start


@dataclass(frozen=True)
class Verdict:
    """`binding`: parameter values that `run` is about. `note`: why it was skipped, or that it is vacuous."""

    property: Property
    status: Status
    binding: Mapping[str, Value] = field(default_factory=dict[str, Value])
    run: Run | None = None
    note: str = ""
    confirmed: str = ""  # what became of the run on a real system, if it was tried (oracles/confirm.py)

    def is_vacuous(self) -> bool:
        """It holds because what it speaks of never happens."""
        return self.status is Status.HOLDS and self.note.startswith("vacuous")

    def mark(self) -> str:
        """In brackets if vacuous."""
        return f"({self.status.mark})" if self.is_vacuous() else self.status.mark

    def says_something(self) -> bool:
        return self.status not in (Status.SKIPPED, Status.INCONCLUSIVE) and not self.is_vacuous()


@dataclass(frozen=True)
class CellResult:
    """Everything that one exploration of a cell says, and what it covered."""

    cell: Cell
    verdicts: tuple[Verdict, ...]
    stats: Stats
    outcome: Outcome
    engine: str
    never_fired: tuple[str, ...]
    lines_run: Mapping[SourceLine, bool]  # of the user's files, but for what is restated there
    fairness: Mapping[str, tuple[str, ...]]
    assumed: tuple[str, ...]  # the `Assumed:` notes of the files that the system is made of
    seconds: float
    kept: bool = False  # found by an earlier command, of the same program (kept_answers.py)
    again: int = 0  # how many of its states were to be looked at again
    graph: str = ""  # the digest of its reachable graph, where that is known (graph_compare.py)
    reduced: Reduced | None = None  # where that was asked for

    @property
    def all_states(self) -> int:
        """How many there are at most, of which not all were kept where it was reduced."""
        return self.reduced.stands_for if self.reduced is not None and self.reduced.by else self.stats.states


@dataclass(frozen=True)
class Reduced:
    """How a cell was searched that was to be reduced (reduced.py). by: the sizes whose rows were taken for each other, none if
    it was not reduced; stands_for: how many states those found stand for, all of them reachable if it is exact; of_all: what was asked of all states instead; why_not:
    of a size, or of all (""), why its rows were not taken for each other."""

    by: tuple[str, ...] = ()
    stands_for: int = 0
    exact: bool = True
    of_all: tuple[str, ...] = ()
    why_not: Mapping[str, str] = field(default_factory=dict[str, str])


def asked_of(cell: Cell, wanted: Sequence[Property]) -> list[Property]:
    """What its program is made with: the wanted properties that apply, and what they start from."""
    premises = [p.starts_from for p in wanted if p.starts_from is not None]
    needed = {p.function: p for p in (*wanted, *premises)}
    return [p for p in needed.values() if p.why_not(cell.system) is None]


def prepared_for(cell: Cell, wanted: Sequence[Property]) -> Prepared:
    """The program of a cell with these properties. Raises ModelError."""
    return prepare(cell.system, cell.scope, asked_of(cell, wanted), asked_alike)


def check_cell(
    cell: Cell, wanted: Sequence[Property], *, engine: str = "auto",
    limits: Limits | None = None, on_progress: Callable[[Stats], None] | None = None,
    stop: threading.Event | None = None, shared: Shared | None = None, on_phase: Callable[[str], None] | None = None,
    again: int = LEAST,
) -> CellResult:  # fmt: skip
    """Explore a cell and judge the wanted properties.

    stop: once it is set the search ends, and what is open is INCONCLUSIVE; without it Ctrl-C is a KeyboardInterrupt.
    on_phase: told what is done once the search is over and takes long.
    shared: searches of other systems that may be the same one; `engine`, `on_progress` and `stop` say nothing then.
    again: how many of the states are looked at again in CPython (recheck.py), none for 0; of shared ones, in the first of each
    program.

    Raises ModelError for a model outside the language or a store out of range, InternalError if the engines
    disagree with each other or with the replay.
    """
    started = time.monotonic()
    prepared = prepared_for(cell, wanted)
    reference = Reference(cell.system, cell.scope)
    if shared is not None:
        search = shared.run(prepared, reference, limits or Limits())
    else:
        search = open_search(prepared, reference, engine)
        _run(search, cell, wanted, limits or Limits(), stop or threading.Event(), on_progress)
    if stop is None and search.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    judge = Judge(cell, prepared, search, reference, stop, on_phase)
    result = judged(judge, wanted, again if shared is None or shared.is_new(prepared) else 0)
    graph = digest_of(search, reference.moves) if shared is None and isinstance(search, NativeSearch) else ""
    return replace(result, seconds=time.monotonic() - started, again=again, graph=graph)


def judged(judge: Judge, wanted: Sequence[Property], again: int) -> CellResult:
    """What a search says of the wanted properties, and what it covered. again: see check_cell."""
    cell, search = judge.cell, judge.search
    verdicts = tuple(judge.verdict(p) for p in wanted)
    if again:
        judge.recheck.states(again)
    fired = {move.step for move, n in zip(judge.reference.moves, search.fired(), strict=True) if n}
    by_fairness = {f.name: tuple(n for n, i in cell.system.steps().items() if i.fair is f) for f in Fair}
    return CellResult(
        cell, verdicts, search.stats(), search.outcome, search.engine,
        tuple(s for s in cell.system.steps() if s not in fired), of_the_users(search.lines_run(), cell), by_fairness,
        assumptions_of(cell.system), 0.0, again=again,
    )  # fmt: skip


def _run(
    search: NativeSearch | ReferenceSearch, cell: Cell, wanted: Sequence[Property], limits: Limits, stop: threading.Event,
    on_progress: Callable[[Stats], None] | None,
) -> None:  # fmt: skip
    """Here, or by several workers."""
    watch = stop_when(stop, on_progress)
    if limits.on in ("", HERE) or not isinstance(search, NativeSearch):
        search.run(limits, watch)
    else:
        partitioned.run(search, Remade(cell, tuple(wanted)), limits, watch, stop)


@dataclass(frozen=True)
class Remade:
    """What one cell's search is made of, also on another machine."""

    cell: Cell
    wanted: tuple[Property, ...]

    def search(self) -> NativeSearch:
        prepared = prepared_for(self.cell, self.wanted)
        found = open_search(prepared, Reference(self.cell.system, self.cell.scope), "native")
        assert isinstance(found, NativeSearch)
        return found

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _remade, (pack([self.cell], self.wanted),)


def _remade(packed: bytes) -> Remade:
    (cell,), wanted = unpack(packed)
    return Remade(cell, tuple(wanted))


def of_the_users(lines: Mapping[SourceLine, bool], cell: Cell) -> dict[SourceLine, bool]:
    """Without those that its files have in common with what they replace, wherever that was."""
    shared = restated(cell.system)
    return {line: was_run for line, was_run in lines.items() if (line.file, line.number) not in shared}


class Judge:
    """Turns what a search found into verdicts; every run is re-derived move by move in CPython, and shows there what is said."""

    def __init__(
        self, cell: Cell, prepared: Prepared, search: NativeSearch | ReferenceSearch, reference: Reference,
        stop: threading.Event | None = None, on_phase: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        """prepared: what was searched. stop: once it is set no further loops are looked for, which can take long in a large
        graph."""
        self.cell, self.search, self.reference = cell, search, reference
        self._stop = stop or threading.Event()
        self._on_phase = on_phase or (lambda text: None)
        self.recheck = Recheck(cell, prepared, search, reference)
        asked, self._program, self._formulas = prepared.properties, prepared.program, prepared.program.formulas
        self._atoms: dict[Callable[..., object], list[Atom]] = {p.function: [] for p in asked}
        self.atoms = atoms(prepared.program)
        for atom in self.atoms:
            self._atoms[asked[atom.formula].function].append(atom)
        self.complete = search.outcome is Outcome.COMPLETE
        self._moves = dict[tuple[tuple[int, ...], tuple[int, ...], int | None], Move | None]()
        self._confirmed = dict[tuple[tuple[int, ...], Move], tuple[int, ...] | None]()
        if search.outcome is Outcome.FAULT:
            self._raise_fault()

    def verdict(self, p: Property) -> Verdict:
        """Judge one property over all bindings of its parameters."""
        reason = None if p.function in self._atoms else p.why_not(self.cell.system)
        if reason is not None:
            return Verdict(p, Status.SKIPPED, note=reason)
        mine = self._atoms[p.function]
        found = list[tuple[Path, Atom]]()
        for _, of_binding in itertools.groupby(mine, lambda atom: atom.args):
            together = list(of_binding)
            path = self._witness(p, together)
            if path is not None:
                found.append((path, together[0]))
        if found:
            return self.told(p, *min(found, key=lambda f: (f[0].stem, len(f[0].states))))
        if not self.complete:
            return Verdict(p, Status.INCONCLUSIVE, note=self.search.outcome.value)
        if p.kind == "leads_to" and self._stop.is_set():
            return Verdict(p, Status.INCONCLUSIVE, note=Outcome.INTERRUPTED.value)
        if p.kind == "reachable":
            return Verdict(p, Status.NEVER)
        return Verdict(p, Status.HOLDS, note=self._vacuous(p, mine))

    def atoms_of(self, p: Property) -> Sequence[Atom]:
        """What it asks, for each binding of its parameters."""
        return self._atoms[p.function]

    def run_to(self, state: int) -> Run:
        """A shortest one."""
        return self._run(Path(self._checked_path(state)))[0]

    def told(self, p: Property, path: Path, atom: Atom) -> Verdict:
        """That a run shows it for the values of the atom. Raises EnginesDisagree if CPython does not say so."""
        run, renaming = self._run(path)
        params = self._formulas[atom.formula].params
        binding = binding_of(params, renaming.args([p.type for p in params], atom.args))
        self.recheck.run(p, binding, (run.codes, run.moves, run.loop_start, run.stutter))
        return Verdict(p, Status.REACHED if p.kind == "reachable" else Status.VIOLATED, binding, run)

    def _vacuous(self, p: Property, mine: Sequence[Atom]) -> str:
        if p.kind == "leads_to":
            occurs = any(self.search.first_state(a, True) is not None for a in mine if a.part == 0)
            return "" if occurs else "vacuous: what it speaks of never happens here"
        if p.starts_from is None:
            return ""
        premise = self._atoms.get(p.starts_from.function, [])
        if not premise or any(self.search.first_state(a, True) is not None for a in premise):
            return ""
        return f"vacuous: {p.starts_from.name} never happens here"

    def _witness(self, p: Property, of: Sequence[Atom]) -> Path | None:
        """The run that violates an always or leads_to, or that reaches a reachable."""
        if p.kind == "leads_to":
            if not self.complete or self._stop.is_set():
                return None
            self._on_phase(f"{p.name}: searching {count(self.search.stats().states, 'state')} for a fair loop")
            return self._lasso(*of)
        if of[0].of_edges:
            edge = self.search.first_edge(of[0], False)
            if edge is None:
                return None
            return Path([*self.search.path_to(edge.src), edge.dst], last=edge.label)
        state = self.search.first_state(of[0], p.kind == "reachable")
        return None if state is None else Path(self._checked_path(state))

    def _checked_path(self, state: int) -> list[int]:
        try:
            return self.search.path_to(state)
        except CorruptParents as error:
            raise InternalError(f"the search's parents are corrupt: {error}") from None

    def _lasso(self, p: Atom, q: Atom) -> Path | None:
        lasso = self.search.lasso(p, q)
        if lasso is None:
            return None
        edges = [*lasso.stem, *lasso.cycle]
        labels = [edge.label for edge in edges]
        stem = len(lasso.stem)
        return Path([lasso.start, *(e.dst for e in edges)], labels, stem if lasso.cycle else None, not lasso.cycle)

    def _run(self, path: Path) -> tuple[Run, Renaming]:
        """State ids -> moves. The engine says which it took; each is confirmed by running the model in CPython. And by which rows
        it goes where the engine goes by others (RunOfStates)."""
        walk = self.search.walk(path.states, path.last)
        codes = walk.codes
        if codes[0] != self.reference.start:
            raise InternalError("the engine's run does not start in the initial state")
        moves = list[Move]()
        for k, (src, dst) in enumerate(itertools.pairwise(codes)):
            move = self._move(src, dst, path.labels[k] if path.labels else None)
            if move is None:
                raise InternalError(f"step {k + 1} of the engine's run is not a step of the model in CPython")
            moves.append(move)
        return Run(tuple(moves), tuple(codes), path.loop_start, path.stutter), walk.renaming

    def _move(self, src: tuple[int, ...], dst: tuple[int, ...], label: int | None) -> Move | None:
        """The move from one state to another, confirmed; of those that the engine has, or the one that it took. Shortest
        runs share their beginnings, so each is asked of it once."""
        if (src, dst, label) not in self._moves:
            labels = [label] if label is not None else self.search.labels(src, dst)
            options = (self.reference.moves[n] for n in labels)
            self._moves[src, dst, label] = next((m for m in options if self._successor(src, m) == dst), None)
        return self._moves[src, dst, label]

    def _successor(self, state: tuple[int, ...], move: Move) -> tuple[int, ...] | None:
        """What CPython says of a move; each is asked of it once."""
        if (state, move) not in self._confirmed:
            try:
                self._confirmed[state, move] = self.reference.successor(state, move)
            except RangeError:
                self._confirmed[state, move] = None
        return self._confirmed[state, move]

    def _raise_fault(self) -> None:
        found = self.search.fault()
        assert found is not None
        state, label = found
        run, renaming = self._run(Path(self.search.path_to(state)))
        move = self.reference.moves[renaming.labels(self._program)[label]]
        try:
            self.reference.successor(run.codes[-1], move)
        except RangeError as error:
            raise ModelError(fault_message(error, move, run)) from None
        raise InternalError(f"the engine reports a fault in {move.step}, CPython does not")


def fault_message(error: RangeError, move: Move, run: Run) -> str:
    frame = error.__traceback__
    where = ""
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if not file.endswith(("finite.py", "lang.py", "reference.py", "verdict.py")):
            where = f"{file}:{frame.tb_lineno}: "
        frame = frame.tb_next
    steps = ", ".join(f"{m.step}{m.args}" for m in (*run.moves, move))
    return f"{where}{error}\n  after {steps_text(len(run.moves) + 1)}: {steps}"


def trace_of(result: CellResult, verdict: Verdict, reproduce: str) -> Trace:
    """The story of a verdict's run, replayed in CPython against the engine's states."""
    assert verdict.run is not None
    told = Account(result.cell, verdict.property, property_argument(verdict.property), verdict.run)
    return told.trace(verdict.binding, reproduce, label=verdict.confirmed)


class Account:
    """A run of a cell as a trace: the one way to make one that can be replayed.

    asked: the property as --property takes it. Raises InternalError if the run is not one of the cell's.
    """

    def __init__(self, cell: Cell, p: Property, asked: str, run: Run) -> None:
        self.cell, self.p, self.asked, self.run = cell, p, asked, run
        self.events = replay(
            cell.system, cell.scope, [(m.step, m.args) for m in run.moves], run.loop_start, expected=run.codes
        )
        self.moves = Reference(cell.system, cell.scope).moves
        taken = Taken(cell, p, run.moves, run.codes, run.loop_start, run.stutter)
        self._parted = functools.cache(functools.partial(parted, taken))  # by the role under review

    def trace(
        self,
        binding: Mapping[str, object],
        reproduce: str,
        *,
        label: str = "",
        shortest: bool = True,
        subject: str = "",
    ) -> Trace:
        """The story of the property's violation (or witness) for these values. subject: another role under review."""
        cell, p, run = self.cell, self.p, self.run
        subject = subject or cell.subject
        bound = {name: show(value) for name, value in binding.items()}
        homes = {
            role_of(cls): c.__module__ for cls in cell.system.__bases__ for c in cls.__mro__[::-1] if users_file(c)
        }
        names = {role: _with_digest(name, homes.get(role, "")) for role, name in cell.names.items()}
        scope = {name: scope_value(value) for name, value in vars(cell.scope).items()}
        partings, parts = self._parted(subject)
        about = [provenance(cls) for cls in cell.system.__bases__ if role_of(cls) == subject]
        trace = Trace(
            property_name=p.name, kind=p.kind, verdict=VERDICTS[p.kind],
            sentence=sentence_for(p.sentence, bound) if p.kind == "reachable" else p.complaint(bound),
            provenance=tuple(dict.fromkeys([*about, *provenance_of(cell.system)])), cell=names, scope=scope,
            lanes=lanes_of(cell.system, self.events), events=self.events, loop_start=run.loop_start,
            stutter=run.stutter, shortest=shortest, fairness=_owed(cell.system) if p.kind == "leads_to" else (),
            reproduce=reproduce, binding=bound, label=label,
            partings=partings, parts=parts, set_up=set_up_of(cell.system, self.events, [
                len(self.events) - 1, *(i for i in (run.loop_start, *(one.index for one in partings)) if i is not None)
            ]),
        )  # fmt: skip
        under_review_first = dict(sorted(names.items(), key=lambda role: role[0] != subject))
        file, colon, name = self.asked.rpartition(":")
        numbers = tuple(map(self.moves.index, run.moves))
        return sealed(trace, ReplayLine(
            f"{_with_digest(file, p.function.__module__)}{colon}{name}", bound, under_review_first, scope, table_of(self.moves), numbers,
            run.loop_start, run.stutter,
        ))  # fmt: skip


VERDICTS = {Kind.ALWAYS: "VIOLATED", Kind.LEADS_TO: "VIOLATED", Kind.REACHABLE: "REACHED"}


def table_of(moves: Sequence[Move]) -> str:
    """The digest of a system's moves, see replay_line."""
    return moves_digest(f"{m.step}({','.join(map(show, m.args))})" for m in moves)


def _with_digest(name: str, module: str) -> str:
    """A name, of a file with the digest of what was loaded of it, as this module."""
    return f"{name}@{file_digest(module)}" if module.startswith(USERS_MODULE) else name


def _owed(system: type[Design]) -> tuple[str, ...]:
    """What every fair run does, as `WEAK: these steps`."""
    steps = {fair: [n for n, info in system.steps().items() if info.fair is fair] for fair in Fair}
    return tuple(f"{fair.name}: {', '.join(names)}" for fair, names in steps.items() if names and fair is not Fair.FREE)
