"""Historical bugs on the command line."""

from __future__ import annotations


def test_list_shows_mutants_and_designs_apart(eoi):
    listed = eoi("list", "bugs").out
    assert "mutant_b3 " in listed
    assert "0fc5a36dd6b3; fixed: rtc_tracking" in listed
    assert "mutant_" not in eoi("list", "designs").out


def test_a_mutant_is_explored_where_it_shows(eoi):
    ran = eoi("prove", "--absolute", "mutant_b3", "--brief")
    assert ran.code == 1
    assert "linux_moves_in_service" in ran.out
    assert "windows_cg" not in ran.out


def test_a_mutant_s_story_can_be_replayed(eoi, tmp_path):
    told = eoi("trace", "mutant_b14", "--property", "latch_follows_line")
    story = tmp_path / "story.txt"
    story.write_text(told.out)
    assert told.code == 1
    assert ": REPRODUCED" not in told.out
    assert "\nREPRODUCED" in eoi("replay", str(story)).out
    with_the_fix = eoi("replay", str(story), "--design", "line_sources")
    assert with_the_fix.code != 1
    assert "\nREPRODUCED" not in with_the_fix.out


def test_the_cpuid_designs_have_a_matrix_of_their_own(eoi):
    ran = eoi("prove", "--absolute", "cpuid_before", "--brief", "--vmm", "qemu_cpuid,qemu_cpuid_lapic_in_vmm")
    assert ran.code == 1
    assert "apic_prober" in ran.out
    assert "windows_cg" not in ran.out
    assert "cpuid_overhaul" in eoi("list", "designs").out
