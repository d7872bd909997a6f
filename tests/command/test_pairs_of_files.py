"""Two files of the user's side by side: whatever they have by one name, the answer is that of files that share none.

Each file has an Enum, a Struct, an index type and a field of its own, and its class does something else when they are
taken for those of the other one. The names are the only thing that a pair differs in from the same pair told apart.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from checker.language import source
from checker.matrix import loader
from checker.questions.model_diff import model_diff
from model.finite import ModelError

PROVE = ("prove", "--absolute")

ONE_CELL = ("--scope", "ioapic=0x11,cpus=1,pins=1,vectors=1")
DEFAULTS = {"kernel": "base", "vmm": "qemu", "guest": "linux", "device": "level"}
# role -> (module and class that it derives from, the function that it restates, its parameters)
ROLES = {
    "kernel": ("model.designs.base", "Base", "kvm_ioapic_send_eoi", "apic: Lapic, vector: Vector"),
    "vmm": ("model.vmms.qemu", "Qemu", "ioapic_eoi_broadcast", "vector: Vector"),
    "guest": ("model.guests.linux", "Linux", "guest_interrupt", "cpu: Cpu, vector: Vector"),
    "device": ("model.devices", "Level", "device_service", "pin: Pin"),
}


@dataclass(frozen=True)
class Names:
    """What a file calls itself and what it has."""

    path: str
    cls: str
    enum: str
    struct: str
    index: str
    field: str
    holds: str = "holds_here"


FIRST = Names("one/first.py", "First", "ModeOne", "RowOne", "SlotOne", "rows_one", "holds_in_first")
SECOND = Names("two/second.py", "Second", "ModeTwo", "RowTwo", "SlotTwo", "rows_two", "holds_in_second")
EQUAL = {
    "stem": replace(SECOND, path="two/first.py"),
    "class": replace(SECOND, cls=FIRST.cls),
    "enum": replace(SECOND, enum=FIRST.enum),
    "struct": replace(SECOND, struct=FIRST.struct),
    "index": replace(SECOND, index=FIRST.index),
    "all but the field": replace(FIRST, path="two/first.py", field=SECOND.field),
}


def passed(parameters: str) -> str:
    """What a call passes on: the names of the parameters."""
    return ", ".join(parameter.partition(":")[0] for parameter in parameters.split(", "))


DESIGN = '''\
from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias

from {module} import {base}
from model.lang import Index, Struct, Table
from model.machine import Cpu, Lapic, Pin, Vector

{index}: TypeAlias = Annotated[int, Index({slots})]


class {enum}(Enum):
    {members}


class {struct}(Struct):
    mode: {enum} = {enum}.NEW
    {own}


class {cls}({base}):
    """Notes that it was called ({slots} rows)."""

    {field}: Table[{index}, {struct}]

    def {function}(self, {parameters}) -> None:
        super().{function}({passed})
        for slot, row in self.{field}.items():
            if slot == {slots} - 1:
                {note}
                row.mode = {after}
'''


def design(role: str, names: Names, slots: int) -> str:
    """A class that notes its calls in rows of its own, of which there are `slots`: its Enum, Struct and index differ from
    those of a class with another number of rows."""
    module, base, function, parameters = ROLES[role]
    two, enum = slots == 2, names.enum
    return DESIGN.format(
        **vars(names), module=module, base=base, function=function, parameters=parameters, passed=passed(parameters),
        slots=slots, members="NEW = 7\n    DONE = 9" if two else "NEW = 7\n    OTHER = 3\n    DONE = 1",
        own=f"last: {names.index}" if two else "told: bool",
        note="row.last = slot" if two else f"row.told = row.mode == {enum}.OTHER",
        after=f"{enum}.DONE" if two else f"{enum}.OTHER if row.mode == {enum}.NEW else {enum}.DONE",
    )  # fmt: skip


def properties(names: Names, value: bool) -> str:
    return f'''\
from model.lang import always, reachable
from model.machine import Machine


@reachable()
def comes(s: Machine) -> bool:
    """It is the first state."""
    return {value}


@always(premise="comes")
def {names.holds}(s: Machine) -> bool:
    """It is {value}."""
    return {value}
'''


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a file below the current directory; returns its path as one gives it to an option."""
    monkeypatch.chdir(tmp_path)

    def write(names: Names, text: str) -> str:
        (tmp_path / names.path).parent.mkdir(exist_ok=True)
        (tmp_path / names.path).write_text(text)
        return names.path

    return write


