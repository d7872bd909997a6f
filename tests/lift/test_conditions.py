"""A changed line that stands in an `#ifdef CONFIG_X` of the context is taken as compiled, and that is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checker.matrix.lifting import lift_files
from lift.conditions import conditions_around, not_shown
from lift.patch import diffs
from lift.refusal import NotLifted
from tests.lift.test_refused import among
from tests.rigs.own_c import LAPIC, UAPI, diff_of, edited

SAID = {
    "in #ifdef": (("#ifdef CONFIG_X", "+	return;", "#endif"), ["`#ifdef CONFIG_X` holds"]),
    "taken from #ifdef": (("#ifdef CONFIG_X", "-	return;", "#endif"), ["`#ifdef CONFIG_X` holds"]),
    "in #if": (("# if IS_ENABLED(CONFIG_X)", "+	return;", "#endif"), ["`#if IS_ENABLED(CONFIG_X)` holds"]),
    "in two": (("#ifdef CONFIG_X", "#ifdef CONFIG_Y", "+	return;", "#endif", "#endif"), ["`#ifdef CONFIG_Y` holds", "`#ifdef CONFIG_X` holds"]),
    "in one of two": (("#ifdef CONFIG_X", "#ifdef CONFIG_Y", "#endif", "+	return;", "#endif"), ["`#ifdef CONFIG_X` holds"]),
    "no end": (("#ifdef CONFIG_X", "+	return;", "	x();", "	x();", "	x();", "	x();", "#endif"), ["`#ifdef CONFIG_X` holds"]),
    "below": (("#ifdef CONFIG_X", "#endif", "+	return;"), []),
    "above": (("+	return;", "#ifdef CONFIG_X", "#endif"), []),
    "below an #endif": (("#endif", "+	return;"), []),
    "a comment": (("#ifndef CONFIG_X", "+	/* return; */", "#endif"), []),
    "an #ifdef in a comment": (("/*", "#ifndef CONFIG_X", "*/", "+	return;", "/*", "#endif", "*/"), []),
}  # fmt: skip


@pytest.mark.parametrize("which", SAID)
def test_what_is_assumed_of_a_hunk(which: str) -> None:
    rows, said = SAID[which]
    hunk = diffs(among(*rows))[0].hunks[0]
    found = conditions_around(hunk, "p.patch")
    assert [x.c for x in found] == said
    assert all((x.kind, x.why) == ("assumed", "CONFIG_ options are taken as set") for x in found)


def test_the_class_and_its_verdicts_say_so(eoi, tmp_path: Path) -> None:
    path = tmp_path / "fix.patch"
    path.write_text(among("#ifdef CONFIG_X", "+	return;", "#endif"))
    made = lift_files([str(path)])
    assert made.left_out[0].partition("fix.patch")[2] == (
        ":8: assumed: `#ifdef CONFIG_X` holds  # CONFIG_ options are taken as set"
    )
    assert "1 assumed" in made.source
    ran = eoi("lift", str(path))
    assert ran.code == 0 and "assumed: `#ifdef CONFIG_X` holds" in ran.out + ran.err


ELSE = ("#ifdef CONFIG_X", "+	return;", "#else", "	x();", "#endif")


def test_one_of_two_branches_is_not_shown_away() -> None:
    """Less context would hide the branch, and with it that there is another one."""
    with pytest.raises(NotLifted, match=r"`#else` in the hunk.*\n.*write this one by hand"):
        conditions_around(diffs(among(*ELSE))[0].hunks[0], "p.patch")


HIDDEN = edited(
    LAPIC,
    ("	/* userspace has the I/O APIC */\n", "	if (!kvm_ioapic_handles_vector(apic, vector))\n		return;\n"),
)
WHOLE = edited(
    LAPIC, ("	return test_bit(vector, apic->vcpu->arch.ioapic_handled_vectors);\n", "	return false;\n")
)


@pytest.mark.parametrize(
    ("context", "after", "said"),
    [
        (1, HIDDEN, ["no `#if` that is not shown stands around it"]),
        (2, HIDDEN, ["no `#if` that is not shown stands around it"]),
        (3, HIDDEN, []),
        (1, WHOLE, []),  # from { to }
    ],
)
def test_so_little_context_that_an_if_may_not_be_seen(context: int, after: dict[str, str], said: list[str]) -> None:
    found = not_shown(diffs(diff_of(after, context))[0].hunks, "p.patch")
    assert [x.c for x in found] == said
    assert all(f"its hunk has {context} line" in x.why for x in found)


def test_the_first_screen_says_so(eoi, tmp_path: Path) -> None:
    for number, (text, said) in enumerate(
        (
            (diff_of(HIDDEN, 1), "no `#if` that is not shown stands around it"),
            (among("#ifdef CONFIG_X", "+	return;", "#endif"), "`#ifdef CONFIG_X` holds"),
        )
    ):
        path = tmp_path / f"{number}.patch"
        path.write_text(text)
        ran = eoi("prove", str(path), "--vmm", "firecracker", "--guest", "linux", "--scope", "cpus=1,pins=1")
        first = ran.out.partition("\n\n")[0]
        assert re.search(rf"left out: {number}.patch:\d+: assumed: {re.escape(said)}", first)


def header(*rows: str) -> str:
    """A patch of a header, with its guard: + lines are new."""
    before, after = (
        "".join(f"{r.lstrip('+')}\n" for r in rows if not (mark and r[0] == "+")) for mark in (True, False)
    )
    guarded = "#ifndef H\n#define H\n\n{}\n#endif /* H */\n".format
    return diff_of({UAPI: guarded(after)}, before={UAPI: guarded(before)})


def test_the_guard_of_a_header_is_no_condition() -> None:
    whole = header("+#define NEW 1", *"abcd")
    hunk = diffs(whole)[0].hunks[0]
    assert conditions_around(hunk, "p.patch") == []
    assert conditions_around(diffs(header(*"abcdefgh", "+#define NEW 1"))[0].hunks[0], "p.patch") == []
    with pytest.raises(NotLifted, match="does not show to begin"):  # as much context below as above: lines may follow
        conditions_around(diffs(header(*"abcdefgh", "+#define NEW 1", "z"))[0].hunks[0], "p.patch")
