"""`eoi migrations`: exit codes, one cell, JSON, bad names."""

from __future__ import annotations

import json

import pytest

from checker.engine.native import Exploration, Outcome
from checker.engine.search import NativeSearch
from checker.questions import gate
from tests.rigs.ctrl_c import ctrl_c


def test_the_command(eoi):
    ran = eoi("migrations", "--table", "machine_types")
    assert ran.code == 1
    assert "migrate, loadvm_at_start:" in ran.out
    assert "loadvm_running:" in ran.out
    told = eoi("migrations", "--tell", "rfc_v2:8:1:migrate")
    assert told.code == 1
    assert "asked_for_nothing_migrates: VIOLATED in 1 step" in told.out
    assert eoi("migrations", "--tell", "rfc_v2:8:8:migrate").code == 0
    cell = json.loads(eoi("migrations", "--table", "machine_types", "--json").out)["cells"][9]
    assert (cell["cell"], cell["outcome"], cell["code"]) == ("machine_types:1:2:loadvm_running", "REFUSED AFTER", "X")
    assert cell["broken"][0]["steps"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "rfc_v3"), "did you mean 'rfc_v2'"),
        (("--tell", "rfc_v2:8:1"), "TABLE:FROM:TO:OPERATION"),
        (("--tell", "rfc_v2:9:1:migrate"), "unknown host '9'"),
        (("--tell", "rfc_v2:8:1:migrat"), "did you mean 'migrate'"),
    ],
)
def test_bad_input_is_exit_code_2(eoi, arguments, said):
    ran = eoi("migrations", *arguments)
    assert ran.code == 2
    assert said in ran.err


@pytest.fixture
def ctrl_c_in_search(hears_ctrl_c, monkeypatch):
    """ctrl_c_in_search(n): Ctrl-C comes while the n-th search runs; what it returns counts the searches begun."""
    begun = list[Exploration]()
    explore = Exploration._run

    def arm(number):
        def interrupted(self, *limits):
            begun.append(self)
            if len(begun) == number:
                ctrl_c()
            return explore(self, *limits)

        monkeypatch.setattr(Exploration, "_run", interrupted)
        return begun

    return arm


# The searches of a cell: its first guest, that guest's source alone, the second guest, ...
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "form", [(), ("--json",), ("--write", "reports"), ("--tell", "machine_types:1:2:migrate")], ids=" ".join
)
def test_ctrl_c_while_a_search_runs_is_inconclusive(eoi, ctrl_c_in_search, tmp_path, monkeypatch, number, form):
    monkeypatch.chdir(tmp_path)
    begun = ctrl_c_in_search(number)
    ran = eoi("migrations", *([] if "--tell" in form else ["--table", "machine_types"]), *form)
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: interrupted: INCONCLUSIVE\n")
    assert len(begun) == number and not list(tmp_path.iterdir())


def test_a_search_that_finds_no_memory_is_inconclusive_and_not_the_user_s_mistake(eoi, monkeypatch):
    def starved(self, limits, on_progress):
        self.outcome = Outcome.MEMORY_LIMIT

    monkeypatch.setattr(NativeSearch, "run", starved)
    ran = eoi("migrations", "--table", "machine_types")
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: out of memory: INCONCLUSIVE\n")


def test_ctrl_c_while_the_claims_are_judged_makes_none_false(eoi, ctrl_c_in_search):
    begun = ctrl_c_in_search(1)
    ran = eoi("claims")
    assert (ran.code, ran.out, ran.err, len(begun)) == (3, "", "eoi: interrupted: INCONCLUSIVE\n", 1)


def test_ctrl_c_while_the_gate_searches_in_one_process_ends_it(eoi, ctrl_c_in_search, tmp_path, monkeypatch):
    parts = [
        p for p in gate.full_matrix(["base", "v1"]) if (p.vmm, p.guest, p.device) == ("qemu", "windows_cg", "level")
    ]
    assert len(parts) == 2
    monkeypatch.setattr(gate, "full_matrix", lambda only: parts)
    begun = ctrl_c_in_search(1)
    ran = eoi("gate", "--jobs", "1", "--write", str(tmp_path / "new.toml"))
    assert ran.code == 3 and "not written" in ran.err and len(begun) == 1 and not list(tmp_path.iterdir())


# ---- a design of the user's ----

SILENT = """
from model.designs.qemu_rfc_v2 import QemuRfcV2


class Silent(QemuRfcV2):
    def x86_seoib_needed(self) -> bool:
        return False
"""
COUNTS = """
from model.designs.qemu_rfc_v2 import QemuRfcV2


class Counts(QemuRfcV2):
    warned: bool

    def x86_seoib_post_load(self) -> None:
        self.warned = True
        super().x86_seoib_post_load()
"""
COUNTS_INIT = """
    def x86_machine_init(self) -> None:
        super().x86_machine_init()
        self.warned = False
"""
LOCKED = """
from model.designs.v6 import V6
from model.machine import Lapic
from model.migration import V6Host


class Locked(V6):
    locked: bool

    def kvm_apic_set_version(self, apic: Lapic) -> None:
        if not self.locked:
            super().kvm_apic_set_version(apic)
            self.locked = True
"""
LOCKED_HOST = """

class LockedHost(V6Host, Locked):
    def kvm_create_vm(self) -> None:
        super().kvm_create_vm()
        self.locked = False
"""
OWN = """
from model.designs.base import Base
from model.machine import Lapic
from model.migration import HostKernel


class Own(Base):
    def kvm_apic_set_version(self, apic: Lapic) -> None:
        apic.lvr_directed_eoi = False
"""
OWN_HOST = """

class OwnHost(HostKernel, Own):
    def kvm_create_vm(self) -> None:
        pass

    def suppression_honoured(self, apic: Lapic) -> bool:
        return False
"""
HIDDEN = """
from model.vmms.qemu import Qemu


class Mine(Qemu):
    def {function}(self) -> None:
        {body}
"""
OTHER = """
from model.vmms.openvmm import Openvmm


class Mine(Openvmm):
    opens_early = False
"""
DEAD = """
from model.designs.qemu_rfc_v2 import QemuRfcV2


class Dead(QemuRfcV2):
    def enable_capabilities(self) -> None:
        if self.life == self.life:
            super().enable_capabilities()
            return
        self.life = self.life
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """file(text): a file of the user's in the current directory, by its name."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "mine.py").write_text(text.lstrip("\n"))
        return "mine.py"

    return write


