"""Properties, and choices of the scope, of the user's: in files outside the repository, passed by path."""

from __future__ import annotations

import json

import pytest

from checker.language.refusal import Refused
from checker.language.sentences import check_sentence
from checker.matrix.loader import load_properties
from checker.matrix.roles import all_properties

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
    ("decorator", ("@always(premise", "@alwys(premise"), 11, "unknown name 'alwys'"),
    ("nearest decorator", ("@reachable()", "@rechable()"), 5, "did you mean 'reachable'?"),
    ("decorator without ()", ("@reachable()", "@rechable"), 5, "did you mean 'reachable'?"),
    ("import of it", ("import always,", "import alway,"), 1, "did you mean 'always'?"),
    ("import from elsewhere", ("import always,", "import Lapic, always,"), 1, "from model.machine import Lapic"),
    ("no import of it", ("import always,", "import"), 11, "from model.lang import always"),
    ("argument", ("premise=", "premiss="), 11, "did you mean 'premise'?"),
    ("parentheses", ("@reachable()", "@reachable"), 5, "@reachable has no parentheses"),
    ("premise", ('premise="mine_requested"', 'premise="mine_request"'), 11, "did you mean 'mine_requested'?"),
    ("premise that claims", ('premise="mine_requested"', 'premise="no_storm"'), 11, "the premise 'no_storm' is no @reachable"),
    ("acts", ("\n\n@reachable", "\nprint(1)\n@reachable"), 4, "only imports and defines"),
    *(("declared", ("@reachable()", f"@reachable(\n    {wrong}\n)"), 6, said) for wrong, said in [
        ("not_for={'a': 'b'}", "not_for of mine_requested has to be a dict {function: text}"),
        ("not_for=5", "not_for of mine_requested has to be a dict {function: text}"),
        ("not_for={Machine: 'x'}", "not_for of mine_requested has to be a dict {function: text}"),
        ("only_for={'a': 'b'}", "only_for of mine_requested has to be a dict {class: text}"),
        ("premise=5", "premise of mine_requested has to be text"),
        ("premise=('p',)", "premise of mine_requested has to be text"),
    ]),
    ("writes", ("    return not", "    s.apic[cpu].irr.clear()\n    return not"), 14, "it must not change state"),
    ("no docstring", ('    """No guest asks for suppression. Violated: CPU{cpu} has."""\n', ""), 12, "say in its docstring what holds"),
    ("only a complaint", ("No guest asks for suppression. ", ""), 12, "say in its docstring what holds"),
    ("no sentence of a reachable", ('    """A guest asks for suppression."""\n', ""), 6, "mine_requested() is not said in words"),
    ("braces of a reachable", ("A guest asks", "CPU{cqu} asks"), 7, "did you mean 'cpu'?"),
]  # fmt: skip


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_the_properties_of_a_file_are_judged(eoi, mine):
    ran = eoi("prove", "--absolute", "v1", "--guest", "windows_cg,linux", *HERE, "--property", str(mine), "--json")
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
    ran = eoi("prove", "--absolute", "v1", "--guest", "linux", *HERE, *asked)
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
    ran = eoi("prove", "--absolute", "v1", "--guest", "linux", *HERE, "--property", str(mine))
    assert ran.code == 2
    assert f"{mine}:{line}: " in ran.err, ran.err
    assert said in ran.err


# (what stands where a run's value is to stand, what is pointed at, what is advised)
BRACES = [
    ("{cpux}", "{cpux}", "did you mean 'cpu'?"),
    ("{pni}", "{pni}", "valid names: cpu"),
    ("{s}", "{s}", "valid names: cpu"),  # the system has no value that one could print
    ("{0}", "{0}", "valid names: cpu"),
    ("{}", "{}", "valid names: cpu"),
    ("{cpu.x}", "{cpu.x}", "write {cpu}"),
    ("{cpu:x}", "{cpu:x}", "write {cpu}"),
    ("{cpu!r}", "{cpu!r}", "write {cpu}"),
    ("{cpu", "{cpu", "write {cpu}"),
    ("cpu}", "}", "valid names: cpu"),
    ("{{cpu}}", "{", "valid names: cpu"),
]


@pytest.mark.parametrize("guest", ["linux", "windows_cg"], ids=["it holds", "it is violated"])
@pytest.mark.parametrize(("braces", "marked", "advice"), BRACES, ids=[b[0] for b in BRACES])
def test_a_docstring_names_parameters_only(eoi, mine, braces, marked, advice, guest):
    """Told when the file is read: not of the first run that has something to tell."""
    mine.write_text(GOOD.replace("Violated: CPU{cpu} has", f"\n\n    Violated: CPU{{cpu}} or {braces} has"))
    for command in (
        ("prove", "--absolute", "v1", "--brief"),
        ("prove", "--absolute", "v1", "--json"),
        ("trace", "v1"),
        ("diff", "base", "v1"),
    ):
        ran = eoi(*command, "--guest", guest, *HERE, "--property", str(mine))
        assert ran.code == 2 and (ran.out == "" or json.loads(ran.out)["exit"] == 2)
        assert f"{mine}:15: {marked!r} stands for no parameter of mine_never()" in ran.err and advice in ran.err
    source, caret = ran.err.splitlines()[1:3]
    assert source[caret.index("^") : caret.rindex("^") + 1] == marked and caret.index("^") > source.index("{cpu} or")


def test_before_and_after_have_no_value_and_other_parameters_do(mine):
    of_steps = GOOD.replace("def mine_never(s: Machine,", "def mine_never(before: Machine, s: Machine,")
    mine.write_text(of_steps)
    assert [p.name for p in load_properties(str(mine))] == ["mine_requested", "mine_never"]
    for system in ("before", "s"):
        mine.write_text(of_steps.replace("CPU{cpu}", f"{{{system}}}"))
        with pytest.raises(Refused, match=f"mine.py:13: '{{{system}}}' stands for no parameter"):
            load_properties(str(mine))


def test_where_a_docstring_reads_otherwise_than_it_is_written_its_first_line_is_named(mine):
    mine.write_text(GOOD.replace("Violated: CPU{cpu}", "\\n\\n Violated: CPU\\x7bcpux}"))
    with pytest.raises(Refused, match=r"mine.py:13: '\{cpux\}' stands for no parameter"):
        load_properties(str(mine))


@pytest.mark.parametrize("name", all_properties())
def test_the_registered_ones_are_held_to_the_same(name):
    check_sentence(all_properties()[name])


@pytest.mark.parametrize(
    ("argument", "said"),
    [("{}/none.py", "no such file"), ("{}/mine.py:mine_nevr", "did you mean 'mine_never'?"), ("{}/empty.py", "no property in this file")],
)  # fmt: skip
def test_nothing_to_judge(eoi, mine, tmp_path, argument, said):
    (tmp_path / "empty.py").write_text("x = 1\n")
    ran = eoi("prove", "--absolute", "v1", "--guest", "linux", *HERE, "--property", argument.format(tmp_path))
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
    assert eoi("prove", "--absolute", *asked, "--scope", "ioapic=0x20,cpus=1,pins=1").code == 1
    assert (
        eoi("prove", "--absolute", *asked, "--guest", "linux", "--scope", "ioapic=0x20,cpus=1,pins=1,obey=on").code == 0
    )
    wrong = eoi("prove", "--absolute", *asked, "--scope", "obay=on")
    assert wrong.code == 2 and "did you mean 'obey'?" in wrong.err
    told = eoi("trace", *asked, "--scope", "ioapic=0x20")
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    assert "obey=off" in told.out and eoi("replay", str(story)).code == 1
