"""One patch in many forms, and many patches: what is lifted is the function that somebody wrote by hand, or its meaning."""

from __future__ import annotations

import ast
import base64
import inspect
import quopri
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.errors import UserError
from checker.matrix.lifted_file import LiftedFile
from checker.matrix.lifting import lift_files
from model.designs.split_irqchip_api import SplitIrqchipApi
from model.designs.v1 import V1
from tests.rigs.own_c import FILES, HOST, IOAPIC, LAPIC, OBEYS, UAPI, X86, diff_of, edited, mail_of
from tests.rigs.own_tree import IOAPIC_H

V1_DIFF = diff_of(edited(LAPIC, OBEYS))


def lift(tmp_path: Path, *texts: str, nth: int = 0, reverse: bool = False) -> LiftedFile:
    names = list[str]()
    for number, text in enumerate(texts):
        path = tmp_path / f"p{number}.patch"
        path.write_text(text)
        names.append(str(path))
    return lift_files(names, nth, reverse=reverse)


def function(source: str, name: str) -> str:
    """Of a class's text, without its docstring."""
    found = next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name)
    body = found.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return "\n".join(ast.unparse(s) for s in body)


def by_hand(method: Callable[..., object]) -> str:
    return function(textwrap.dedent(inspect.getsource(method)), method.__name__)


def quoted_printable(diff: str) -> str:
    head = (
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\nSubject: [PATCH] x\n\n"
    )
    return head + quopri.encodestring(diff.encode()).decode()


def in_base64(diff: str) -> str:
    head = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\nSubject: [PATCH] x\n\n"
    return head + base64.encodebytes(diff.encode()).decode()


def flowed(diff: str) -> str:
    stuffed = "".join(
        (f" {line}" if line.startswith((" ", ">")) else line).rstrip() + "\n" for line in diff.splitlines()
    )
    return f"Content-Type: text/plain; format=flowed\nSubject: [PATCH] x\n\n{stuffed}"


def flattened(diff: str) -> str:
    """As archives show it: white space at the begins of lines is lost."""
    return "".join(
        (line[0] + " " + line[1:].strip() if line[:1] in "+-" and not line.startswith(("+++", "---")) else line.strip())
        + "\n"
        for line in diff.splitlines()
    )


def in_a_cover(diff: str) -> str:
    cover = "From a Mon Sep 17 00:00:00 2001\nSubject: [PATCH 0/1] cover\nFrom: a@example.org\n\nWords.\n\n"
    return f"{cover}From b Mon Sep 17 00:00:00 2001\nSubject: [PATCH 1/1] x\nFrom: b@example.org\n\nMore.\n---\n{diff}"


def after_a_quoted_copy(diff: str) -> str:
    return "".join(f"> {line}\n" for line in diff.splitlines()) + f"\nI would write:\n\n{diff}"


def with_crlf(diff: str) -> str:
    return diff.replace("\n", "\r\n")


def without_git(diff: str) -> str:
    return "".join(f"{line}\n" for line in diff.splitlines() if not line.startswith(("diff --git", "index ")))


FORMS = [
    str, mail_of, quoted_printable, in_base64, flowed, flattened, in_a_cover, after_a_quoted_copy, with_crlf, without_git,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda f: getattr(f, "__name__", "x"))
def test_every_form_of_a_mail_is_the_same_patch(tmp_path: Path, form: Callable[[str], str]) -> None:
    source = lift(tmp_path, form(V1_DIFF)).source
    assert function(source, "kvm_ioapic_send_eoi") == by_hand(V1.kvm_ioapic_send_eoi)


@pytest.mark.parametrize("context", [1, 2, 3, 5, 8, 20])
def test_with_any_context(tmp_path: Path, context: int) -> None:
    source = lift(tmp_path, diff_of(edited(LAPIC, OBEYS), context)).source
    assert function(source, "kvm_ioapic_send_eoi") == by_hand(V1.kvm_ioapic_send_eoi)


