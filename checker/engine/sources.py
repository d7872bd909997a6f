"""Which source files have a say in what a system does: what is kept of it counts as absent once one of them is edited.

Of the checker that is every file. Of the model and the properties it is those that the modules of its classes and properties
import, directly or not: an import counts wherever it stands, and with a module the packages that it lies in. A file of the
user's goes by its module, whose name hashes the file and those beside it (matrix/loader.py); what they import of the model is
followed. So an edit of one design leaves what is known of all others, and one of model/kvm/ nothing.

What was imported has to be what is read here: once a file was written since the process began, nothing is kept or taken.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from checker import STARTED
from checker.engine.passages import PACKAGES
from checker.language.source import OF_MODULE, Source

ROOT = Path(__file__).parents[2]
CHECKER = "checker"
COARSE = 50_000_000  # nanoseconds: the clock of a file system is behind that of a process by some


@functools.lru_cache(maxsize=4096)
def digest_of(modules: frozenset[str]) -> str:
    """A hash of the Python version and of every source file that a system of classes and properties of these modules depends
    on, as the files are when they are asked for first."""
    digest = hashlib.sha256(_of_checker().encode())
    for module in sorted(followed(modules)):
        digest.update(f"\0{module}\0{_of_module(module)}".encode())
    return digest.hexdigest()


@functools.cache
def of_everything() -> str:
    """A hash of the Python version and of every source file: two processes in which it is the same are the same program."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (path for name in PACKAGES for path in _sources(ROOT / name)):
        digest.update(f"\0{os.path.relpath(path, ROOT)}\0".encode() + Path(path).read_bytes())
    return digest.hexdigest()


def unedited() -> bool:
    """No source file was written since this process began; asked of the disk once a second."""
    return _unedited(int(time.monotonic()))


@functools.lru_cache(maxsize=1)
def _unedited(_second: int) -> bool:
    try:
        return all(os.stat(path).st_ctime_ns < STARTED - COARSE for name in PACKAGES for path in _sources(ROOT / name))
    except OSError:  # gone between the two: somebody edits
        return False


def _sources(folder: Path) -> list[str]:
    """Without what is no file: an editor's lock is a link to nothing."""
    paths = (os.path.join(inside, name) for inside, _, names in os.walk(folder) for name in names)
    return sorted(path for path in paths if path.endswith((".py", ".c", ".h")) and os.path.isfile(path))


def followed(modules: Collection[str]) -> set[str]:
    """The modules of the model and the properties that these are, or import."""
    found, left = set[str](), list(modules)
    while left:
        module = left.pop()
        if module not in found:
            left += _imported_by(module)
            found.add(module)
    return {module for module in found if _file(module) is not None}


@functools.cache
def _of_checker() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in _sources(ROOT / CHECKER):
        digest.update(f"\0{os.path.relpath(path, ROOT)}\0".encode() + Path(path).read_bytes())
    return digest.hexdigest()


@functools.cache
def _of_module(module: str) -> str:
    file = _file(module)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None else ""


@functools.cache
def _file(module: str) -> Path | None:
    """The file of a module of the project, but for the checker's."""
    parts = module.split(".")
    if parts[0] not in PACKAGES or parts[0] == CHECKER:
        return None
    path = ROOT.joinpath(*parts)
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@functools.cache
def _imported_by(module: str) -> Collection[str]:
    """What a module imports, and the package that it lies in."""
    if module in OF_MODULE:
        return set(_of_source(OF_MODULE[module]))
    file = _file(module)
    if file is None:
        return ()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    above = {module.rpartition(".")[0]} - {""}
    return above | set(_imports(ast.parse(file.read_bytes()), package))


def _of_source(source: Source) -> Iterator[str]:
    yield from _imports(source.tree, "")
    for beside in source.beside.values():
        if isinstance(beside, Source):
            yield from _of_source(beside)


def _statements(within: ast.AST) -> Iterator[ast.AST]:
    """All statements, and what holds some: an expression has none in it, and is most of a tree."""
    yield within
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        inside = getattr(within, part, ())
        for node in inside if isinstance(inside, list) else ():
            yield from _statements(node)


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """The modules that are imported; with `from a import b`, a.b too, which may be one. package: what a dot stands for."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
