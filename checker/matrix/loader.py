"""Load a design or properties from a file of the user's: `path/to/patch.py` or `path/to/patch.py:Name`.

The file is ordinary Python and is executed, so it can fail in every way that Python can. Whatever happens, the user
gets one message that points at a line of their file. What it must satisfy makes its verdict one of the user's change: the
search would be green for each of these, as it would judge the design that the file was to change.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import importlib.util
import itertools
import linecache
import re
import signal
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checker import files
from checker.errors import UserError
from checker.language.classes import bound_in, check_text
from checker.language.declared import constants_of, fits, form, unfit
from checker.language.ir import Loc
from checker.language.refusal import Refused, did_you_mean, nearest
from checker.language.sentences import check_sentence
from checker.language.source import OF_MODULE, USERS_MODULE, Source, read, unknown_decorator
from checker.matrix.calls import bare_decorators, callable_names, unknown_name, wrong_calls, wrong_imports
from checker.matrix.python_said import SECONDS, TooLong, explained, import_line
from checker.matrix.roles import FILES_END, ROLES, all_properties, designs, role_of, users_file
from model.finite import ModelError
from model.lang import Design, Kind, Property
from model.machine import Machine

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Pass)
DERIVE_KERNEL = (
    "derive from Base (from model.designs.base import Base), or from V6 (model.designs.v6), which was merged"
)
DERIVE_ANY = (
    "derive from a whole one, e.g. Base or V6 (kernels), Qemu (a VMM), Linux (a guest): `eoi list` names them all"
)
SHOWN = 8  # names of a list that may be long
DEFINING = ("typing", "enum", "dataclasses", "collections", "abc", "builtins")  # of the standard library
KNOWN_PACKAGES = frozenset(
    {"model", "properties", "__future__", "typing_extensions", "functools", "operator", *DEFINING}
)
_DIFF = re.compile(r"diff --git |--- (?:a/|/dev/null)|@@ -\d|Index: |From [0-9a-f]{7,40} ")
_MAIL = re.compile(r"From |(?:From|To|Subject|Date|Message-I[dD]|Return-Path|Received|MIME-Version): ", re.IGNORECASE)
_HUNK = re.compile(r"^(?:diff --git |@@ -\d+(?:,\d+)? \+\d+)", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class UserFile:
    """A file of the user's, and the module that it became when it was run."""

    source: Source
    module: types.ModuleType

    def is_own(self, defined: type | Callable[..., object]) -> bool:
        """Was the class or function defined in the file itself, not imported?"""
        return defined.__module__ == self.module.__name__

    def machines(self) -> dict[str, type[Machine]]:
        """The classes that it defines, by the names that it gives them."""
        own = ((n, c) for n, c in vars(self.module).items() if isinstance(c, type) and issubclass(c, Machine))
        return {n: c for n, c in own if self.is_own(c)}


_loaded: dict[tuple[Path, str, Path, str], UserFile] = {}


def load_design(argument: str) -> type[Machine]:
    """The design class of a file: a whole one, that changes something. Raises UserError or Refused (both exit code 2)."""
    path, class_name = path_and_name(argument)
    return _design_of(load_file(path), class_name)


@functools.cache
def _design_of(file: UserFile, class_name: str) -> type[Machine]:
    """Looked at once for each file that was loaded."""
    design = _the_one(file, class_name)
    _check_design(design, file)
    return design


def load_properties(argument: str) -> list[Property]:
    """The properties of a file, or the one that the argument asks for. Raises UserError or Refused (both exit code 2)."""
    path, wanted = path_and_name(argument)
    file = load_file(path)
    known = {n: p for n, p in vars(file.module).items() if isinstance(p, Property)}
    own = {n: p for n, p in known.items() if file.is_own(p.function)}
    if not own:
        raise UserError(
            f"{path}: no property in this file; write one, e.g.\n    from model.lang import always\n"
            "    from model.machine import Machine\n    @always()\n    def mine(s: Machine) -> bool:\n"
            '        """What holds."""\n        return ...'
        )
    if wanted and wanted not in own:
        raise UserError(f"{path}: no property {wanted!r} in this file: {did_you_mean(wanted, own)}")
    registered = all_properties()
    for name, p in own.items():
        check_sentence(p)
        own[name] = p.with_premise(registered)
        premise, loc = own[name].starts_from, Loc(str(path), p.function.__code__.co_firstlineno)
        if p.premise and premise is None:
            raise Refused(loc, f"unknown premise {p.premise!r}", did_you_mean(p.premise, [*registered, *known]))
        if premise is not None and premise.kind is not Kind.REACHABLE:
            raise Refused(
                loc, f"the premise {p.premise!r} is no @reachable", "name a property that says when this one bites"
            )
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
        raise UserError(f"{path}: {_no_file(path)}")
    if colon and path_text != argument and not name:
        raise UserError(f"{argument}: a name is missing behind the colon")
    return path, name


