"""`eoi replay`: each story in a mail is run again in CPython, on the design it was told of or on another one."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker.engine.reference import Codes, Move, Reference, bindings_of, is_of_edges
from checker.errors import UserError
from checker.language.layout import leaves
from checker.language.lower import lower
from checker.matrix.loader import file_digest
from checker.matrix.roles import DEVICES, GUESTS, ROLES, VMMS, designs, look_up, role_of
from checker.matrix.scope import parse_scope, scope_type
from checker.matrix.system import system_of
from checker.questions.migration_table import moved
from checker.stories.as_told import first_difference
from checker.stories.replay import make_trace
from checker.stories.story_parser import ParsedStory, path_of
from checker.stories.trace import StoryError, show
from model.finite import ModelError, decode
from model.lang import Fair, Property
from model.machine import Machine, Scope
from model.migration import MigrationScope

PARTING = "The runs part at"
Finder = Callable[[str], tuple[str, type[Machine]]]


def _all_steps(number: int, runs: str = "is", run: str = "are") -> str:
    """`all 3 steps are`; `the 1 step is`."""
    return f"the 1 step {runs}" if number == 1 else f"all {number} steps {run}"


def retell(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], int]:
    """(what to print: what it is of, the verdict, more; exit code): 1 if the story happens and shows its violation, or
    if it changes something else than is told; 0 if the design stops it.

    known: the properties that a story may be about.

    Raises StoryError for a story that does not fit its system, UserError for names that do not exist.
    """
    told = read_story(story, other, find, known)
    path, p, title = told.path, told.asked, told.title
    telling = Telling(Reference(system_of(*told.roles), told.scope), p, story)
    stopped = telling.run(path)
    count = len(telling.moves)
    why_not = stopped or telling.why_not()
    differs = _not_as_told(told, count, not stopped) if other is None else ""
    if why_not:
        lines = [title, f"NOT REPRODUCED: {why_not if stopped else f'{_all_steps(count)} possible, but {why_not}'}"]
        if other is not None:
            lines += _parting(telling, p, story, path, find)
        lines += [f"Where it first differs: {differs}"] if differs else []
        return [*lines, "This one run is stopped; that proves nothing more: eoi prove explores all of them."], 0
    verb = "REACHED" if p.kind == "reachable" else "VIOLATED"
    shown = f"{_all_steps(count, 'runs', 'run')} in CPython, and {p.name} is {verb}"
    if differs:
        return [title, f"REPRODUCED BUT NOT AS TOLD: {shown}", f"Where it first differs: {differs}"], 1
    return [title, f"REPRODUCED: {shown}"], int(verb == "VIOLATED")


def _not_as_told(told: Told, count: int, whole: bool) -> str:
    """Where the first `count` steps, of the roles that the story names, change something else than it tells, or ""."""
    trace = make_trace(told.asked, {}, system_of(*told.roles), told.scope, told.path[:count], cell={})
    return first_difference(told.story, trace, whole)


@dataclass(frozen=True)
class Told:
    """What a story says, as values: the roles' classes (kernel, VMM, guest, device; where the VM moves between hosts,
    those of migration_table.moved), and steps with their arguments."""

    story: ParsedStory
    asked: Property
    names: Mapping[str, str]
    roles: Sequence[type[Machine]]
    scope: Scope
    path: Sequence[tuple[str, tuple[Any, ...]]]
    title: str


def read_story(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> Told:
    """A story with a role replaced by `other`. Raises StoryError, UserError, Refused."""
    p: Property = look_up("property", story.property, known)
    names, roles = _roles_of(story, other, find)
    of = scope_type(roles)
    scope = replace(of(), **parse_scope(",".join(f"{k}={v}" for k, v in story.scope.items()), of))
    system = system_of(*roles)
    lower(system, scope)  # a design of the user's may be outside the language: say so before running it
    title = f"{story.property} on " + ", ".join(f"{role} {name}" for role, name in names.items())
    title += f", {scope.operation.name.lower()}" if isinstance(scope, MigrationScope) else ""
    return Told(story, p, names, roles, scope, path_of(story, system, scope), title)


def _roles_of(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder
) -> tuple[dict[str, str], list[type[Machine]]]:
    families: dict[str, Mapping[str, type[Machine]]] = {
        "kernel": designs(), "vmm": VMMS, "guest": GUESTS, "device": DEVICES,
    }  # fmt: skip
    names, classes = dict[str, str](), dict[str, type[Machine]]()
    replaced = role_of(other[1]) if other is not None else None
    for role in ROLES:
        if role not in story.cell:
            raise StoryError(f"the story's Cell: line names no {role}")
        if other is not None and role == replaced:
            names[role], classes[role] = other
            continue
        names[role], _, told = story.cell[role].partition("@")
        own = names[role] in families[role]
        if not own:
            _check_file(names[role], role, story)
        classes[role] = families[role][names[role]] if own else find(names[role])[1]
        if role_of(classes[role]) != role:
            raise UserError(f"{names[role]} is a {role_of(classes[role])}, not a {role}")
        now = file_digest(names[role]) if told else ""
        if told != now:
            raise StoryError(
                f"line {story.cell_line}: {names[role]} is not the file that the story was told of: it has changed "
                f"({told} then, {now} now); --design {shlex.quote(names[role])} takes the story's steps with the file as it is now"
            )
    roles = [classes[role] for role in ROLES]
    return names, moved(roles) if _moves(story, roles) else roles


def _check_file(name: str, role: str, story: ParsedStory) -> None:
    """Raise StoryError if the story names a file for a role that is not there."""
    path = Path(name if name.endswith(".py") else name.rpartition(":")[0])
    if path.suffix == ".py" and not path.exists():
        raise StoryError(
            f"line {story.cell_line}: the story is of {role}={name}, and there is no such file: looked for "
            f"{Path.cwd() / path}. If it is elsewhere, --design PATH takes the story's steps with the file at PATH"
        )


def _moves(story: ParsedStory, roles: Sequence[type[Machine]]) -> bool:
    """Whether the story's VM moves between hosts: its scope has the operation, and the roles alone have none."""
    return "operation" in story.scope and "operation" not in vars(scope_type(roles)())