def test_a_vmm_of_the_users_is_told_beside_what_it_stands_on(eoi, file):
    """A host that does not send its policy: the guest is not honoured on the next one."""
    ran = eoi("migrations", file(SILENT), "--table", "machine_types")
    assert ran.code == 1
    assert "machine_types: 2 of 12 cells are not as with qemu_rfc_v2 on kernel v6\n  2>2 migrate: ok -> HS" in ran.out
    told = eoi("migrations", "mine.py", "--tell", "machine_types:2:2:migrate")
    assert told.code == 1 and "Reproduce: eoi migrations mine.py --tell machine_types:2:2:migrate" in told.out
    with open("story.txt", "w") as story:
        story.write(told.out)
    again = eoi("replay", "story.txt")
    assert again.code == 1 and "2 stories: 2 REPRODUCED\n" in again.out


def test_a_kernel_of_the_users_with_its_host(eoi, file):
    """LVR is written once in a VM's life, as the host says: the destination's KVM_SET_LAPIC comes too late."""
    ran = eoi("migrations", file(LOCKED + LOCKED_HOST), "--table", "machine_types")
    assert ran.code == 1 and "1>1 migrate: ok -> LS\n  2>2 migrate: ok -> L\n" in ran.out
    told = eoi("migrations", "mine.py", "--tell", "machine_types:2:2:migrate").out
    with open("story.txt", "w") as story:
        story.write(told)
    assert "REPRODUCED" in eoi("replay", "story.txt").out
    assert "lvr_kept: VIOLATED" in told


def test_a_kernel_that_stands_on_no_host_says_what_a_new_vm_is(eoi, file):
    ran = eoi("migrations", file(OWN + OWN_HOST), "--table", "machine_types", "--json")
    cells = {cell["cell"]: cell["code"] for cell in json.loads(ran.out)["cells"]}
    assert cells["machine_types:2:2:migrate"] == "ok"


def test_a_field_that_is_set_back_changes_nothing(eoi, file):
    ran = eoi("migrations", file(COUNTS + COUNTS_INIT), "--table", "machine_types")
    assert "machine_types: 0 of 12 cells" in ran.out


def test_a_registered_design_has_its_own_tables(eoi):
    ran = eoi("migrations", "qemu_rfc_v2", "--table", "machine_types")
    assert "machine_types: 0 of 12 cells are not as with qemu_rfc_v2 on kernel v6" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (COUNTS, "mine.py:5: Counts adds the field 'warned' and has no x86_machine_init()"),
        (COUNTS + COUNTS_INIT.replace("_init(self)", "_ini(self)"), "is 'x86_machine_ini' meant to be it?"),
        (LOCKED, "mine.py:7: Locked adds the field 'locked' and has no kvm_create_vm()"),
        (LOCKED, "class MyHost(V6Host, Locked)"),
        (LOCKED + LOCKED_HOST.replace("create", "creat"), "is 'kvm_creat_vm' meant to be it?"),
        (OWN, "mine.py:6: Own stands on neither v3 nor v6"),
        (OWN + OWN_HOST.replace("create", "creat"), "mine.py:11: OwnHost has no kvm_create_vm()"),
        (OWN + OWN_HOST.replace("create", "creat"), "is 'kvm_creat_vm' meant to be it?"),
        (HIDDEN.format(function="enable_capabilities", body="pass"), "mine.py:5: enable_capabilities() is never called"),
        (HIDDEN.format(function="ioapic_post_load", body="pass"), "Migrating (model.migration) has its own"),
        (OTHER, "mine.py:4: Mine is no QEMU"),
    ],
)  # fmt: skip
def test_what_moving_a_vm_needs_is_asked_for(eoi, file, text, said):
    ran = eoi("migrations", file(text), "--table", "machine_types")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("qemu_rfc_v3",), "unknown design 'qemu_rfc_v3': did you mean 'qemu_rfc_v2'?"),
        (("xen",), "xen is a guest: `eoi migrations` takes a VMM or a kernel"),
        (("qemu_rfc_v2", "--table", "today"), "unknown table 'today'"),
        (("qemu_rfc_v2", "--write", "reports"), "--write is the report of the registered designs"),
    ],
)
def test_names_that_cannot_be_meant(eoi, arguments, said):
    ran = eoi("migrations", *arguments)
    assert ran.code == 2 and said in ran.err


def test_a_line_that_no_migration_runs_is_no_answer(eoi, file):
    ran = eoi("migrations", file(DEAD), "--table", "machine_types")
    assert "NOT LOOKED AT: mine.py:9" in ran.out
