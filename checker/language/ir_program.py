"""The intermediate representation, continued: functions, steps, properties, and the program that they make up."""

from __future__ import annotations

from dataclasses import dataclass, field

from checker.language.ir import Loc, Stmt
from model.finite import MaskType, Scalar, StructType, TableType, Type
from model.lang import Fair, Kind


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
    """functions: callees before callers. choices: name -> type of the scope's choices."""

    name: str
    state: StructType
    choices: dict[str, Scalar]
    functions: dict[str, Function]
    steps: tuple[Step, ...]
    formulas: tuple[Formula, ...] = field(default_factory=tuple)
