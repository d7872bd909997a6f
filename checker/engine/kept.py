"""Keep programs next to the compiled libraries.

A kept program is what a search needs of one: its state, steps and formulas without their functions, the passages that it
notes, and how its parts are linked. The name of its file hashes every source file that it depends on (sources.py), the
Python version, the C compiler and its flags, and which roles, sizes and properties it is of; a class of a user's file goes by its module, whose name
hashes the file, its path and what it imports beside it (checker/matrix/loader.py). So after an edit of one of these nothing of
it is used. A file begins with its name, ends in the SHA-256 of what precedes it and is written atomically; one that is damaged, or
was written under another name, counts as absent.
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
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checker.engine import sources
from checker.engine.build import made_by
from checker.engine.cache_folder import cache_dir
from checker.engine.linked import LinkedProgram
from checker.engine.passages import PACKAGES
from checker.engine.sources import digest_of
from checker.language.classes import MADE_BY_PYTHON
from checker.language.source import USERS_MODULE
from model.lang import Design, Property, Scope

SYSTEM = "system"  # stands for the composed class, which belongs to no module


def is_named(module: str, name: str, wanted: object) -> bool:
    """Is this the object that the module has under the name, and the module's text part of what names a file?"""
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Property):
        found = found.function
    file = getattr(sys.modules.get(module), "__file__", None)
    return found is wanted and (_is_of_project(module, file) or module.startswith(USERS_MODULE))


@functools.lru_cache(maxsize=1024)
def _is_of_project(module: str, file: str | None) -> bool:
    return module.split(".")[0] in PACKAGES and file is not None and Path(file).is_relative_to(sources.ROOT)


def _is_composed(design: type[Design]) -> bool:
    """A class of compose() has nothing of its own; what it is mixed from says all of it."""
    return set(vars(design)) <= MADE_BY_PYTHON and not vars(design).get("__annotations__")


def path_of(design: type[Design], scope: Scope, properties: Sequence[Property]) -> Path | None:
    """Where the program of a system is kept; None if it is not to be kept."""
    name = name_of(design, scope, properties)
    return None if name is None else cache_dir() / f"{name}.program"


def name_of(design: type[Design], scope: Scope, properties: Sequence[Property]) -> str | None:
    """A hash of all that the program of a system depends on; None if something of it goes by no name of its own, or a source
    file was edited meanwhile."""
    if not sources.unedited():
        return None
    classes = [c for c in design.__mro__ if issubclass(c, Design) and not (c is design and _is_composed(c))]
    functions = [(p.function.__module__, p.function.__qualname__, str(p.kind)) for p in properties]
    named: list[type | Callable[..., object]] = [type(scope), *classes, *(p.function for p in properties)]
    named += [type(value) for value in scope.choices().values() if type(value) is not bool]
    if not all(is_named(of.__module__, of.__qualname__, of) for of in named):
        return None
    choices = [(name, type(value).__module__, type(value).__qualname__) for name, value in scope.choices().items()]
    parts = (
        digest_of(frozenset(of.__module__ for of in named)), design.__module__, design.__qualname__, [(c.__module__, c.__qualname__) for c in classes],
        (type(scope).__module__, type(scope).__qualname__), list(scope.sizes().items()), choices, functions, made_by(),
    )  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def save(path: Path, design: type[Design], linked: LinkedProgram) -> None:
    """Keep a program. A full disk is no error."""
    bare = replace(linked.program, functions={}, uncalled={}, owners={})
    content = packed(
        (bare, linked.noted, linked.offsets, linked.files, linked.meaning),
        lambda of: SYSTEM if of is design else None,
    )
    if content is not None:
        write(path, content)


def write(path: Path, content: bytes) -> None:
    """Whole or not at all; not if a source file was edited since the content was made. A full disk is no error."""
    if not sources.unedited():
        return
    content = path.name.encode() + content
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, begun = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content + hashlib.sha256(content).digest())
            os.replace(begun, path)
        except BaseException:
            os.unlink(begun)  # a part of it would take room, and be nothing
            raise


def read(path: Path) -> bytes | None:
    """What was written under this name; None if it is not there, or damaged."""
    try:
        content = path.read_bytes() if path.is_file() else b""  # a pipe would be waited for
    except OSError:
        return None
    name, body = path.name.encode(), content[:-32]
    whole = len(content) > 32 and hashlib.sha256(body).digest() == content[-32:]
    return body[len(name) :] if whole and body.startswith(name) else None


def load(path: Path, design: type[Design]) -> LinkedProgram | None:
    """The program as kept, if it is there with all its libraries."""
    content = read(path)
    if content is None:
        return None
    found = LinkedProgram(*unpacked(content, {SYSTEM: design}.__getitem__))
    return found if all(file.is_there() for file in found.files) else None


def packed(of: object, stands: Callable[[object], Hashable | None]) -> bytes | None:
    """stands: what is written in the place of an object that the reader has; None: the object itself. None if a record or
    an Enum is not, or no more, what its module has under its name."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.stands = stands
    try:
        pickler.dump(of)
    except (pickle.PicklingError, AttributeError):
        return None
    return buffer.getvalue()


def unpacked(content: bytes, stood: Callable[[Any], object]) -> Any:
    """What was packed. stood: the objects in whose place something was written."""
    unpickler = _Unpickler(io.BytesIO(content))
    unpickler.stood = stood
    return unpickler.load()


class _Pickler(pickle.Pickler):
    stands: Callable[[object], Hashable | None]

    def reducer_override(self, obj: Any) -> Any:
        """Asked of each object once, and not of plain values: those are most of what is packed, and persistent_id() would
        be asked of each."""
        stands = self.stands(obj)
        return NotImplemented if stands is None else (_stood, (stands,))


def _stood(_stands: Hashable) -> object:
    """In what is packed this name is that of the reader's own."""
    raise AssertionError


class _Unpickler(pickle.Unpickler):
    stood: Callable[[Any], object]

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return self.stood if found is _stood else found
