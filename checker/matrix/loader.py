"""Load a design or properties from a file of the user's: `path/to/patch.py` or `path/to/patch.py:Name`.

The file is ordinary Python and is executed, so it can fail in every way that Python can. Whatever happens, the user
gets one message that points at a line of their file.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import linecache
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker import files
from checker.errors import UserError
from checker.language import c_habits
from checker.language.classes import check_text
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, loc_of
from checker.language.source import USERS_MODULE, executed, tree_of
from checker.matrix import lifting
from checker.matrix.loader_checks import (
    check_design,
    check_functions,
    check_imports,
    check_lines,
    check_names,
    import_line,
    is_own,
    line_of_diff,
)
from checker.matrix.roles import all_properties, premise_of, users_file
from model.finite import ModelError
from model.lang import Design, Property
from model.machine import Machine

SECONDS = 5.0  # for imports that a design's file makes
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Pass)
OURS = ("checker", "model", "oracles", "properties")  # the project's own packages
MEMBERS = ("ApiFlags", "IoapicVersion")  # a tuple of them all may be made
MAY_BE_CALLED = {
    "model.lang": ("Patch", "Index", "Label", "step", "always", "leads_to", "reachable"),
    "dataclasses": ("dataclass", "field"),
    "model.machine": MEMBERS,
}


class TooLong(Exception):
    """The file did not finish in time."""


@dataclass(frozen=True, eq=False)
class UserFile:
    """A file of the user's that was read and run, with everything that it says of itself."""

    path: Path
    tree: ast.Module
    module: types.ModuleType
    digest: str


_loaded: dict[tuple[Path, str, Path], UserFile] = {}


def load_design(argument: str) -> type[Machine]:
    """The design class of a file: a whole one, that changes something; of a patch, what it is in the model. Raises UserError
    or Refused (both exit code 2)."""
    path, class_name = (lifting.lifted(argument).path, "") if lifting.is_patch(argument) else path_and_name(argument)
    return _design_of(load_file(path), class_name)


@functools.cache
def _design_of(file: UserFile, class_name: str) -> type[Machine]:
    """Looked at once for each file that was loaded."""
    design = _the_one(_designs_in(file.module, class_name), class_name, file.path)
    check_design(design, file.tree, file.module, file.path)
    return design


def load_properties(argument: str) -> list[Property]:
    """The properties of a file, or the one that the argument asks for. Raises UserError or Refused (both exit code 2)."""
    path, wanted = path_and_name(argument)
    module = load_file(path).module
    own = {n: p for n, p in vars(module).items() if isinstance(p, Property) and is_own(p.function, module)}
    if not own:
        raise UserError(
            f"{path}: no property in this file; write one, e.g.\n    from model.lang import always\n"
            "    from model.machine import Machine\n    @always()\n    def mine(s: Machine) -> bool: ..."
        )
    if wanted and wanted not in own:
        raise UserError(f"{path}: no property {wanted!r} in this file: {did_you_mean(wanted, own)}")
    for p in own.values():
        if p.premise and premise_of(p) is None:
            known = [*all_properties(), *(n for n, value in vars(module).items() if isinstance(value, Property))]
            loc = Loc(str(path), p.function.__code__.co_firstlineno)
            raise Refused(loc, f"unknown premise {p.premise!r}", did_you_mean(p.premise, known))
    return [p for name, p in own.items() if wanted in ("", name)]


def property_argument(p: Property) -> str:
    """What --property takes to mean this property: its name, after its file if it is in one of the user's."""
    file = users_file(p.function)
    return f"{file}:{p.function.__name__}" if file else p.name


def path_and_name(argument: str) -> tuple[Path, str]:
    """The file, and what was named in it or "". Raises UserError if there is no such file."""
    path_text, colon, name = argument.rpartition(":")
    if not colon or not path_text.endswith(".py"):
        path_text, name = argument, ""
    path = Path(path_text)
    if not path.is_file():
        raise UserError(f"{path}: " + ("is a directory, a .py file is needed" if path.is_dir() else "no such file"))
    return path, name


def file_digest(module: str) -> str:
    """Eight hex digits that change with the content of the file that was loaded as this module, and of the files beside it
    that it imports; as it was then: an editor may have written it meanwhile."""
    return next(file.digest for file in _loaded.values() if file.module.__name__ == module)[:8]


def _digest(path: Path, importers: tuple[Path, ...] = ()) -> str:
    return _digest_of(path, files.read_bytes(path), importers)


def _digest_of(path: Path, content: bytes, importers: tuple[Path, ...] = ()) -> str:
    try:
        beside = _imports_beside(tree_of(str(path), content.decode()), path)
    except (SyntaxError, ValueError):  # told when the file is loaded
        beside = {}
    digests = [_digest(p, (*importers, path)) for p in beside.values() if p not in (*importers, path)]
    return hashlib.sha256(content + "".join(digests).encode()).hexdigest()


