"""C written by habit: found where it is, and nowhere else; the whole command ends with exit code 2."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from checker.command.cli import main
from checker.language import c_habits
from checker.language.c_habits import COMMENTS, HABITS
from tests.rigs.volume import at_once

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOADED = HERE / "loaded"
FILES = sorted(
    path.stem for pattern in ("c_*.py", "*_assigned_*.py", "*_field_unknown.py") for path in LOADED.glob(pattern)
)
SOURCES = sorted(path for folder in ("model", "properties", "checker") for path in (ROOT / folder).rglob("*.py"))
HEAD = "from model.designs.base import Base\n\n\nclass Mine(Base):\n    def any_vcpu_created(self) -> bool:\n"

# Mistakes of Python's own, some next to what only looks like C.
PLAIN = [
    "        return (self.apic",
    "        return self.apic[0].created self.apic[1].created",
    "        if self.apic[0].created != True != False\n            return True",
    '        if "a && b || !c" self.apic:\n            return True',
    "        if self.apic  # && || ! -> { }\n            return True",
    '        """Says a && b,\n        and p->x. {"""\n        return = True',
    "        x = {\n            0: 1 2,\n        }",
    "        x = [\n            {\n                0: 1 2\n            }\n        ]",
    "        x = 1 - -1 --1 1",
    "        x = 1 if self else",
    "        return = 6 // 2",
    "        return True\n\n    def f(self) -> None\n        pass",
    "        return True\n\n    def f(\n        self,\n        x: bool) -> bool\n        pass",
    "        return True\n\n    def f(self)->bool\n        pass",
    "        switch = True True",
    "        else:\n            return True",
    "        return True\n      return True",
]  # fmt: skip


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["prove", "--absolute", str(path), "--vmm", "qemu", "--guest", "linux", "--brief"])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("name", at_once(FILES, 3))
def test_the_command_points_at_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = LOADED / f"{name}.py"
    code, said = run(path, capsys)
    head, source, caret, *advice = said.splitlines()
    number = int(head.removeprefix(f"eoi: {path}:").partition(":")[0])
    assert code == 2
    assert path.read_text().splitlines()[number - 1].strip() == source.strip()
    assert set(caret.strip()) == {"^"}
    assert re.match(r"  (write|fields: |one bit is set by) ?\S", advice[0])


def test_every_habit_has_a_file() -> None:
    told = "".join((LOADED / f"{name}.txt").read_text() for name in FILES)
    assert len(FILES) > 30
    assert [h.spelling for h in (*COMMENTS, *HABITS) if f"{h.instead} for `{h.spelling}`" not in told] == []


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_mistake_gets_no_hint_of_c(body: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"{HEAD}{body}\n")
    with pytest.raises(SyntaxError):
        ast.parse(path.read_text())
    code, said = run(path, capsys)
    assert code == 2
    assert f"{path}:" in said
    assert ": syntax error: " in said
    assert "is C" not in said
    assert "write" not in said


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_that_python_reads_is_c(path: Path) -> None:
    source = path.read_text().replace("//", "%")  # only the parser's trouble after it tells a comment from a division
    assert c_habits.find(source, 1, len(source.splitlines()), 0) is None


def test_there_are_sources() -> None:
    assert len(SOURCES) > 100
    assert c_habits.find("".join(path.read_text() for path in SOURCES) + "\nx = !x\n", 1, 10**6, 0) is not None


def test_a_legal_require_that_the_model_calls_too_late(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message is about the line of the user; the model's two lines are named beside it."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from model.designs.base import Base\nfrom model.lang import require\nfrom model.machine import Lapic, Vector\n\n\n"
        "class Mine(Base):\n    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:\n"
        "        require(not apic.spiv_directed_eoi)\n        super().kvm_ioapic_send_eoi(apic, vector)\n"
    )
    model = (ROOT / "model/kvm/lapic.py").read_text().splitlines()
    call = 1 + model.index("        self.kvm_ioapic_send_eoi(apic, vector)")
    write = 1 + model.index("        apic.isr.discard(vector)")
    code, said = run(path, capsys)
    head, source, caret, advice = said.splitlines()
    assert code == 2
    assert head == f"eoi: {path}:8: `require` after a write of its caller: what was written could not be taken back"
    assert source == "    require(not apic.spiv_directed_eoi)"
    assert caret == "    " + "^" * len(source.strip())
    assert advice.startswith(
        f"  apic_set_eoi() runs this (model/kvm/lapic.py:{call}) after a write (line {write}): write "
    )


def test_a_require_of_the_model_after_a_write_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from model.designs.base import Base\nfrom model.lang import Fair, step\nfrom model.machine import Cpu\n\n\n"
        'class Mine(Base):\n    @step(by="KVM", fair=Fair.FREE)\n    def again(self, cpu: Cpu) -> None:\n'
        "        self.apic[cpu].in_guest = False\n        self.vcpu_enter_guest(cpu)\n"
    )
    code, said = run(path, capsys)
    head, source, _, advice = said.splitlines()
    assert code == 2
    assert head.startswith(f"eoi: {path}:10: vcpu_enter_guest() has a `require` after a write")
    assert source.strip() == "self.vcpu_enter_guest(cpu)"
    assert re.search(r"; this one is in model/kvm/x86\.py:\d+$", advice)
