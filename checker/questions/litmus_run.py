"""Running litmus stories in CPython, the reference semantics: every run of the steps is followed, state by state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from checker.engine.reference import Codes, Move, Reference, Value, bindings_of, is_of_edges
from checker.errors import UserError
from checker.language.layout import leaves
from checker.matrix.cells import Cell, Skipped, matrix
from checker.matrix.roles import all_properties
from checker.matrix.scope import ScopeValue, parse_scope
from checker.questions.litmus import Action, Expectation, LitmusError, Story, nearest
from checker.stories.replay import name_of
from checker.stories.trace import show
from model.finite import MaskType, ModelError, decode, size
from model.lang import Kind, Property
from model.machine import ApiFlags, Machine

SHOWN = 4  # other ends that a story that differs is told to have
LIMIT = 20_000  # states that the runs of one story may be in at one time
Find = Callable[[str, str], type[Machine]]  # (role, name) -> its class; raises ModelError


@dataclass(frozen=True)
class History:
    """How a state was reached: the last move, and how the state before it was."""

    move: Move | None = None
    before: History | None = None

    def moves(self) -> list[Move]:
        return [] if self.move is None or self.before is None else [*self.before.moves(), self.move]


Runs = dict[Codes, History]  # every state that the runs can be in now, with one run that leads there


class _Differs(Exception):
    """What the story says of every run is not so, in this one."""

    def __init__(self, action: Action, found: str, run: History | None = None) -> None:
        super().__init__(found)
        self.action, self.found, self.run = action, found, run


@dataclass(frozen=True)
class Case:
    """One story on one system."""

    story: Story
    outcome: Expectation
    cell: Cell

    @property
    def finding(self) -> str | None:
        """Why the model is known to give another outcome here."""
        return self.story.findings.get(self.outcome.vmm)

    @property
    def system(self) -> str:
        """All four roles, with the I/O APIC's version."""
        names = {**self.cell.names, "vmm": f"{self.cell.names['vmm']} {self.cell.scope.ioapic.value:#x}"}
        return ", ".join(f"{role} {name}" for role, name in names.items())

    def at(self, line: int) -> str:
        """`file:line`, as every message says it."""
        return f"{self.story.path}:{line}"

    def __str__(self) -> str:
        return f"{self.cell.names['kernel']}, {self.cell.names['vmm']} {self.cell.scope.ioapic.value:#x}"


@dataclass(frozen=True)
class Result:
    """holds: the outcome is the expected one. problem: why not, as lines. moves: the run that shows it, if one does.
    ends: the states after the last step, each with a run that leads there."""

    case: Case
    problem: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    ends: Runs = field(default_factory=dict[Codes, History])

    @property
    def holds(self) -> bool:
        return not self.problem


def cases_of(story: Story, find: Find) -> list[Case]:
    """The story on each kernel, VMM and version that it names. Raises UserError with file and line."""
    with _at(story, "Scope"):
        scope: dict[str, ScopeValue] = {"flags": ApiFlags.NONE, **parse_scope(story.scope)}
        if "ioapic" in scope:
            raise UserError("the I/O APIC's version is said under Outcome: VMM 0x20")

    def beside(role: str, name: str) -> type[Machine]:
        return find(role, str(story.path.parent / name) if ".py" in name else name)

    with _at(story, "Guest"):
        beside("guest", story.guest)
    with _at(story, "Device"):
        beside("device", story.device)
    found: list[Case] = []
    for kernel in story.kernels:
        with _at(story, "Kernel"):
            cls = beside("kernel", kernel)
        for o in story.outcomes:
            with _at(story, o.line):
                version = parse_scope(f"ioapic={o.version}") if o.version else {}
                cells = matrix(
                    (kernel, cls), kernels=[kernel], vmms=[o.vmm], guests=[story.guest],
                    devices=[story.device], scope={**scope, **version}, find=beside,
                )  # fmt: skip
                found += [Case(story, o, _existing(cell)) for cell in cells]
    _check_outcomes(story, found)
    return found


def _existing(cell: Cell | Skipped) -> Cell:
    if isinstance(cell, Skipped):
        raise UserError(f"{cell.title}: {cell.why}")
    return cell


@contextmanager
def _at(story: Story, where: str | int) -> Iterator[None]:
    """A ModelError gets the story's line: that of a key, or a number."""
    try:
        yield
    except ModelError as error:
        line = where if isinstance(where, int) else story.lines.get(where, 1)
        raise LitmusError(story.path, line, str(error)) from None


def _check_outcomes(story: Story, cases: Sequence[Case]) -> None:
    seen: dict[str, int] = {}
    for case in cases:
        if str(case) in seen:
            raise LitmusError(story.path, case.outcome.line, f"{case}: line {seen[str(case)]} says its outcome already")
        seen[str(case)] = case.outcome.line
    for vmm in story.findings:
        if not any(case.outcome.vmm == vmm for case in cases):
            raise LitmusError(story.path, story.lines["Finding"], f"{vmm!r} has no outcome")


