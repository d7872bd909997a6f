"""`--tree DIR`: a kernel's source as a design, and patches on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from checker.command.exits import Exit
from checker.errors import UserError
from checker.language.lower import lower
from checker.matrix import lifting
from checker.matrix.lifting import read_series
from checker.matrix.loader import load_design
from checker.matrix.system import system_of
from checker.matrix.trees import read_tree
from checker.questions.drift import AROUND, SIZES
from checker.questions.tree_design import TreeDesign, of_tree, patched
from checker.symbolic.equality import difference
from lift.apply import applied
from lift.patch import diffs
from lift.refusal import NotLifted
from tests.command.conftest import Ran
from tests.lift.test_forms import TRISTATE
from tests.rigs.own_c import FILES, HOST, IOAPIC, LAPIC, diff_of
from tests.rigs.own_tree import IRQ, LATER, changed, written

pytestmark = pytest.mark.everything
WHOLE = {
    **LATER,
    HOST: FILES[HOST],
    LAPIC: LATER[LAPIC] + "\nstatic void nothing_of_the_models(void)\n{\n	one();\n}\n",
}
# Whoever is no destination any more does not know that a level interrupt of his is still to be EOIed.
LOSING = changed(
    WHOLE, ("		if (!kvm_apic_pending_eoi(vcpu, vector))\n			return;\n", "		return;\n")
)
SMALL = [
    "--vmm",
    "qemu",
    "--guest",
    "linux_moves_in_service",
    "--scope",
    "pins=1,ioapic=0x11",
    "--property",
    "no_eoi_lost",
]


def patch_of(after: Mapping[str, str], before: Mapping[str, str] = WHOLE, context: int = 3) -> str:
    return diff_of({f: t for f, t in after.items() if before.get(f) != t}, context, before)


OF_TREES: dict[tuple[tuple[str, str], ...], TreeDesign] = {}  # seventeen patches of six trees that are all called `own`


def on(tmp_path: Path, tree: Mapping[str, str], patch: str, *, reverse: bool = False) -> TreeDesign:
    kernel, texts = read_tree(str(written(tmp_path / "own", tree))), tuple(tree.items())
    if texts not in OF_TREES:
        OF_TREES[texts] = of_tree(kernel)
    (tmp_path / "fix.patch").write_text(patch)
    return patched(kernel, OF_TREES[texts], read_series([str(tmp_path / "fix.patch")], reverse=reverse))


def restated(found: TreeDesign) -> list[str]:
    return sorted(found.wholes)


def test_a_tree_that_loses_an_eoi_and_its_fix(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    tree = str(written(tmp_path / "own-6.77", LOSING))
    told = eoi("prove", "--tree", tree, *SMALL)
    assert told.code == Exit.WRONG and told.out.startswith("own-6.77 against base: worse in 1 cell")
    assert told.out.splitlines()[1] == "worse: no_eoi_lost 1"
    assert told.out.splitlines()[3].startswith(
        "own-6.77 differs from base in 1 of 47 functions, 4 in the same order, 2 absent, "
    )
    assert f"`eoi lift --tree {tree} -o FILE.py` writes it" in told.out
    assert "REGRESSED     no_eoi_lost" in told.out and "no_eoi_lost: VIOLATED in 13 steps" in told.out
    assert "def kvm_scan_ioapic_irq(self" in told.out and told.out.count("    def ") == 1
    fix = tmp_path / "fix.patch"
    fix.write_text(patch_of(WHOLE, LOSING))
    told = eoi("prove", "--tree", tree, str(fix), *SMALL)
    assert told.code == Exit.FINE and told.out.startswith(
        "own-6.77 with fix.patch against own-6.77: worse in 0 cells, better in 1"
    )
    assert "FIXED         no_eoi_lost" in told.out
    other = changed(LOSING, ("	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;\n", ""))
    tree = str(written(tmp_path / "other", other))
    fix.write_text(patch_of(changed(other, (LOSING[IRQ], WHOLE[IRQ])), other))
    told = eoi("prove", "--tree", tree, str(fix), *SMALL, "--brief")
    assert told.out.startswith("other with fix.patch against other: ") and "FIXED         no_eoi_lost" in told.out


def test_a_kernel_without_stale_vectors_is_not_asked_of_them(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    """What it never had is nothing that it does worse; what it loses comes first."""
    word = "highest_stale_pending_ioapic_eoi"
    before = {f: "".join(line for line in t.splitlines(True) if word not in line) for f, t in LOSING.items()}
    tree = str(written(tmp_path / "old", before))
    told = eoi("prove", "--tree", tree, *SMALL, "--property", "stale_is_the_highest", "--brief")
    assert told.code == Exit.WRONG, told.out
    assert told.out.splitlines()[1].startswith("worse: no_eoi_lost 1") and "stale_is_the_highest" not in told.out
    lifted = eoi("lift", "--tree", tree)
    assert "keeps_stale_vectors = False" in lifted.out and f"{word}  # it is nowhere in it" in lifted.out


def test_what_a_patch_takes_away_is_still_asked(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    """Without stale vectors nothing holds of them any more: that is no pass. A patch that brings them is asked of them."""
    word = "highest_stale_pending_ioapic_eoi"
    before = {f: "".join(line for line in t.splitlines(True) if word not in line) for f, t in WHOLE.items()}
    asked = [*SMALL, "--property", "stale_is_the_highest", "--brief"]
    new, old = str(written(tmp_path / "new", WHOLE)), str(written(tmp_path / "old", before))
    fix = tmp_path / "fix.patch"
    fix.write_text(patch_of(before))
    taken = eoi("prove", "--tree", new, str(fix), *asked)
    assert taken.code == Exit.OPEN and "OPEN          stale_is_the_highest" in taken.out, taken.out
    assert "holds -> not asked" in taken.out
    fix.write_text(patch_of(WHOLE, before))
    brought = eoi("prove", "--tree", old, str(fix), *asked)
    assert "stale_is_the_highest" in brought.out and "not asked -> holds" in brought.out, brought.out


def test_a_tree_that_is_the_base(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    tree = str(written(tmp_path / "own", WHOLE))
    told = eoi("prove", "--tree", tree, "--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x20", "--property", "no_eoi_lost", "--brief")  # fmt: skip
    assert told.code == Exit.FINE and "own says what base says in 47 of 47 functions" in told.out.splitlines()[0]
    assert told.out.splitlines()[0].endswith(": its verdicts are those of base")
    lifted = eoi("lift", "--tree", tree)
    assert lifted.code == Exit.MISTAKE and "there is nothing to lift" in lifted.err


@pytest.mark.parametrize("losing", [False, True])
def test_what_could_not_be_read_is_no_pass(eoi: Callable[..., Ran], tmp_path: Path, losing: bool) -> None:
    """The base's function stands in its place: what holds then is not known of this kernel; what it loses is."""
    known = LOSING if losing else WHOLE
    unread = {**known, LAPIC: re.sub(r"(\nstatic int apic_set_eoi\([^{]*\{)", r"\1\n	invented(apic);", known[LAPIC])}
    assert unread != known
    told = eoi("prove", "--tree", str(written(tmp_path / "own", unread)), *SMALL)
    assert told.code == (Exit.WRONG if losing else Exit.OPEN)
    assert "1 refused" in " ".join(told.out.splitlines()[:4])
    assert losing or "INCONCLUSIVE: not read in own, and taken from base: apic_set_eoi() (" in told.out
    found = json.loads(eoi("prove", "--tree", str(tmp_path / "own"), *SMALL, "--json").out)
    assert found["inconclusive"] and found["not_read"] == ["apic_set_eoi()"]
    if losing:
        assert found["lifted"]["base"] == "base" and "not read" in " ".join(found["lifted"]["left_out"])
        assert "vcpu_enter_guest()  # the base's is taken, compared only in the order of 7 anchors" in told.out