VARIANTS = {
    "a condition that is joined": ("if (irqchip_split(apic->vcpu->kvm)) {\n", "if (irqchip_split(apic->vcpu->kvm) && !(kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)) {\n"),
    "a local": ("	if (irqchip_split(apic->vcpu->kvm)) {\n", "	if (irqchip_split(apic->vcpu->kvm)) {\n		bool asked = kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI;\n\n		if (asked)\n			return;\n"),
    "a pointer": ("	/* is anybody interested? */\n	if (!kvm_ioapic_handles_vector(apic, vector))\n		return;\n", "	struct kvm_vcpu *v = apic->vcpu;\n\n	if (irqchip_split(v->kvm) && kvm_lapic_get_reg(v->arch.apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)\n		return;\n	if (!kvm_ioapic_handles_vector(apic, vector))\n		return;\n"),
}  # fmt: skip
SAID = {
    "a condition that is joined": "if self.irqchip_split() and (not apic.spiv_directed_eoi):",
    "a local": "asked = apic.spiv_directed_eoi",
    "a pointer": "if self.irqchip_split() and apic.spiv_directed_eoi:",
}


@pytest.mark.parametrize("which", VARIANTS)
def test_other_ways_to_write_it(tmp_path: Path, which: str) -> None:
    assert SAID[which] in lift(tmp_path, diff_of(edited(LAPIC, VARIANTS[which]))).source


MOVED = "	if (apic->vcpu->arch.highest_stale_pending_ioapic_eoi == vector)\n		kvm_make_request(KVM_REQ_SCAN_IOAPIC, apic->vcpu);\n\n"


ABOVE, SENT = "	/* is anybody interested? */\n", "		apic->vcpu->arch.pending_ioapic_eoi = vector;\n"
ASKED = "kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI"
LOCALS = {
    "a value": (f"	bool asked = {ASKED};\n\n", "if (asked)", ["asked = apic.spiv_directed_eoi", "if asked:"]),
    "set below": (f"	bool asked;\n\n	asked = {ASKED};\n", "if (asked)", ["asked = apic.spiv_directed_eoi", "if asked:"]),
    "a pointer": ("	struct kvm_vcpu *v = apic->vcpu;\n\n", "if (v->arch.highest_stale_pending_ioapic_eoi == vector)",
                  ["if apic.highest_stale_pending_ioapic_eoi == vector:\n                return"]),
}  # fmt: skip


def two_hunks(declared: str, test: str) -> str:
    text = diff_of(edited(LAPIC, (ABOVE, declared + ABOVE), (SENT, f"		{test}\n			return;\n{SENT}")))
    assert text.count("\n@@ ") == 2
    return text


@pytest.mark.parametrize("which", LOCALS)
def test_a_local_that_one_hunk_declares_and_another_uses(tmp_path: Path, which: str) -> None:
    declared, test, said = LOCALS[which]
    source = lift(tmp_path, two_hunks(declared, test)).source
    assert all(text in source for text in said)


def test_a_local_of_an_inner_block_is_not_known_below(tmp_path: Path) -> None:
    """There it is another one, if it is one at all; nor is one of which another hunk would say more than C's compiler."""
    inner = ("	if (vector) {\n		bool asked = true;\n	}\n", "	{\n		bool asked = true;\n	}\n")
    for declared in inner:
        with pytest.raises(UserError):
            lift(tmp_path, two_hunks(declared, "if (asked)"))
    with pytest.raises(UserError, match="may be neither 0 nor 1 in C"):
        lift(tmp_path, two_hunks(f"	u32 asked = {ASKED};\n\n", "if (asked == true)"))