def asked(roles: dict[str, str], engine: str = "reference") -> list[str]:
    """The arguments of `prove` for a system of these roles."""
    system = DEFAULTS | roles
    subject = next((role for role in roles if role == "kernel"), "kernel")
    options = [x for role, name in system.items() if role != subject for x in (f"--{role}", name)]
    return [*PROVE, system[subject], *options, *ONE_CELL, "--engine", engine]


def answer(ran: Any) -> Any:
    """What a command answers, without what it says about names."""
    assert ran.code in (0, 1, 3), ran.err
    told = json.loads(ran.out)
    left_out = {"kernel", "vmm", "guest", "device", "reproduce", "seconds", "never_run", "fairness", "assumed"}
    return [{k: v for k, v in cell.items() if k not in left_out} for cell in told["cells"]]


ALL_PAIRS = list(itertools.combinations(ROLES, 2))


def slow_but(one: str, names: Iterable[str]) -> list[Any]:
    """One of them among the quick tests: the one in which most is equal."""
    return [name if name == one else pytest.param(name, marks=pytest.mark.everything) for name in names]


@pytest.mark.parametrize("equal", slow_but("all but the field", EQUAL))
@pytest.mark.parametrize(("one", "other"), ALL_PAIRS, ids=["-".join(pair) for pair in ALL_PAIRS])
class TestTwoRoles:
    """--kernel (the design), --vmm, --guest, --device: each with each."""

    def test_the_answer_is_that_of_files_that_share_no_name(self, eoi, written, one, other, equal):
        answers = []
        for second in (SECOND, EQUAL[equal]):
            roles = {one: written(FIRST, design(one, FIRST, 2)), other: written(second, design(other, second, 3))}
            answers.append(answer(eoi(*asked(roles), "--property", "line_is_serviced,eoi_exit,no_storm", "--json")))
        assert answers[0] == answers[1] and answers[0][0]["states"] > 10


@pytest.mark.parametrize(("one", "other"), ALL_PAIRS, ids=["-".join(pair) for pair in ALL_PAIRS])
class TestTwoRolesThatShareTheWholeFile:
    def test_a_field_of_both_is_refused_with_both_files_and_lines(self, eoi, written, one, other):
        second = replace(SECOND, field=FIRST.field)
        roles = {one: written(FIRST, design(one, FIRST, 2)), other: written(second, design(other, second, 3))}
        ran = eoi(*asked(roles))
        lines = [next(n for n, text in enumerate(Path(f).read_text().splitlines(), 1) if text.startswith(f"    {FIRST.field}:"))
                 for f in roles.values()]  # fmt: skip
        assert ran.code == 2 and not ran.out
        assert all(f"{file}:{line}" in ran.err for file, line in zip(roles.values(), lines, strict=True)), ran.err
        assert "First" in ran.err and "Second" in ran.err and repr(FIRST.field) in ran.err

    def test_c_and_cpython_agree_where_all_names_are_equal(self, eoi, written, one, other):
        second = EQUAL["all but the field"]
        roles = {one: written(FIRST, design(one, FIRST, 2)), other: written(second, design(other, second, 3))}
        c, python = (
            answer(eoi(*asked(roles, engine), "--property", "eoi_exit", "--json")) for engine in ("native", "reference")
        )
        assert [cell.pop("engine") for cell in (*c, *python)] == ["native", "reference"] and c == python