def _no_file(path: Path) -> str:
    """The file of its folder that is nearest is named by its whole path, as it would be given."""
    if path.is_symlink():
        return "is a symbolic link that leads to no file"
    if path.exists():
        return "is a directory, a .py file is needed" if path.is_dir() else "is no regular file"
    beside = {p.stem: p for p in path.parent.glob("*.py") if p.is_file()}
    near = nearest(path.stem, beside)
    return "no such file" + (f": did you mean {str(beside[near])!r}?" if near else "")


def file_digest(module: str) -> str:
    """Eight hex digits that change with the content of the file that was loaded as this module, and of the files beside it
    that it imports; as it was then: an editor may have written it meanwhile."""
    return next(file.source.digest for file in _loaded.values() if file.module.__name__ == module)[:8]


def load_file(path: Path) -> UserFile:
    """A file as a module of its own, which is run once for its content and that of the files that it imports: two files
    of one name are two modules. Raises UserError, Refused."""
    try:
        source = read(path)
    except OSError as error:
        raise UserError(f"{error.filename or path}: {files.why(error)}") from None
    return _loaded_of(source)


def _loaded_of(source: Source) -> UserFile:
    given, lines = str(source.path), source.text.splitlines(keepends=True)
    key = source.path.resolve(), source.digest, Path.cwd(), given  # what is kept has the path as it was given
    linecache.cache[given] = len(source.text), None, lines, given  # for what is refused
    if key not in _loaded:
        name = f"{USERS_MODULE}{source.path.stem}_{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}"
        _loaded[key] = _execute(source, name)
    return _loaded[key]


def loaded() -> list[tuple[str, Source]]:
    """The modules of files so far, in an order in which each stands behind those that it imports."""
    return [(file.module.__name__, file.source) for file in _loaded.values()]


def load_as(name: str, source: Source) -> None:
    """A file of another process, as the module that it is there. What it imports was loaded before. Raises as load_file does."""
    given = str(source.path)
    if name not in sys.modules:
        linecache.cache[given] = len(source.text), None, source.text.splitlines(keepends=True), given
        _loaded[source.path.resolve(), source.digest, Path.cwd(), given] = _execute(source, name)


def _execute(source: Source, name: str) -> UserFile:
    path, module = str(source.path), types.ModuleType(name)
    module.__file__ = path
    if line := line_of_diff(source.text):
        hint = "name it x.patch, and eoi lifts it (docs/lift.md); or write the function that it touches as a subclass"
        raise Refused(Loc(path, line, 0, 1000), "this is a patch of C, and a design is a Python class", hint)
    try:
        if isinstance(source.wrong, UnicodeError):
            raise UserError(f"{path}: {files.why(source.wrong)}")
        if isinstance(source.wrong, SyntaxError) and source.path.suffix not in ("", ".py"):
            raise UserError(f"{path}: neither Python nor a patch, or a mail with one; {FILES_END}")
        if source.wrong is not None:
            raise source.wrong
        _check_before(source)
        beside = _load_beside(source)
        code = compile(source.tree, path, "exec", dont_inherit=True)
        module.__dict__["__builtins__"] = {
            **vars(builtins),
            "__import__": _importing({n: file.module for n, file in beside.items()}),
        }
        OF_MODULE[name] = source
        sys.modules[name] = module  # typing.get_type_hints looks classes' modules up there
        with _time_limit():
            exec(code, module.__dict__)
    except (KeyboardInterrupt, ModelError):
        raise
    except BaseException as error:  # also SystemExit: a file must not end the command as if all were well
        raise explained(error, source) from None
    file = UserFile(source, module)
    _check_names(file)
    _check_functions(file)
    _check_declared(file)
    return file


