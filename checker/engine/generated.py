"""Keep what was lowered and generated, next to the compiled libraries: it is a build product, not a verdict.

The name of a file hashes every source file of model/, properties/ and checker/, the Python version, and which roles,
sizes and properties it is for; so after any edit nothing of it is used. Systems with a class from a file of the user's
are not kept. A file ends in the SHA-256 of what precedes it and is written atomically; a damaged one counts as absent.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checker.engine.build import cache_dir
from checker.language.ir import Program
from model.lang import Design, Property, Scope

ROOT = Path(__file__).parents[2]
PACKAGES = ("checker", "model", "properties")
SYSTEM = "system"  # stands for the composed class, which belongs to no module


@functools.cache
def _sources() -> str:
    """A hash of every source file that can have a say in what is lowered and generated."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")):
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def cache_path(design: type[Design], scope: Scope, properties: Sequence[Property]) -> Path | None:
    """Where the program of a system is kept; None if it is not to be kept."""
    classes = [c for c in design.__mro__ if c is not design and issubclass(c, Design)]
    modules = [*(c.__module__ for c in classes), *(p.function.__module__ for p in properties)]
    files = [getattr(sys.modules.get(module), "__file__", None) for module in modules]
    if not all(
        file and module.split(".")[0] in PACKAGES and Path(file).is_relative_to(ROOT)
        for module, file in zip(modules, files, strict=True)
    ):
        return None
    parts = [
        _sources(), design.__name__, *(f"{c.__module__}.{c.__qualname__}" for c in design.__bases__),
        *(f"{name}={size}" for name, size in scope.sizes().items()), *(f"{p.function.__module__}.{p.function.__name__}" for p in properties),
    ]  # fmt: skip
    return cache_dir() / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.program"


def save(path: Path, design: type[Design], program: Program, source: str) -> None:
    """Keep the program without its functions, of which `source` is the translation. A full disk is no error."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.system = design
    pickler.dump((replace(program, functions={}), source))
    content = buffer.getvalue()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content + hashlib.sha256(content).digest())
        os.replace(file.name, path)


def load(path: Path, design: type[Design]) -> tuple[Program, str] | None:
    """(program without functions, its C) as kept, or None."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) <= 32 or hashlib.sha256(content[:-32]).digest() != content[-32:]:
        return None
    unpickler = _Unpickler(io.BytesIO(content[:-32]))
    unpickler.system = design
    found: tuple[Program, str] = unpickler.load()
    return found


class _Pickler(pickle.Pickler):
    system: type[Design]

    def persistent_id(self, obj: Any) -> str | None:
        return SYSTEM if obj is self.system else None


class _Unpickler(pickle.Unpickler):
    system: type[Design]

    def persistent_load(self, pid: Any) -> type[Design]:
        assert pid == SYSTEM
        return self.system
