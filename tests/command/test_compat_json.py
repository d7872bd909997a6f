"""`eoi compat --json` says what the text says."""

from __future__ import annotations

import json

from properties.compat import CLAIMS


def test_json_has_every_cell_and_the_run_that_tells(eoi):
    text = eoi("compat", "base", "v1", "--vmm", "qemu", "--scope", "cpus=1,pins=1,vectors=1")
    ran = eoi("compat", "base", "v1", "--vmm", "qemu", "--scope", "cpus=1,pins=1,vectors=1", "--json")
    told = json.loads(ran.out)
    assert ran.code == text.code == 1
    assert told["base"] == "base" and set(told["claims"]) == {c.name for c in CLAIMS}
    differing = [c for c in told["cells"] if c["verdict"] == "DIFFERS"]
    same = [c for c in told["cells"] if c["verdict"] == "SAME"]
    assert len(differing) == text.out.count("DIFFERS ") and len(same) == text.out.count(" SAME ")
    for cell in differing:
        assert cell["base_has"] != cell["design_has"] and cell["what"] == "apic[0].exit_ioapic_eoi"
        assert f"{len(cell['steps'])} steps: CPU0 KVM_EXIT_IOAPIC_EOI: vector 0 / none" in text.out
        assert {who for who, _, _ in cell["steps"]} <= {"both", "base", "design"}
    assert all(cell["scope"]["cpus"] == "1" and cell["vmm"] == "qemu" for cell in told["cells"])


def test_a_design_that_nobody_notices(eoi):
    ran = eoi("compat", "base", "v6", "--vmm", "qemu", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11", "--json")
    told = json.loads(ran.out)
    assert ran.code == 0 and told["cells"]
    assert all(c["verdict"] == "SAME" and c["pairs"] > 10 and "steps" not in c for c in told["cells"])
