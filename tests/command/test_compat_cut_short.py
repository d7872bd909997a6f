"""`eoi compat` at Ctrl-C: what was compared is told, and that the rest is open."""

from __future__ import annotations

import json

import pytest

from checker.questions import compat

QEMU = ("compat", "base", "v1", "--vmm", "qemu", "--scope", "cpus=1,pins=1")  # two claims on 0x11 and on 0x20


@pytest.fixture
def after(ctrl_c_after_answers):
    """after(n): Ctrl-C comes instead of the answer after n."""
    return lambda finished: ctrl_c_after_answers(compat, finished)


def test_a_difference_that_was_found_stays_one(eoi, after):
    after(1)
    ran = eoi(*QEMU)
    assert ran.code == 1 and ran.out.count("DIFFERS") == 1
    assert ran.err == "eoi: interrupted: INCONCLUSIVE: 3 of 4 cells not compared\n"


def test_what_is_the_same_so_far_is_inconclusive(eoi, after):
    after(1)
    ran = eoi(*QEMU, "--claim", "quiet_guest", "--json")
    told = json.loads(ran.out)
    assert ran.code == 3 and told["interrupted"] and told["not_compared"] == 1 and len(told["cells"]) == 1


def test_before_anything_was_compared(eoi, after):
    after(0)
    ran = eoi(*QEMU)
    assert (ran.code, ran.out, ran.err) == (3, "", "eoi: interrupted: INCONCLUSIVE\n")


def test_a_whole_run_says_so(eoi):
    told = json.loads(eoi(*QEMU, "--claim", "flagless_vmm", "--json").out)
    assert not told["interrupted"] and told["not_compared"] == 0 and len(told["cells"]) == 2
