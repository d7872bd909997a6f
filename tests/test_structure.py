"""The shape of the tree: who imports whom, how long things are, and what the engine does not know."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

from checker.questions.simplifications import collect_simplifications
from tests.rigs.syntax import nodes_of

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE, MAX_FUNCTION = 600, 40
NOT_PRODUCT = ("tests", "tools")

# Imports run one way: a module may import modules of a lower layer, and of its own family.
LAYERS = [
    ("model.finite",),
    ("model.lang",),
    ("model.machine",),
    ("model.kvm", "model.vmms", "model.guests", "model.devices"),
    ("model.lines",),  # devices that are made of a device
    ("model.designs",),
    ("model.features", "model.cpuid", "model.migration"),
    ("model.observers",),  # what is told of a machine, by whoever plays its roles
    ("properties",),  # below the bugs: a property asks what a role promises, and knows no bug
    ("model.bugs",),
    ("checker.matrix.roles",),
]
CERTIFIER, MAX_CERTIFIER = ROOT / "checker" / "certificate" / "check.py", 300
BY_CASE = CERTIFIER.with_name("by_case.py")  # the same, and faster
WIDE_CERTIFIER = {CERTIFIER.with_name(f"{name}.py") for name in ("wide_check", "gates", "atoms")}  # of sizes

# What is in these folders, and these modules beside them, sees model.lang and nothing else of the model; the rest of
# checker talks to the user about the roles of this project, and knows them by name.
ENGINE = (
    "checker.language",
    "checker.engine",
    "checker.symbolic",
    "checker.export",
    "checker.stories",
    "checker.workers",
    "checker.errors",
    "checker.interrupt",
)
# Words that mean something in model/ and nothing to an engine, as identifiers or inside strings that are not docstrings.
DOMAIN_WORDS = re.compile(
    r"kvm|vcpu|irqchip|ioapic|lapic|spiv|remote_irr|(?<![a-z])(eoi|irr|isr|pins?|vectors?|guests?|vmms?|qemu)(?![a-z])",
    re.IGNORECASE,
)
# Names that are the tool's or C's own: the prefix of generated symbols, the environment variables, a step's mark.
OWN_NAMES = re.compile(
    r"\beoi_\w*|\bEOI_\w+|__eoi_step__|\beoi\b(?= (list|prove|trace|replay|lift))|eoiproof|\beoi1\b|\bvector_size\b"
)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(*folders: str) -> list[Path]:
    """The Python files below some folders, without the programs that are wrong on purpose (tests/refused)."""
    found = sorted(
        p for folder in folders for p in (ROOT / folder).rglob("*.py") if not {"__pycache__", "refused"} & set(p.parts)
    )
    assert len(found) >= len(folders), "nothing to look at"
    return found


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(module, line) of every import. `from a import b` counts as a.b too if that is a module."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            assert node.module is not None
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if (ROOT / name.replace(".", "/")).with_suffix(".py").exists()]
            yield from ((name, node.lineno) for name in modules or [node.module])


def layer(module: str) -> tuple[int, str]:
    """(layer number, family) of a module."""
    for number, families in enumerate(LAYERS):
        for family in families:
            if module == family or module.startswith(family + "."):
                return number, family
    raise AssertionError(f"{module} has no layer: add it to LAYERS")


def imports_upwards(path: Path) -> Iterator[str]:
    """Where a module of the model imports what is not below it, or what is not the standard library's."""
    mine, family = layer(module_name(path))
    for imported, line in imports(path):
        if imported.partition(".")[0] in sys.stdlib_module_names:
            continue
        if not imported.startswith(("model.", "properties.")):
            yield f"{path}:{line}: the model imports the standard library only"
            continue
        other, other_family = layer(imported)
        if not (other < mine or other_family == family):
            yield f"{path}:{line}: {module_name(path)} must not import {imported}"


def test_the_model_imports_one_way() -> None:
    paths = [path for path in sources("model", "properties") if path != ROOT / "model/__init__.py"]
    assert [wrong for path in paths for wrong in imports_upwards(path)] == []


