"""What a user's function has in common with the one that it replaces is not the user's.

Who writes a function anew to change one line of it copies the rest, and a lifted patch is such a copy. Of the rest nothing
is asked: whether some step runs it says nothing of the change. A statement is as before if it reads the same, in the same
order, inside of the same statements: the body of an `if` with another condition is not, nor is one that moved to `else`.
"""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from checker.engine.passages import users_files
from checker.language.source import definition_of
from checker.questions.model_diff import calls_super
from model.lang import Design

Key: TypeAlias = tuple[str, ...]  # the statement, and those that it is in with their branches, outermost first


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
                if replaced:
                    file = function.__code__.co_filename
                    found |= {(file, line) for line in _common(definition_of(replaced[0]), definition_of(function))}
    return frozenset(found)


def _common(old: ast.FunctionDef, new: ast.FunctionDef) -> set[int]:
    """Lines of new; none if nothing is added, as then what it takes away is all there is to look at."""
    was, now = list(_statements(old.body, ())), list(_statements(new.body, ()))
    matcher = difflib.SequenceMatcher(None, [key for key, _ in was], [key for key, _ in now], autojunk=False)
    same = [now[block.b + n] for block in matcher.get_matching_blocks() for n in range(block.size)]
    return {line for _, lines in same for line in lines} if len(same) < len(now) else set()


def _statements(block: Sequence[ast.stmt], inside: Key) -> Iterator[tuple[Key, range]]:
    """Each statement, and the lines of it that no other has."""
    for stmt in block:
        branches = [(name, getattr(stmt, name)) for name in ("body", "orelse") if getattr(stmt, name, [])]
        if not branches and isinstance(stmt, ast.Expr) and isinstance(stmt.value, ast.Constant):
            continue  # a docstring
        key = (*inside, _head(stmt))
        end = branches[0][1][0].lineno - 1 if branches else stmt.end_lineno or stmt.lineno
        yield key, range(stmt.lineno, max(end, stmt.lineno) + 1)
        for name, inner in branches:
            yield from _statements(inner, (*key, name))


def _head(stmt: ast.stmt) -> str:
    """A statement without what it contains."""
    match stmt:
        case ast.If(test=test) | ast.While(test=test):
            return f"if {ast.unparse(test)}"
        case ast.For(target=target, iter=of):
            return f"for {ast.unparse(target)} in {ast.unparse(of)}"
        case _:
            return ast.unparse(stmt)
