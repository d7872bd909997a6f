"""The syntax of a file, parsed once for all tests of a process that look at it."""

from __future__ import annotations

import ast
import functools
from pathlib import Path


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All of them, the module first."""
    return tuple(ast.walk(ast.parse(path.read_text())))
