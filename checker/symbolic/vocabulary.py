"""What may be said of a few indices in a state: atoms, from the types of the state's fields and from the quantified guards of
the model's functions; and clauses, which are disjunctions of atoms, perhaps negated, for all indices.

An atom is an expression of the IR over variables of index sorts (`pin`, and `pin2` for another one), so that whoever runs the
IR can say what it is in a state. As text it is Python. A clause says of its variables that they are any, and that two of one
sort are different.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from checker.errors import UserError
from checker.language import ir
from checker.language.ir import BOOL, Expr, Loc, Program
from checker.language.text import expr_text
from checker.symbolic.guards import Guard, picked, quantified_guards, renamed
from model.finite import BoolType, EnumType, IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type

NOWHERE = Loc("", 1)
FEW = 8  # values of a plain number, each of which is an atom


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    sort: IntType


@dataclass(frozen=True)
class IndexAtom:
    """`text`: what it is known by. `uses`: the names of its variables."""

    text: str
    uses: tuple[str, ...]
    expr: Expr

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IndexAtom) and self.text == other.text


@dataclass(frozen=True)
class Clause:
    """Literals by the text of their atoms, each with whether it stands there as it is; in order."""

    literals: tuple[tuple[str, bool], ...]

    def __str__(self) -> str:
        return " or ".join(("" if positive else "not ") + text for text, positive in self.literals)


class Vocabulary:
    """Of a program at any sizes: its atoms have one text at all of them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.sorts = _sorts(program.state)
        self.variables = {v.name: v for sort in self.sorts.values() for v in _two(sort)}
        self._quantified = list(quantified_guards(program))
        self._picked = picked(program)
        tables = [of for _, of in program.state.fields if isinstance(of, TableType)]
        self._indexing = {of.index.index for of in tables}

    @cached_property
    def shapes(self) -> tuple[tuple[str, ...], ...]:
        """What a view is of: one index of each sort; and two of a sort that a table of the state has rows for, with one of
        each sort that none has."""
        plain = tuple(_name(s) for s in self.sorts)
        values = tuple(_name(s) for s in self.sorts if s not in self._indexing)
        doubled = [(_name(s), f"{_name(s)}2", *values) for s in self.sorts if s in self._indexing]
        return (plain, *doubled)

    @cached_property
    def atoms_of(self) -> Mapping[tuple[str, ...], tuple[IndexAtom, ...]]:
        """The atoms of each shape; what has no variable is in the first one only."""
        return {
            shape: tuple(
                a for a in self.atoms.values() if set(a.uses) <= set(shape) and (a.uses or shape is self.shapes[0])
            )
            for shape in self.shapes
        }

    @cached_property
    def atoms(self) -> Mapping[str, IndexAtom]:
        """All atoms by their texts."""
        found = [*self._of_fields(), *self._of_guards()]
        return {a.text: a for a in found}

    def clause(self, literals: Sequence[tuple[IndexAtom, bool]]) -> Clause:
        """With the first variable of a sort where the second is used alone."""
        used = {name for atom, _ in literals for name in atom.uses}
        swap = {name: name[:-1] for name in used if name[-1] == "2" and name[:-1] not in used}
        texts = {(re.sub(r"\w+", lambda word: swap.get(word[0], word[0]), atom.text), yes) for atom, yes in literals}
        assert all(text in self.atoms for text, _ in texts), texts
        return Clause(tuple(sorted(texts)))

    def parsed(self, text: str) -> Clause:
        """The inverse of str(). Raises UserError."""
        found = []
        for part in _parts(text):
            positive = not part.startswith("not ")
            atom = part.removeprefix("not ").strip()
            if atom not in self.atoms:
                raise UserError(f"{text!r}: {atom!r} says nothing of this system's state")
            found.append((atom, positive))
        return Clause(tuple(sorted(found)))

    def variables_of(self, clause: Clause) -> tuple[Variable, ...]:
        used = {name for text, _ in clause.literals for name in self.atoms[text].uses}
        return tuple(v for name, v in self.variables.items() if name in used)

    def expression(self, clause: Clause) -> Expr:
        """It holds for these values of its variables, or two of one sort are the same."""
        variables = self.variables_of(clause)
        parts: list[Expr] = [
            ir.Compare("==", _local(a), _local(b), BOOL, NOWHERE)
            for a, b in itertools.combinations(variables, 2) if a.sort == b.sort
        ]  # fmt: skip
        for text, positive in clause.literals:
            expr = self.atoms[text].expr
            parts.append(expr if positive else ir.Not(expr, BOOL, NOWHERE))
        found = parts[0]
        for part in parts[1:]:
            found = ir.Logic("or", found, part, BOOL, NOWHERE)
        return found

    # --- where atoms come from ---

    def _of_fields(self) -> Iterator[IndexAtom]:
        for name, of in self.program.state.fields:
            field = ir.FieldOf(ir.State(), name, of)
            if not isinstance(of, TableType):
                yield from self._of_place(field, of, name, ())
                continue
            for variable in self._of_sort(of.index):
                row = ir.RowOf(field, _local(variable), of.row)
                text = f"{name}[{variable.name}]"
                yield from self._of_place(row, of.row, text, (variable.name,))

    def _of_place(self, place: ir.Place, of: Type, text: str, uses: tuple[str, ...]) -> Iterator[IndexAtom]:
        if isinstance(of, StructType):
            for name, kind in of.fields:
                yield from self._of_place(ir.FieldOf(place, name, kind), kind, f"{text}.{name}", uses)
        elif not isinstance(of, TableType):
            yield from self._of_scalar(ir.Load(place, of, NOWHERE), of, text, uses)

    def _of_scalar(self, load: ir.Load, of: Scalar, text: str, uses: tuple[str, ...]) -> Iterator[IndexAtom]:
        match of:
            case BoolType():
                yield IndexAtom(text, uses, load)
            case EnumType():
                members = [m.name for m in of.members]
                for code in range(1 if len(members) == 2 else 0, len(members)):
                    yield IndexAtom(f"{text} == {members[code]}", uses, _is(load, ir.Const(code, of, NOWHERE)))
            case IntType():
                yield from self._of_number(load, of, text, uses)
            case OptionalType(inner):
                yield IndexAtom(f"{text} is None", uses, ir.Not(ir.IsSome(load, BOOL, NOWHERE), BOOL, NOWHERE))
                for v in self._of_sort(inner) if isinstance(inner, IntType) else ():
                    yield IndexAtom(f"{text} == {v.name}", (*uses, v.name), _is(load, ir.Wrap(_local(v), of, NOWHERE)))
            case MaskType(inner):
                yield IndexAtom(f"{text} is empty", uses, _is(load, ir.Const(0, of, NOWHERE)))
                for v in self._of_sort(inner):
                    inside = ir.Contains(load, _local(v), BOOL, NOWHERE)
                    yield IndexAtom(f"{v.name} in {text}", (*uses, v.name), inside)
                    yield from self._of_picks(load, v, text, uses)

    def _of_picks(self, load: ir.Load, v: Variable, text: str, uses: tuple[str, ...]) -> Iterator[IndexAtom]:
        """Of a mask: that an index is its highest member, or its lowest, where the model asks for that."""
        for op in ("highest", "lowest"):
            if isinstance(load.place, ir.FieldOf) and (load.place.base.type, load.place.name, op) in self._picked:
                of = OptionalType(v.sort)
                pick = ir.MaskPick(op, load, of, NOWHERE)
                atom = _is(pick, ir.Wrap(_local(v), of, NOWHERE))
                yield IndexAtom(f"{text}.{op}() == {v.name}", (*uses, v.name), atom)

    def _of_number(self, load: ir.Load, of: IntType, text: str, uses: tuple[str, ...]) -> Iterator[IndexAtom]:
        for v in self._of_sort(of):
            yield IndexAtom(f"{text} == {v.name}", (*uses, v.name), _is(load, _local(v)))
        if not of.index and of.hi < FEW:
            for code in range(of.lo + (of.hi - of.lo == 1), of.hi + 1):
                yield IndexAtom(f"{text} == {code}", uses, _is(load, ir.Const(code, of, NOWHERE)))

    def _of_sort(self, of: IntType) -> tuple[Variable, ...]:
        return _two(self.sorts[of.index]) if of.index in self.sorts else ()

    def _of_guards(self) -> Iterator[IndexAtom]:
        for guard in self._quantified:
            for chosen in itertools.product(*(self._of_sort(sort) for sort in guard.free.values())):
                if len(set(chosen)) == len(chosen):
                    yield from self._of_guard(guard, chosen)

    def _of_guard(self, guard: Guard, chosen: Sequence[Variable]) -> Iterator[IndexAtom]:
        """As it stands, over these variables; and with one more condition on its index: that an index in a row of it, of a
        sort of which the guard says nothing, is some index."""
        own = guard.expr.over
        row_index = Variable(f"any_{_name(own.index)}", own)
        names = {name: v.name for name, v in zip(guard.free, chosen, strict=True)}
        expr = renamed(guard.expr, {**names, guard.expr.var: row_index.name})
        uses = tuple(v.name for v in chosen)
        yield IndexAtom(_text(expr), uses, expr)
        said = {v.sort.index for v in chosen}
        for load, sort in self._indices_in_rows(row_index):
            for other in self._of_sort(sort) if sort.index not in said else ():
                more = _is(load, _local(other))
                op = "and" if expr.op == "any" else "or"
                joined = more if op == "and" else ir.Not(more, BOOL, NOWHERE)
                body = ir.Logic(op, expr.body, joined, BOOL, NOWHERE)
                stronger = ir.Quantified(expr.op, expr.var, expr.over, body, BOOL, NOWHERE)
                yield IndexAtom(_text(stronger), (*uses, other.name), stronger)

    def _indices_in_rows(self, row: Variable) -> Iterator[tuple[ir.Load, IntType]]:
        for name, of in self.program.state.fields:
            if isinstance(of, TableType) and of.index == row.sort and isinstance(of.row, StructType):
                place = ir.RowOf(ir.FieldOf(ir.State(), name, of), _local(row), of.row)
                for field, kind in of.row.fields:
                    if isinstance(kind, IntType) and kind.index in self.sorts:
                        yield ir.Load(ir.FieldOf(place, field, kind), kind, NOWHERE), kind


