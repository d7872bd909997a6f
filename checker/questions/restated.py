"""What a user's function has in common with the one that it replaces is not the user's.

Who writes a function anew to change one line of it copies the rest, and a lifted patch is such a copy. Of what stands before
the change, or in another branch, nothing is asked: whether some step runs it says nothing of the change. What comes after it
may do something else because of it, so it counts as the user's: the rest of the block, and of the blocks around that as long
as they go on to it; in a loop, all of it.

But for a statement that is put in and can only leave (`if ...: return`): what comes after it is run in fewer cases than before, in
none with another state, so whoever comes there does as the other one does. Its own lines are asked for. A condition that was there and
is another one now is none of these: what stands behind it may be run where it was not.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterable, Sequence, Set
from types import FunctionType
from typing import Any

from checker.engine.passages import SourceLine, users_files
from checker.language.source import definition_of
from checker.questions.model_diff import calls_super, constants
from model.lang import Design


def restated(design: type[Design]) -> frozenset[tuple[str, int]]:
    """(file, line) of all that the functions of the user's files share with those of the project that they replace, but for what
    comes after a change, whatever that is."""
    return frozenset(place for lines in _restated(_any(design)).values() for place in lines[0])


def unaffected(design: type[Design], beside: type[Design] | None = None) -> frozenset[tuple[str, int]]:
    """And of what comes after a statement that only leaves. beside: what the design is compared with; only functions count that
    replace the very ones of that, as of any other one more may be different."""
    found = _restated(_any(design))
    return frozenset(
        place for (name, replaced), lines in found.items() for place in lines[1]
        if beside is None or getattr(beside, name, None) is replaced
    )  # fmt: skip


def asked_for(
    lines: Iterable[SourceLine], systems: Sequence[type[Design]], beside: Sequence[type[Design]] = ()
) -> list[SourceLine]:
    """Of lines that no step runs, those that somebody has to. beside: of each system the one that it is compared with."""
    pairs = zip(systems, beside, strict=True) if beside else ((system, None) for system in systems)
    alike = {place for system, other in pairs for place in unaffected(system, other)}
    return [line for line in lines if (line.file, line.number) not in alike]


def _any(design: type[Design]) -> Any:
    return design


@functools.lru_cache(maxsize=256)
def _restated(design: Any) -> dict[tuple[str, FunctionType], tuple[set[tuple[str, int]], set[tuple[str, int]]]]:
    """Of each function that is replaced: what is shared however it is changed, and what only because the change leaves."""
    files, found = (
        users_files(design),
        dict[tuple[str, FunctionType], tuple[set[tuple[str, int]], set[tuple[str, int]]]](),
    )
    for n, owner in enumerate(design.__mro__ if files else ()):
        for name, function in vars(owner).items():
            if inspect.isfunction(function) and function.__code__.co_filename in files and not calls_super(function):
                below = [vars(cls)[name] for cls in design.__mro__[n + 1 :] if name in vars(cls)]
                replaced = [f for f in below if inspect.isfunction(f) and f.__code__.co_filename not in files]
                if replaced and not constants(replaced[0], function):  # a constant is another one wherever it stands
                    file, old, new = function.__code__.co_filename, definition_of(replaced[0]), definition_of(function)
                    strict = shared(old, new, leaves=False)
                    places = ({(file, line) for line in of} for of in (strict, shared(old, new) - strict))
                    found[name, replaced[0]] = next(places), next(places)
    return found


def shared(old: ast.FunctionDef, new: ast.FunctionDef, *, leaves: bool = True) -> set[int]:
    """Lines of new; none if the two are one: then that is what there is to look at. leaves: also those behind what only leaves."""
    was, now = _without_docstring(old.body), _without_docstring(new.body)
    names = {node.id for node in ast.walk(old) if isinstance(node, ast.Name)} | {arg.arg for arg in old.args.args}
    own, changed, _ = _own(was, now, names if leaves else None)
    return _lines(now) - own if changed else set()


def _own(old: Sequence[ast.stmt], new: Sequence[ast.stmt], known: Set[str] | None) -> tuple[set[int], bool, bool]:
    """The lines of a block that are the user's; is there a change in it? May what follows the block be another because of
    it? known: the names that the old function has; None: what only leaves is a change as others."""
    found, changed, follows, done = set[int](), False, False, 0  # done: so many of the old statements were met
    for n, stmt in enumerate(new):
        if follows or done >= len(old) or _head(old[done]) != _head(stmt):
            if follows or known is None or not _only_narrows(stmt, known):
                return found | _lines(new[n:]), True, _goes_on(new)
            found, changed = found | _lines([stmt]), True
            continue
        for name in ("body", "orelse"):
            inner, inside, after = _own(getattr(old[done], name, []), getattr(stmt, name, []), known)
            whole = inside and (isinstance(stmt, ast.For) or not getattr(stmt, name, []))
            found |= inner | (_lines([stmt]) if whole else set())
            changed, follows = changed or inside, follows or after or (inside and isinstance(stmt, ast.For))
        done += 1
    if done < len(old):  # what stood behind it is gone
        return found | _lines(new[-1:]), True, _goes_on(new)
    return found, changed, follows and _goes_on(new)


def _only_narrows(stmt: ast.stmt, known: Set[str]) -> bool:
    """Where it does not leave, all is as if it was not there: no expression of the language changes anything, and a name that
    the old function does not have is read by no statement of that."""
    match stmt:
        case ast.If(body=body, orelse=orelse):
            return all(not _goes_on(b) or all(_only_narrows(s, known) for s in b) for b in (body, orelse))
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name not in known
        case _:
            return False


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