def test_a_block_that_moves(tmp_path: Path) -> None:
    end = "		kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, apic->vcpu);\n		return;\n	}\n\n"
    text = FILES[LAPIC].replace(MOVED, "").replace(end, end + MOVED)
    body = function(lift(tmp_path, diff_of({LAPIC: text}, 8)).source, "kvm_ioapic_send_eoi")
    assert body.index("irqchip_split") < body.index("highest_stale") < body.index("kvm_ioapic_update_eoi")


def test_taken_away_again_it_is_the_base(tmp_path: Path) -> None:
    """-R of a patch whose new side is in the model."""
    only = diff_of({LAPIC: FILES[LAPIC]}, before=edited(LAPIC, (MOVED, "")))
    assert "highest_stale" not in lift(tmp_path, only, reverse=True).source
    with pytest.raises(UserError, match="the model has this change already"):
        lift(tmp_path, only)


LAPIC_H = "arch/x86/kvm/lapic.h"


def test_a_prototype_below_a_function_that_git_names(tmp_path: Path) -> None:
    """What stands behind the second @@ is above the hunk, and over where a declaration begins in the first column."""
    text = "static inline int above(void)\n{\n	return 0;\n}\n\nbool one(struct kvm *kvm);\n\nvoid two(void);\n"
    new = text.replace("\nvoid two", "\nbool kvm_lapic_is_said(struct kvm_lapic *apic);\n\nvoid two")
    header = diff_of({LAPIC_H: new}, 3, {LAPIC_H: text}).splitlines(keepends=True)
    hunk = next(n for n, line in enumerate(header) if line.startswith("@@"))
    header[hunk] = header[hunk].rstrip() + " static inline int above(void)\n"
    found = lift(tmp_path, diff_of(edited(LAPIC, OBEYS)) + "".join(header))
    assert function(found.source, "kvm_ioapic_send_eoi") == by_hand(V1.kvm_ioapic_send_eoi)
    assert any("a declaration" in line for line in found.left_out)


def test_a_helper_that_a_later_patch_changes(tmp_path: Path) -> None:
    helper = "static bool kvm_lapic_is_said(struct kvm_lapic *apic)\n{\n	return kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI;\n}\n\n"
    heads = [
        line for line in FILES[LAPIC].splitlines(keepends=True) if line.startswith("static void kvm_ioapic_send_eoi(")
    ]
    asked = (
        OBEYS[0],
        OBEYS[1].replace("kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI", "kvm_lapic_is_said(apic)"),
    )
    one = edited(LAPIC, (heads[0], helper + heads[0]), asked)
    two = {
        LAPIC: one[LAPIC].replace(
            helper,
            helper.replace(
                "	return ", "	if (!irqchip_split(apic->vcpu->kvm))\n		return false;\n	return "
            ),
        )
    }
    mails = [
        mail_of(diff_of(one), "[PATCH 1/2] a helper"),
        mail_of(diff_of(two, 3, {**FILES, **one}), "[PATCH 2/2] more of it"),
    ]
    assert "irqchip_split" in function(lift(tmp_path, *mails).source, "kvm_lapic_is_said")


def test_a_define_whose_white_space_alone_is_changed(tmp_path: Path) -> None:
    old = {IOAPIC_H: "#define IOAPIC_REG_SELECT  0x00\n#define IOAPIC_REG_WINDOW  0x10\n"}
    spaced = diff_of({IOAPIC_H: old[IOAPIC_H].replace("  0x", "\t0x")}, 3, old)
    found = lift(tmp_path, spaced + diff_of(edited(LAPIC, OBEYS)))
    assert function(found.source, "kvm_ioapic_send_eoi") == by_hand(V1.kvm_ioapic_send_eoi)
    assert sum("white space alone is changed" in line for line in found.left_out) == 2
    with pytest.raises(UserError, match="#define IOAPIC_REG_SELECT is changed"):
        lift(
            tmp_path, diff_of({IOAPIC_H: old[IOAPIC_H].replace("0x00", "0x01")}, 3, old) + diff_of(edited(LAPIC, OBEYS))
        )