def test_a_loop_that_the_model_runs_once_is_left_for_what_is_behind_it(tmp_path: Path) -> None:
    """A GSI has one message in the model: `continue` there is not that of the loop around it."""
    body = "			bool other = entry->type != KVM_IRQ_ROUTING_MSI;\n\n			if (!other) {\n"
    leaving = "			if (entry->type != KVM_IRQ_ROUTING_MSI)\n				continue;\n\n			{\n"
    behind = (
        "		}\n	}\n	srcu_read_unlock(",
        "		}\n		kvm_make_scan_ioapic_request(kvm);\n	}\n	srcu_read_unlock(",
    )
    on(tmp_path, WHOLE, patch_of(changed(WHOLE, behind)))
    with pytest.raises(UserError, match="a statement behind a loop that is none in the model, and that is left before"):
        on(tmp_path, WHOLE, patch_of(changed(WHOLE, (body, leaving), behind)))


def test_a_patch_on_a_tree_is_the_patch_on_the_model(tmp_path: Path) -> None:
    """Two helpers, an enum, flags and two ioctls: lifted whole from a tree, and by their hunks alone, it means the same."""
    found = on(tmp_path, WHOLE, diff_of(TRISTATE))
    assert found.file is not None
    (tmp_path / "alone.patch").write_text(diff_of(TRISTATE))
    alone = lifting.lifted(str(tmp_path / "alone.patch"))
    programs = [lower(system_of(load_design(str(f.path)), *AROUND), SIZES) for f in (alone, found.file)]
    functions = sorted({*alone.found.functions, *found.wholes})
    assert len(functions) >= 6 and "suppress_eoi_broadcast_mode: SuppressEoi" in found.file.source
    assert [name for name in functions if difference(SIZES, programs[0], programs[1], name) is not None] == []
    wrong = on(tmp_path, WHOLE, diff_of({**TRISTATE, IOAPIC: FILES[IOAPIC]}))
    assert wrong.file is not None
    less = lower(system_of(load_design(str(wrong.file.path)), *AROUND), SIZES)
    assert difference(SIZES, programs[0], less, "kvm_ioapic_update_eoi_one") is not None


