"""What can be wrong with one node of a function, or with two statements that follow each other.

`sites` numbers the nodes of a function in source order, whatever the scope's sizes; each comes with a way to put
another node in its place. `changes` yields every change of one node. Nothing here knows what a model is about. Indices
count round (the one after the last is the first), so that an index off by one is still an index; where there is one
index only, there is no other, and no mutant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import combinations
from operator import is_not
from typing import Any, TypeAlias, get_args

from checker.language import ir
from checker.language.ir import BOOL
from checker.language.text import expr_text, function_text, place_text
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, StructType, TableType, Type, size

Node: TypeAlias = ir.Stmt | ir.Expr | ir.Place
Functions: TypeAlias = Mapping[str, ir.Function]
Replacement: TypeAlias = tuple[
    str, str, Node | None
]  # operator, what was done, the new node (None: a value out of its range)
Change: TypeAlias = tuple[str, str, ir.Function | None]
NODES = frozenset(get_args(Node))
FIELDS = {kind: tuple(part.name for part in fields(kind)) for kind in (*NODES, ir.Function)}
OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
ORDERS = ("<", ">", "<=", ">=")
OTHER_COMPARE = {"==": ("!=",), "!=": ("==",), "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<=")}
OTHER = {"and": "or", "or": "and", "with": "without", "without": "with", "highest": "lowest", "lowest": "highest",
         "any": "all", "all": "any", "+": "-", "|": "&", "&": "|"}  # fmt: skip
EDITED = {"with": "add", "without": "discard"}


# --- the nodes of a function ---


def children(node: Node | ir.Function) -> Iterator[tuple[str, int | None, Node]]:
    """(field, index, node) of every statement, expression and place right below a node."""
    for name in FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, tuple):
            for i, one in enumerate(value):
                if type(one) in NODES:
                    yield name, i, one
        elif type(value) in NODES:
            yield name, None, value


def nodes(node: Node | ir.Function) -> Iterator[Node | ir.Function]:
    """A function or node, and everything below it, in source order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend([child for _, _, child in children(node)][::-1])


def mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """The node with `change` made to everything below it, and then to itself: the same object where that changes nothing."""
    new: dict[str, Any] = {}
    for name in FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, tuple):
            made: Any = tuple(mapped(one, change) if type(one) in NODES else one for one in value)
            changed = any(map(is_not, made, value))
        else:
            made = mapped(value, change) if type(value) in NODES else value
            changed = made is not value
        if changed:
            new[name] = made
    return change(replace(node, **new) if new else node)


@dataclass(frozen=True, eq=False)
class Site:
    """A node of a function and where it stands: `parent` holds it in `field` (at `index`, if that is a tuple).

    statement: the site of the innermost statement around it (itself, if it is one). loc: where it, or the innermost
    node around it that says so, stands in the source. rebuilt: the function with another parent.
    """

    number: int
    function: ir.Function
    node: Node
    parent: Node | ir.Function
    field: str
    index: int | None
    loc: ir.Loc
    outer: Site | None
    rebuilt: Callable[[Any], ir.Function]

    @property
    def statement(self) -> Site:
        if isinstance(self.node, ir.Stmt):
            return self
        assert self.outer is not None
        return self.outer

    @property
    def following(self) -> tuple[ir.Stmt, ...]:
        """What stands after it in its tuple."""
        assert self.index is not None
        after: tuple[ir.Stmt, ...] = getattr(self.parent, self.field)[self.index + 1 :]
        return after

    def put(self, *new: Node, instead_of: int = 1) -> ir.Function:
        """The function with other nodes here; in a tuple, in place of so many of them."""
        if self.index is None:
            return self.rebuilt(_with(self.parent, self.field, new[0]))
        old = getattr(self.parent, self.field)
        after = old[self.index + instead_of :]
        return self.rebuilt(_with(self.parent, self.field, (*old[: self.index], *new, *after)))


def _with(node: Any, field: str, value: object) -> Any:
    """dataclasses.replace() for any class of node."""
    return replace(node, **{field: value})


def sites(function: ir.Function) -> list[Site]:
    """Every statement, expression and place of a function, in source order."""
    found: list[Site] = []

    def visit(
        parent: Node | ir.Function, loc: ir.Loc, outer: Site | None, rebuilt: Callable[[Any], ir.Function]
    ) -> None:
        for name, index, node in children(parent):
            own = getattr(node, "loc", None)
            here = own if own is not None and own.file else loc
            site = Site(len(found), function, node, parent, name, index, here, outer, rebuilt)
            found.append(site)
            visit(node, here, site if isinstance(node, ir.Stmt) else outer, site.put)

    visit(function, function.loc, None, lambda whole: whole)
    return found