def _load_beside(source: Source) -> dict[str, UserFile]:
    found = dict[str, UserFile]()
    for name, file in source.beside.items():
        if isinstance(file, str):
            said = f"the file imports itself: {file}"
            raise Refused(Loc(str(source.path), 1), said, "move what both need to a third file")
        found[name] = _loaded_of(file)
    return found


def _importing(beside: Mapping[str, types.ModuleType]) -> Callable[..., Any]:
    """What `import` means in a file: a module beside it, or what it always means."""

    def load(name: str, scope: Any = None, inner: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        missing = [n for n in ([name] if name else fromlist) if n not in beside or level > 1]
        if level and missing:
            raise ModuleNotFoundError(name="." * level + missing[0])
        if level == 1 and not name:
            return types.SimpleNamespace(**beside)
        if level <= 1 and name in beside:
            return beside[name]
        return __import__(name, scope, inner, fromlist, level)

    return load


@contextmanager
def _time_limit() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(signum: int, frame: types.FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, expire)
    try:
        try:
            # It rings again: where a __del__ or a weak reference's callback runs just then, Python swallows what is raised.
            signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS / 5)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also if it rings in the other one
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _the_one(file: UserFile, wanted: str) -> type[Machine]:
    """The class of this name; or the one from which no other class of the file derives."""
    path, own = file.source.path, file.machines()
    stood_on = {base for cls in own.values() for base in cls.__mro__[1:]}
    found = [n for n, c in own.items() if c not in stood_on]
    if wanted:
        found = [wanted] if wanted in own else []
    if len(found) == 1:
        return own[found[0]]
    if wanted:
        known = did_you_mean(wanted, own)
        raise UserError(f"{path}: no design class {wanted!r} in this file" + (f": {known}" if known else ""))
    if not found:
        raise _no_design(file)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise UserError(f"{path}: several designs ({', '.join(found[:SHOWN])}{more}); say which: {path}:{found[0]}")


def _no_design(file: UserFile) -> ModelError:
    """Of a class that stands on nothing, with its line; of a file of properties; of one that has neither."""
    path = file.source.path
    for node in file.source.tree.body:
        if isinstance(node, ast.ClassDef) and not node.bases:
            return file.source.refused(node, f"{node.name} stands on nothing, so it is no design", DERIVE_ANY)
    if any(isinstance(p, Property) and file.is_own(p.function) for p in vars(file.module).values()):
        return UserError(f"{path}: no design in this file, but a property: eoi prove DESIGN --property {path}")
    return UserError(
        f"{path}: no design in this file; write a subclass of one, e.g.\n"
        "    from model.designs.base import Base\n    class Mine(Base):\n        def kvm_ioapic_send_eoi(self, ...): ..."
    )


def provenance(design: type[Design]) -> str:
    """The design's own Patch as text; a class without one is named by the docstring or its name."""
    patch = vars(design).get("patch")
    if patch is not None:
        return str(patch)
    about = (vars(design).get("__doc__") or "").strip().partition("\n")[0]
    bases = ", ".join(base.__name__ for base in design.__bases__)
    return about or f"{design.__name__}, a change of {bases}"


def line_of_diff(text: str) -> int:
    """The first line (from 1) of a file that is a diff, alone or in a mail, where Python was to be; 0 for any other."""
    number, first = next(((n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()), (0, ""))
    return number if _DIFF.match(first) or (_MAIL.match(first) and _HUNK.search(text)) else 0


def _check_before(source: Source) -> None:
    """Raise Refused for what a file must not say, before it is run."""
    for wrong in wrong_imports(source.tree):
        raise source.refused(*wrong)
    _only_definitions(source)
    for node in (n for n in ast.walk(source.tree) if isinstance(n, ast.ClassDef)):
        check_text(node, str(source.path))
    _check_decorators(source)
    _defined_once(source)
    _check_lines(source)
    _check_imports(source)


def _only_definitions(source: Source) -> None:
    """Refuse what does something when the file is read: a design's file says what is, it does not act. It could change the
    very designs that it is compared with."""
    calling = callable_names(source.tree, "tuple")
    for node in _defining(source.tree.body):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, DEFINITIONS):
            raise source.refused(node, "a design's file only imports and defines", "put it into a method")
        for part in (n for expression in _evaluated(node) for n in ast.walk(expression)):
            for wrong in wrong_calls(part, source.tree, calling) if isinstance(part, ast.Call) else ():
                raise source.refused(*wrong)
            said, hint = "", "write a constant"
            if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
                said, hint = "gives values to names of its own only", "restate it in a class"
            elif isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom | ast.comprehension):
                said = "computes nothing while it is read"
            if said:
                where = part if isinstance(part, ast.expr) else node
                raise source.refused(where, f"a design's file {said}", hint)
        for base in node.bases if isinstance(node, ast.ClassDef) else []:
            if not isinstance(base, ast.Name | ast.Attribute | ast.Subscript):
                raise source.refused(base, "a base is the name of a class", "write the class's name")


