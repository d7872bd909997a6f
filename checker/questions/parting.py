"""Where the run of a patch leaves what its base would have done, and which of these steps the violation needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from checker.engine.reference import Codes, Move, Reference
from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.matrix.lifted_file import place_in_patch
from checker.matrix.roles import designs, registered, registered_base, role_of, users_file
from checker.matrix.system import system_of
from checker.questions.shown import Shown
from checker.stories.parting import after_base, partings
from checker.stories.trace import Parting
from model.finite import ModelError
from model.lang import Design, Property
from model.machine import Machine
from model.migration import Migrating


@dataclass(frozen=True)
class Taken:
    """A run of a cell: states, one more than moves. start: the step that its loop goes back to; stutter: it stays at the end."""

    cell: Cell
    p: Property
    moves: Sequence[Move]
    states: Sequence[Codes]
    start: int | None
    stutter: bool


def parted(run: Taken, subject: str) -> tuple[tuple[Parting, ...], int | None]:
    """The steps in which the role under review and its base part, and the last one of these without which the run would
    show nothing: it is the one to look at. Nothing where there is no base."""
    cell, found = run.cell, base_system(run.cell, subject)
    if found is None:
        return (), None
    name, base = found
    files = {users_file(cls) for cls in cell.system.__mro__ if issubclass(cls, Machine)} - {""}

    def place(code: CodeType, line: int) -> tuple[str, int]:
        """Of a lifted patch, its own line in C: there is no file of the class that it became."""
        in_c = place_in_patch(code.co_filename, code.co_name)
        return in_c or (Path(code.co_filename).name, line if code.co_filename in files else 0)

    path = [(m.step, m.args) for m in run.moves]
    told = partings(cell.system, base, name, cell.scope, path, place)
    steps = [one.index for one in told]
    return told, next((i for i in reversed(steps) if _is_needed(i, run, base)), max(steps, default=None))


def base_system(cell: Cell, subject: str) -> tuple[str, type[Design]] | None:
    """(its name, the cell's system with it) of what the role under review is a patch of; None if it is none, or if the VM
    moves between two kernels."""
    roles: list[type[Machine]] = list(cell.system.__bases__)
    if Migrating in roles:
        return None
    place = next(i for i, cls in enumerate(roles) if role_of(cls) == subject)
    found = _base_of(roles[place])
    if found is None:
        return None
    name, roles[place] = found
    try:
        return name, system_of(*roles)
    except (ModelError, UserError):  # another role needs what only the patch has
        return None


def _base_of(design: type[Machine]) -> tuple[str, type[Machine]] | None:
    """Of a user's class, the registered one that it stands on; of a registered one, what its patch says."""
    patch = vars(design).get("patch")
    if users_file(design) or patch is None or not patch.base:
        return registered_base(design)
    role, of_design = role_of(design), designs().get(patch.base)  # of a VMM, too, which `registered` has not
    if of_design is None or role_of(of_design) != role:
        of_design = registered(role, patch.base)
    return patch.base, of_design


def _is_needed(index: int, run: Taken, base: type[Design]) -> bool:
    """Whether the run would not show it if the base had taken this one step."""
    cell, move = run.cell, run.moves[index]
    state = after_base(cell.system, base, cell.scope, run.states[index], move.step, move.args)
    if state is None:
        return True
    reference, other = Reference(cell.system, cell.scope), [*run.states[: index + 1], state]
    for later in run.moves[index + 1 :]:
        following = reference.successor(other[-1], later)
        if following is None:
            return True
        other.append(following)
    return bool(Shown(reference, run.p, other, run.moves, run.start, run.stutter).why_not())
