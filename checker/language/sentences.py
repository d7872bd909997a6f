"""A property in words: its docstring, which reports print; `{name}` in it stands for a parameter's value in a run."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Collection

from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, loc_of
from checker.language.source import definition_of, type_hints
from model.lang import Design, Property

BRACES = re.compile(r"\{[^{}\n]*\}|\{\w*|\}")


def check_sentence(p: Property) -> None:
    """Raise Refused if a property says nothing, or speaks of what is no parameter: told of a run, it would have no value."""
    node, file = definition_of(p.function), p.function.__code__.co_filename
    if not p.sentence:
        hint = "say in its docstring what holds: reports print it"
        raise Refused(loc_of(node, file), f"the property {p.name}() is not said in words", hint)
    said, names = node.body[0], _parameters(p)
    assert isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)
    for found in BRACES.finditer(text := str(said.value.value)):
        if found[0] not in {f"{{{name}}}" for name in names}:
            loc = _place_of(found.start(), found[0], text, loc_of(said.value, file))
            raise Refused(loc, f"{found[0]!r} stands for no parameter of {p.name}()", _hint(found[0], names))


def _parameters(p: Property) -> Collection[str]:
    """Those that have a value in a run: not the system, before or after."""
    try:
        hints = type_hints(p.function)
    except Exception:  # an annotation that means nothing is refused with its own words, before anything is judged
        hints = {}
    code = p.function.__code__
    names = code.co_varnames[1 : code.co_argcount]
    return [n for n in names if not (isinstance(of := hints.get(n), type) and issubclass(of, Design))]


def _hint(found: str, names: Collection[str]) -> str:
    word = re.sub(r"\W.*", "", found.lstrip("{"))
    if word in names:
        return f"write {{{word}}}"
    return did_you_mean(word, names) or "it has none that has a value: write it without braces"


def _place_of(start: int, found: str, text: str, docstring: Loc) -> Loc:
    """Where it is in the file; where the docstring begins if that is written in another way than it reads."""
    before = text[:start].rpartition("\n")[2]
    line = docstring.line + text.count("\n", 0, start)
    column = linecache.getline(docstring.file, line).find(before + found)
    if column < 0:
        return docstring
    return Loc(docstring.file, line, column + len(before), column + len(before) + len(found))
