"""A design is at most twice as long as the C change it stands for (counted in added and removed lines)."""

from __future__ import annotations

import pytest

from checker.matrix.roles import VMMS, designs
from checker.questions.model_diff import model_diff
from model.machine import Machine

# Lines added plus lines removed by the C change, without Documentation/, and where they were counted: in the mail of that
# Message-ID, by its diffstat (api.rst's lines taken off).
C_LINES = {
    "v1": (4, "20250918162529.640943-1-jon@nutanix.com (mails.md S3): 4+"),
    "sean_local": (9, "aNHE0U3qxEOniXqO@google.com, quoted in mails.md S3: 9+, a comment of 6 lines among them"),
    "split_irqchip_api": (28, "the inline diff of mails.md S2: 27+ 1-"),
    "split_irqchip_api_on_v1": (28, "the same diff, on top of v1"),
    "quirk_oct31": (32, "aQTxoX4lB_XtZM-w@google.com: 39+ 7-, of which api.rst 12+ 2-"),
    "v2": (33, "20251125082922.1657936-1: 40+ 7-, of which api.rst 12+ 2-"),
    "v3": (33, "20251125180557.2022311-1-khushit.shah@nutanix.com: 40+ 7-, of which api.rst 12+ 2-"),
    "tristate_draft": (44, "aS8Vhb66UViQmY_Q@google.com: 38+ 6-"),
    "v4": (72, "20251211110024.1409489-1-khushit.shah@nutanix.com: 92+ 7-, of which api.rst 25+ 2-"),
    "v5": (227, "20251229111708.59402-{2,3,4}: 57+ 11-, 57+ 10-, 93+ 27- (of which api.rst 26+ 2-)"),
    "v6": (114, "20260123125657.3384063-1-khushit.shah@nutanix.com: 127+ 15-, of which api.rst 26+ 2-"),
    "woodhouse_draft1": (40, "d3b8fd036f05e9819f654c18853ff79a255c919d.camel@infradead.org: 32+ 8-"),
    "woodhouse_draft2": (50, "e5e180a20dd370f805a5b8070cfee1f4d5f5aa5e.camel@infradead.org: 40+ 10-"),
    "qemu_rfc_v1": (183, "20251126093742.2110483-1: 181+ 2-"),
    "qemu_rfc_v2": (181, "20260309054243.440453-2-khushit.shah@nutanix.com: 179+ 2- (its cover letter is mails.md S1)"),
    "cpuid_overhaul": (10, "patches 11/49 (x86.c 6+) and 33/49 (cpuid.c 2+ 2-) of 20240517173926.965351"),
}
NO_C_TEXT = {
    "base": "no change: what the others change",
    "cpuid_before": "no change: what the CPUID overhaul changes",
    "irqchip2": "words only: CABgObfa3wNsQBjAwWuBhWQbw4FuO7TGePuNzfqAYS1CzRFP6DQ@mail.gmail.com (kvm.md 2.9)",
    "qemu_seoib_property": "words only: the cover letter of RFC v2 (mails.md S1), no code was posted",
    "v6_as_documented": "no C: one sentence of api.rst",
}


def model_diff_lines(design: type[Machine]) -> int:
    """Lines added and removed against the design or VMM that its patch names as base."""
    assert design.patch is not None
    return sum(hunk.size for hunk in model_diff({**designs(), **VMMS}[design.patch.base], design))


def test_every_design_has_a_count_or_a_reason():
    assert set(C_LINES) | set(NO_C_TEXT) == set(designs())
    assert not set(C_LINES) & set(NO_C_TEXT)


@pytest.mark.parametrize("name", C_LINES)
def test_a_design_is_at_most_twice_as_long_as_the_c_change(name):
    lines, source = C_LINES[name]
    measured = model_diff_lines(designs()[name])
    assert 0 < measured <= 2 * lines, f"{name}: {measured} model lines for {lines} C lines ({source})"


def test_the_first_patch_is_the_two_lines_of_code_that_it_adds():
    (hunk,) = model_diff(designs()["base"], designs()["v1"])
    assert (hunk.file, hunk.name) == ("arch/x86/kvm/lapic.c", "kvm_ioapic_send_eoi()")
    assert [line.split() for line in hunk.lines] == [["+", "if", "apic.spiv_directed_eoi:"], ["+", "return"]]


@pytest.mark.parametrize(("name", "same_as"), [("sean_local", "v1"), ("v2", "quirk_oct31"), ("v3", "v2")])
def test_designs_that_differ_in_names_only_have_no_model_diff(name, same_as):
    assert model_diff(designs()[same_as], designs()[name]) == []


@pytest.mark.parametrize(
    "name", [n for n, cls in designs().items() if cls.patch is not None and cls.patch.base in designs()]
)
def test_every_design_differs_from_its_base_or_says_that_it_does_not(name):
    patch = vars(designs()[name]).get("patch")
    if patch is None or patch.base not in designs():
        pytest.skip("names no registered base")
    assert model_diff_lines(designs()[name]) > 0