class TestARecordThatTwoRolesExtend:
    """Each file adds a field to struct Lapic, in a class of one name."""

    TEXT = """\
from __future__ import annotations

from {module} import {base}
from model.lang import Table
from model.machine import Cpu, Lapic, Pin, Vector
{imported}

class MyLapic({extends}):
    {field}: bool


class {cls}({base}):
    apic: Table[Cpu, MyLapic]

    def {function}(self, {parameters}) -> None:
        super().{function}({passed})
        self.apic[0].{field} = not self.apic[0].{field}
"""

    def text(self, role: str, names: Names, extends: str = "Lapic", imported: str = "") -> str:
        module, base, function, parameters = ROLES[role]
        return self.TEXT.format(
            **vars(names), module=module, base=base, function=function, parameters=parameters,
            passed=passed(parameters), extends=extends, imported=imported,
        )  # fmt: skip

    @pytest.mark.parametrize(("one", "other"), ALL_PAIRS, ids=["-".join(pair) for pair in ALL_PAIRS])
    def test_it_is_refused_with_both_files_and_lines(self, eoi, written, one, other):
        roles = {one: written(FIRST, self.text(one, FIRST)), other: written(SECOND, self.text(other, SECOND))}
        ran = eoi(*asked(roles))
        assert ran.code == 2 and not ran.out and "derive the one here from the other one" in ran.err
        assert all(f"{file}:13" in ran.err for file in roles.values()), ran.err

    def test_what_the_refusal_advises_works(self, eoi, written):
        guest = written(replace(SECOND, path="one/guest.py"), self.text("guest", SECOND))
        derived = self.text("kernel", FIRST, "Guests", "from guest import MyLapic as Guests\n")
        ran = eoi(*asked({"kernel": written(FIRST, derived), "guest": guest}), "--property", "eoi_exit", "--json")
        assert answer(ran)[0]["states"] > 10


@pytest.mark.parametrize("equal", slow_but("everything", [*EQUAL, "field", "everything"]))
@pytest.mark.parametrize("role", ROLES)
class TestDiff:
    """diff BASE DESIGN, two files of one role."""

    def test_the_changes_are_those_of_files_that_share_no_name(self, eoi, written, role, equal):
        found = []
        names = EQUAL | {"field": replace(SECOND, field=FIRST.field), "everything": replace(FIRST, path="two/first.py")}
        others = [x for other, name in DEFAULTS.items() if other != role for x in (f"--{other}", name)]
        for second in (SECOND, names[equal]):
            files = written(FIRST, design(role, FIRST, 2)), written(second, design(role, second, 3))
            ran = eoi("diff", *files, *others, *ONE_CELL, "--property", "line_is_serviced,eoi_exit", "--engine",
                      "reference", "--json")  # fmt: skip
            assert ran.code in (0, 1), ran.err
            told = json.loads(ran.out)
            found.append([told["counts"], told["equivalent"], [(g["same"], g["why"]) for g in told["graphs"]]])
        assert found[0] == found[1]


class TestDiffOfTwoFilesThatAreTheSame:
    def test_their_graphs_are_compared(self, eoi, written):
        files = [written(names, design("kernel", FIRST, 3)) for names in (FIRST, SECOND)]
        ran = eoi(
            "diff", *files, "--vmm", "qemu", "--guest", "windows_cg", *ONE_CELL, "--property", "eoi_exit", "--json"
        )
        told = json.loads(ran.out)
        assert (ran.code, told["equivalent"], told["model_lines"]) == (0, True, 0) and told["graphs"][0][
            "left_out"
        ] == []