def _imports_beside(tree: ast.Module, path: Path) -> dict[str, Path]:
    """The modules that a file imports from its own folder, as a script would: name -> file. The standard library and this
    project come first."""
    found = dict[str, Path]()
    for node in ast.walk(tree):
        names = list[str]()
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level <= 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
        relative = isinstance(node, ast.ImportFrom) and node.level == 1
        for name in names:
            file = path.parent / f"{name}.py"
            if file.is_file() and (relative or name not in (*sys.stdlib_module_names, *OURS)):
                found[name] = file
    return found


def load_file(path: Path, importers: tuple[Path, ...] = ()) -> UserFile:
    """A file as a module of its own, which is run once for its content and that of the files that it imports: two files
    of one name are two modules. Raises UserError, Refused."""
    content = files.read_bytes(path)
    key = (path.resolve(), _digest_of(path, content), Path.cwd())  # its source goes by the name that it was given here
    text = files.text_of(path, content)
    if key in _loaded:
        known = _loaded[key]
        executed(str(known.path), text)  # again: it may have said something else meanwhile
        for beside in _imports_beside(known.tree, path).values():
            load_file(beside, (*importers, path))
        return known
    name = f"{USERS_MODULE}{path.stem}_{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
    _loaded[key] = UserFile(path, *_execute(path, text, name, importers), key[1])
    return _loaded[key]


def _execute(path: Path, source: str, name: str, importers: tuple[Path, ...]) -> tuple[ast.Module, types.ModuleType]:
    module = types.ModuleType(name)
    module.__file__ = str(path)
    linecache.checkcache(str(path))
    if line := line_of_diff(source):
        hint = 'write the function that it touches as a subclass: README.md, "Your patch, in ten minutes and ten lines"'
        raise Refused(Loc(str(path), line, 0, 1000), "this is a patch of C, and a design is a Python class", hint)
    try:
        tree = executed(str(path), source)
        _only_definitions(tree, path)
        for node in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
            check_text(node, str(path))
        check_lines(tree, path)
        check_imports(tree, path, _imports_beside(tree, path))
        beside = _load_beside(tree, path, (*importers, path))
        code = compile(tree, str(path), "exec", dont_inherit=True)
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _importing(beside)}
        sys.modules[name] = module  # typing.get_type_hints looks classes' modules up there
        with _time_limit():
            exec(code, module.__dict__)
    except SyntaxError as error:
        raise _syntax_error(error, source, path) from None
    except KeyboardInterrupt:
        raise
    except ModelError:
        raise
    except BaseException as error:  # also SystemExit: a file must not end the command as if all were well
        raise _explained(error, path) from None
    check_names(tree, module, path)
    check_functions(tree, module, path)
    return tree, module


def _load_beside(tree: ast.Module, path: Path, importers: tuple[Path, ...]) -> dict[str, types.ModuleType]:
    found = dict[str, types.ModuleType]()
    for name, file in _imports_beside(tree, path).items():
        if file in importers:
            circle = " -> ".join(p.name for p in (*importers[importers.index(file) :], file))
            raise Refused(
                Loc(str(path), 1), f"the file imports itself: {circle}", "move what both need to a third file"
            )
        found[name] = load_file(file, importers).module
    return found


