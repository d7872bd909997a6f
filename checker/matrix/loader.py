"""Load a design or properties from a file of the user's: `path/to/patch.py` or `path/to/patch.py:Name`.

The file is ordinary Python and is executed, so it can fail in every way that Python can. Whatever happens, the user
gets one message that points at a line of their file.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import signal
import sys
import threading
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checker import files
from checker.errors import UserError
from checker.language import c_habits
from checker.language.classes import check_text
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, loc_of
from checker.matrix.loader_checks import check_design, check_functions, is_own, line_of_diff
from checker.matrix.roles import USERS_MODULE
from model.lang import Design, Property
from model.machine import Machine

SECONDS = 5.0  # for imports that a design's file makes
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Pass)
MAY_BE_CALLED = {"Patch", "Index", "ClassVar", "step", "always", "leads_to", "reachable"}


class TooLong(Exception):
    """The file did not finish in time."""


def load_design(argument: str) -> type[Machine]:
    """The design class of a file: a whole one, that changes something. Raises UserError or Refused (both exit code 2)."""
    design, tree, module, path = _class_of(argument)
    check_design(design, tree, module, path)
    return design


def load_class(argument: str) -> type[Machine]:
    """The class of a file, also one that is only a part of a design. Raises UserError or Refused."""
    return _class_of(argument)[0]


def _class_of(argument: str) -> tuple[type[Machine], ast.Module, types.ModuleType, Path]:
    path, class_name = _path_and_name(argument)
    module, tree = _execute(path)
    return _the_one(_designs_in(module, class_name), class_name, path), tree, module, path


def load_properties(argument: str, known: Mapping[str, Property]) -> tuple[dict[str, Property], list[Property]]:
    """(every property that a file defines, by name; those that the argument asks for).

    known: the registered ones, which may be premises. Raises UserError or Refused (both exit code 2).
    """
    path, wanted = _path_and_name(argument)
    module, _ = _execute(path)
    own = {
        p.name: p for p in vars(module).values() if isinstance(p, Property) and p.function.__module__ == module.__name__
    }
    if not own:
        raise UserError(
            f"{path}: no property in this file; write one, e.g.\n    from model.lang import always\n"
            "    from model.machine import Machine\n    @always()\n    def mine(s: Machine) -> bool: ..."
        )
    if wanted and wanted not in own:
        raise UserError(f"{path}: no property {wanted!r} in this file: {did_you_mean(wanted, own)}")
    for name, p in own.items():
        loc = Loc(str(path), p.function.__code__.co_firstlineno)
        if name in known:
            raise Refused(loc, f"there is a property {name!r} already", "give yours another name")
        if p.premise and p.premise not in {**known, **own}:
            raise Refused(loc, f"unknown premise {p.premise!r}", did_you_mean(p.premise, {**known, **own}))
    return own, [p for name, p in own.items() if wanted in ("", name)]


def property_argument(p: Property) -> str:
    """What --property takes to mean this property: its name, after its file if it is in one of the user's."""
    module = sys.modules.get(p.function.__module__)
    own = p.function.__module__.startswith(USERS_MODULE) and module is not None
    return f"{module.__file__}:{p.name}" if own and module is not None else p.name


def _path_and_name(argument: str) -> tuple[Path, str]:
    """The file, and what was named in it or "". Raises UserError if there is no such file."""
    path_text, colon, name = argument.rpartition(":")
    if not colon or not path_text.endswith(".py"):
        path_text, name = argument, ""
    path = Path(path_text)
    if not path.is_file():
        raise UserError(f"{path}: " + ("is a directory, a .py file is needed" if path.is_dir() else "no such file"))
    return path, name


def file_digest(argument: str) -> str:
    """Eight hex digits that change with the content of a design's file. Raises UserError if it cannot be read."""
    path = argument if argument.endswith(".py") else argument.rpartition(":")[0]
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]
    except OSError as error:
        raise UserError(f"{path}: {files.why(error)}") from None


def _execute(path: Path) -> tuple[types.ModuleType, ast.Module]:
    source = files.read_text(path)
    module = types.ModuleType(USERS_MODULE + path.stem)
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # typing.get_type_hints looks classes' modules up there
    linecache.checkcache(str(path))
    if line := line_of_diff(source):
        hint = 'write the function that it touches as a subclass: README.md, "Your patch, in ten minutes and ten lines"'
        raise Refused(Loc(str(path), line, 0, 1000), "this is a patch of C, and a design is a Python class", hint)
    try:
        tree = ast.parse(source, str(path))
        _only_definitions(tree.body, path)
        for node in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
            check_text(node, str(path))
        code = compile(tree, str(path), "exec", dont_inherit=True)
        with _time_limit():
            exec(code, module.__dict__)
    except SyntaxError as error:
        raise _syntax_error(error, source, path) from None
    except KeyboardInterrupt:
        raise
    except Refused:
        raise
    except BaseException as error:  # also SystemExit: a file must not end the command as if all were well
        raise _explained(error, path) from None
    check_functions(tree, module, path)
    return module, tree


