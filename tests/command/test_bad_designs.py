"""Files of the user's that are none, or say what no design can say: refused with file and line, before anything is explored. Those
of tests/refused are outside of the language; these are outside of what one calls a file, or a class."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command.conftest import Ran
from tests.rigs.own_process import CELL, SMALL, is_a_clear_line, ran
from tests.rigs.user_file import GOOD

pytestmark = pytest.mark.unit
PROPERTY = '''\
from model.lang import always
from model.machine import Machine


@always()
def mine(s: Machine) -> bool:
    """All is well."""
    return True
'''
END = "            return\n"
BASE = "(Base)"


def with_(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new)


def then(body: str) -> str:
    return GOOD + "\n" + body


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judged(eoi: Callable[..., Ran], name: str = "a.py") -> Ran:
    """As a design alone: what an answer of two designs is, is not asked here."""
    return eoi("prove", name, "--absolute", *CELL)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        # acts while it is read
        ('print("hi")\n' + GOOD, 1, "only imports and defines"),
        ("import os\nos._exit(0)\n" + GOOD, 2, "only imports and defines"),
        (GOOD + "\n\ndel Mine\n", 14, "only imports and defines"),
        ("import socket\n" + GOOD, 1, "socket is none of these"),
        ("from os import *\n" + GOOD, 1, "os is none of these"),
        ("from oracles.report import WIDTH\n" + GOOD, 1, "oracles.report is none of these"),
        ("from checker.machine import Base\n" + GOOD, 1, "from model.designs.base import Base"),
        (with_("apic: Lapic", "apic: print('x')"), 8, "calls nothing while it is read"),
        (with_("vector: Vector)", "vector: Vector = print('x'))"), 8, "calls nothing while it is read"),
        (with_(BASE, "(type(Base))"), 5, "calls nothing while it is read"),
        ("from model.designs.base import Base\nBase.kvm_ioapic_send_eoi = None\n" + GOOD, 2, "names of its own only"),
        # needs what is not there
        ("from sibling import X\n" + GOOD, 1, "there is no module 'sibling'"),
        ("from . import b\n" + GOOD, 1, "there is no module '.b'"),
        ("from .b import X\n" + GOOD, 1, "there is no module '.b'"),
        ("from .. import b\n" + GOOD, 1, "there is no module '..b'"),
        ("from __future__ import braces\n" + GOOD, 1, "syntax error: not a chance"),
        ("import a\n" + GOOD, 1, "the file imports itself"),
        # is too much
        ("X = 'a' * 10**13\n" + GOOD, 1, "there is not the memory to read this"),
        (with_(END, f"            apic.pending_ioapic_eoi = {'9' * 5000}\n"), 10, "Exceeds the limit"),
        # is a class of another kind
        (with_(BASE, "(Base, metaclass=type)"), 5, "a class has bases and nothing else"),
        (with_(BASE, "(Base, Base)"), 5, "duplicate base class Base"),
        (with_(BASE, "(Base, int)"), 5, "Mine stands on int, which is no design"),
        ("from model.machine import Machine\n" + with_(BASE, "(Machine)"), 6, "Machine is no kernel, VMM, guest or device"),
        ("class M(type):\n    def __new__(cls, *a):\n        raise SystemExit(0)\n" + GOOD, 2, "is a hook of Python's"),
        (then("    def __init_subclass__(cls) -> None:\n        raise SystemExit(0)\n"), 13, "is a hook of Python's"),
        (then("    def __getattr__(self, name: str) -> int:\n        return 1\n"), 13, "is a hook of Python's"),
        (then("    __slots__ = ()\n"), 13, "is a hook of Python's"),
        (then("    x = lambda self: 1\n"), 13, "Mine.<lambda> is no function that has a name of its own"),
        (with_("    def", "    async def"), 8, "only imports and defines"),
        (with_("    def", "    @print\n    def"), 8, "the decorator @print is not in the language"),
        # is no text that one sees
        (with_("if apic", "if\u200b apic"), 9, "invalid non-printable character U+200B"),
        (with_("if apic", "if\u00a0apic"), 9, "invalid non-printable character U+00A0"),
        (with_("Obey", "Ob\0ey"), 1, "syntax error: source code string cannot contain null bytes"),
        (with_("Obey", "\\ud800"), 5, "surrogates not allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)  # fmt: skip
def test_what_no_design_says(eoi: Callable[..., Ran], here: Path, text: str, line: int, said: str) -> None:
    (here / "a.py").write_text(text)
    found = judged(eoi)
    assert (found.code, found.out) == (2, "") and found.err.startswith(f"eoi: a.py:{line}: "), found.err
    assert said in found.err and "Error:" not in found.err.replace("TypeError: dup", "").replace(
        "UnicodeEncodeError", ""
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (with_("-> bool", "-> int", PROPERTY).replace("True", "1"), 6, "`always` returns bool"),
        (with_("-> bool", "-> None", PROPERTY).replace("return True", "pass"), 6, "`always` returns bool"),
        (with_("True", "'x'", PROPERTY), 8, "'x' is not a value of the language"),
        (with_("return True", "pass", PROPERTY), 6, "mine() may end without a value"),
        (with_("s: Machine", "s", PROPERTY), 6, "mine(...) must take the system first"),
        (with_("return True", "while True:\n        pass", PROPERTY), 8, "`while` is not in the language"),
        (with_("return True", "return mine(s)", PROPERTY), 8, "mine() is not in the language"),
        (with_("return True", "raise ValueError", PROPERTY), 8, "`raise` is not in the language"),
        (with_("always", "leads_to", PROPERTY), 8, "a leads_to returns two conditions"),
        (with_("@always()", "@always", PROPERTY), 5, "@always has no parentheses"),
        (with_("def mine", "async def mine", PROPERTY), 6, "only imports and defines"),
        (PROPERTY.partition("@always")[0] + "mine = always()(lambda s: True)\n", 5, "calls nothing while it is read"),
        (PROPERTY + "\n\n@always()\nclass X:\n    pass\n", 11, "the decorator @always() of a class"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)  # fmt: skip
def test_what_no_property_says(eoi: Callable[..., Ran], here: Path, text: str, line: int, said: str) -> None:
    (here / "a.py").write_text(text)
    found = eoi("prove", "v1", *SMALL, "--property", "a.py", "--brief")
    assert (found.code, found.out) == (2, "") and said in found.err
    assert found.err.startswith(f"eoi: a.py:{line}: "), found.err


MADE: dict[str, tuple[Callable[[Path], object], str]] = {
    "UTF-16": (lambda path: path.write_bytes(GOOD.encode("utf-16")), "is not UTF-8 text"),
    "UTF-16 without a mark": (lambda path: path.write_bytes(GOOD.encode("utf-16-le")), "cannot contain null bytes"),
    "latin-1": (lambda path: path.write_bytes(GOOD.replace("Obey", "Ob\xe9y").encode("latin-1")), "is not UTF-8 text"),
    "nothing": (lambda path: path.write_bytes(b""), "no design in this file; write a subclass of one"),
    "a loop of links": (lambda path: path.symlink_to(path), "is a symbolic link that leads to no file"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "is a symbolic link that leads to no file"),
    "a pipe": (lambda path: os.mkfifo(path), "is no regular file"),
    "a socket": (lambda path: socket.socket(socket.AF_UNIX).bind(path.name), "is no regular file"),
    "memory": (lambda path: path.symlink_to("/proc/self/mem"), "input/output error"),
}


@pytest.mark.parametrize("which", MADE)
def test_what_is_no_file_with_text_in_it(eoi: Callable[..., Ran], here: Path, which: str) -> None:
    make, said = MADE[which]
    make(here / "a.py")
    found = judged(eoi)
    assert (found.code, found.out) == (2, "") and found.err.startswith("eoi: a.py:") and said in found.err, found.err


@pytest.mark.parametrize("which", ["a pipe", "a link to nothing", "UTF-16"])
def test_nor_is_it_one_beside_the_file(eoi: Callable[..., Ran], here: Path, which: str) -> None:
    """A pipe that nobody writes into would be waited for."""
    MADE[which][0](here / "other.py")
    (here / "a.py").write_text("from other import Other\n\n\nclass Mine(Other):\n    source = 'x'\n")
    found = judged(eoi)
    said = "other.py: is not UTF-8 text" if which == "UTF-16" else "a.py:1: there is no module 'other'"
    assert (found.code, found.out) == (2, "") and said in found.err, found.err


@pytest.mark.parametrize("name", ["\N{LATIN SMALL LETTER E WITH ACUTE} 'b\"c.py", "class.py", "a:b+c.py", "a\nb.py"])
def test_any_name_is_a_name(eoi: Callable[..., Ran], here: Path, name: str) -> None:
    (here / name).write_text(GOOD)
    found = judged(eoi, name)
    assert found.code == 3 and "1 holds" in found.out and not found.err  # 3: no cell runs the line that returns


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_any_end_of_a_line_ends_one(eoi: Callable[..., Ran], here: Path, end: str) -> None:
    (here / "a.py").write_bytes(GOOD.replace("\n", end).encode())
    assert "1 holds" in judged(eoi).out


def test_a_file_called_like_an_option(eoi: Callable[..., Ran], here: Path) -> None:
    (here / "--brief.py").write_text(GOOD)
    assert "1 holds" in eoi("prove", "--absolute", *CELL, "--", "--brief.py").out
    assert "unknown option --brief.py: did you mean '--brief'?" in eoi("prove", "--brief.py").err


def test_of_a_long_line_what_is_marked_is_shown(eoi: Callable[..., Ran], here: Path) -> None:
    long = f"if apic.spiv_directed_eoi and bogus and '{'x' * 1_000_000}':"
    (here / "a.py").write_text(with_("if apic.spiv_directed_eoi:", long))
    found = judged(eoi)
    lines = found.err.splitlines()
    assert found.code == 2 and lines[0] == "eoi: a.py:9: unknown name 'bogus'" and max(map(len, lines)) < 320
    assert lines[1].index("bogus") == lines[2].index("^^^^^")
    (here / "a.py").write_text(with_("if apic.spiv_directed_eoi:", f"if '{'x' * 1_000_000}' and bogus:"))
    lines = judged(eoi).err.splitlines()
    assert max(map(len, lines)) < 320 and "^" in lines[2]


def test_of_many_names_some_are_told(eoi: Callable[..., Ran], here: Path) -> None:
    classes = "".join(f"\n\nclass C{n}(Mine):\n    source = 'x'\n" for n in range(50))
    (here / "a.py").write_text(GOOD + classes)
    found = judged(eoi)
    assert found.code == 2 and found.err.endswith(", C6, C7 and 42 more); say which: a.py:C0\n")


def test_many_functions_are_looked_at_one_by_one(eoi: Callable[..., Ran], here: Path) -> None:
    """Not each in the light of all others: a thousand took three minutes."""
    functions = "".join(f"\n    def f{n}(self) -> None:\n        pass\n" for n in range(300))
    (here / "a.py").write_text(GOOD + functions)
    before = os.times().user
    found = judged(eoi)
    assert found.code == 2 and "a.py:13: f0() replaces nothing and nobody calls it" in found.err
    assert os.times().user - before < 3


def test_a_story_keeps_a_name_that_is_no_text(here: Path) -> None:
    name = "a\udcff.py"
    (here / name).write_text(GOOD)
    told = ran(["trace", name, "--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11", "--property", "no_eoi_lost"], "{} >story", here)  # fmt: skip
    assert told.returncode == 1 and "a%FF.py" in (here / "story").read_text(errors="replace"), told.stderr
    is_a_clear_line(ran(["replay", "story"], "", here), 1, "\nREPRODUCED")