class _System:
    """One cell, with what the words of a story mean there."""

    def __init__(self, case: Case) -> None:
        self.story = case.story
        self.reference = Reference(case.cell.system, case.cell.scope)
        self.design = case.cell.system
        self.fields = {
            name_of(self.design, leaf)[1]: (number, leaf.type)
            for number, leaf in enumerate(leaves(self.design.state_type(case.cell.scope)))
        }
        self.named: dict[str, list[Move]] = {name: [] for name in self.design.steps()}
        for move in self.reference.moves:
            self.named[move.step].append(move)

    def error(self, action: Action, message: str) -> LitmusError:
        return LitmusError(self.story.path, action.line, message)

    def moves_named(self, action: Action, name: str) -> list[Move]:
        if name not in self.named:
            raise self.error(action, f"no step {name!r} in {self.design.__name__}{nearest(name, self.named)}")
        return self.named[name]

    def move(self, action: Action) -> Move:
        """The one move that a step with its arguments means."""
        name, args = action.call
        moves = self.moves_named(action, name)
        given = dict(args)
        code = getattr(self.design, name).__code__
        params = code.co_varnames[1 : code.co_argcount]
        if sorted(params) != sorted(p for p, _ in args):
            raise self.error(action, f"{name} takes ({', '.join(params)}), found ({', '.join(p for p, _ in args)})")
        for number, param in enumerate(params):
            valid = list(dict.fromkeys(show(m.args[number]) for m in moves))
            if given[param] not in valid:
                raise self.error(action, f"{name}: {param} = {given[param]}: {' or '.join(valid)} was expected")
        (found,) = (m for m in moves if list(map(show, m.args)) == [given[p] for p in params])
        return found

    def test(self, action: Action) -> Callable[[Codes], str]:
        """state -> the value of the action's field, as text."""
        if action.field.endswith(")"):
            return self._property_test(action)
        if action.field not in self.fields:
            raise self.error(action, f"unknown field {action.field!r}{nearest(action.field, self.fields)}")
        number, of = self.fields[action.field]
        if isinstance(of, MaskType):
            self._check_set(action, of.of.hi)
        else:
            self._check_value(action, [show(decode(of, code)) for code in range(size(of))])
        return lambda state: show(decode(of, state[number]))

    def _check_value(self, action: Action, valid: Sequence[str]) -> None:
        if action.value not in valid:
            raise self.error(action, f"{action.field} = {action.value}: {' or '.join(valid)} was expected")

    def _check_set(self, action: Action, highest: int) -> None:
        """A set is written as stories write it: {0,2}, in ascending order."""
        text = action.value
        members = sorted({int(n) for n in re.findall(r"\d{1,3}", text)})
        if text != "{" + ",".join(map(str, members)) + "}" or any(n > highest for n in members):
            raise self.error(action, f"{action.field} = {text}: {{}} or a set such as {{{highest}}} was expected")

    def _property_test(self, action: Action) -> Callable[[Codes], str]:
        """`no_eoi_lost(pin=0) = 1`: what a property of states says."""
        name = action.field.partition("(")[0]
        known = {n: p for n, p in all_properties().items() if p.kind is not Kind.LEADS_TO and not is_of_edges(p)}
        if name not in known:
            raise self.error(action, f"no property {name!r} of one state{nearest(name, known)}")
        by_text = {_call_text(known[name], args): args for args in bindings_of(known[name], self.reference.scope)}
        if action.field not in by_text:
            raise self.error(action, f"{' or '.join(by_text)} was expected, found {action.field}")
        self._check_value(action, ["0", "1"])
        return lambda state: show(bool(self.reference.holds(known[name].function, by_text[action.field], state)))


def _call_text(p: Property, args: Sequence[Value]) -> str:
    names = p.function.__code__.co_varnames[1 : 1 + len(args)]
    return f"{p.name}({', '.join(f'{n}={show(a)}' for n, a in zip(names, args, strict=True))})"


def run_case(case: Case) -> Result:
    """Follow every run. Raises LitmusError for a name or value that the system does not have."""
    system = _System(case)
    tests = [(o, system.test(o)) for o in case.story.observe]
    plan = [_prepared(system, action) for action in _with_between(case.story)]
    runs: Runs = {system.reference.start: History()}
    try:
        for advance in plan:
            runs = advance(runs)
    except _Differs as differs:
        moves = tuple(differs.run.moves()) if differs.run else ()
        expected = f"expected, {case.at(differs.action.line)}: {differs.action.text}"
        return Result(case, (expected, f"instead: {differs.found}"), moves)
    return _judge(case, runs, tests)


def _with_between(story: Story) -> Iterator[Action]:
    """The steps, and what comes between them."""
    if story.between:
        yield story.between
    for action in story.steps:
        yield action
        if story.between and action.what == "take":
            yield story.between


