"""Properties, and choices of the scope, of the user's: in files outside the repository, passed by path."""

from __future__ import annotations

import json

import pytest

GOOD = '''\
from model.lang import always, reachable
from model.machine import Cpu, Machine


@reachable()
def mine_requested(s: Machine, cpu: Cpu) -> bool:
    """A guest asks for suppression."""
    return s.apic[cpu].spiv_directed_eoi


@always(premise="mine_requested")
def mine_never(s: Machine, cpu: Cpu) -> bool:
    """No guest asks for suppression. Violated: CPU{cpu} has."""
    return not s.apic[cpu].spiv_directed_eoi
'''
HERE = ("--vmm", "qemu", "--device", "level", "--scope", "ioapic=0x20,cpus=1,pins=1")

# (what is wrong, the change to GOOD, the line that must be named, words of the message)
BAD = [
    ("field", ("not s.apic[cpu].spiv_directed_eoi", "not s.apic[cpu].spiv_direct_eoi"), 14, "did you mean 'spiv_directed_eoi'?"),
    ("syntax", ("-> bool:\n    \"\"\"No", "-> bool\n    \"\"\"No"), 12, "syntax error"),
    ("no type", ("def mine_never(s: Machine, cpu: Cpu)", "def mine_never(s: Machine, cpu)"), 12, "cpu"),
    ("result", ("cpu: Cpu) -> bool:\n    \"\"\"No", "cpu: Cpu) -> int:\n    \"\"\"No"), 12, "`always` returns bool"),
    ("construct", ("    return not", "    while True:\n        pass\n    return not"), 14, "`while` is not in the language"),
    ("import", ("import Cpu,", "import Cpus,"), 2, "did you mean 'Cpu'?"),
    ("parentheses", ("@reachable()", "@reachable"), 5, "TypeError"),
    ("premise", ('premise="mine_requested"', 'premise="mine_request"'), 11, "did you mean 'mine_requested'?"),
    ("acts", ("\n\n@reachable", "\nprint(1)\n@reachable"), 4, "only imports and defines"),
    ("writes", ("    return not", "    s.apic[cpu].irr.clear()\n    return not"), 14, "it must not change state"),
]  # fmt: skip


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_the_properties_of_a_file_are_judged(eoi, mine):
    ran = eoi("prove", "v1", "--guest", "windows_cg,linux", *HERE, "--property", str(mine), "--json")
    assert ran.code == 1
    verdicts = {
        cell["guest"]: {v["property"]: v["verdict"] for v in cell["verdicts"]} for cell in json.loads(ran.out)["cells"]
    }
    assert verdicts == {
        "windows_cg": {"mine_requested": "REACHED", "mine_never": "VIOLATED"},
        "linux": {"mine_requested": "NEVER", "mine_never": "HOLDS"},
    }


def test_one_of_them_next_to_a_registered_one(eoi, mine):
    asked = ("--property", f"{mine}:mine_never", "--property", "suppression_requested")
    ran = eoi("prove", "v1", "--guest", "linux", *HERE, *asked)
    assert ran.code == 3 and "mine_never" in ran.out and "suppression_requested" in ran.out
    assert "vacuous: mine_requested never happens here" in ran.out  # the premise is found in the file
    assert "INCONCLUSIVE: nothing was judged" in ran.out


def test_its_story_says_how_to_tell_it_again(eoi, mine, tmp_path):
    told = eoi("trace", "v1", "--guest", "windows_cg", *HERE, "--property", f"{mine}:mine_never")
    assert told.code == 1 and "CPU0 has." in told.out
    assert f"{mine}:mine_never".replace("/", "") in "".join(told.out.split()).replace("\\", "").replace("/", "")
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    assert eoi("replay", str(story), "--property", str(mine)).code == 1
    unknown = eoi("replay", str(story))
    assert unknown.code == 2 and "is in a file of the user's: --property" in unknown.err


@pytest.mark.parametrize(("change", "line", "said"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_file_is_exit_code_2_and_points_at_the_line(eoi, mine, change, line, said):
    assert GOOD.count(change[0]) == 1 or change[0] == "mine_never"
    mine.write_text(GOOD.replace(*change))
    ran = eoi("prove", "v1", "--guest", "linux", *HERE, "--property", str(mine))
    assert ran.code == 2
    assert f"{mine}:{line}: " in ran.err, ran.err
    assert said in ran.err


@pytest.mark.parametrize(
    ("argument", "said"),
    [("{}/none.py", "no such file"), ("{}/mine.py:mine_nevr", "did you mean 'mine_never'?"), ("{}/empty.py", "no property in this file")],
)  # fmt: skip
def test_nothing_to_judge(eoi, mine, tmp_path, argument, said):
    (tmp_path / "empty.py").write_text("x = 1\n")
    ran = eoi("prove", "v1", "--guest", "linux", *HERE, "--property", argument.format(tmp_path))
    assert ran.code == 2 and said in ran.err


CHOICE = '''\
from dataclasses import dataclass

from model.designs.base import Base
from model.machine import Lapic, Scope, Vector


@dataclass(frozen=True)
class MyScope(Scope):
    obey: bool = False


class Mine(Base):
    """Obey SPIV bit 12 where the administrator says so."""

    scope: MyScope

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if self.scope.obey and apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
'''


def test_a_choice_of_the_scope_is_a_design_s_own(eoi, tmp_path):
    path = tmp_path / "choosy.py"
    path.write_text(CHOICE)
    asked = (str(path), "--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm")
    assert eoi("prove", *asked, "--scope", "ioapic=0x20,cpus=1,pins=1").code == 1
    assert eoi("prove", *asked, "--guest", "linux", "--scope", "ioapic=0x20,cpus=1,pins=1,obey=on").code == 0
    wrong = eoi("prove", *asked, "--scope", "obay=on")
    assert wrong.code == 2 and "did you mean 'obey'?" in wrong.err
    told = eoi("trace", *asked, "--scope", "ioapic=0x20")
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    assert "obey=off" in told.out and eoi("replay", str(story)).code == 1