def test_what_is_traced_does_not_matter(tmp_path: Path) -> None:
    old = {"arch/x86/kvm/trace.h": "TRACE_EVENT(kvm_eoi,\n	TP_PROTO(int vector)\n);\n"}
    new = {file: text.replace("int vector", "u8 vector") for file, text in old.items()}
    found = lift(tmp_path, diff_of(new, 3, old) + diff_of(edited(LAPIC, OBEYS)))
    assert any("trace.h: 2 changed lines" in line and "tracing" in line for line in found.left_out)


@pytest.mark.parametrize(
    "above", ["diff -urp a/{0} b/{0}\n", "Index: linux/{0}\n" + "=" * 67 + "\n", "Only in b/arch: new\n"]
)
def test_diffs_of_other_tools_are_one_patch(tmp_path: Path, above: str) -> None:
    """diff -urp and quilt have no `diff --git` lines."""
    whole = diff_of(TRISTATE)
    files = whole.split("diff --git ")[1:]
    plain = "".join(above.format(text.split(" b/")[0].removeprefix("a/")) + text.partition("\n")[2] for text in files)
    assert plain.count(above[:7]) == len(files) > 2
    assert lift(tmp_path, plain).found.functions == lift(tmp_path, whole).found.functions


def test_a_field_that_the_rows_know_already(tmp_path: Path) -> None:
    """A backport brings it; the model has it."""
    old = "struct kvm_vcpu_arch {\n	int first;\n	int pending;\n};\n"
    field = {HOST: old.replace("	int pending", "	int highest_stale_pending_ioapic_eoi;\n	int pending")}
    found = lift(tmp_path, diff_of(field, 3, {HOST: old}) + diff_of(edited(LAPIC, OBEYS)))
    assert any("the rows say what it is in the model" in line for line in found.left_out)
    other = {HOST: field[HOST].replace("highest_stale_pending_ioapic_eoi", "something_else")}
    with pytest.raises(UserError, match="struct kvm_vcpu_arch is changed"):
        lift(tmp_path, diff_of(other, 3, {HOST: old}) + diff_of(edited(LAPIC, OBEYS)))


