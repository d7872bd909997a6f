"""`eoi show`: what the checker sees is what it was given, and bad input is told as everywhere."""

from __future__ import annotations

import re

import pytest

from checker.command import cli, parsers
from checker.language.lower import lower
from checker.language.text import program_text
from checker.matrix.cells import Cell, matrix
from checker.matrix.roles import designs
from checker.matrix.scope import parse_scope
from tests.command.test_not_looked_at import PATCH

pytestmark = pytest.mark.unit

HERE = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x20")


@pytest.fixture(scope="module")
def program():
    scope = parse_scope(HERE[-1])
    found = matrix(
        ("v1", designs()["v1"]),
        kernels=["base"],
        vmms=["qemu"],
        guests=["windows_cg"],
        devices=["level"],
        scope=scope,
    )
    (cell,) = (c for c in found if isinstance(c, Cell))
    return lower(cell.system, cell.scope)


def test_every_function_step_and_field_with_where_it_is_from(eoi, program):
    ran = eoi("show", "v1", *HERE)
    assert ran.code == 0 and ran.err == ""
    functions, steps, fields = (part.splitlines()[1:] for part in ran.out.split("\n\n")[1:])
    assert {line.split()[0] for line in functions} == set(program.functions)
    assert {tuple(line.split()) for line in steps} == {(s.name, "by", f"{s.by},", s.fair.name) for s in program.steps}
    (restated,) = (line for line in functions if line.split()[0] == "kvm_ioapic_send_eoi")
    assert re.fullmatch(r"  kvm_ioapic_send_eoi +V1 +model/designs/v1\.py:\d+", restated)
    said = int(re.search(r"fields, (\d+) bits:", ran.out)[1])
    assert said == sum(int(line.split()[-2]) for line in fields) > 0


def test_the_ir_and_the_c_are_those_of_the_engines(eoi, program):
    assert eoi("show", "v1", *HERE, "--ir").out == program_text(program)
    c = eoi("show", "v1", *HERE, "--c").out
    assert c.startswith("/* V1+Qemu+WindowsCg+Level") and "kvm_ioapic_send_eoi" in c


def test_a_property_is_shown_where_it_is_asked_for(eoi):
    assert "no_storm" not in eoi("show", "v1", *HERE, "--ir").out
    assert "leads_to no_storm(pin: " in eoi("show", "v1", *HERE, "--ir", "--property", "no_storm").out
    assert eoi("show", "v1", *HERE, "--property", "no_storm").out.endswith(
        "leads_to no_storm: no_storm.p, no_storm.q\n"
    )


def test_a_users_file_is_shown_with_its_own_lines(eoi, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(PATCH)
    told = eoi("show", str(mine), *HERE).out
    assert re.search(rf"\nfunctions:\n  kvm_ioapic_send_eoi +Mine +{re.escape(str(mine))}:8\n", told)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("v11",), "unknown design 'v11': did you mean"),
        (("v1", "--vmm", "qem"), "unknown vmm 'qem': did you mean 'qemu'?"),
        (("v1", "--property", "no_strom"), "unknown property 'no_strom': did you mean 'no_storm'?"),
        (("v1", "--scope", "pin=1"), "unknown scope name 'pin': did you mean 'pins'?"),
        (("v1", "--kernel", "base"), "--kernel cannot name another one"),
        (("v1", "--ir", "--c"), "argument --c: not allowed with argument --ir"),
        (("nowhere.py",), "nowhere.py: no such file"),
        (("v1", "--vmm", "firecracker", "--scope", "ioapic=0x20"), "nothing to explore: firecracker has no I/O APIC"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_told_and_nothing_is_shown(eoi, arguments, said):
    ran = eoi("show", *arguments)
    assert (ran.code, ran.out) == (2, "") and said in ran.err


def test_outside_of_the_language_is_refused_with_its_line(eoi, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(PATCH.replace("            return\n", "            while True:\n                return\n"))
    ran = eoi("show", str(mine), *HERE, "--ir")
    assert (ran.code, ran.out) == (2, "") and f"{mine}:10: `while` is not in the language" in ran.err


def test_help_names_each_command_and_each_has_its_file(eoi):
    told = eoi("--help").out
    for command, about in cli.COMMANDS.items():
        assert re.search(rf"^ +{command}\s", told, re.MULTILINE), about
        assert callable(parsers.ADD[command]) and callable(cli.module_of(command).run)