def _check_decorators(source: Source) -> None:
    """Refuse a decorator that is not known by its name. It is called, though nothing says so. Of Python's own, what they
    make of a function is refused where it stands."""
    known = callable_names(source.tree, "property", "classmethod", "staticmethod")
    for node in (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)):
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            for wrong in bare_decorators(decorator, source.tree):
                raise source.refused(*wrong)
            if isinstance(called, ast.Name) and called.id in known:
                continue
            for wrong in unknown_name(called, source.tree):
                raise source.refused(*wrong)
            raise unknown_decorator(decorator, str(source.path))


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


def _check_lines(source: Source) -> None:
    """Refuse what shares a line: which lines a step runs is what is told."""
    for function in (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef)):
        met = set[int]()
        for stmt in (n for part in function.body for n in ast.walk(part) if isinstance(n, ast.stmt)):
            if stmt.lineno in met:
                hint = "write one a line: what no step runs is told by its line"
                raise source.refused(stmt, "two statements on one line", hint)
            met.add(stmt.lineno)


def _check_imports(source: Source) -> None:
    """Refuse to import what could change what a file says without a change of it, or of the model."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            top = name.partition(".")[0]
            if name not in source.beside and top not in KNOWN_PACKAGES and importlib.util.find_spec(top) is not None:
                said = f"a design's file imports the model, {', '.join(DEFINING)} and files beside it, and {name} is none of these"
                raise source.refused(node, said, _instead(node))


def _instead(node: ast.AST) -> str:
    """Of a name that the model has: from where."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    found = next(filter(None, map(import_line, names)), "")
    return found or "write into the file what it needs of it"


