"""A program and all its mutants as one program, compiled once: which of them runs is a choice, as the I/O APIC version is.

A function with mutants looks at the choice `mutant` first and goes on in a variant of itself, or as it was. So a mutant
costs a search and no compilation, and what is compiled for a role serves all systems with it, as ever (linked.py). What
the language forbids is a fault here and nothing undefined: the value of an optional that is None is asked for first.

initial() is a step here, `set_up`, that nothing but the choice of the same name makes possible: a mutant of what is called
while a machine is set up begins in another state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from checker.errors import InternalError
from checker.language import ir
from checker.language.ir import BOOL
from model.finite import IntType, MaskType, StructType, TableType
from model.lang import Design, Fair
from oracles.mutation.operators import mapped, nodes
from oracles.mutation.optionals import asked_first, helpers

MUTANT, SET_UP = "mutant", "set_up"  # choices
INITIAL = "initial"
MOST = 65_535
NOWHERE = ir.Loc("", 0)
WHICH = ir.Choice(MUTANT, IntType(0, MOST), NOWHERE)

Variants = Mapping[str, Sequence[tuple[int, ir.Function]]]  # function -> its mutants with their numbers


class Schemata:
    """Makes the programs. What is made of a function is made once: programs that share it share that, too, and so its C."""

    def __init__(self) -> None:
        self._checked = dict[int, tuple[ir.Function, ir.Function]]()  # by identity; what is kept alive keeps its id
        self._made = dict[tuple[int, ...], tuple[object, list[ir.Function]]]()
        self.now = dict[int, ir.Stmt]()  # id of a statement of an original -> what it is in the function made of it

    def program(self, program: ir.Program, variants: Variants) -> ir.Program:
        """The program with its mutants. Raises InternalError if a name is taken."""
        if {MUTANT, SET_UP} & {*program.choices} or SET_UP in program.functions:
            raise InternalError(f"{program.name} has a choice or a function of its own called {MUTANT} or {SET_UP}")
        functions, owners = dict[str, ir.Function](), dict[str, type](program.owners)
        for name, function in helpers([*program.functions.values(), *program.uncalled.values()]).items():
            functions[name], owners[name] = function, Design
        called = functions | self._with_variants(program.functions, variants, owners)
        uncalled = self._with_variants(program.uncalled, variants, owners)
        steps = program.steps
        if INITIAL in program.functions:
            steps = (*steps, ir.Step(SET_UP, (), "", Fair.FREE, NOWHERE))
        choices = {**program.choices, MUTANT: WHICH.type, SET_UP: BOOL}
        return replace(program, choices=choices, functions=called, uncalled=uncalled, steps=steps, owners=owners)

    def _with_variants(
        self, functions: Mapping[str, ir.Function], variants: Variants, owners: dict[str, type]
    ) -> dict[str, ir.Function]:
        found = dict[str, ir.Function]()
        for name, function in functions.items():
            for made in self._of(function, variants.get(name, ())):
                found[made.name] = made
                if name in owners:
                    owners[made.name] = owners[name]
        return found

    def _of(self, function: ir.Function, numbered: Sequence[tuple[int, ir.Function]]) -> list[ir.Function]:
        """Its variants, and then what is called by its name."""
        key = (id(function), *(x for number, changed in numbered for x in (number, id(changed))))
        if key not in self._made:
            stops = function.returns is None
            made = [
                replace(_checked(changed), name=f"{_renamed(function.name)}@{number}", guards=stops)
                for number, changed in numbered
            ]
            name = _renamed(function.name)
            old = replace(_checked(function), name=name, guards=function.guards or (stops and bool(numbered)))
            for before, after in zip(_statements(function), _statements(old), strict=True):
                self.now[id(before)] = after
            body = (*_dispatch(old, [number for number, _ in numbered]), *old.body)
            if name == SET_UP:
                body = (ir.Require(ir.Choice(SET_UP, BOOL, NOWHERE), NOWHERE), *body)
            made.append(replace(old, body=body, guards=old.guards or name == SET_UP))
            self._made[key] = ((function, numbered), made)
        return self._made[key][1]


def _statements(function: ir.Function) -> list[ir.Stmt]:
    return [node for node in nodes(function) if isinstance(node, ir.Stmt)]


def _renamed(name: str) -> str:
    """The engine compiles nothing that is called initial(), which is CPython's."""
    owner, dot, own = name.rpartition(".")
    return f"{owner}{dot}{SET_UP}" if own == INITIAL else name


def _dispatch(function: ir.Function, numbers: Sequence[int]) -> tuple[ir.Stmt, ...]:
    """What leads to the variant of the chosen number, if it is one of these (which ascend)."""
    if not numbers:
        return ()
    known = ir.Logic("and", _compared(">=", numbers[0]), _compared("<=", numbers[-1]), BOOL, NOWHERE)
    return (ir.If(known, _chosen(function, numbers), (), NOWHERE),)


def _chosen(function: ir.Function, numbers: Sequence[int]) -> tuple[ir.Stmt, ...]:
    if len(numbers) == 1:
        return (ir.If(_compared("==", numbers[0]), _call(function, f"{function.name}@{numbers[0]}"), (), NOWHERE),)
    half = len(numbers) // 2
    test = _compared("<", numbers[half])
    return (ir.If(test, _chosen(function, numbers[:half]), _chosen(function, numbers[half:]), NOWHERE),)


def _compared(op: str, number: int) -> ir.Compare:
    return ir.Compare(op, WHICH, ir.Const(number, IntType(number, number), NOWHERE), BOOL, NOWHERE)


def _call(function: ir.Function, variant: str) -> tuple[ir.Stmt, ...]:
    args = tuple(
        ir.Alias(p.name, p.type) if isinstance(p.type, StructType | TableType | MaskType)
        else ir.Local(p.name, p.type, function.loc) for p in function.params
    )  # fmt: skip
    if function.returns is None:
        return ir.Do(variant, args, function.loc), ir.Return(None, function.loc)
    return (ir.Return(ir.Call(variant, args, function.returns, function.loc), function.loc),)


def _checked(function: ir.Function) -> ir.Function:
    return replace(function, body=tuple(mapped(stmt, _prepared) for stmt in function.body))


def _prepared(node: Any) -> Any:
    return replace(node, function=_renamed(node.function)) if isinstance(node, ir.Do) else asked_first(node)