def _importing(beside: Mapping[str, types.ModuleType]) -> Callable[..., Any]:
    """What `import` means in a file: a module beside it, or what it always means."""

    def load(name: str, scope: Any = None, inner: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level == 1 and not name:
            return types.SimpleNamespace(**beside)
        if level <= 1 and name in beside:
            return beside[name]
        return __import__(name, scope, inner, fromlist, level)

    return load


def _syntax_error(error: SyntaxError, source: str, path: Path) -> Refused:
    """Where Python's parser gave up; if C is written there, where that is, and what to write instead."""
    line, start, end = error.lineno or 1, max((error.offset or 1) - 1, 0), max((error.end_offset or 0) - 1, 0)
    last = max(error.end_lineno or line, line)
    found = c_habits.find(source, line, last, end if last > line else max(start, end))
    if found is not None:
        loc = Loc(str(path), found.line, found.col, found.end)
        return Refused(loc, f"syntax error: `{found.spelling}` is C, and this is Python", found.hint)
    if isinstance(error, IndentationError):
        return Refused(Loc(str(path), line, 0, 1000), f"syntax error: {error.msg}", _indentation_hint(error, source))
    loc, said = Loc(str(path), line, start, end), c_habits.test_written_as_assignment(error.msg, error.text or "")
    return Refused(loc, f"syntax error: {said or error.msg}", "write `==`" if said else "")


def _indentation_hint(error: IndentationError, source: str) -> str:
    """How deep the line is, and which depths the lines before it allow."""
    lines = source.splitlines()
    number = min(error.lineno or 1, len(lines))
    if isinstance(error, TabError) or "\t" in lines[number - 1][: -len(lines[number - 1].lstrip()) or None]:
        return "indent with blanks only, four for each level: this line, or one before it, has tabs"
    depth = _depth(lines[number - 1])
    if "expected an indented block" in error.msg:
        return f"this line begins with {depth} blanks: indent it, by four more than the line that it belongs to"
    open_ = dict.fromkeys(_depth(line) for line in lines[: number - 1] if line.strip())
    return f"this line begins with {depth} blanks; lines before it begin with {', '.join(map(str, sorted(open_)))}"


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _only_definitions(tree: ast.Module, path: Path) -> None:
    """Refuse what does something when the file is read: a design's file says what is, it does not act. It could change the
    very designs that it is compared with."""
    calling = _callable_names(tree)
    for node in _defining(tree.body):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, DEFINITIONS):
            raise Refused(loc_of(node, str(path)), "a design's file only imports and defines", "put it into a method")
        for part in (n for expression in _evaluated(node) for n in ast.walk(expression)):
            said, hint = "", "write a constant"
            if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
                said, hint = "gives values to names of its own only", "restate it in a class"
            elif isinstance(part, ast.Call) and not _may_be_called(part, calling):
                said = "calls nothing while it is read"
            elif isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom | ast.comprehension):
                said = "computes nothing while it is read"
            if said:
                where = part if isinstance(part, ast.expr) else node
                raise Refused(loc_of(where, str(path)), f"a design's file {said}", hint)
        for base in node.bases if isinstance(node, ast.ClassDef) else []:
            if not isinstance(base, ast.Name | ast.Attribute | ast.Subscript):
                raise Refused(loc_of(base, str(path)), "a base is the name of a class", "write the class's name")


def _defining(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run while a file is read: its own and those of its classes."""
    for node in body:
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _defining(node.body)


def _evaluated(node: ast.stmt) -> list[ast.AST]:
    """What of a statement Python evaluates while the file is read: of a function all but its body."""
    match node:
        case ast.FunctionDef(args=args, decorator_list=decorators, returns=returns):
            return [args, *decorators, *([returns] if returns is not None else [])]
        case ast.ClassDef(bases=bases, keywords=keywords, decorator_list=decorators):
            return [*bases, *keywords, *decorators]
        case ast.Import() | ast.ImportFrom():
            return []
        case _:
            return [node]


def _may_be_called(call: ast.Call, names: set[str]) -> bool:
    """It makes something that a file consists of; or it is `tuple(ApiFlags)`, the members of an Enum of the model's."""
    match call:
        case ast.Call(func=ast.Name(id="tuple"), args=[ast.Name(id=of)], keywords=[]):
            return "tuple" in names and of in names
        case ast.Call(func=ast.Name(id=name)):
            return name in names and name not in ("tuple", *MEMBERS)
        case _:
            return False


def _callable_names(tree: ast.Module) -> set[str]:
    """Names that may be called: imported from where they are defined (or `tuple`), and bound by nothing else in the file."""
    imported, bound = {"tuple"}, set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names, level=0):
                for alias in names:
                    known = alias.name in MAY_BE_CALLED.get(module or "", ())
                    (imported if known else bound).add(alias.asname or alias.name)
            case ast.Import(names=names):
                bound |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            case ast.Name(id=name, ctx=ast.Store()) | ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                bound.add(name)
            case _:
                pass
    return imported - bound


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
            hint = c_habits.name_hint(name) or import_line(name) or did_you_mean(name, known)
            return Refused(loc, f"unknown name {name!r}", hint)
        case ImportError(name=str(name)) if name in sys.modules:
            missing = str(error).partition("'")[2].partition("'")[0]  # cannot import name '...' from ...
            names = [n for n in vars(sys.modules[name]) if not n.startswith("_")]
            said = Path(sys.modules[name].__file__ or name).name if name.startswith(USERS_MODULE) else name
            return Refused(loc, f"{said} has no {missing!r}", import_line(missing) or did_you_mean(missing, names))
        case ImportError(name=str(name)):
            beside = [p.stem for p in path.parent.glob("*.py") if p != path]
            return Refused(loc, f"there is no module {name!r}", did_you_mean(name, [*_model_modules(), *beside]))
        case _:
            return Refused(loc, f"{type(error).__name__}: {error}")


def _model_modules() -> list[str]:
    return [name for name in sys.modules if name.split(".")[0] in ("model", "properties")]


def _model_names() -> list[str]:
    return [n for m in _model_modules() for n in vars(sys.modules[m]) if not n.startswith("_") and n[0].isupper()]


def _designs_in(module: types.ModuleType, wanted: str) -> dict[str, type[Machine]]:
    """Classes that the file itself defines, without those that another class of the file derives from."""
    own = {
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