def _check_names(file: UserFile) -> None:
    """Refuse a name that a function of the file uses, that is the model's, and that the file does not import: what Python
    says of it would come when it is run, or be about something else."""
    for function in (n for n in ast.walk(file.source.tree) if isinstance(n, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        known = {*vars(file.module), *vars(builtins), *(n.arg for n in nodes if isinstance(n, ast.arg))}
        known |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in nodes:
            if isinstance(node, ast.Name) and node.id not in known and (line := import_line(node.id)):
                raise file.source.refused(node, f"{node.id!r} is not imported", line)


def _check_functions(file: UserFile) -> None:
    """Refuse a function outside of all classes that is no property: nothing ever calls it."""
    tree = file.source.tree
    classes = list(file.machines())
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        if node.decorator_list and isinstance(vars(file.module).get(node.name), Property):
            continue
        into = f"class {classes[0]}" if len(classes) == 1 else f"the class that it belongs to ({', '.join(classes)})"
        hint = f"indent it into {into}" if classes else "write it into a class that derives from a design, e.g. Base"
        if not (node.args.args and node.args.args[0].arg == "self"):
            hint += "; a property has @always(), @leads_to() or @reachable() above it"
        raise file.source.refused(node, f"{node.name}() is outside of every class, so nothing calls it", hint)


def _check_declared(file: UserFile) -> None:
    """Refuse a constant of a class, or an argument of a property, that is not what the model declares it to be."""
    classes = {n.name: n for n in file.source.tree.body if isinstance(n, ast.ClassDef)}
    own = dict.fromkeys(c for machine in file.machines().values() for c in machine.__mro__ if file.is_own(c))
    for cls, (name, hint) in itertools.product(own, constants_of(Machine).items()):
        if name in vars(cls) and cls.__name__ in classes and not fits(vars(cls)[name], hint):
            node = classes[cls.__name__]
            at = [node, *(at for at, bound in bound_in(node.body) if bound == name)][-1]
            raise file.source.refused(at, f"{name} of {cls.__name__} has to be {form(hint)}")
    functions = {n.name: n for n in ast.walk(file.source.tree) if isinstance(n, ast.FunctionDef)}
    for p in vars(file.module).values():
        for name, said in unfit(p) if isinstance(p, Property) and file.is_own(p.function) else ():
            function = functions[p.function.__name__]
            calls = (d for d in function.decorator_list if isinstance(d, ast.Call))
            given = [k for call in calls for k in call.keywords if k.arg == name]
            raise file.source.refused([function, *given][-1], f"{name} of {function.name} has to be {said}")


def _check_design(design: type[Machine], file: UserFile) -> None:
    """Refuse a class that is no whole kernel, VMM, guest or device, or that changes nothing of its only base."""
    nodes = [n for n in file.source.tree.body if isinstance(n, ast.ClassDef) and n.name == design.__name__]
    if not nodes:  # it was not written with `class` at the top of the file
        return
    node, parent = nodes[-1], next(c for c in design.__mro__ if not file.is_own(c))
    if not any(issubclass(design, bases) for bases in ROLES.values()):
        in_kernel = parent is not Machine and any(issubclass(kernel, parent) for kernel in ROLES["kernel"])
        said = "is only a part of the kernel" if in_kernel else "is no kernel, VMM, guest or device"
        raise file.source.refused(node, f"{parent.__name__} {said}", DERIVE_KERNEL if in_kernel else DERIVE_ANY)
    called = {n.attr for n in ast.walk(file.source.tree) if isinstance(n, ast.Attribute)}
    for function in node.body:
        if isinstance(function, ast.FunctionDef):
            _check_restated(design, function, file.source, called)
    if len(design.__bases__) == 1 and not any(map(_says_something, node.body)):
        name = design.__bases__[0].__name__
        said = f"{design.__name__} changes nothing of {name}"
        raise file.source.refused(node, said, "restate in it the functions that your patch touches")


def _check_restated(design: type[Machine], node: ast.FunctionDef, source: Source, called: Collection[str]) -> None:
    """Refuse what a patch writes where it means another thing: its own function for the one that it restates, or a
    function that its base does not have, but another design."""
    restated = any(node.name in vars(base) for base in design.__mro__[1:])
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if restated and name == node.name:
                said = f"{name}() calls itself, and recursion is not in the language"
                raise source.refused(inner, said, f"super().{name}(...) calls the function that it restates")
            case _:
                pass
    others = {} if restated or node.name in called or node.decorator_list else designs()
    having = {name: cls for name, cls in others.items() if role_of(cls) == role_of(design) and hasattr(cls, node.name)}
    if having:
        first = "v6" if "v6" in having else next(iter(having))
        name, home, base = having[first].__name__, having[first].__module__, design.__bases__[0].__name__
        raise source.refused(
            node, f"{base} has no {node.name}(), so nothing calls this; {first} has one",
            f"derive from {name} (from {home} import {name}), or call it where your patch does",
        )  # fmt: skip


def _defined_once(source: Source) -> None:
    """Refuse what is replaced further down in the file or class: the first one would be judged by nobody."""
    for body in [source.tree.body, *(n.body for n in ast.walk(source.tree) if isinstance(n, ast.ClassDef))]:
        bound = [(at, name) for at, name in bound_in(body) if not isinstance(at, ast.Import | ast.ImportFrom)]
        last = {name: at for at, name in bound}
        for at, name in bound:
            if (other := last[name]) is at or (isinstance(at, ast.Name) and isinstance(other, ast.FunctionDef)):
                continue  # that a field is no function is told elsewhere
            again, never = f"is defined again in line {getattr(other, 'lineno', 0)}", "so this one is never"
            match at:
                case ast.FunctionDef():
                    said = f"{name}() {again}, {never} called"
                case ast.ClassDef():
                    said = f"class {name} {again}"
                case _:
                    said = f"{name} {again}, {never} used"
            raise source.refused(at, said, "leave one of them")


def _says_something(node: ast.stmt) -> bool:
    """Not a docstring, `...`, `pass` or where the patch comes from."""
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return False
        case ast.Assign(targets=[ast.Name(id="patch")]) | ast.AnnAssign(target=ast.Name(id="patch")):
            return False
        case _:
            return True
