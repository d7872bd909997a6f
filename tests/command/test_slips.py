"""A comparison that finds no difference says "equivalent" only if its cells would tell a slip in what was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from model.machine import IoapicVersion
from oracles.mutation.judge import MutantJudge
from oracles.mutation.touched import slips_of

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=2,ioapic=0x20", "--brief")
REWRITTEN = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    def kvm_ioapic_handles_vector(self, apic: Lapic, vector: Vector) -> bool:
        handled = apic.ioapic_handled_vectors
        return vector in handled
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def test_a_rewritten_function_is_equivalent_where_a_slip_in_it_is_told(eoi, mine):
    mine.write_text(REWRITTEN)
    both = eoi("diff", "base", str(mine), *SMALL, "--device", "mixed")
    assert both.code == 0 and "are equivalent: same reachable graph in the 1 cell" in both.out
    said = " ".join(both.out.split())
    assert "The change makes no difference here, and a slip in it would: a graph shows each of " in said
    level = eoi("diff", "base", str(mine), *SMALL, "--device", "level")  # every EOI is intercepted there
    assert level.code == 3 and "equivalent" not in level.out
    assert "no cell tells it from a slip: mine.py:8 in kvm_ioapic_handles_vector() (" in level.out


def test_one_cell_that_tells_it_is_enough(eoi, mine):
    mine.write_text(REWRITTEN)
    assert eoi("diff", "base", str(mine), *SMALL, "--device", "level,mixed").code == 0


def test_registered_designs_are_no_exception(eoi):
    """A guest that does not set the bit says nothing of a patch that asks for it."""
    ran = eoi("diff", "base", "v1", *SMALL)
    assert ran.code == 3 and "equivalent" not in ran.out and "perhaps" not in ran.out
    assert "No difference in 1 cell; these of its lines and calls can make none here" in ran.out
    assert (
        "no cell tells it from a slip: v1.py:23 in kvm_ioapic_send_eoi() (dropped: if apic.spiv_directed_eoi:"
        in ran.out
    )
    told = json.loads(eoi("diff", "base", "v1", *SMALL[:-1], "--json").out)
    assert told["inconclusive"] and not told["equivalent"] and told["slips"]["not_told"]


def test_a_line_of_a_registered_design_that_no_step_runs_is_named(eoi):
    ran = eoi("diff", "base", "split_irqchip_api", *SMALL[:-2], f"{SMALL[-2]},flags=0x0", "--brief")
    assert ran.code == 3
    assert "no step runs it: split_irqchip_api.py:25-29,31-32 in enable_KVM_CAP_SPLIT_IRQCHIP_API()" in ran.out


def test_a_function_that_no_program_has_is_named_beside_one_that_is_told(eoi, mine):
    """Of a registered design nothing else says so."""
    mine.write_text(REWRITTEN)
    rewritten = load_design(str(mine))
    changed = {str(mine): {"kvm_ioapic_handles_vector": {7, 8}, "nobody_calls_this": {20}}}
    found = matrix(("mine", rewritten), kernels=["base"], vmms=["qemu"], guests=["linux"], devices=["mixed"],
                   scope={"cpus": 1, "ioapic": IoapicVersion.V20})  # fmt: skip
    slips = slips_of([(1, c) for c in found if isinstance(c, Cell)], changed, [], {})
    assert slips.mutants and not slips.told
    assert [(line.function, line.uncalled) for line in slips.dead.values()] == [("nobody_calls_this", True)]


def test_a_call_of_what_the_model_leaves_empty_is_named(eoi):
    lost = str(ROOT / "tests/wrong/kvm_ack_notifier_lost.py")
    ran = eoi("diff", "base", lost, "--vmm", "firecracker", "--guest", "linux", "--device", "level", "--brief")
    assert ran.code == 3
    assert (
        "kvm_notify_acked_irq() does nothing here: ioapic.py:" in ran.out
        and "in kvm_ioapic_update_eoi_one()" in ran.out
    )


def test_designs_without_a_line_of_difference_are_equivalent(eoi, mine):
    """A copy of a design: what no cell runs of it is the same text."""
    mine.write_text((ROOT / "model/designs/v6.py").read_text())
    ran = eoi("diff", "v6", str(mine), *SMALL)
    assert ran.code == 0 and "changed: no line of the model" in ran.out and "are equivalent" in ran.out
    said = " ".join(ran.out.split())
    assert "Nothing of it is another: what no cell ran (mine.py:" in said and ") reads as in v6." in said
    assert "NOT LOOKED AT" not in ran.out and "INCONCLUSIVE" not in ran.out
    mine.write_text(mine.read_text().replace("apic.highest_stale_pending_ioapic_eoi == vector", "apic.irr.highest() == vector and False"))  # fmt: skip
    assert eoi("diff", "v6", str(mine), *SMALL).code in (1, 3)


def test_what_is_fixed_at_a_cost_says_which(eoi):
    ran = eoi("diff", "base", "v1", "--vmm", "qemu", "--guest", "windows_cg", "--brief", "--cells")
    block = next(block for block in ran.out.split("\n\n") if block.startswith("FIXED"))
    assert block.splitlines()[-1] == f"{'':<14}but worse: no_eoi_lost in qemu 0x11, windows_cg, level"
    two = eoi(
        "diff",
        "base",
        "v1",
        "--vmm",
        "qemu",
        "--vmm",
        "cloud_hypervisor",
        "--guest",
        "windows_cg",
        "--brief",
        "--cells",
    )
    said = "but worse: no_eoi_lost in qemu 0x11, windows_cg, level and 1 more"
    assert said in " ".join(two.out.split())
    fine = eoi(
        "diff", "base", "v1", "--vmm", "qemu", "--guest", "windows_cg", "--scope", "ioapic=0x20", "--brief", "--cells"
    )
    assert "FIXED" in fine.out and "but worse" not in fine.out


def test_a_slip_that_no_cell_tells_is_not_taken_for_told(eoi, mine, monkeypatch):
    """Seeded: if every mutant counted as told, the two would be called equivalent."""
    mine.write_text(REWRITTEN)
    monkeypatch.setattr(MutantJudge, "makes_no_difference", lambda judge, mutant: None)
    assert "are equivalent" in eoi("diff", "base", str(mine), *SMALL, "--device", "level").out