class TestTwoFilesOfProperties:
    @pytest.mark.parametrize("order", [(False, True), (True, False)])
    @pytest.mark.parametrize("second", [replace(SECOND, holds=FIRST.holds), replace(FIRST, path="two/first.py")])
    def test_each_is_judged_and_called_by_its_file(self, eoi, written, second, order):
        """Also their premises, which have one name in any case."""
        files = [written(names, properties(names, value)) for names, value in zip((FIRST, second), order, strict=True)]
        ran = eoi(*asked({}), *(x for file in files for x in ("--property", f"{file}:{FIRST.holds}")), "--json")
        (cell,) = answer(ran)
        apart = files if second.path.endswith("first.py") else [Path(file).name for file in files]
        wanted = {True: ("HOLDS", None), False: ("VIOLATED", None)}
        assert [(v["property"], v["verdict"], v.get("note")) for v in cell["verdicts"]] == [
            (f"{file}:{FIRST.holds}", *wanted[value]) for file, value in zip(apart, order, strict=True)
        ]
        assert ran.code == 1

    @pytest.mark.parametrize("value", [True, False])
    def test_one_that_is_named_like_a_registered_one_is_itself(self, eoi, written, value):
        file = written(FIRST, properties(replace(FIRST, holds="no_storm"), value))
        ran = eoi(*asked({"guest": "windows_cg"}), "--property", file, "--property", "no_storm", "--json")
        (cell,) = answer(ran)
        verdicts = {v["property"]: v["verdict"] for v in cell["verdicts"]}
        assert verdicts.pop("no_storm") == "VIOLATED"
        assert verdicts["first.py:no_storm"] == ("HOLDS" if value else "VIOLATED")

    @pytest.mark.parametrize("role", ROLES)
    def test_beside_a_design_of_the_same_file_name_whose_field_has_its_name(self, eoi, written, role):
        names = replace(FIRST, path="two/first.py", field=FIRST.holds)
        found = []
        for file in (replace(FIRST, path="one/other.py", holds="holds_elsewhere"), FIRST):
            roles = {role: written(names, design(role, names, 3))}
            (cell,) = answer(eoi(*asked(roles), "--property", written(file, properties(file, False)), "--json"))
            found.append([(v["verdict"], v.get("note")) for v in cell["verdicts"]])
        assert found[0] == found[1] == [("NEVER", None), ("VIOLATED", None)]


class TestScopes:
    """What a file adds to the scope, as a class of the same name."""

    TEXT = """\
from __future__ import annotations

from dataclasses import dataclass

from {module} import {base}
from model.machine import Cpu, Lapic, Pin, Scope, Vector


@dataclass(frozen=True)
class Mine(Scope):
    {field}: bool = {value}


class Patched({base}):
    scope: Mine

    def {function}(self, {parameters}) -> None:
        if self.scope.{field}:
            return
        super().{function}({passed})
"""

    def text(self, role: str, field: str, value: bool) -> str:
        module, base, function, parameters = ROLES[role]
        return self.TEXT.format(
            module=module, base=base, function=function, parameters=parameters, passed=passed(parameters), field=field,
            value=value,
        )  # fmt: skip

    @pytest.mark.parametrize(("one", "other"), ALL_PAIRS, ids=["-".join(pair) for pair in ALL_PAIRS])
    def test_two_roles_with_scopes_of_their_own_are_refused_by_both_files(self, eoi, written, one, other):
        roles = {one: written(FIRST, self.text(one, "a", False)), other: written(SECOND, self.text(other, "b", True))}
        ran = eoi(*asked(roles))
        assert (
            ran.code == 2
            and "cannot be mixed" in ran.err
            and all(f"Mine ({file})" in ran.err for file in roles.values())
        )

    @pytest.mark.parametrize("field", ["quiet", "silent"])
    def test_each_design_of_a_diff_has_its_own(self, eoi, written, field):
        files = written(FIRST, self.text("kernel", "quiet", False)), written(SECOND, self.text("kernel", field, True))
        ran = eoi(
            "diff", *files, "--vmm", "qemu", "--guest", "windows_cg", *ONE_CELL, "--property", "eoi_exit", "--brief"
        )
        assert ran.code == 0 and "reached -> never reached" in ran.out
        assert "of 3 cells, 1 with other verdicts" in ran.out  # each one's other choice is tried, too
        assert "NOT LOOKED AT" not in ran.out