def _parting(
    telling: Telling, p: Property, story: ParsedStory, path: Sequence[tuple[str, tuple[Any, ...]]], find: Finder
) -> list[str]:
    """Where the run on the other design first differs from the run that the story tells, if that can be run here."""
    try:
        _, roles = _roles_of(story, None, find)
    except ModelError:
        return []
    told = Telling(Reference(system_of(*roles), telling.reference.scope), p, story)
    told.run(path)
    for number, (here, there) in enumerate(zip(telling.states, told.states, strict=False)):
        a, b = telling.named(here), told.named(there)
        differs = next((leaf for leaf in a if leaf in b and a[leaf] != b[leaf]), None)
        if differs is not None:
            step = "the initial state" if number == 0 else f"step {number}, {path[number - 1][0]}"
            return [f"{PARTING} {step}: {differs} is {a[differs]} here, {b[differs]} in the story."]
    return []


class Telling:
    """A story that is being run again."""

    def __init__(self, reference: Reference, p: Property, story: ParsedStory) -> None:
        self.reference, self.p, self.story = reference, p, story
        self.states: list[Codes] = [reference.start]
        self.moves: list[Move] = []

    def named(self, state: Codes) -> dict[str, str]:
        """A state as text, by field."""
        fields = leaves(self.reference.design.state_type(self.reference.scope))
        return {str(leaf): show(decode(leaf.type, code)) for leaf, code in zip(fields, state, strict=True)}

    def run(self, path: Sequence[tuple[str, tuple[Any, ...]]]) -> str:
        """Take the steps; returns why it came to a halt, or ""."""
        for number, (step, args) in enumerate(path, 1):
            told = f"{step}({', '.join(map(show, args))})"
            move = next((m for m in self.reference.moves if m.step == step and m.args == args), None)
            if move is None:
                raise StoryError(f"line {self.story.lines[number - 1]}: {told}: a value is outside the scope")
            after = self.reference.successor(self.states[-1], move)
            if after is None:
                return f"step {number}, {told}, is not possible here"
            self.states.append(after)
            self.moves.append(move)
        return ""

    def why_not(self) -> str:
        """Why the run does not show what the story's headline says, or ""."""
        if self.p.kind == "leads_to":
            return self._why_no_lasso()
        wanted = self.p.kind == "reachable"
        all_values = bindings_of(self.p, self.reference.scope)
        if is_of_edges(self.p):
            edge = self.states[-2:]
            shown = [not self.reference.holds_on_edge(self.p.function, v, *edge) for v in all_values if len(edge) == 2]
        else:
            shown = [self.reference.holds(self.p.function, v, self.states[-1]) is wanted for v in all_values]
        return "" if any(shown) else "the last state does not show it"

    def _why_no_lasso(self) -> str:
        start = self.story.loop_start
        if start is not None and self.states[start] != self.states[-1]:
            return f"the last step does not lead back to the state before step {start + 1}"
        if start is None and not self.story.stutter:
            return "it neither loops nor stays"
        begin = len(self.states) - 1 if start is None else start
        unfair = self._unfair(self.states[begin:], set(self.moves[begin:]))
        if unfair:
            return unfair
        for values in bindings_of(self.p, self.reference.scope):
            said = [self.reference.holds(self.p.function, values, s) for s in self.states]
            after_q = max((i + 1 for i, (_, q) in enumerate(said) if q), default=0)
            if after_q <= begin and any(promised for promised, _ in said[after_q:]):
                return ""
        return "what was promised happens in it"

    def _unfair(self, loop: Sequence[Codes], taken: set[Move]) -> str:
        """Why no fair run repeats these states with these moves for ever, or ""."""
        enabled = [{self.reference.moves[n] for n, _ in self.reference.successors(s)} for s in loop]
        for move in self.reference.moves:
            always, ever = all(move in e for e in enabled), any(move in e for e in enabled)
            if move.fair is Fair.FINITE and move in taken:
                return f"{move.step} happens only finitely often"
            owed = (move.fair is Fair.WEAK and always) or (move.fair is Fair.STRONG and ever)
            if owed and move not in taken:
                return f"{move.step} would have to happen in the end"
        return ""