def in_engine(module: str) -> bool:
    return any(module == part or module.startswith(part + ".") for part in ENGINE)


ENGINE_FILES = [path for path in sources("checker") if in_engine(module_name(path))]


def not_for_the_engine(path: Path) -> Iterator[str]:
    """What a module of the engine imports and must not."""
    for imported, line in imports(path):
        of_model = imported.startswith(("model", "properties"))
        if of_model and imported not in ("model.lang", "model.finite", "model"):
            yield f"{path}:{line}: {imported}"
        if imported.startswith("checker.") and not in_engine(imported):
            yield f"{path}:{line}: {imported}"


def test_the_engine_sees_the_language_only() -> None:
    assert [wrong for path in ENGINE_FILES for wrong in not_for_the_engine(path)] == []


LIFT_FILES = sources("lift")


def test_the_lift_sees_the_standard_library_and_how_mails_are_read() -> None:
    wrong = [
        f"{path}:{line}: {imported}"
        for path in LIFT_FILES
        for imported, line in imports(path)
        if imported.partition(".")[0] not in (*sys.stdlib_module_names, "lift")
        and not imported.startswith("checker.stories")
    ]
    assert wrong == []


def test_the_lists_above_name_what_exists() -> None:
    modules = {module_name(path) for path in sources("checker")}
    assert {part for part in ENGINE if part in modules} == set(ENGINE)
    assert {"checker.matrix.roles", "checker.matrix.loader", "checker.questions.verdict"} <= {
        m for m in modules if not in_engine(m)
    }
    assert len(ENGINE_FILES) > 30
    assert {family for path in sources("model", "properties") if path.parent != ROOT / "model" or path.stem != "__init__"
            for family in [layer(module_name(path))[1]]} == {f for families in LAYERS[:-1] for f in families}  # fmt: skip


def test_only_a_command_reaches_for_the_oracles() -> None:
    found = [
        f"{path}:{line}"
        for path in sources("model", "properties", "checker")
        if path.parent != ROOT / "checker" / "command"
        for imported, line in imports(path)
        if imported.partition(".")[0] == "oracles"
    ]
    assert found == []


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    """Where that would hide a circle. The entry alone does: it hears Ctrl-C before it imports the rest."""
    late = [
        f"{path}:{line}"
        for path in sources("model", "properties", "checker", "oracles")
        for tops in [{node.lineno for node in ast.iter_child_nodes(nodes_of(path)[0]) if isinstance(node, ast.stmt)}]
        for imported, line in imports(path)
        if line not in tops and imported.partition(".")[0] in ("model", "properties", "checker", "oracles")
    ]
    assert [where.partition(":")[0] for where in late] == [str(ROOT / "checker" / "command" / "entry.py")]


def room(module: str) -> str:
    """Where a module lives: a folder of model/, properties/, checker/ or oracles/, or a file right below one of them."""
    return ".".join(module.split(".")[:2])


def arrows(*folders: str) -> dict[str, dict[str, str]]:
    """Room -> the rooms that it imports, with one place where it does; imports inside functions count."""
    found: dict[str, dict[str, str]] = {}
    for path in sources(*folders):
        for imported, line in imports(path):
            mine, other = room(module_name(path)), room(imported)
            if imported.partition(".")[0] in folders and mine != other:
                found.setdefault(mine, {}).setdefault(other, f"{path}:{line}")
    return found


def test_no_room_imports_one_that_imports_it_back() -> None:
    """The order of the rooms is worked out, not written down: there is one exactly if arrows run one way."""
    found = arrows("model", "properties", "checker", "oracles")
    try:
        order = list(TopologicalSorter(found).static_order())
    except CycleError as error:
        circle = error.args[1][::-1]
        pytest.fail(f"a circle: {[found[mine][other] for mine, other in pairwise(circle)]}")
    assert {"oracles.kvm", "oracles.qemu", "oracles.mutation", "checker.command", "checker.questions"} <= set(order)


def test_nothing_imports_the_tests() -> None:
    paths = sources("model", "properties", "checker", "oracles")
    found = [
        f"{path}:{line}" for path in paths for name, line in imports(path) if name.partition(".")[0] in NOT_PRODUCT
    ]
    assert found == []