def _syntax_error(error: SyntaxError, source: str, path: Path) -> Refused:
    """Where Python's parser gave up; if C is written there, where that is, and what to write instead."""
    line, start, end = error.lineno or 1, max((error.offset or 1) - 1, 0), max((error.end_offset or 0) - 1, 0)
    last = max(error.end_lineno or line, line)
    found = c_habits.find(source, line, last, end if last > line else max(start, end))
    if found is not None:
        loc = Loc(str(path), found.line, found.col, found.end)
        return Refused(loc, f"syntax error: `{found.spelling}` is C, and this is Python", found.hint)
    loc, said = Loc(str(path), line, start, end), c_habits.test_written_as_assignment(error.msg, error.text or "")
    return Refused(loc, f"syntax error: {said or error.msg}", "write `==`" if said else "")


def _only_definitions(body: Sequence[ast.stmt], path: Path) -> None:
    """Refuse statements that do something when the file is read: a design's file says what is, it does not act."""
    for node in body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, DEFINITIONS):
            raise Refused(loc_of(node, str(path)), "a design's file only imports and defines", "put it into a method")
        values = [node.value] if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None else []
        for target in (n for n in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign)):
            if isinstance(target, ast.Attribute | ast.Subscript) and isinstance(target.ctx, ast.Store):
                loc = loc_of(target, str(path))
                raise Refused(loc, "a design's file gives values to names of its own only", "restate it in a class")
        for call in (n for value in values for n in ast.walk(value) if isinstance(n, ast.Call)):
            if not (isinstance(call.func, ast.Name) and call.func.id in MAY_BE_CALLED):
                loc = loc_of(call, str(path))
                raise Refused(loc, "a design's file calls nothing while it is read", "write a constant")
        if isinstance(node, ast.ClassDef):
            _only_definitions(node.body, path)


@contextmanager
def _time_limit() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(signum: int, frame: types.FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _explained(error: BaseException, path: Path) -> Refused:
    """An exception of the file's own code as a message about the line of the file that it came from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    frame = frames[-1] if frames else None
    loc = Loc(str(path), (frame.lineno if frame else 1) or 1)
    if frame is not None:
        loc = Loc(str(path), loc.line, frame.colno or 0, frame.end_colno or 0)
    match error:
        case TooLong():
            return Refused(loc, f"the file was not read within {SECONDS:g} s", "import only what defines classes")
        case NameError(name=str(name)):
            known = [*vars(Machine), *(n for n in _model_names())]
            return Refused(loc, f"unknown name {name!r}", c_habits.name_hint(name) or did_you_mean(name, known))
        case ImportError(name=str(name)) if name in sys.modules:
            missing = str(error).partition("'")[2].partition("'")[0]  # cannot import name '...' from ...
            names = [n for n in vars(sys.modules[name]) if not n.startswith("_")]
            return Refused(loc, f"{name} has no {missing!r}", did_you_mean(missing, names))
        case ImportError(name=str(name)):
            return Refused(loc, f"there is no module {name!r}", did_you_mean(name, _model_modules()))
        case _:
            return Refused(loc, f"{type(error).__name__}: {error}")


def _model_modules() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in ("model", "properties")]


def _model_names() -> list[str]:
    return [n for m in _model_modules() for n in vars(sys.modules[m]) if not n.startswith("_") and n[0].isupper()]


def _designs_in(module: types.ModuleType, wanted: str) -> dict[str, type[Machine]]:
    """Classes that the file itself defines, without those that another class of the file derives from."""
    own: dict[str, Any] = {
        n: c for n, c in vars(module).items()
        if isinstance(c, type) and issubclass(c, Machine) and is_own(c, module)
    }  # fmt: skip
    if wanted:
        return {n: c for n, c in own.items() if n == wanted}
    return {n: c for n, c in own.items() if not any(c in other.__mro__[1:] for other in own.values())}


def _the_one(found: dict[str, type[Machine]], wanted: str, path: Path) -> type[Machine]:
    if len(found) == 1:
        return next(iter(found.values()))
    if wanted:
        raise UserError(f"{path}: no design class {wanted!r} in this file")
    if not found:
        raise UserError(
            f"{path}: no design in this file; write a subclass of one, e.g.\n"
            "    from model.designs.base import Base\n    class Mine(Base):\n        def kvm_ioapic_send_eoi(self, ...): ..."
        )
    raise UserError(f"{path}: several designs ({', '.join(found)}); say which: {path}:{next(iter(found))}")


def provenance(design: type[Design]) -> str:
    """The design's own Patch as text; a class without one is named by the docstring or its name."""
    patch = vars(design).get("patch")
    if patch is not None:
        return str(patch)
    about = (vars(design).get("__doc__") or "").strip().partition("\n")[0]
    bases = ", ".join(base.__name__ for base in design.__bases__)
    return about or f"{design.__name__}, a change of {bases}"
