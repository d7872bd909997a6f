"""`eoi replay`: each story in a mail is run again in CPython, on the design it was told of or on another one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from checker.engine.reference import Reference, Value
from checker.errors import UserError
from checker.language.lower import lower
from checker.matrix.cells import Cell
from checker.matrix.loader import file_digest, property_argument
from checker.matrix.roles import DEVICES, GUESTS, ROLES, VMMS, designs, is_patch, look_up, role_of, series_of
from checker.matrix.scope import parse_scope, scope_type, with_values
from checker.matrix.system import system_of
from checker.questions.as_told import Told, by_whom, compare_text
from checker.questions.migration_table import moved
from checker.questions.rerun import Rerun, parting
from checker.questions.verdict import table_of
from checker.stories.read import ParsedStory
from checker.stories.replay import Steps
from checker.stories.trace import StoryError, show
from model.finite import ModelError
from model.lang import Property
from model.machine import Machine
from model.migration import HostKernel, MigrationScope

PARTING = "The runs part at"
OPEN_WHOSE = "it was changed since it was told, or another version of the model told it"
WITH_DIGEST = re.compile(r"(.*)@([^@/.]*)")  # a file and its digest; the path may have an @ itself
Finder = Callable[[str], tuple[str, type[Machine]]]


def _all_steps(number: int, runs: str = "is", run: str = "are") -> str:
    """`all 3 steps are`; `the 1 step is`."""
    return f"the 1 step {runs}" if number == 1 else f"all {number} steps {run}"


def retell(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> tuple[list[str], int]:
    """(what to print: what it is of, the verdict, more; exit code): 1 if the story happens and shows its violation, or
    if its text says something else than the run does, or the run does not happen as it stands; 0 if `other` stops it; 3 if that it is the shortest was not
    found out.

    known: the properties that a story may be about.

    Raises StoryError for a story that does not fit its system, UserError for names that do not exist.
    """
    told = read_story(story, other, find, known)
    path, p, title = told.path, told.asked, told.title
    run = Rerun(Reference(told.cell.system, told.cell.scope), p, story.loop_start, story.stutter)
    stopped = run.take(path)
    count = len(run.moves)
    why_not = stopped or run.shown.why_not()
    if why_not:
        lines = [title, f"NOT REPRODUCED: {why_not if stopped else f'{_all_steps(count)} possible, but {why_not}'}"]
        if other is None:
            return [*lines, f"So it is no story of this model: {by_whom(told) or OPEN_WHOSE}."], 1
        lines += _parting(run, p, story, path, find)
        return [*lines, "This one run is stopped; that proves nothing more: eoi prove explores all of them."], 0
    verb = "REACHED" if p.kind == "reachable" else "VIOLATED"
    shown = f"{_all_steps(count, 'runs', 'run')} in CPython, and {p.name} is {verb}"
    code = int(verb == "VIOLATED")
    if other is not None:
        return [title, f"REPRODUCED: {shown}"], code
    compared = compare_text(told, run.run, run.shown.bindings())
    if compared.differs:
        return [title, f"REPRODUCED BUT NOT AS TOLD: {shown}", f"Where it first differs: {compared.differs}"], 1
    return [title, f"REPRODUCED: {shown}", *compared.notes], code or (3 if compared.is_open else 0)


def read_story(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder, known: Mapping[str, Property]
) -> Told:
    """A story with a role replaced by `other`. Raises StoryError, UserError, Refused."""
    p = _property_of(story, known)
    names, roles = _roles_of(story, other, find)
    of = scope_type(roles)
    scope = with_values(of(), parse_scope(",".join(f"{k}={v}" for k, v in story.scope.items()), of))
    if other is not None and role_of(other[1]) == "vmm" and scope.ioapic not in other[1].versions:
        raise StoryError(f"the story is of I/O APIC {scope.ioapic.value:#x}, and {other[0]} has none of this version")
    system = system_of(*roles)
    lower(system, scope)  # a design of the user's may be outside the language: say so before running it
    title = f"{story.property} on " + ", ".join(f"{role} {name}" for role, name in names.items())
    title += f", {scope.operation.name.lower()}" if isinstance(scope, MigrationScope) else ""
    subject = next(iter(story.told.roles)) if story.told is not None else "kernel"
    return Told(story, p, Cell(names, system, scope, subject), path_of(story, Reference(system, scope)), title)


def path_of(story: ParsedStory, reference: Reference) -> list[tuple[str, tuple[Value, ...]]]:
    """The steps of a story: by their numbers, or by their names in its text where it was told before there were numbers,
    or of a system that has other steps now. Raises StoryError."""
    moves, told = reference.moves, story.told
    if told is not None and told.table == table_of(moves):
        if any(number >= len(moves) for number in told.moves):
            raise StoryError(
                f"line {story.end}: there is no move {max(told.moves)}; they are numbered 0..{len(moves) - 1}"
            )
        return [(moves[number].step, moves[number].args) for number in told.moves]
    picture = story.picture
    if isinstance(picture, StoryError):
        was = (
            str(picture)
            if told is None
            else f"line {story.end}: the steps of this system are others than those that are numbered here"
        )
        raise StoryError(was)
    return [
        _named_move(reference, name, args, line)
        for (name, args), line in zip(picture.steps, picture.lines, strict=True)
    ]


def _named_move(reference: Reference, told: str, args: Mapping[str, str], line: int) -> tuple[str, tuple[Value, ...]]:
    """The move that a picture names. `formerly` on a design: names that its steps had in stories told before, and their
    names now. Raises StoryError."""
    design = reference.design
    name = getattr(design, "formerly", {}).get(told, told)
    moves = [m for m in reference.moves if m.step == name]
    if not moves:
        raise StoryError(f"line {line}: no step {name!r} in {design.__name__}")
    code = getattr(design, name).__code__
    wanted = code.co_varnames[1 : code.co_argcount]
    if set(wanted) != set(args):
        raise StoryError(f"line {line}: {name} takes ({', '.join(wanted)}), found ({', '.join(args)})")
    for place, param in enumerate(wanted):
        values = list(dict.fromkeys(show(m.args[place]) for m in moves))
        if args[param] not in values:
            numbers = f"a number {values[0]}..{values[-1]}" if all(map(str.isdigit, values)) else " or ".join(values)
            raise StoryError(f"line {line}: {name}: {param} = {args[param]}: {numbers} was expected")
    return next((m.step, m.args) for m in moves if tuple(map(show, m.args)) == tuple(args[param] for param in wanted))


def _property_of(story: ParsedStory, known: Mapping[str, Property]) -> Property:
    """The property that a story is about. Raises UserError, and StoryError if it is in a file that has changed since."""
    asked = story.told.asked if story.told is not None else story.property
    file, _, name = asked.rpartition(":")
    of_files = {property_argument(p).rpartition(":")[0]: p for p in known.values() if p.function.__name__ == name}
    own = {path: p for path, p in of_files.items() if path}
    if story.told is None or not file:
        found: Property = look_up("property", story.property, known)
        return found
    path, _, digest = file.rpartition("@")
    if not own:
        raise UserError(f"the property {name!r} is in a file of the user's: --property {shlex.quote(path)} names it")
    now = {file_digest(p.function.__module__): p for p in own.values()}
    if digest not in now:
        raise StoryError(
            f"line {story.end}: {next(iter(own))} is not the file that the story's property was in: it has changed "
            f"({digest} then, {', '.join(now)} now)"
        )
    return now[digest]


def _roles_of(
    story: ParsedStory, other: tuple[str, type[Machine]] | None, find: Finder
) -> tuple[dict[str, str], list[type[Machine]]]:
    families: dict[str, Mapping[str, type[Machine]]] = {
        "kernel": designs(), "vmm": VMMS, "guest": GUESTS, "device": DEVICES,
    }  # fmt: skip
    names, classes = dict[str, str](), dict[str, type[Machine]]()
    replaced = role_of(other[1]) if other is not None else None
    if unknown := [role for role in story.cell if role not in ROLES]:
        raise StoryError(f"line {story.cell_line}: {unknown[0]!r} is no role: {', '.join(ROLES)}")
    for role in ROLES:
        if role not in story.cell:
            raise StoryError(f"the story's Cell: line names no {role}")
        if other is not None and role == replaced:
            names[role], classes[role] = other
            continue
        found = WITH_DIGEST.fullmatch(story.cell[role])
        names[role], told = found.groups() if found else (story.cell[role], None)
        own = names[role] in families[role]
        if own and found:
            raise StoryError(f"line {story.cell_line}: {story.cell[role]}: {names[role]} is no file, and has no digest")
        if not own:
            _check_file(names[role], role, story)
        classes[role] = families[role][names[role]] if own else find(names[role])[1]
        if role_of(classes[role]) != role:
            raise UserError(f"{names[role]} is a {role_of(classes[role])}, not a {role}")
        now = file_digest(classes[role].__module__) if found else None
        if told != now:
            raise StoryError(
                f"line {story.cell_line}: {names[role]} is not the file that the story was told of: it has changed "
                f"({told} then, {now} now); --design {shlex.quote(names[role])} takes the story's steps with the file as it is now"
            )
    roles = [classes[role] for role in ROLES]
    return names, moved(roles) if _moves(story, roles) else roles


def _check_file(name: str, role: str, story: ParsedStory) -> None:
    """Raise StoryError if the story names a file for a role that is not there."""
    own = Path(name if name.endswith(".py") else name.rpartition(":")[0])
    patches = [Path(re.sub(r":\d+$", "", one)) for one in series_of(name)[0] if one != "-"] if is_patch(name) else []
    for path in patches or [own] * (own.suffix == ".py"):
        if not path.exists():
            raise StoryError(
                f"line {story.cell_line}: the story is of {role}={name}, and there is no such file: looked for "
                f"{Path.cwd() / path}. If it is elsewhere, --design PATH takes the story's steps with the file at PATH"
            )


def _moves(story: ParsedStory, roles: Sequence[type[Machine]]) -> bool:
    """Whether the story's VM moves between hosts: its scope has the operation, and the roles alone have none, or the kernel
    is one of a host."""
    own = "operation" in vars(scope_type(roles)()) and not issubclass(roles[0], HostKernel)
    return "operation" in story.scope and not own


def _parting(here: Rerun, p: Property, story: ParsedStory, path: Steps, find: Finder) -> list[str]:
    """Where the run on the other design first differs from the run that the story tells, if that can be run here."""
    try:
        _, roles = _roles_of(story, None, find)
    except ModelError:
        return []
    there = Rerun(Reference(system_of(*roles), here.reference.scope), p, story.loop_start, story.stutter)
    there.take(path)
    parted = parting(here, there)
    if parted is None:
        return []
    number, differs = parted.number, parted.leaves[0]
    step = "the initial state" if number == 0 else f"step {number}, {path[number - 1][0]}"
    return [f"{PARTING} {step}: {differs.leaf} is {differs.here} here, {differs.there} in the story."]
