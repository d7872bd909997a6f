"""Is a design still what a kernel's source says? Function by function, by the table of correspondences.

Each function of the C that has a row is lifted whole, and compared with the design's: the same text, or else the same
meaning, asked of z3 for all well-typed states, arguments and choices at SIZES. What differs is shown by a state in which
CPython, too, says that it differs.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Annotated, Any

from checker.engine.running import Running
from checker.errors import EnginesDisagree, UserError
from checker.language.ir import Program
from checker.language.layout import Leaf, leaves
from checker.language.lower import lower
from checker.language.refusal import Refused
from checker.matrix import lifting
from checker.matrix.loader import load_file
from checker.matrix.system import system_of
from checker.stories.replay import name_of
from checker.stories.trace import show
from checker.symbolic.equality import Distinction, Undecided, difference
from lift import anchors, emit
from lift.accounting import LeftOut
from lift.helpers import alarms
from lift.lifting import Lift, Lifted
from lift.nodes import in_a_row, nodes_of, tidy
from lift.patch import Diff
from lift.refusal import NotLifted, place
from lift.surface import Surface
from lift.table import FunctionRow, Row, Table
from lift.tree import Tree
from lift.whole import Whole, lift_whole, rows_of
from model.finite import ModelError, RangeError, decode
from model.guests.any_guest import AnyGuest
from model.lang import Design, Disabled, Label
from model.lang import Table as ByIndex
from model.lines import KernelResample
from model.machine import Cpu, Machine, Scope
from model.vmms.kernel_irqchip import KernelIrqchip

SIZES = Scope(cpus=2, pins=2, vectors=3)


class AnyHasRun(KernelIrqchip):
    """Whether a vCPU has run is asked by a function that is compared, and either may be."""

    has_run: Annotated[ByIndex[Cpu, bool], Label("CPU{0} has run")]

    def kvm_vcpu_has_run(self, cpu: Cpu) -> bool:
        return self.has_run[cpu]


AROUND: tuple[type[Design], ...] = (
    AnyHasRun,
    AnyGuest,
    KernelResample,
)  # no rule of theirs is compared; some are called


class Sameness(Enum):
    TEXT = "same text"
    SAME = "same meaning"
    IF = "same if"
    ORDER = "same order"  # of a few expressions, and nothing else
    DIFFERENT = "DIFFERENT"
    OPEN = "UNDECIDED"
    REFUSED = "REFUSED"
    ABSENT = "absent"


@dataclass(frozen=True)
class RowJudged:
    """One row. said: what is different, refused or stated; whole: the C in the model's words, if it was lifted; anchors: what was
    looked for in it, if it was not."""

    row: FunctionRow
    kind: Sameness
    said: str = ""
    whole: Whole | None = None
    anchors: Sequence[str] = ()

    @property
    def c(self) -> str:
        return f"{self.row.c}/{self.row.case}" if self.row.case else self.row.c


@dataclass(frozen=True)
class Drift:
    """Of one tree and one design."""

    design: str
    rows: Sequence[RowJudged]
    without: Sequence[str] = field(default=())  # functions of the model's kernel that no row names
    alarms: Sequence[str] = field(default=())  # helpers that nobody has read as they are here
    own: Mapping[str, str] = field(default_factory=dict[str, str])  # functions of the model that no C is -> why

    def of(self, *kinds: Sameness) -> list[RowJudged]:
        return [j for j in self.rows if j.kind in kinds]

    @property
    def agree(self) -> list[RowJudged]:
        return self.of(Sameness.TEXT, Sameness.SAME, Sameness.IF)


def drift(tree: Tree, name: str, design: type[Machine], table: Table) -> Drift:
    """Raises ModelError if the design itself is refused, EnginesDisagree if z3 and CPython say different things."""
    lift = lift_of(tree, design, table)
    asked = _Compared(lift, tree, name, design)
    before = set(table.used)
    table.used.clear()
    rows = [asked.judged(row) for row in rows_of(lift.known, tree)]
    rows += [_in_order(tree, anchors.chosen(table, tree, alike)) for alike in anchors.anchored(table).values()]
    found = alarms(table, tree, set(table.used))
    table.used |= before
    gc.collect()  # what is left of z3 runs Python when it is freed; inside ast.parse() of a thread CPython 3.11 does not bear that
    own = table.own(lift.surface.functions)
    return Drift(name, rows, _without(design, rows, table, own), found, own)


def _in_order(tree: Tree, row: Row) -> RowJudged:
    function = anchors.as_function(row)
    try:
        found = anchors.in_order(tree, row)
    except NotLifted as refused:
        return RowJudged(function, Sameness.REFUSED, f"{place(refused.file, refused.line)}: {refused.what}")
    if found is None:
        return RowJudged(function, Sameness.ABSENT, "no such function in this tree")
    looked_for = anchors.texts(row)
    return RowJudged(function, Sameness.ORDER, f"of {len(looked_for)} anchors  ({row.why})", anchors=looked_for)


def lift_of(tree: Tree, design: type[Machine], table: Table) -> Lift:
    based = replace(table, base=f"{design.__module__}:{design.__qualname__}")
    lift = Lift(based, Surface(design))
    lift.known.defines |= tree.defines
    return lift


def _without(design: type[Machine], rows: Sequence[RowJudged], table: Table, own: Mapping[str, str]) -> list[str]:
    """Functions of model/kvm and of the design that no row is about. What is the rest of a function of C is compared with it."""
    named = {j.row.model for j in rows} | {row.right for row in table.rows["parts"]} | set(own)
    classes = [c for c in design.__mro__ if c.__module__.startswith(("model.kvm", "model.designs"))]
    return sorted({n for c in classes for n, f in vars(c).items() if callable(f) and n[0] != "_"} - named)


_judged: dict[tuple[type[Design], str, str, Row | None], RowJudged] = {}  # what z3 was asked before in this process


class _Compared:
    """What is worked out once for all rows."""

    def __init__(self, lift: Lift, tree: Tree, name: str, design: type[Machine]) -> None:
        self.lift, self.tree, self.name, self.design = lift, tree, name, design

    def judged(self, row: FunctionRow) -> RowJudged:
        try:
            whole = lift_whole(self.lift, self.tree, row)
        except NotLifted as refused:
            return RowJudged(row, Sameness.REFUSED, f"{place(refused.file, refused.line)}: {refused.what}")
        if whole is None:
            return RowJudged(row, Sameness.ABSENT, "no such function in this tree")
        own = self.lift.surface.functions[row.model]
        if in_a_row(tidy(nodes_of(own.body))) == in_a_row(whole.nodes):
            return RowJudged(row, Sameness.TEXT, whole=whole)
        try:
            return self._compared(row, whole)
        except (Refused, UserError, ModelError) as refused:
            first = str(refused).splitlines()[0]
            return RowJudged(
                row, Sameness.REFUSED, f"{whole.file}:{whole.line}: not in the modelling language: {first}", whole
            )

    def _compared(self, row: FunctionRow, whole: Whole) -> RowJudged:
        source, _ = source_of(self.lift, [whole], self.name, (f"{whole.file} of a kernel tree", Diff(0)))
        asks = self.lift.table.named("preconditions", row.model)
        key = self.design, row.model, source, asks
        if key not in _judged:
            _judged[key] = self._asked(row, whole, source, asks)
        return replace(_judged[key], row=row, whole=whole)

    def _asked(self, row: FunctionRow, whole: Whole, source: str, asks: Row | None) -> RowJudged:
        if asks is None:
            return self._by_z3(row, whole, self.design, _class(row, source, emit.NAME))
        based = f"from {self.design.__module__} import {self.design.__qualname__}\n"
        asked = [
            _class(row, text + _asking(self.lift.surface, row.model, asks.right, base), "Asking")
            for text, base in ((based, self.design.__qualname__), (source, emit.NAME))
        ]
        found = self._by_z3(row, whole, *asked)
        return (
            replace(found, kind=Sameness.IF, said=f"{asks.right}  ({asks.why})")
            if found.kind is Sameness.SAME
            else found
        )

    def _by_z3(self, row: FunctionRow, whole: Whole, model: type[Design], other: type[Design]) -> RowJudged:
        systems = [system_of(kernel, *AROUND) for kernel in (model, other)]
        ours, theirs = (lower(system, SIZES) for system in systems)
        if row.model not in {**theirs.functions, **theirs.uncalled}:  # what no step comes to is refused without a word
            said = "not in the modelling language: a local that has no value on a path, or the like"
            return RowJudged(row, Sameness.REFUSED, f"{whole.file}:{whole.line}: {said}", whole)
        try:
            found = difference(SIZES, ours, theirs, row.model)
        except Undecided:
            return RowJudged(row, Sameness.OPEN, "z3 gave up", whole)
        if found is not None:
            return RowJudged(row, Sameness.DIFFERENT, _told(found, row, ours, systems), whole)
        return RowJudged(row, Sameness.SAME, whole=whole)


def _class(row: FunctionRow, source: str, name: str) -> type[Design]:
    return load_file(lifting.kept(source, f"{row.model}.c")).machines()[name]


def _asking(surface: Surface, function: str, asks: str, base: str) -> str:
    """A class in which the function does nothing from other states: both versions of it are asked in this way."""
    args, names = ast.unparse(surface.functions[function].args), ", ".join(surface.parameters(function))
    homes = emit.homes_of(f"{args} {asks}", surface)
    return (
        "".join(f"from {module} import {', '.join(found)}\n" for module, found in homes.items())
        + f"\n\nclass Asking({base}):\n    def {function}({args}) -> None:\n"
        f"        if {asks}:\n            super().{function}({names})\n"
    )


def _told(found: Distinction, row: FunctionRow, program: Program, systems: Sequence[type[Design]]) -> str:
    """The state, the field and both values, from runs in CPython. Raises EnginesDisagree if these are the same."""
    scope = replace(SIZES, **{n: decode(program.choices[n], c) for n, c in found.choices.items()})
    known, start = list(leaves(program.state)), Running(systems[0](scope)).save()
    differs = _BothInCPython(scope, systems, row.model)
    if not differs.at(found):
        raise EnginesDisagree(f"{row.model}() of a tree", {"z3": "it differs", "CPython": f"not from {found.state}"})
    state = list(found.state)
    for leaf in range(len(state)):  # what does not matter is as it is at the start
        less = [*state[:leaf], start[leaf], *state[leaf + 1 :]]
        if differs.at(replace(found, state=tuple(less))):
            state = less
    what, model, c = differs.at(replace(found, state=tuple(state)))[0]
    if isinstance(what, int):
        model, c = (show(decode(known[what].type, int(code))) for code in (model, c))
    told = [
        f"{_name(systems[0], known[i])} {show(decode(known[i].type, state[i]))}"
        for i in sorted(found.reads | ({what} if isinstance(what, int) else set()))
        if state[i] != start[i]
    ]
    from_ = f" from {', '.join(told)}" if told else ""
    field_ = what if isinstance(what, str) else _name(systems[0], known[what])
    return f"{differs.called}{from_}: {field_} is {model} in the model, {c} in the C"


def _name(system: type[Design], leaf: Leaf) -> str:
    return name_of(system, leaf)[1]


@dataclass(frozen=True)
class _Ran:
    result: str
    state: Sequence[int]


class _BothInCPython:
    """Two systems in CPython."""

    def __init__(self, scope: Scope, systems: Sequence[type[Design]], function: str) -> None:
        self.function, self.called = function, ""
        self.running = [Running(system(scope)) for system in systems]

    def at(self, found: Distinction) -> list[tuple[int | str, str | int, str | int]]:
        """(leaf, or "the result"; its code, or what it is, in the model; and in the C)"""
        model, c = (self._ran(running, found) for running in self.running)
        out: list[tuple[int | str, str | int, str | int]] = [("the result", model.result, c.result)]
        out = out if model.result != c.result else []
        if model.state and c.state:
            out += [(i, a, b) for i, (a, b) in enumerate(zip(model.state, c.state, strict=True)) if a != b]
        return out

    def _ran(self, running: Running, found: Distinction) -> _Ran:
        system: Any = running.system
        running.go_to(found.state)
        running.state = None
        method = getattr(system, self.function)
        given, shown = list[Any](), list[str]()
        for (kind, value), name in zip(found.args, method.__func__.__code__.co_varnames[1:], strict=False):
            given.append(getattr(system, kind)[value] if isinstance(kind, str) else decode(kind, value))
            shown.append(f"{kind}[{value}]" if isinstance(kind, str) else f"{name}={show(given[-1])}")
        self.called = f"{self.function}({', '.join(shown)})"
        try:
            result = method(*given)
            return _Ran("nothing" if result is None else show(result), running.save())
        except Disabled:
            return _Ran("it cannot be run", ())
        except (RangeError, IndexError):
            return _Ran("a value out of range", ())


def source_of(
    lift: Lift, found: Sequence[Whole], design: str, about: tuple[str, Diff], more: Sequence[LeftOut] = (),
    attributes: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, Lifted]:  # fmt: skip
    """A file with a class that has these functions. about: where it is from, and who wrote it."""
    lifted = Lifted(lift.known, new_defines=lift.out.new_defines, attributes=dict(attributes))
    for whole in found:
        lifted.functions[whole.row.model] = whole.nodes
        lifted.how[whole.row.model] = f"{whole.what} of {whole.file}"
        lifted.left_out += whole.left_out
    lifted.left_out += more
    return emit.source(lifted, [about], lift.surface, design), lifted