# --- the operators ---


def changes(site: Site, functions: Functions) -> Iterator[Change]:
    """(operator, what was done, the changed function) of every change; also of those that the language does not allow.
    `functions`: what may be called."""
    if isinstance(site.node, ir.Stmt):
        yield from rearrangements(site)
    for operator, what, new in replacements(site, functions):
        yield operator, what, None if new is None else site.put(new)


def rearrangements(site: Site) -> Iterator[Change]:
    """A statement that is not there, or comes after the next one."""
    assert isinstance(site.node, ir.Stmt)
    line = line_of(site.node)
    yield "dropped", f"dropped: {line}", site.put()
    for after in site.following[:1]:
        yield "order", f"swapped: {line} | {line_of(after)}", site.put(after, site.node, instead_of=2)


def line_of(stmt: ir.Stmt) -> str:
    """The first line of a statement."""
    shown = ir.Function("f", (), None, (stmt,), False, stmt.loc)
    return function_text(shown).splitlines()[1].strip()


def replacements(site: Site, functions: Functions) -> Iterator[Replacement]:
    """Another node instead of this one."""
    yield from _conditions(site)
    match site.node:
        case ir.For(var, IntType(lo, hi) as over) as e if hi > lo:
            yield "loop=skips first", f"the loop over {var} skips the first", replace(e, over=replace(over, lo=lo + 1))
            yield "loop=skips last", f"the loop over {var} skips the last", replace(e, over=replace(over, hi=hi - 1))
        case ir.Logic(op, left, right) as e:
            yield f"logic={OTHER[op]}", f"{expr_text(e)}: {op} -> {OTHER[op]}", replace(e, op=OTHER[op])
            yield "operand dropped=left", f"{expr_text(e)}: left operand dropped", right
            yield "operand dropped=right", f"{expr_text(e)}: right operand dropped", left
        case ir.Compare(op) as e:
            for other in (*OTHER_COMPARE[op], OPPOSITE[op]):
                if other not in ORDERS or isinstance(e.left.type, IntType):
                    yield f"compare={other}", f"{expr_text(e)}: {op} -> {other}", replace(e, op=other)
        case ir.Quantified(op) as e:
            yield f"quantifier={OTHER[op]}", f"{expr_text(e)}: {op} -> {OTHER[op]}", replace(e, op=OTHER[op])
        case ir.MaskEdit() | ir.MaskPick() | ir.MaskOp() | ir.Arith() as e:
            yield from _masks_and_sums(e)
        case ir.Const() as e:
            yield from _constants(site, e, functions)
        case ir.Local() | ir.Load() | ir.Unwrap() as e:
            yield from _next_index(e)
        case ir.Call() | ir.Do() as e:
            yield from _arguments(e)
        case _:
            pass


def _conditions(site: Site) -> Iterator[Replacement]:
    """A whole condition (or a bool that is stored or returned) that is always true, always false; any that is negated."""
    e, parent = site.node, site.parent
    if not isinstance(getattr(e, "type", None), BoolType) or not isinstance(e, ir.Expr) or isinstance(e, ir.Const):
        return
    holds = isinstance(parent, ir.If | ir.Require | ir.IfElse) and site.field == "test"
    if holds or (isinstance(parent, ir.Store | ir.Return) and site.field == "value"):
        for code in (1, 0):
            yield f"condition={bool(code)}", f"{expr_text(e)} -> {bool(code)}", ir.Const(code, BOOL, e.loc)
    in_a_chain = isinstance(e, ir.Logic) and isinstance(parent, ir.Logic) and parent.op == e.op
    if not isinstance(e, ir.Not) and not in_a_chain:  # the members of a longer chain are negated one by one
        yield "negated", f"negated: {expr_text(e)}", ir.Not(e, BOOL, e.loc)