def _judge(case: Case, runs: Runs, tests: Sequence[tuple[Action, Callable[[Codes], str]]]) -> Result:
    """Is what is observed at the end of the runs what Outcome says?"""
    seen = {state: tuple(f"{o.field} = {value(state)}" for o, value in tests) for state in runs}
    asked = tuple(f"{o.field} = {o.value}" for o, _ in tests)
    hits = {state for state in runs if seen[state] == asked}
    kind = case.outcome.kind
    if len(hits) == len(runs) if kind == "always" else bool(hits) == (kind == "sometimes"):
        return Result(case, ends=runs)
    shown = next(s for s in runs if (s in hits) == (kind == "never"))
    others = [o for o in dict.fromkeys(seen.values()) if o not in (asked, seen[shown])] if kind != "never" else []
    problem = [
        f"expected, {case.at(case.outcome.line)}: {kind} {_together(asked)} at the end",
        f"possible instead: {_together(seen[shown])}, by this run" + " (and by no run what is expected)" * (not hits),
        *(f"possible, too: {_together(other)}" for other in others[:SHOWN]),
        *([f"possible, too: {counted(len(others) - SHOWN, 'other end')}"] if len(others) > SHOWN else []),
    ]
    return Result(case, tuple(problem), tuple(runs[shown].moves()), runs)


def _together(said: Sequence[str]) -> str:
    return " and ".join(said)


def _prepared(system: _System, action: Action) -> Callable[[Runs], Runs]:
    """What a line of the story does to the runs. The line's words are looked up now."""
    if action.what == "now":
        test = system.test(action)
        return lambda runs: _all_show(runs, action, test)
    if action.what in ("take", "not"):
        move = system.move(action)
        return lambda runs: _take(system.reference, runs, action, move)
    names = action.steps or tuple(system.named)
    moves = [move for name in names for move in system.moves_named(action, name)]
    return lambda runs: _free(system, runs, action, moves)


def _all_show(runs: Runs, action: Action, test: Callable[[Codes], str]) -> Runs:
    for state, run in runs.items():
        if test(state) != action.value:
            raise _Differs(action, f"it is {test(state)}", run)
    return runs


def _take(reference: Reference, runs: Runs, action: Action, move: Move) -> Runs:
    found: Runs = {}
    for state, run in runs.items():
        following = reference.successor(state, move)
        if following is not None and action.what == "not":
            raise _Differs(action, "it is possible", run)
        if following is not None:
            found.setdefault(following, History(move, run))
    if action.what == "not":
        return runs
    if not found:
        raise _Differs(action, "it is not possible, in any run", next(iter(runs.values())))
    return found


def _free(system: _System, runs: Runs, action: Action, moves: Sequence[Move]) -> Runs:
    """Any number of moves, breadth first; "idle" keeps the states where none of them is possible."""
    found, waiting = dict(runs), list(runs)
    idle: Runs = {}
    for state in waiting:  # grows while it is walked
        following = [(s, m) for m in moves if (s := system.reference.successor(state, m)) is not None]
        if not following:
            idle[state] = found[state]
        for after, move in following:
            if after not in found:
                found[after] = History(move, found[state])
                waiting.append(after)
        if len(found) > LIMIT:
            raise system.error(action, f"more than {LIMIT:,} states: name the steps that may happen")
    if action.what == "any":
        return found
    if not idle:
        raise _Differs(action, "these steps never come to an end", next(iter(runs.values())))
    return idle


def call_text(case: Case, move: Move) -> str:
    """`write_spiv(cpu=0, enabled=1, directed_eoi=0)`."""
    code = getattr(case.cell.system, move.step).__code__
    params = code.co_varnames[1 : code.co_argcount]
    return f"{move.step}({', '.join(f'{p}={show(v)}' for p, v in zip(params, move.args, strict=True))})"


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + "s" * (number != 1)


def lines_of(results: Sequence[Result]) -> Iterator[str]:
    """A story's line, then what is not as it says, each with the run that shows it."""
    story = results[0].case.story
    wrong = [r for r in results if r.holds == (r.case.finding is not None)]
    yield f"{'DIFFERS' if wrong else 'ok     '} {story.path.stem}: {story.title} ({counted(len(results), 'system')})"
    for r in results:
        if r.case.finding is not None and not r.holds:
            yield f"        finding, {r.case}: {r.case.finding}"
    alike: dict[tuple[str, ...], list[str]] = {}
    for r in wrong:
        moves = (f"{n:3} {call_text(r.case, m)}" for n, m in enumerate(r.moves, 1))
        text = (*(r.problem or (_no_finding(r.case),)), *moves)
        alike.setdefault(text, []).append(r.case.system)
    for text, systems in alike.items():
        yield from (f"  on {system}:" for system in systems)
        yield from (f"    {line}" for line in text)


def _no_finding(case: Case) -> str:
    where = case.at(case.story.lines["Finding"])
    return f"{where}: it is no finding any more, the story ends as {case.at(case.outcome.line)} says: take it out of 'Finding:'"