class TestRunOnce:
    """A file is executed exactly once by a command, however often it is asked for."""

    @pytest.fixture
    def executed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        found: list[str] = []
        execute = loader._execute
        monkeypatch.setattr(
            loader, "_execute", lambda source, *rest: found.append(str(source.path)) or execute(source, *rest)
        )
        return found

    def test_by_prove_with_a_file_for_each_option(self, eoi, written, executed):
        names = {
            role: Names(f"{role}/mine.py", role.title(), "Mode", "Row", "Slot", f"rows_of_{role}") for role in ROLES
        }
        roles = {role: written(of, design(role, of, 3)) for role, of in names.items()}
        asks = replace(FIRST, path="asks/mine.py")
        file = written(asks, properties(asks, True))
        eoi(*asked(roles), "--property", file, "--property", f"./{file}:comes")
        assert sorted(executed) == sorted([*roles.values(), file])

    @pytest.mark.parametrize("asked_for", ["eoi_exit", "line_is_serviced"], ids=["told", "no small scope shows it"])
    def test_by_trace(self, eoi, written, executed, asked_for):
        file = written(FIRST, design("kernel", FIRST, 3))
        eoi(
            "trace",
            file,
            "--vmm",
            "qemu",
            "--guest",
            "linux",
            "--property",
            asked_for,
            "--scope",
            "ioapic=0x20,vectors=1",
        )
        assert executed == [file]

    def test_by_diff(self, eoi, written, executed):
        second = EQUAL["all but the field"]
        files = [written(FIRST, design("kernel", FIRST, 3)), written(second, design("kernel", second, 3))]
        eoi("diff", *files, "--vmm", "qemu", "--guest", "linux", *ONE_CELL, "--brief")
        assert executed == files

    @pytest.mark.parametrize("command", ["prove", "diff", "trace"])
    def test_its_text_is_parsed_once_too(self, eoi, written, monkeypatch, command):
        """By whom ever: the digest, the loader, the language, the marks of what was run."""
        files = [written(names, design("kernel", names, 3)) for names in (FIRST, SECOND)][: 1 + (command == "diff")]
        texts, parsed, parse = [Path(file).read_text() for file in files], list[str](), ast.parse
        source.tree_of.cache_clear()
        source._parsed.cache_clear()
        monkeypatch.setattr(ast, "parse", lambda text, *rest, **more: parsed.append(text) or parse(text, *rest, **more))
        eoi(command, *files, "--vmm", "qemu", "--guest", "linux", *ONE_CELL, "--property", "eoi_exit")
        assert [parsed.count(text) + parsed.count(text.encode()) for text in texts] == [1] * len(texts)


