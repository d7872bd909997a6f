"""What the clauses of a certificate say of a system, for wide_check.py: their text is evaluated here, and nothing but what is named here is."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, get_type_hints

from model.lang import Design, Scope

COMPARED: Mapping[type, Any] = {
    ast.Eq: lambda a, b: a == b, ast.NotEq: lambda a, b: a != b, ast.In: lambda a, b: a in b, ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b,
}  # fmt: skip


class Atoms:
    """What clauses say of a system, as text: evaluated here, and nothing but what is named here is."""

    def __init__(self, system: Design, scope: Scope) -> None:
        self.system, self.ranges = system, {name: range(size) for name, size in scope.sizes().items()}
        self.sorts = {f"{name.removesuffix('s')}{more}": name for name in self.ranges for more in ("", "2")}

    def parsed(self, text: str) -> list[tuple[str, bool]]:
        """The atoms of a clause, each with whether it stands there as it is."""
        named = re.sub(r"\b(any|all)\((\w+) in (\w+): ", r"\1(lambda \2, \3: ", text)
        body = ast.parse(named, mode="eval").body
        literals = body.values if isinstance(body, ast.BoolOp) and isinstance(body.op, ast.Or) else [body]
        negated = [isinstance(one, ast.UnaryOp) and isinstance(one.op, ast.Not) for one in literals]
        bare = [one.operand if isinstance(one, ast.UnaryOp) else one for one in literals]
        return [(ast.unparse(one), not no) for one, no in zip(bare, negated, strict=True)]

    def variables(self, atom: str) -> list[str]:
        return sorted({n.id for n in ast.walk(ast.parse(atom)) if isinstance(n, ast.Name) and n.id in self.sorts})

    def choices(self, names: Sequence[str]) -> Iterator[dict[str, int]]:
        """Indices for variables, two of one sort different."""
        for chosen in itertools.product(*(self.ranges[self.sorts[name]] for name in names)):
            if len({(self.sorts[n], i) for n, i in zip(names, chosen, strict=True)}) == len(names):
                yield dict(zip(names, chosen, strict=True))

    def value(self, node: ast.AST, given: Mapping[str, Any]) -> Any:
        of = partial(self.value, given=given)
        match node:
            case ast.Name(id=name):
                return given[name] if name in given else vars(self.system)[name]
            case ast.Constant(value=value):
                return value
            case ast.Attribute(value=base, attr=name):
                return vars(of(base))[name]
            case ast.Subscript(value=base, slice=index):
                return of(base)[of(index)]
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not of(operand)
            case ast.BoolOp(op=op, values=values):
                return all(map(of, values)) if isinstance(op, ast.And) else any(map(of, values))
            case ast.Compare(left=left, ops=[ast.Is()], comparators=[right]):
                return not of(left) if isinstance(right, ast.Name) and right.id == "empty" else of(left) is of(right)
            case ast.Compare(left=left, ops=[op], comparators=[ast.Name(id=member)]) if not self.is_known(
                member, given
            ):
                return COMPARED[type(op)](getattr(of(left), "name", None), member)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return COMPARED[type(op)](of(left), of(right))
            case ast.Call(func=ast.Name(id=word), args=[ast.Lambda(args=ast.arguments(args=[name, sort]), body=body)]):
                said = (self.value(body, {**given, name.arg: index}) for index in self.ranges[sort.arg])
                return any(said) if word == "any" else all(said)
            case ast.Call(func=ast.Attribute(value=mask, attr="highest" | "lowest" as end), args=[]):
                return getattr(of(mask), end)()
            case ast.Call(func=ast.Name(id=name), args=args) if self.is_pure(name):
                return getattr(self.system, name)(*map(of, args))
        raise ValueError(f"{ast.unparse(node)}: no clause says such things")

    def is_pure(self, name: str) -> bool:
        """A function of the model's that changes nothing."""
        owner = next((cls for cls in type(self.system).__mro__ if name in vars(cls)), Design)
        return owner not in (Design, object) and get_type_hints(vars(owner)[name]).get("return") is not type(None)

    def is_known(self, name: str, given: Mapping[str, Any]) -> bool:
        return name in given or name in vars(self.system)
