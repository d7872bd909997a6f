"""The intermediate representation: one small, typed, structured program, printable as text.

Its places, expressions and statements, and the functions, steps and properties that they make up. The lowering
(checker/language/lower) builds it from a model's source; back-ends (cgen.py, smt.py) take nothing else. Every node is
typed when it is built and carries its source location. Back-ends `match` on the node class and end in `assert_never`.
Values are codes (see model.finite): an optional is 0 for None and 1 + code otherwise, an enum is its position, a mask its bits, a bool 0 or 1, an int itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from model.finite import BoolType, IntType, MaskType, OptionalType, Scalar, StructType, TableType, Type
from model.lang import Design, Fair, Kind


@dataclass(frozen=True, slots=True)
class Loc:
    """Where in the source: 1-based line, 0-based columns."""

    file: str
    line: int
    col: int = 0
    end_col: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


BOOL = BoolType()

# --- places: where a value is stored ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """The whole state record. Its fields are those of the program (Program.state): no node of a function names them all,
    so that systems which mean the same by a function share it."""

    @property
    def type(self) -> StructType:
        """A record of no fields: a stand-in where a place is asked for its type."""
        return _ANY_STATE


@dataclass(frozen=True, slots=True)
class Before:
    """The whole state before the step (only in properties of steps); see State."""

    @property
    def type(self) -> StructType:
        return _ANY_STATE


_ANY_STATE = StructType(Design, ())


@dataclass(frozen=True, slots=True)
class Alias:
    """A struct, table or mask named by a `Bind` or by a parameter that is passed by reference."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class FieldOf:
    base: Place
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class RowOf:
    """A row; the index is known to be inside the table by its type."""

    base: Place
    index: Expr
    type: Type


Place: TypeAlias = State | Before | Alias | FieldOf | RowOf

# --- expressions: pure, total ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const:
    code: int
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of the scope (bool or enum): constant during one exploration, not compiled in."""

    name: str
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class Local:
    name: str
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class Load:
    place: Place
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Logic:
    """op: "and" or "or"."""

    op: str
    left: Expr
    right: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Compare:
    """op: == != < <= > >= on codes of one type (ints: on their values, whatever the ranges)."""

    op: str
    left: Expr
    right: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Arith:
    """op: + or -; the type holds the range of the result, which may be below zero."""

    op: str
    left: Expr
    right: Expr
    type: IntType
    loc: Loc


@dataclass(frozen=True, slots=True)
class IfElse:
    test: Expr
    then: Expr
    other: Expr
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class IsSome:
    """True iff an optional is not None."""

    operand: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Unwrap:
    """The value of an optional that is known not to be None: code - 1."""

    operand: Expr
    type: Scalar
    loc: Loc


@dataclass(frozen=True, slots=True)
class Wrap:
    """A plain value as an optional: code + 1."""

    operand: Expr
    type: OptionalType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Contains:
    mask: Expr
    element: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class MaskEdit:
    """op: "with" or "without" one element."""

    op: str
    mask: Expr
    element: Expr
    type: MaskType
    loc: Loc


@dataclass(frozen=True, slots=True)
class MaskOp:
    """op: | & - (union, intersection, difference)."""

    op: str
    left: Expr
    right: Expr
    type: MaskType
    loc: Loc


@dataclass(frozen=True, slots=True)
class MaskPick:
    """op: "highest" or "lowest" member, as an optional."""

    op: str
    mask: Expr
    type: OptionalType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Quantified:
    """op: "any" or "all" of body, for `var` over its whole range."""

    op: str
    var: str
    over: IntType
    body: Expr
    type: BoolType
    loc: Loc


@dataclass(frozen=True, slots=True)
class Call:
    """A pure function. An argument is a place exactly where the parameter is passed by reference."""

    function: str
    args: tuple[Expr | Place, ...]
    type: Scalar
    loc: Loc


Expr: TypeAlias = (
    Const | Choice | Local | Load | Not | Logic | Compare | Arith | IfElse | IsSome | Unwrap | Wrap
    | Contains | MaskEdit | MaskOp | MaskPick | Quantified | Call
)  # fmt: skip

# --- statements -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """A scalar local. `check`: the value may lie outside the local's range, which is a fault."""

    name: str
    value: Expr
    type: Scalar
    check: bool
    loc: Loc


@dataclass(frozen=True, slots=True)
class Bind:
    """A local name for a place; index expressions in it are evaluated once, here."""

    name: str
    place: Place
    loc: Loc


@dataclass(frozen=True, slots=True)
class Store:
    """`check`: the value may lie outside the place's range, which is a fault."""

    place: Place
    value: Expr
    check: bool
    loc: Loc


@dataclass(frozen=True, slots=True)
class If:
    test: Expr
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class For:
    """`var` takes every value of its range in ascending order."""

    var: str
    over: IntType
    body: tuple[Stmt, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Continue:
    loc: Loc


@dataclass(frozen=True, slots=True)
class Break:
    loc: Loc


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Do:
    """Call of a function that changes state."""

    function: str
    args: tuple[Expr | Place, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Require:
    """The step is disabled unless `test`. Never reached after a write."""

    test: Expr
    loc: Loc


Stmt: TypeAlias = Assign | Bind | Store | If | For | Continue | Break | Return | Do | Require


# --- what they make up -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """A scalar by value; a struct, table or mask by reference."""

    name: str
    type: Type

    @property
    def by_reference(self) -> bool:
        return isinstance(self.type, StructType | TableType | MaskType)


@dataclass(frozen=True, slots=True)
class Function:
    """`returns` is None for functions that change state. `guards`: a Require may be reached in it (or in
    a function that it calls). `of_edges`: it reads the state before the step, too (Before)."""

    name: str
    params: tuple[Param, ...]
    returns: Scalar | None
    body: tuple[Stmt, ...]
    guards: bool
    loc: Loc
    owner: str = ""
    of_edges: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step: function of the same name; every combination of its parameters' values is an instance."""

    name: str
    params: tuple[Param, ...]
    by: str
    fair: Fair
    loc: Loc


@dataclass(frozen=True, slots=True)
class Formula:
    """A property for one binding of its parameters is bool functions of the state, called with `args`.

    functions: (f,), of a leads_to (p, q). of_edges: f speaks of a step.
    """

    name: str
    kind: Kind
    functions: tuple[str, ...]
    params: tuple[Param, ...]
    of_edges: bool
    loc: Loc


@dataclass(frozen=True)
class Program:
    """functions: callees before callers. choices: name -> type of the scope's choices. uncalled: functions of the system
    that no step and no property comes to, as far as they can be lowered; callees first, after those of `functions`.
    owners: the class that each of both is written in; of the functions of properties there is none."""

    name: str
    state: StructType
    choices: dict[str, Scalar]
    functions: dict[str, Function]
    steps: tuple[Step, ...]
    formulas: tuple[Formula, ...] = ()
    uncalled: dict[str, Function] = field(default_factory=dict[str, Function])
    owners: dict[str, type] = field(default_factory=dict[str, type])


def table_of(place: RowOf) -> TableType:
    """The type of the table that a row belongs to."""
    of = place.base.type
    assert isinstance(of, TableType), of
    return of