def test_a_class_has_a_name_of_its_own() -> None:
    """Who looks for it finds one."""
    places: dict[str, set[str]] = {}
    for path in sources("checker", "oracles"):
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, set()).add(module_name(path))
    assert len(places) > 100
    assert {n: where for n, where in places.items() if len(where) > 1} == {}


def test_the_checker_of_certificates_shares_nothing_with_what_it_checks() -> None:
    """It is one short file, and whoever distrusts the engines need read no other."""
    others = {*CERTIFIER.parent.glob("*.py")} - WIDE_CERTIFIER - {CERTIFIER, BY_CASE}
    assert [path.name for path in others] == ["__init__.py"]
    assert len(CERTIFIER.read_text().splitlines()) <= MAX_CERTIFIER
    mine = {name for name, _ in imports(CERTIFIER) if name.partition(".")[0] not in sys.stdlib_module_names}
    assert mine == {"model.finite", "model.lang"}
    assert not {path for path in sources("model", "properties") for name, _ in imports(path) if "certificate" in name}


def test_the_one_that_checks_by_cases_shares_nothing_but_that_one() -> None:
    assert len(BY_CASE.read_text().splitlines()) <= MAX_CERTIFIER
    mine = {name for name, _ in imports(BY_CASE) if name.partition(".")[0] not in sys.stdlib_module_names}
    assert mine == {"model.finite", "model.lang", module_name(CERTIFIER)}


def test_the_checker_of_sizes_shares_nothing_but_that_one() -> None:
    for path in WIDE_CERTIFIER:
        assert len(path.read_text().splitlines()) <= MAX_CERTIFIER
        mine = {name for name, _ in imports(path) if name.partition(".")[0] not in sys.stdlib_module_names}
        assert mine <= {"model.lang", *(module_name(one) for one in (CERTIFIER, *WIDE_CERTIFIER))}


def test_a_process_that_checks_certificates_has_nothing_else_in_it() -> None:
    model, own = ["model", "model.finite", "model.lang"], [module_name(path) for path in (CERTIFIER, *WIDE_CERTIFIER)]
    parts = ["checker", "checker.certificate", *own]
    wide, by_case = sorted({*parts, *model}), sorted({*parts[:2], module_name(CERTIFIER), *model})
    for path, loaded in ((CERTIFIER, model), (CERTIFIER.with_name("wide_check.py"), wide), (BY_CASE, by_case)):
        script = f"import runpy, sys; sys.argv = ['x', '/dev/null']\ntry: runpy.run_path({str(path)!r}, run_name='__main__')\n"
        script += "except SystemExit as error: print(error.code, sorted(n for n in sys.modules if n.startswith(('checker', 'model'))))"
        said = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True).stdout
        assert said.splitlines()[-1] == f"1 {[name for name in loaded if name != 'checker.certificate.wide_check']}"


def test_a_system_is_composed_in_one_place() -> None:
    """And again where that is checked."""
    calls = [
        module_name(path)
        for path in sources("model", "properties", "checker", "oracles")
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "compose"
    ]
    assert calls == ["checker.certificate.check", "checker.certificate.wide_check", "checker.matrix.system"]


def words_of(path: Path) -> Iterator[tuple[str, int]]:
    """Identifiers and strings of a module, without docstrings and comments."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        id(n.body[0].value)
        for n in nodes_of(path)
        if isinstance(n, holders) and n.body and isinstance(n.body[0], ast.Expr)
    }
    for node in nodes_of(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def domain_words(path: Path) -> list[str]:
    """Where a module of the engine speaks of this project's domain. Advice to the user may: it quotes model source."""
    found = []
    for text, line in words_of(path):
        if DOMAIN_WORDS.search(OWN_NAMES.sub("", text)):
            found.append(f"{path.name}:{line}: {text!r}")
    return found


ADVICE = [*sorted((ROOT / "checker" / "language" / "lower").glob("*.py")), ROOT / "checker" / "language" / "refusal.py"]


