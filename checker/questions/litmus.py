"""Litmus stories: one small run in a text file, and what is to be seen at its end. tests/litmus/README.md shows one.

A file is a list of `Key: value`; lines that are indented go on with the key above them; `#` begins a comment.
No line has more than COLUMNS characters, its key, indentation and comment included, so that a story fits a mail.

    Title, Source    what it shows, and where that comes from
    Left out         optional: what the source has and this story has not
    Kernel           designs, separated by commas: each is run
    Guest, Device    the default device is level. Every name may be a .py file beside the story
    Scope            sizes and choices, as for --scope
    Outcome          lines `always VMM, VMM 0x11, ...`, or sometimes, or never: what becomes of Observe there
    Finding          optional lines `VMM reason`: here the model is known to say something else than Outcome
    Between steps    optional: steps that follow the start and each step, until none of them is possible
    Steps            what happens, in order
    Observe          lines `FIELD = value`, with fields and values as in stories: all of them in one state

A line under Steps is one of

    step(parameter=value, ...)      this step is taken
    ... [step, step]                any number of steps (of these, if some are named)
    until idle: step, step          these steps, in any order, until none of them is possible
    not step(parameter=value)       this step is not possible now, in any run
    now FIELD = value               it is so now, in every run

Stories run in CPython, the reference semantics: every run of the steps is followed, state by state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from checker.engine.reference import Codes, Move, Reference, Value, bindings_of, is_of_edges
from checker.errors import UserError
from checker.files import LONGEST, listed
from checker.language.layout import leaves
from checker.language.refusal import did_you_mean
from checker.matrix.cells import Cell, Skipped, matrix
from checker.matrix.roles import all_properties
from checker.matrix.scope import ScopeValue, parse_scope
from checker.stories.replay import name_of
from checker.stories.trace import show
from model.finite import MaskType, ModelError, decode, size
from model.lang import Kind, Property
from model.machine import ApiFlags, Machine

COLUMNS = 72
KINDS = ("always", "sometimes", "never")
NEEDED = ("Title", "Source", "Kernel", "Guest", "Scope", "Outcome", "Steps", "Observe")
OPTIONAL = ("Left out", "Device", "Finding", "Between steps")
SHOWN = 4  # other ends that a story that differs is told to have
LIMIT = 20_000  # states that the runs of one story may be in at one time

_KEY = re.compile(r"(?P<key>[A-Za-z][A-Za-z ]*):\s*(?P<value>.*)$")
_CALL = re.compile(r"(?P<step>\w+)\s*\(\s*(?P<args>[^()]*?)\s*\)$")
_EQUAL = re.compile(r"(?P<field>\S.*?)\s*=\s*(?P<value>\S+)$")


class LitmusError(UserError):
    """A litmus file that cannot be read: `file:line: what is wrong`."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Expectation:
    """What becomes of the observation with one VMM. `version` is "" for all that the VMM has."""

    line: int
    kind: str
    vmm: str
    version: str


@dataclass(frozen=True)
class Action:
    """A line under Steps or Observe.

    what: "take", "not" (calls holds one), "any", "idle" (steps holds names), "now" (field and value).
    """

    line: int
    text: str
    what: str
    call: tuple[str, tuple[tuple[str, str], ...]] = ("", ())
    steps: tuple[str, ...] = ()
    field: str = ""
    value: str = ""


@dataclass(frozen=True)
class Story:
    """A litmus file. Names are as written: cases_of() looks them up. `lines`: key -> its line number."""

    path: Path
    title: str
    source: str
    kernels: tuple[str, ...]
    guest: str
    device: str
    scope: str
    outcomes: tuple[Expectation, ...]
    findings: dict[str, str]
    between: Action | None
    steps: tuple[Action, ...]
    observe: tuple[Action, ...]
    lines: dict[str, int]


Lines = list[tuple[int, str]]  # line number and text, without comment and surrounding space