class TestFileBeside:
    """A file imports another one of its folder, which follows the same rules."""

    @pytest.mark.parametrize("how", ["from common import Common", "from .common import Common", "import common"])
    def test_each_folder_has_its_own(self, eoi, written, how):
        found = []
        for folder, slots in (("one", 2), ("two", 3)):
            written(replace(FIRST, path=f"{folder}/common.py"), design("kernel", replace(FIRST, cls="Common"), slots))
            base = "common.Common" if how == "import common" else "Common"
            file = written(
                replace(FIRST, path=f"{folder}/mine.py"),
                f"{how}\nfrom model.machine import Lapic\n\n\nclass Mine({base}):\n"
                "    def apic_set_eoi(self, apic: Lapic) -> None:\n        super().apic_set_eoi(apic)\n",
            )
            found.append(file)
        answers = [answer(eoi(*asked({"kernel": file}), "--property", "eoi_exit", "--json")) for file in found]
        plain = [
            answer(eoi(*asked({"kernel": f"{folder}/common.py"}), "--property", "eoi_exit", "--json"))
            for folder in ("one", "two")
        ]
        assert answers == plain and answers[0] != answers[1]

    def test_its_mistakes_are_told_at_its_own_line(self, eoi, written):
        written(replace(FIRST, path="one/common.py"), "import os\n\nos.getcwd()\n")
        ran = eoi(*asked({"kernel": written(FIRST, "from common import os\n")}))
        assert ran.code == 2 and "one/common.py:3: a design's file only imports and defines" in ran.err

    def test_a_circle_is_refused(self, eoi, written):
        written(replace(FIRST, path="one/common.py"), "import first\n")
        ran = eoi(*asked({"kernel": written(FIRST, "import common\n")}))
        assert ran.code == 2 and "the file imports itself: first.py -> common.py -> first.py" in ran.err

    def test_a_circle_is_refused_from_wherever_it_is_met_in_a_command(self, written):
        files = written(FIRST, "import common\n"), written(replace(FIRST, path="one/common.py"), "import first\n")
        with source.one_reading():
            for file in files:
                with pytest.raises(ModelError, match=r"the file imports itself: first\.py -> common\.py -> first\.py"):
                    loader.load_design(file)

    def test_each_is_read_once_however_many_ways_lead_to_it(self, written, monkeypatch):
        """Each of twenty levels is two files that import both of the next."""
        text = "from model.designs.base import Base\n\n\nclass {0}(Base):\n    KNOWN = True\n"
        for level, side in itertools.product(range(20), "ab"):
            below = f"from a{level + 1} import A{level + 1}\nfrom b{level + 1} import B{level + 1}\n"
            said = text.format(f"{side.upper()}{level}")
            written(replace(FIRST, path=f"one/{side}{level}.py"), (below if level < 19 else "") + said)
        reads, read = list[Path](), Path.read_bytes

        def counted(path: Path) -> bytes:
            reads.append(path)
            assert len(reads) < 100
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", counted)
        assert loader.load_design("one/a0.py").__name__ == "A0"
        assert len(reads) == len(set(reads)) == 39

    def test_what_it_lacks_is_told_by_its_name(self, eoi, written):
        written(replace(FIRST, path="one/common.py"), "from model.designs.base import Base\n")
        ran = eoi(*asked({"kernel": written(FIRST, "from common import Bas\n")}))
        assert (
            ran.code == 2 and "one/first.py:1: common.py has no 'Bas'" in ran.err and "did you mean 'Base'?" in ran.err
        )

    def test_a_story_is_not_replayed_once_it_has_changed(self, eoi, written, tmp_path):
        text = design("kernel", replace(FIRST, cls="Common"), 3)
        written(replace(FIRST, path="one/common.py"), text)
        mine = "from common import Common\nfrom model.machine import Lapic\n\n\nclass Mine(Common):\n" \
               "    def apic_set_eoi(self, apic: Lapic) -> None:\n        super().apic_set_eoi(apic)\n"  # fmt: skip
        file = written(replace(FIRST, path="one/mine.py"), mine)
        told = eoi("trace", file, "--vmm", "qemu", "--guest", "windows_cg", "--property", "no_storm", *ONE_CELL)
        (tmp_path / "story.txt").write_text(told.out)
        assert eoi("replay", "story.txt").code == 1
        written(replace(FIRST, path="one/common.py"), text.replace("slot == 3 - 1", "slot == 1"))
        again = eoi("replay", "story.txt")
        assert again.code == 2 and "it has changed" in again.err