def test_only_what_the_patch_changes_is_another_one(tmp_path: Path) -> None:
    found = on(tmp_path, LOSING, patch_of(changed(LOSING, ("	apic_clear_isr(vector, apic);\n", "")), LOSING))
    assert restated(found) == ["apic_set_eoi", "kvm_scan_ioapic_irq"]


def test_a_patch_is_taken_away(tmp_path: Path) -> None:
    found = on(tmp_path, WHOLE, patch_of(WHOLE, LOSING), reverse=True)
    assert restated(found) == ["kvm_scan_ioapic_irq"]


def test_a_define_that_is_changed_changes_who_uses_it(tmp_path: Path) -> None:
    more = (
        "				    KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)\n",
        "				    KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK | (1ULL << 3))\n",
    )
    found = on(tmp_path, WHOLE, patch_of(changed(WHOLE, more)))
    assert restated(found) == ["check_KVM_CAP_X2APIC_API", "enable_KVM_CAP_X2APIC_API"]


REFUSED: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "a helper": ((("static inline int apic_enabled(void)\n{\n	return 1;", "static inline int apic_enabled(void)\n{\n	return 2;"),),
                 "include/linux/kvm_host.h is not in the model"),
    "no row": ((("	one();\n", "	two();\n"),), "nothing_of_the_models() is changed, and no row of model/kvm/correspondence.txt says what that is in the model"),
    "a case that has no row": ((("		r = tss(kvm, arg);\n", "		r = tss(kvm, 0);\n"),), "kvm_arch_vm_ioctl() is changed outside of the cases that the model has"),
    "a removed function": (((LATER[IRQ][LATER[IRQ].index("int kvm_set_msi(") : LATER[IRQ].index("void kvm_arch_irq")], ""),), "kvm_set_msi() is removed, or its case"),
    "tracing": ((("	trace_kvm_eoi(apic, vector);\n", "	trace_kvm_eoi(apic, vector + 1);\n"),), "it changes nothing that the model has"),
    "what no row covers": ((("	apic_clear_isr(vector, apic);\n", "	apic_clear_isr(vector, apic);\n	invented(apic);\n"),), "the model has no function invented()"),
    "a field": ((("	bool x2apic_format;\n", "	bool x2apic_format;\n	u32 depth;\n"),), "the new field `u32 depth` has no finite type in the model"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_refused(which: str, tmp_path: Path) -> None:
    changes, said = REFUSED[which]
    with pytest.raises(UserError) as refused:
        on(tmp_path, WHOLE, patch_of(changed(WHOLE, *changes)))
    assert said in str(refused.value)
    assert str(refused.value).startswith((str(tmp_path / "fix.patch"), "arch/x86/kvm/"))


def test_a_patch_for_another_kernel(tmp_path: Path) -> None:
    fix = patch_of(changed(WHOLE, ("	apic_clear_isr(vector, apic);\n", "")))
    with pytest.raises(
        UserError,
        match=r"fix\.patch:5: this hunk does not apply to .*lapic\.c of own: `apic_clear_isr\(vector, apic\);` is not in it",
    ) as refused:
        on(tmp_path, changed(WHOLE, ("	apic_clear_isr(vector, apic);\n", "	other(vector);\n")), fix)
    assert "the patch is for another kernel: give its tree, or rebase the patch" in str(refused.value)
    with pytest.raises(UserError, match=r"this hunk is in .*lapic\.c of own already"):
        on(tmp_path, changed(WHOLE, ("	apic_clear_isr(vector, apic);\n", "")), fix)
    with pytest.raises(UserError, match=rf"there is no {IRQ} in own"):
        on(tmp_path / "b", {f: t for f, t in WHOLE.items() if f != IRQ}, patch_of(LOSING))
    with pytest.raises(UserError, match=r"drivers/net/x\.c is not in the model"):
        on(tmp_path, WHOLE, fix.replace(LAPIC, "drivers/net/x.c"))


def test_what_stands_on_no_tree(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    tree = str(written(tmp_path / "own", WHOLE))
    told = eoi("prove", "--tree", tree, "base")
    assert told.code == Exit.MISTAKE and "base is no patch; a design of yours stands on no tree" in told.err
    for command in ("prove", "lift"):
        told = eoi(command)
        assert told.code == Exit.MISTAKE and "--tree DIR" in told.err


TEXT = "a\nb\nc\nd\ne\nf\ng\nh\n"


def hunk(text: str, after: str, context: int = 3) -> str:
    return diff_of({"x.c": after}, context, {"x.c": text})


def test_how_a_patch_is_applied() -> None:
    def apply(patch: str, to: str) -> tuple[str, list[int]]:
        text, fuzzy = applied(to, diffs(patch)[0].hunks, "mine")
        return text, [fuzz for _, fuzz in fuzzy]

    patch = hunk(TEXT, TEXT.replace("d\n", "D\nD\n"))
    assert apply(patch, TEXT) == (TEXT.replace("d\n", "D\nD\n"), [])
    assert apply(patch, "more\n" + TEXT) == ("more\n" + TEXT.replace("d\n", "D\nD\n"), [])
    assert apply(patch, TEXT.replace("e", " e\t")) == (
        TEXT.replace("d\ne", "D\nD\ne"),
        [],
    )  # white space is not compared
    assert apply(patch, TEXT.replace("a", "A")) == (TEXT.replace("a", "A").replace("d\n", "D\nD\n"), [1])
    assert apply(patch, TEXT.replace("b", "B"))[1] == [2]
    for to, said in {
        TEXT.replace("c", "C"): "does not apply to x.c of mine: `c` is not in it",
        TEXT + TEXT: "stands at 2 places of x.c of mine",
        TEXT.replace("d\n", "D\nD\n"): "is in x.c of mine already",
        "": "does not apply to x.c of mine: `a` is not in it",
    }.items():
        with pytest.raises(NotLifted) as refused:
            apply(patch, to)
        assert said in str(refused.value) and refused.value.line == 5


def test_a_patch_that_makes_a_tree_the_base(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    """In statements that the base has: there is no class, and the base stands for it."""
    other = changed(WHOLE, ("	apic_clear_isr(vector, apic);\n", ""))
    found = on(tmp_path, other, patch_of(WHOLE, other))
    assert (found.file, found.base, dict(found.wholes)) == (None, "base", {})
    told = eoi("prove", "--tree", str(tmp_path / "own"), str(tmp_path / "fix.patch"), "--vmm", "qemu", "--guest", "linux",
               "--scope", "cpus=1,pins=1,ioapic=0x20", "--property", "no_reinjection", "--brief")  # fmt: skip
    assert told.out.startswith("own with fix.patch against own: worse in 0 cells")
    assert (
        "own with fix.patch is base: there is nothing to lift"
        in eoi("lift", "--tree", str(tmp_path / "own"), str(tmp_path / "fix.patch")).err
    )