def read_story(path: Path) -> Story:
    """Parse one file. Raises LitmusError with the line."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST).decode("ascii")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise LitmusError(path, line, "only ASCII characters can be read") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    keys, starts = _keys(path, text)
    last = text.count("\n") + 1
    for key in NEEDED:
        if key not in keys:
            raise LitmusError(path, last, f"'{key}:' is missing")
        if not keys[key]:
            raise LitmusError(path, starts[key], f"'{key}:' is empty")
    plain = {key: " ".join(text for _, text in lines) for key, lines in keys.items()}
    return Story(
        path, plain["Title"], plain["Source"], tuple(_names(plain["Kernel"])), plain["Guest"],
        plain.get("Device", "level"), plain["Scope"],
        tuple(o for number, text in keys["Outcome"] for o in _outcomes(path, number, text)),
        _findings(path, keys.get("Finding", [])),
        _between(plain.get("Between steps", ""), starts.get("Between steps", 0)),
        tuple(_action(path, number, text) for number, text in keys["Steps"]),
        tuple(_condition(path, number, text, text) for number, text in keys["Observe"]),
        starts,
    )  # fmt: skip


def nearest(name: str, valid: Iterable[str]) -> str:
    """`: did you mean ...?`, or nothing."""
    hint = did_you_mean(name, valid)
    return f": {hint}" if hint else ""


def _keys(path: Path, text: str) -> tuple[dict[str, Lines], dict[str, int]]:
    """key -> the lines of its value, key -> the line it stands in."""
    keys: dict[str, Lines] = {}
    starts: dict[str, int] = {}
    current: Lines | None = None
    for number, whole in enumerate(text.splitlines(), 1):
        if len(whole) > COLUMNS:
            raise LitmusError(path, number, f"the line has {len(whole)} characters; {COLUMNS} are allowed{_how(whole)}")
        line = whole.partition("#")[0].rstrip()
        if not line:
            continue
        if line[0] in " \t":
            if current is None:
                raise LitmusError(path, number, "a line 'Key: value' was expected first")
            current.append((number, line.strip()))
            continue
        found = _KEY.match(line)
        if found is None:
            raise LitmusError(path, number, f"'Key: value' or an indented line was expected, found {line!r}")
        key = found["key"]
        if key not in NEEDED + OPTIONAL:
            raise LitmusError(path, number, f"unknown key {key!r}{nearest(key, NEEDED + OPTIONAL)}")
        if key in keys:
            raise LitmusError(path, number, f"'{key}:' stands in line {starts[key]} already")
        current = keys[key] = [(number, found["value"])] if found["value"] else []
        starts[key] = number
    return keys, starts


def _how(line: str) -> str:
    """What to do about a line that is too long."""
    key = _KEY.match(line.partition("#")[0])
    if key is None:
        return ", indentation and comment included"
    return f", {key['key'] + ':'!r} included: go on in an indented line below"


def _names(text: str) -> list[str]:
    """A list with commas; blanks are squeezed."""
    return [" ".join(part.split()) for part in text.split(",") if part.strip()]


def _outcomes(path: Path, line: int, text: str) -> list[Expectation]:
    kind, _, vmms = text.partition(" ")
    if kind not in KINDS:
        raise LitmusError(path, line, f"'always', 'sometimes' or 'never' was expected, found {kind!r}")
    if not _names(vmms):
        raise LitmusError(path, line, f"'{kind}' of which VMM?")
    return [Expectation(line, kind, name, version) for name, _, version in (n.partition(" ") for n in _names(vmms))]


def _findings(path: Path, lines: Lines) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, text in lines:
        vmm, _, reason = text.partition(" ")
        if not reason.strip():
            raise LitmusError(path, line, f"a finding on {vmm} needs its reason")
        found[vmm] = reason.strip()
    return found


def _between(text: str, line: int) -> Action | None:
    return Action(line, "until idle: " + text, "idle", steps=tuple(_names(text))) if text else None


def _action(path: Path, line: int, text: str) -> Action:
    if text.startswith("..."):
        return Action(line, text, "any", steps=tuple(_names(text[3:])))
    if text.startswith("until idle:"):
        steps = tuple(_names(text.partition(":")[2]))
        if not steps:
            raise LitmusError(path, line, "'until idle:' needs the steps that are taken")
        return Action(line, text, "idle", steps=steps)
    word, _, rest = text.partition(" ")
    if word == "now":
        return _condition(path, line, text, rest)
    negated = word == "not"
    found = _CALL.match(rest.strip() if negated else text)
    if found is None:
        raise LitmusError(path, line, f"'step(parameter=value, ...)' was expected, found {text!r}")
    args = [arg.partition("=") for arg in _names(found["args"])]
    if any(not equals or not value for _, equals, value in args):
        raise LitmusError(path, line, f"'parameter=value' was expected in the brackets of {text!r}")
    pairs = tuple((name.strip(), value.strip()) for name, _, value in args)
    return Action(line, text, "not" if negated else "take", call=(found["step"], pairs))


def _condition(path: Path, line: int, text: str, condition: str) -> Action:
    found = _EQUAL.match(condition.strip())
    if found is None:
        raise LitmusError(path, line, f"'FIELD = value' was expected, found {text!r}")
    return Action(line, text, "now", field=found["field"], value=found["value"])


def stories_in(places: Sequence[Path]) -> list[Story]:
    """Every story of some files, and of the *.litmus files of some folders. Raises UserError, also if there is none."""
    found: list[Path] = []
    for place in places:
        found += listed(place, "*.litmus") if place.is_dir() else [place]
    return [read_story(path) for path in found]


# --- running ---

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
        guests = {story.guest: beside("guest", story.guest)}
    with _at(story, "Device"):
        devices = {story.device: beside("device", story.device)}
    found: list[Case] = []
    for kernel in story.kernels:
        with _at(story, "Kernel"):
            cls = beside("kernel", kernel)
        for o in story.outcomes:
            with _at(story, o.line):
                version = parse_scope(f"ioapic={o.version}") if o.version else {}
                cells = matrix(
                    (kernel, cls), kernels={kernel: cls}, vmms={o.vmm: beside("vmm", o.vmm)}, guests=guests,
                    devices=devices, scope={**scope, **version},
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
