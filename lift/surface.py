"""What the model has, read from its classes: functions, fields, enums, and the type of an expression."""

from __future__ import annotations

import ast
import copy
import enum
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Mapping


class Surface:
    """Of the classes that a design consists of."""

    def __init__(self, design: type) -> None:
        self.functions: dict[str, ast.FunctionDef] = {}
        self.fields: dict[str, dict[str, str]] = {"self": {}}
        self.enums: dict[str, list[str]] = {}
        self.home: dict[str, str] = {}  # name -> module that defines it
        for cls in reversed(design.__mro__[:-1]):
            self._class(cls)

    def copy(self) -> Surface:
        """To which a patch may add fields."""
        made = copy.copy(self)
        made.fields = {name: dict(fields) for name, fields in self.fields.items()}
        return made

    def _class(self, cls: type) -> None:
        for name, value in vars(cls).items():
            if inspect.isfunction(value) and value.__module__ == cls.__module__:
                tree = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
                assert isinstance(tree, ast.FunctionDef)
                self.functions[name] = tree
        for name, text in inspect.get_annotations(cls).items():
            self.fields["self"][name] = plain_type(_said(text))
        for name, value in vars(sys.modules[cls.__module__]).items():
            if name in self.home:
                continue
            if typing.get_origin(value) is typing.Annotated or (isinstance(value, int) and name.isupper()):
                self.home[name] = cls.__module__
            if not isinstance(value, type):
                continue
            if issubclass(value, enum.Enum):
                self.enums[name] = [m.name for m in value]
            else:
                notes = inspect.get_annotations(value)
                self.fields[name] = {field: plain_type(_said(text)) for field, text in notes.items()}
            self.home[name] = value.__module__

    def naming(self, c_function: str) -> list[str]:
        """The functions whose docstrings name a function of C: what the model has of it, whole or in part."""
        named = re.compile(rf"\b{re.escape(c_function)}\(\)")
        return [name for name, tree in self.functions.items() if named.search(ast.get_docstring(tree) or "")]

    def parameters(self, function: str) -> list[str]:
        return [a.arg for a in self.functions[function].args.args][1:]

    def parameter_types(self, function: str) -> dict[str, str]:
        args = self.functions[function].args.args[1:]
        return {a.arg: ast.unparse(a.annotation) if a.annotation else "" for a in args}

    def returns(self, function: str) -> str:
        note = self.functions[function].returns
        return ast.unparse(note) if note is not None else "None"

    def type_of(self, text: str, names: Mapping[str, str], returns: Mapping[str, str]) -> str:
        """The type of an expression, or ""; names: of parameters and locals; returns: of functions that are new."""
        return self._type(ast.parse(text, mode="eval").body, names, returns)

    def _type(self, node: ast.expr, names: Mapping[str, str], returns: Mapping[str, str]) -> str:
        match node:
            case ast.Name(id="self"):
                return "self"
            case ast.Name(id=name):
                return names.get(name, "")
            case ast.Constant(value=bool()) | ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return "bool"
            case ast.Constant(value=None):
                return "None"
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in self.enums:
                return name if attr in self.enums[name] else ""
            case ast.Attribute(value=value, attr=attr):
                return self.fields.get(self._type(value, names, returns), {}).get(attr, "")
            case ast.Subscript(value=value):
                of = self._type(value, names, returns)
                return of[of.index(",") + 1 : -1].strip() if of.startswith("Table[") else ""
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=attr)):
                return returns.get(attr) or (self.returns(attr) if attr in self.functions else "")
            case ast.Call(func=ast.Attribute(value=value, attr="highest" | "lowest")):
                of = self._type(value, names, returns)
                return f"{of[5:-1]} | None" if of.startswith("Mask[") else ""
            case ast.IfExp(body=body):
                return self._type(body, names, returns)
            case _:
                return ""


def _said(annotation: object) -> str:
    """As the source has it; it is no text where annotations are evaluated."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def plain_type(text: str) -> str:
    """Without what Annotated says beside it."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("Annotated", "ClassVar"):
        inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
        return ast.unparse(inner)
    return text


def plain(type_: str) -> str:
    return type_.removesuffix(" | None")