def _masks_and_sums(e: ir.MaskEdit | ir.MaskPick | ir.MaskOp | ir.Arith) -> Iterator[Replacement]:
    match e:
        case ir.MaskEdit(op):
            new = replace(e, op=OTHER[op])
            yield f"mask={EDITED[OTHER[op]]}", f"{expr_text(e)}: {EDITED[op]} -> {EDITED[OTHER[op]]}", new
        case ir.MaskPick(op):
            yield f"pick={OTHER[op]}", f"{expr_text(e)}: {op} -> {OTHER[op]}", replace(e, op=OTHER[op])
        case ir.MaskOp("-", left, right):
            yield "operands swapped", f"{expr_text(e)}: operands swapped", replace(e, left=right, right=left)
        case ir.MaskOp(op):
            yield f"mask={OTHER[op]}", f"{expr_text(e)}: {op} -> {OTHER[op]}", replace(e, op=OTHER[op])
        case ir.Arith("+", left, right, of) if isinstance(left.type, IntType) and isinstance(right.type, IntType):
            fits = of.lo <= left.type.lo - right.type.hi and left.type.hi - right.type.lo <= of.hi
            yield "arithmetic=-", f"{expr_text(e)}: + -> -", replace(e, op="-") if fits else None
        case _:
            pass


def _constants(site: Site, const: ir.Const, functions: Functions) -> Iterator[Replacement]:
    for code in _other_codes(const):
        in_range, of = True, const.type
        if isinstance(of, IntType):
            room = room_of(site, functions)
            in_range = room is not None and room.lo <= code <= room.hi
            of = IntType(code, code, of.index) if of.lo == of.hi else of
        new = ir.Const(code, of, const.loc)
        text = expr_text(new) if in_range else str(code)
        yield f"constant={text}", f"{expr_text(const)} -> {text}", new if in_range else None


def _other_codes(const: ir.Const) -> list[int]:
    """A bool flipped, the next and the previous member of an enum, an int off by one, None <-> the first value."""
    match const.type:
        case BoolType():
            return [1 - const.code]
        case EnumType(cls):
            return sorted({(const.code + by) % len(cls) for by in (1, -1)} - {const.code})
        case IntType():
            return [const.code + 1, const.code - 1]
        case OptionalType():
            return [0 if const.code else 1]
        case MaskType() as of:
            return [size(of) - 1 - const.code]


def room_of(site: Site, functions: Functions) -> IntType | None:
    """The values that an int may have where the site is."""
    of: Type | None = None
    match site.parent:
        case ir.RowOf() as row:
            of = ir.table_of(row).index
        case ir.Store(place=place):
            of = place.type
        case ir.Assign(type=kind) | ir.IfElse(type=kind):
            of = kind
        case ir.Wrap(type=OptionalType(inner)):
            of = inner
        case ir.MaskEdit(mask=mask) | ir.Contains(mask=mask) if isinstance(mask.type, MaskType):
            of = mask.type.of
        case ir.Compare(left=left, right=right):
            of = right.type if site.field == "left" else left.type
        case ir.Return():
            of = site.function.returns
        case ir.Call(function=callee) | ir.Do(function=callee) if site.index is not None:
            of = functions[callee].params[site.index].type
        case _:
            pass
    return of if isinstance(of, IntType) else None


def _next_index(e: ir.Local | ir.Load | ir.Unwrap) -> Iterator[Replacement]:
    """The next index instead of this one; after the last comes the first."""
    of = e.type
    if isinstance(of, IntType) and of.hi > of.lo:
        one = ir.Const(1, IntType(1, 1), e.loc)
        last = ir.Compare("==", e, ir.Const(of.hi, IntType(of.hi, of.hi), e.loc), BOOL, e.loc)
        following = ir.IfElse(last, ir.Const(of.lo, of, e.loc), ir.Arith("+", e, one, of, e.loc), of, e.loc)
        yield "off by one", f"off by one: {expr_text(e)}", following


def _arguments(e: ir.Call | ir.Do) -> Iterator[Replacement]:
    """Two arguments of one type, swapped."""
    texts = [place_text(arg) if isinstance(arg, ir.Place) else expr_text(arg) for arg in e.args]
    kinds = [of if isinstance(of, StructType | TableType) else str(of) for of in (arg.type for arg in e.args)]
    for i, k in combinations(range(len(e.args)), 2):
        if kinds[i] == kinds[k] and texts[i] != texts[k]:
            swapped = list(e.args)
            swapped[i], swapped[k] = swapped[k], swapped[i]
            what = f"{e.function}(): arguments {texts[i]} and {texts[k]} swapped"
            yield f"arguments {i} and {k}", what, replace(e, args=tuple(swapped))