def test_the_engine_does_not_know_what_it_checks() -> None:
    assert [word for path in ENGINE_FILES if path not in ADVICE for word in domain_words(path)] == []


def test_the_lift_does_not_know_what_it_lifts() -> None:
    assert [word for path in LIFT_FILES for word in domain_words(path)] == []


def domain_identifiers(path: Path) -> list[str]:
    """Where a module of the engine speaks of the domain outside of strings."""
    nodes = nodes_of(path)
    quoted = {(node.value, node.lineno) for node in nodes if isinstance(node, ast.Constant)}
    identifiers = [(text, line) for text, line in words_of(path) if (text, line) not in quoted]
    assert identifiers or path.name == "__init__.py", f"{path}: nothing was looked at"
    return [f"{path.name}:{line}: {text}" for text, line in identifiers if DOMAIN_WORDS.search(OWN_NAMES.sub("", text))]


def test_advice_quotes_the_model_in_strings_only() -> None:
    assert len(ADVICE) > 1
    assert [word for path in ADVICE for word in domain_identifiers(path)] == []


def test_the_word_list_bites() -> None:
    assert domain_words(ROOT / "checker" / "matrix" / "roles.py")
    for word in ("pin", "kvm_set_irq", "ioapic", "EOI", "vector", "Guest", "exit_ioapic_eoi"):
        assert DOMAIN_WORDS.search(OWN_NAMES.sub("", word)), word
    for word in ("mapping", "step", "eoi_expand", "EOI_PORTABLE", "bisr", "spinning"):
        assert not DOMAIN_WORDS.search(OWN_NAMES.sub("", word)), word


C_FILES = sorted((ROOT / "checker" / "engine").glob("*.[ch]"))


def test_the_c_engine_does_not_know_either() -> None:
    assert len(C_FILES) > 2
    for path in C_FILES:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
        words = set(re.findall(r"\w+", OWN_NAMES.sub("", code)))
        assert len(words) > 20, path
        assert sorted(w for w in words if DOMAIN_WORDS.search(w)) == [], path


# ---- sizes ----

ALL = sources("model", "properties", "checker", "oracles", "lift", "tests")


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in [*ALL, *C_FILES]}
    # a C file of the engine is one program
    assert {p: n for p, n in lengths.items() if n >= (MAX_FILE if p.suffix == ".py" else 3 * MAX_FILE)} == {}


def long_functions(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if length >= MAX_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name}() has {length} lines"


def test_functions_are_short() -> None:
    assert [wrong for path in ALL for wrong in long_functions(path)] == []


# ---- notes on what is left out ----


def test_every_simplification_says_what() -> None:
    notes = collect_simplifications()
    marks = [p for p in sources("model", "properties") for _ in re.findall(r"\b(?:Simplified|Assumed):", p.read_text())]
    assert len(notes) == len(marks) > 0
    for file, line, text in notes:
        assert (ROOT / file).read_text().splitlines()[line - 1].count(text.split()[0]) >= 1
        assert re.fullmatch(r"(Simplified|Assumed): \S.{10,}", text), f"{file}:{line}: {text!r} does not say what"
        assert '"""' not in text


def test_a_note_ends_where_it_should(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.py").write_text(
        '"""Title. Simplified: one thing,\nand another.\n\nNot this.\n"""\n'
        "x = 1  # Assumed: a comment\n# that goes on\ny = 2  # not this\n"
        'def f():\n    """Simplified: short."""\n    """Assumed:"""\n'
    )
    assert collect_simplifications(tmp_path) == [
        ("model/m.py", 1, "Simplified: one thing, and another."),
        ("model/m.py", 6, "Assumed: a comment that goes on"),
        ("model/m.py", 10, "Simplified: short."),
        ("model/m.py", 11, "Assumed:"),
    ]


def test_the_base_model_can_be_read_in_one_go() -> None:
    """The kernel, the header and the devices: what a reviewer reads from top to bottom."""
    pages = [ROOT / "model" / "machine.py", ROOT / "model" / "devices.py", *(ROOT / "model" / "kvm").glob("*.py")]
    assert len(pages) > 5
    assert sum(len(page.read_text().splitlines()) for page in pages) < 900