class TestScopeDefaults:
    """`scope_defaults` count in a file of any role."""

    @pytest.mark.parametrize("role", ROLES)
    def test_they_are_explored_with_unless_told_otherwise(self, eoi, written, role):
        text = design(role, FIRST, 2).replace("rows)", "rows)").replace(
            f"    {FIRST.field}:", f"    scope_defaults = {{\"cpus\": 1, \"pins\": 1, \"throttle\": True}}\n    {FIRST.field}:")  # fmt: skip
        arguments = [a for a in asked({role: written(FIRST, text)}) if a != ONE_CELL[1]]
        arguments.insert(arguments.index("--scope") + 1, "ioapic=0x11,vectors=1")
        ran = eoi(*arguments, "--property", "eoi_exit", "--json")
        assert json.loads(ran.out)["cells"][0]["scope"].items() >= {"cpus": "1", "pins": "1", "throttle": "on"}.items()
        arguments[arguments.index("--scope") + 1] = "ioapic=0x11,vectors=1,throttle=off"
        assert (
            json.loads(eoi(*arguments, "--property", "eoi_exit", "--json").out)["cells"][0]["scope"]["throttle"]
            == "off"
        )

    def test_of_a_kernel_they_fix_version_and_flags(self, eoi, written):
        text = "from model.designs.v6 import V6\nfrom model.machine import ApiFlags, IoapicVersion, Lapic\n\n\nclass Mine(V6):\n" \
               "    scope_defaults = {'cpus': 1, 'pins': 1, 'ioapic': IoapicVersion.V20, 'flags': ApiFlags.BIT3}\n\n" \
               "    def apic_set_eoi(self, apic: Lapic) -> None:\n        super().apic_set_eoi(apic)\n"  # fmt: skip
        ran = eoi(*PROVE, written(FIRST, text), "--vmm", "qemu", "--guest", "linux", "--property", "eoi_exit", "--json")
        (cell,) = json.loads(ran.out)["cells"]
        assert (cell["scope"]["ioapic"], cell["scope"]["flags"]) == ("0x20", "0x8")

    @pytest.mark.parametrize(
        ("defaults", "said"),
        [("{'cpu': 1}", "the scope has no 'cpu': did you mean 'cpus'?"), ("{'cpus': 65}", "cpus is 65, and a number from 1 to 64"),
         ("{'cpus': True}", "cpus is True"), ("{'throttle': 1}", "throttle is 1, and bool is needed")],
    )  # fmt: skip
    def test_a_wrong_one_is_told_with_its_file(self, eoi, written, defaults, said):
        text = design("kernel", FIRST, 2).replace(
            f"    {FIRST.field}:", f"    scope_defaults = {defaults}\n    {FIRST.field}:"
        )
        ran = eoi(*PROVE, written(FIRST, text), "--vmm", "qemu", "--guest", "linux")
        assert ran.code == 2 and said in ran.err and "one/first.py" in ran.err


class TestModelDiff:
    """What two files mean by one name is a line of the model diff where it differs, though every line reads the same."""

    TEXT = """\
from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias

from model.designs.base import Base
from model.lang import Fair, Index, Struct, Table, step
from model.machine import Cpu, Lapic, Vector

Slot: TypeAlias = Annotated[int, Index(2)]
LIMIT = 1


class Mode(Enum):
    OFF = 0
    ON = 1


class Row(Struct):
    mode: Mode = Mode.OFF


class Mine(Base):
    rows: Table[Slot, Row]

    @step(by="KVM", fair=Fair.WEAK)
    def vcpu_enter_guest(self, cpu: Cpu) -> None:
        super().vcpu_enter_guest(cpu)

    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        super().kvm_ioapic_send_eoi(apic, vector)
        if vector != LIMIT:
            self.rows[0].mode = Mode.ON
"""

    @pytest.mark.parametrize(
        ("change", "shown"),
        [
            (("Index(2)", "Index(3)"), "+rows: Table[Slot, Row]  # Table[Index(3), "),
            (("ON = 1", "ON = 2"), "Mode(OFF=0, ON=2)"),
            (("= Mode.OFF", "= Mode.ON"), "mode: Mode(OFF=0, ON=1) = Mode.ON"),
            (("LIMIT = 1", "LIMIT = 0"), "-LIMIT = 1\n+LIMIT = 0"),
            (("Fair.WEAK", "Fair.FREE"), '-@step(by="KVM", fair=Fair.WEAK)\n+@step(by="KVM", fair=Fair.FREE)'),
        ],
        ids=["index", "enum", "default", "constant", "fairness"],
    )
    def test_it_is_shown(self, written, change, shown):
        files = written(FIRST, self.TEXT), written(SECOND, self.TEXT.replace(*change))
        base, design = map(loader.load_design, files)
        assert "\n".join(line for hunk in model_diff(base, design) for line in hunk.lines).count(shown) == 1
        assert model_diff(base, base) == []