ENUM = "enum kvm_suppress_eoi_broadcast_mode {\n	KVM_SUPPRESS_EOI_BROADCAST_QUIRKED,\n	KVM_SUPPRESS_EOI_BROADCAST_ENABLED,\n	KVM_SUPPRESS_EOI_BROADCAST_DISABLED,\n};\n\n"
TRISTATE = {
    **edited(HOST, ("struct kvm_arch {\n", ENUM + "struct kvm_arch {\n"), ("	bool has_mapped", "	enum kvm_suppress_eoi_broadcast_mode suppress_eoi_broadcast_mode;\n	bool has_mapped")),
    **edited(UAPI, ("(1ULL << 1)\n", "(1ULL << 1)\n#define KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST (1ULL << 2)\n#define KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST (1ULL << 3)\n")),
    **edited(LAPIC, ("void kvm_apic_set_version(", """\
static bool kvm_lapic_advertise_suppress_eoi_broadcast(struct kvm *kvm)
{
	switch (kvm->arch.suppress_eoi_broadcast_mode) {
	case KVM_SUPPRESS_EOI_BROADCAST_ENABLED:
		return true;
	case KVM_SUPPRESS_EOI_BROADCAST_DISABLED:
		return false;
	case KVM_SUPPRESS_EOI_BROADCAST_QUIRKED:
	default:
		return !ioapic_in_kernel(kvm);
	}
}

bool kvm_lapic_suppress_eoi_broadcast(struct kvm_lapic *apic)
{
	struct kvm *kvm = apic->vcpu->kvm;

	if (!(kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI))
		return false;

	switch (kvm->arch.suppress_eoi_broadcast_mode) {
	case KVM_SUPPRESS_EOI_BROADCAST_ENABLED:
		return true;
	case KVM_SUPPRESS_EOI_BROADCAST_DISABLED:
		return false;
	default:
		return ioapic_in_kernel(kvm);
	}
}

void kvm_apic_set_version("""), ("X86_FEATURE_X2APIC) && !ioapic_in_kernel(vcpu->kvm))", "X86_FEATURE_X2APIC) &&\n	    kvm_lapic_advertise_suppress_eoi_broadcast(vcpu->kvm))"),
        ("	if (irqchip_split(apic->vcpu->kvm)) {\n", "	if (irqchip_split(apic->vcpu->kvm)) {\n		if (kvm_lapic_suppress_eoi_broadcast(apic))\n			return;\n\n")),
    **edited(IOAPIC, ("	if (trigger_mode != IOAPIC_LEVEL_TRIG || kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI)", "	if (trigger_mode != IOAPIC_LEVEL_TRIG || kvm_lapic_suppress_eoi_broadcast(apic))")),
    **edited(X86, ("KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)\n\n", "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK | \\\n				    KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST | KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST)\n\n"),
        ("		r = KVM_X2APIC_API_VALID_FLAGS;\n", "		r = KVM_X2APIC_API_VALID_FLAGS;\n		if (kvm && !irqchip_split(kvm))\n			r &= ~KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST;\n"),
        ("VALID_FLAGS)\n			break;\n", "VALID_FLAGS)\n			break;\n\n		if ((cap->args[0] & KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST) &&\n		    (cap->args[0] & KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST))\n			break;\n		if ((cap->args[0] & KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST) && !irqchip_split(kvm))\n			break;\n"),
        ("quirk_disabled = true;\n", "quirk_disabled = true;\n		if (cap->args[0] & KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST)\n			kvm->arch.suppress_eoi_broadcast_mode = KVM_SUPPRESS_EOI_BROADCAST_ENABLED;\n		if (cap->args[0] & KVM_X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST)\n			kvm->arch.suppress_eoi_broadcast_mode = KVM_SUPPRESS_EOI_BROADCAST_DISABLED;\n")),
}  # fmt: skip


def test_a_patch_of_five_files(tmp_path: Path) -> None:
    """What was merged, in C of our own: two new helpers with a switch, an enum field, two flags, two ioctls."""
    source = lift(tmp_path, mail_of(diff_of(TRISTATE))).source
    assert "suppress_eoi_broadcast_mode: SuppressEoi" in source
    assert "api_flags = (ApiFlags.NONE, ApiFlags.BIT2, ApiFlags.BIT3, ApiFlags.BOTH)" in source
    assert function(source, "kvm_lapic_advertise_suppress_eoi_broadcast").count("return") == 3
    assert "(bit2 and bit3)" in source or "bit2 and bit3" in source
    assert (
        'title="[PATCH] KVM: x86: a change' in source
        and 'msgid="1@example.org"' in source
        and 'date="2025-11-03"' in source
    )
    assert 'author="A Developer"' in source


def test_a_series_of_mails(tmp_path: Path) -> None:
    parts = [diff_of({file: text}) for file, text in TRISTATE.items()]
    whole, series = lift(tmp_path, diff_of(TRISTATE)), lift(tmp_path, *parts)
    names = ("kvm_apic_set_version", "kvm_ioapic_send_eoi", "kvm_ioapic_update_eoi_one", "enable_KVM_CAP_X2APIC_API")
    assert [function(series.source, n) for n in names] == [function(whole.source, n) for n in names]