def _is(load: ir.Expr, value: ir.Expr) -> ir.Expr:
    return ir.Compare("==", load, value, BOOL, NOWHERE)


def _local(variable: Variable) -> ir.Local:
    return ir.Local(variable.name, variable.sort, NOWHERE)


def _name(sort: str) -> str:
    """One of `pins` is a `pin`."""
    return sort.removesuffix("s")


def _two(sort: IntType) -> tuple[Variable, Variable]:
    return Variable(_name(sort.index), sort), Variable(f"{_name(sort.index)}2", sort)


def _text(expr: ir.Quantified) -> str:
    """Without the sizes of ranges; fields of the state stand as they do elsewhere."""
    return re.sub(r"\bs\.|(?<=\w)\[\d+\.\.\d+\]", "", expr_text(expr))


def _sorts(state: Type) -> dict[str, IntType]:
    """The index sorts that a state speaks of, by name, in the order in which they are met."""
    found = dict[str, IntType]()
    match state:
        case StructType(fields=fields):
            for _, kind in fields:
                found |= {name: of for name, of in _sorts(kind).items() if name not in found}
        case TableType(index=index, row=row):
            found = {index.index: index, **_sorts(row)} if index.index else _sorts(row)
        case IntType(index=index):
            found = {index: state} if index else {}
        case OptionalType(inner) | MaskType(inner):
            found = _sorts(inner)
        case _:
            pass
    return found


def _parts(text: str) -> Iterator[str]:
    """What stands between the ` or ` of a clause, but for those in parentheses."""
    depth, part = 0, list[str]()
    for word in text.split(" "):
        if word == "or" and depth == 0:
            yield " ".join(part)
            part = []
        else:
            depth += word.count("(") - word.count(")")
            part.append(word)
    yield " ".join(part)
