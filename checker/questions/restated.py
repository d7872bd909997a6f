"""What a user's function has in common with the one that it replaces is not the user's.

Who writes a function anew to change one line of it copies the rest, and a lifted patch is such a copy. Of what stands before
the change, or in another branch, nothing is asked: whether some step runs it says nothing of the change. What comes after it
may do something else because of it, so it counts as the user's: the rest of the block, and of the blocks around that as long
as they go on to it; in a loop, all of it.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Sequence
from typing import Any

from checker.engine.passages import users_files
from checker.language.source import definition_of
from checker.questions.model_diff import calls_super, constants
from model.lang import Design


def restated(design: type[Design]) -> frozenset[tuple[str, int]]:
    """(file, line) of all that the functions of the user's files share with those of the project that they replace."""
    of: Any = design
    return _restated(of)


@functools.lru_cache(maxsize=256)
def _restated(design: Any) -> frozenset[tuple[str, int]]:
    files, found = users_files(design), set[tuple[str, int]]()
    for n, owner in enumerate(design.__mro__ if files else ()):
        for name, function in vars(owner).items():
            if inspect.isfunction(function) and function.__code__.co_filename in files and not calls_super(function):
                below = [vars(cls)[name] for cls in design.__mro__[n + 1 :] if name in vars(cls)]
                replaced = [f for f in below if inspect.isfunction(f) and f.__code__.co_filename not in files]
                if replaced and not constants(replaced[0], function):  # a constant is another one wherever it stands
                    file = function.__code__.co_filename
                    found |= {(file, line) for line in shared(definition_of(replaced[0]), definition_of(function))}
    return frozenset(found)


def shared(old: ast.FunctionDef, new: ast.FunctionDef) -> set[int]:
    """Lines of new; none if the two are one: then that is what there is to look at."""
    was, now = _without_docstring(old.body), _without_docstring(new.body)
    own, changed, _ = _own(was, now)
    return _lines(now) - own if changed else set()


def _own(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> tuple[set[int], bool, bool]:
    """The lines of a block that are the user's; is there a change in it? May what follows the block be another because of
    it?"""
    found, changed, follows = set[int](), False, False
    for n, stmt in enumerate(new):
        if follows or n >= len(old) or _head(old[n]) != _head(stmt):
            return found | _lines(new[n:]), True, _goes_on(new)
        for name in ("body", "orelse"):
            inner, inside, after = _own(getattr(old[n], name, []), getattr(stmt, name, []))
            whole = inside and (isinstance(stmt, ast.For) or not getattr(stmt, name, []))
            found |= inner | (_lines([stmt]) if whole else set())
            changed, follows = changed or inside, follows or after or (inside and isinstance(stmt, ast.For))
    if len(old) > len(new):  # what stood behind it is gone
        return found | _lines(new[-1:]), True, _goes_on(new)
    return found, changed, follows and _goes_on(new)


def _goes_on(block: Sequence[ast.stmt]) -> bool:
    return not block or not isinstance(block[-1], ast.Return | ast.Continue | ast.Break)


def _lines(block: Sequence[ast.stmt]) -> set[int]:
    return {line for stmt in block for line in range(stmt.lineno, (stmt.end_lineno or stmt.lineno) + 1)}


def _without_docstring(block: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    first = block[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return block[1:] if documented else block


def _head(stmt: ast.stmt) -> str:
    """A statement without what it contains."""
    match stmt:
        case ast.If(test=test):
            return f"if {ast.unparse(test)}"
        case ast.For(target=target, iter=of):
            return f"for {ast.unparse(target)} in {ast.unparse(of)}"
        case _:
            return ast.unparse(stmt)