def test_a_new_capability(tmp_path: Path) -> None:
    after = {
        **edited(HOST, ("	bool has_mapped", "	bool disable_eoi_broadcast_suppression_support;\n	bool has_mapped")),
        **edited(UAPI, ("(1ULL << 1)\n", "(1ULL << 1)\n#define KVM_SPLIT_DISABLES (1ULL << 0)\n")),
        **edited(LAPIC, ("!ioapic_in_kernel(vcpu->kvm))\n", "!ioapic_in_kernel(vcpu->kvm) &&\n	    !vcpu->kvm->arch.disable_eoi_broadcast_suppression_support)\n")),
        **edited(X86, ("	case KVM_CAP_PIT:\n", "	case KVM_CAP_SPLIT_IRQCHIP_API: {\n		mutex_lock(&kvm->lock);\n		if (!irqchip_split(kvm)) {\n			r = -ENXIO;\n			goto unlock;\n		}\n		if (kvm->created_vcpus) {\n			r = -EINVAL;\n			goto unlock;\n		}\n		kvm->arch.disable_eoi_broadcast_suppression_support = (cap->args[0] & KVM_SPLIT_DISABLES) != 0;\n		r = 0;\nunlock:\n		mutex_unlock(&kvm->lock);\n		break;\n	}\n	case KVM_CAP_PIT:\n"),
                 ("	case KVM_CAP_NR_VCPUS:\n", "	case KVM_CAP_SPLIT_IRQCHIP_API:\n		r = 1;\n		break;\n	case KVM_CAP_NR_VCPUS:\n")),
    }  # fmt: skip
    found = lift(tmp_path, diff_of(after))
    assert function(found.source, "kvm_apic_set_version").replace("(", "").replace(")", "") == by_hand(
        SplitIrqchipApi.kvm_apic_set_version
    ).replace("(", "").replace(")", "")
    assert "api_flags = (ApiFlags.NONE, ApiFlags.BIT3)" in found.source
    assert any("not modelled: mutex_lock" in line for line in found.left_out)


SMALL = {
    "a loop": (IOAPIC, ("ent->fields.vector != vector", "ent->fields.vector == vector"), "if rte.vector == vector:\n                continue"),
    "a scan": (IOAPIC, ("e->fields.trig_mode == IOAPIC_LEVEL_TRIG", "e->fields.trig_mode == IOAPIC_EDGE_TRIG"), "if rte.trigger == Trigger.EDGE:"),
    "a field": (X86, ("	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;\n", ""), "apic.ioapic_handled_vectors.clear()\n        if self.irqchip_split"),
    "an order": (LAPIC, ("	apic_clear_isr(vector, apic);\n	apic_update_ppr(apic);\n", "	apic_update_ppr(apic);\n"), "return\n        self.kvm_ioapic_send_eoi(apic, vector)"),
    "a #define": (X86, ("KVM_X2APIC_API_USE_32BIT_IDS | \\\n", "(1 << 3) | KVM_X2APIC_API_USE_32BIT_IDS | \\\n"), "if bit2:"),
    "a bit": (LAPIC, ("		v |= APIC_LVR_DIRECTED_EOI;\n", "		v |= APIC_LVR_DIRECTED_EOI;\n	if (kvm_ioapic_handles_vector(apic, 1))\n		v = 0;\n"), ""),
}  # fmt: skip


@pytest.mark.parametrize("which", [w for w in SMALL if SMALL[w][2]])
def test_small_changes(tmp_path: Path, which: str) -> None:
    file, change, said = SMALL[which]
    assert said in lift(tmp_path, diff_of(edited(file, change))).source


def test_the_nth_of_a_thread(tmp_path: Path) -> None:
    other = diff_of(edited(LAPIC, VARIANTS["a local"]))
    thread = f"{V1_DIFF}\nNo, rather:\n\n{other}"
    with pytest.raises(
        UserError, match=r"it holds 2 diffs.*\n.*by :1 to :2 behind the file\'s name: 1: line 1; 2: line"
    ):
        lift(tmp_path, thread)
    assert "asked" not in lift(tmp_path, thread, nth=1).source
    assert "asked" in lift(tmp_path, thread, nth=2).source
    with pytest.raises(UserError, match="there is no diff 3 in it: it holds 2"):
        lift(tmp_path, thread, nth=3)
