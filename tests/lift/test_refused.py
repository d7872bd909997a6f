"""What cannot be lifted is refused: with the line of the patch, what it is, and what to do. Nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.matrix.lifting import lift_files
from tests.command.conftest import Ran
from tests.rigs.own_c import FILES, HOST, IOAPIC, LAPIC, OBEYS, UAPI, X86, diff_of, edited, mail_of

SPLIT = OBEYS[0]
V1 = diff_of(edited(LAPIC, OBEYS))


def into(*lines: str) -> str:
    """A patch that adds these to what is done with a split irqchip."""
    return diff_of(edited(LAPIC, (SPLIT, SPLIT + "".join(f"\t\t{line}\n" for line in lines))))


def longer(patch: str) -> str:
    """Its @@ lines count one line of context too many."""
    return re.sub(
        r"@@ -(\d+),(\d+) \+(\d+),(\d+)", lambda m: f"@@ -{m[1]},{int(m[2]) + 1} +{m[3]},{int(m[4]) + 1}", patch
    )


BIT = "kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI"
HIDDEN = "`return;` stands in a condition that the hunk does not show to begin; `#{}` ends it\n    make the patch with more context"
IN_CONDITIONS = (
    ("in #ifndef", ("#ifndef CONFIG_X", "+	return;", "#endif"), "`return;` stands in `#ifndef CONFIG_X`, and is not compiled where CONFIG_ options are set"),
    ("taken from #ifndef", ("#ifndef CONFIG_X", "-	return;", "#endif"), "`return;` stands in `#ifndef CONFIG_X`, and is not compiled where"),
    ("in #if !IS_ENABLED", ("#if !IS_ENABLED(CONFIG_X)", "+	return;", "#endif"), "`return;` stands in `#if !IS_ENABLED(CONFIG_X)`, and is not compiled where"),
    ("in another #if", ("#if ODD", "+	return;", "#endif"), "`return;` stands in `#if ODD`, and may not be compiled"),
    ("in an inner #if", ("#ifdef CONFIG_X", "#if ODD", "+	return;", "#endif", "#endif"), "`return;` stands in `#if ODD`, and may not be compiled"),
    ("in #else", ("#ifdef CONFIG_X", "#else", "+	return;", "#endif"), "`return;` stands in `#else`, and may not be compiled"),
    ("above an #endif", ("+	return;", "#endif"), HIDDEN.format("endif")),
    ("above an #else", ("+	return;", "#else"), HIDDEN.format("else")),
    ("above two", ("+	return;", "#ifdef CONFIG_X", "#endif", "#endif"), HIDDEN.format("endif")),
)  # fmt: skip


def among(*rows: str) -> str:
    """A patch of what is done with a split irqchip, with these lines before it: + new, - gone, else as they were."""
    before, after = ("".join(f"{r.lstrip('+-')}\n" for r in rows if r[0] != mark) for mark in "+-")
    return diff_of(
        {LAPIC: FILES[LAPIC].replace(SPLIT, after + SPLIT)}, before={LAPIC: FILES[LAPIC].replace(SPLIT, before + SPLIT)}
    )


REFUSED: dict[str, tuple[str, str]] = {
    "an unknown function": (into("kvm_forget(apic);"), "p.patch:N: the model has no function kvm_forget()\n    if it does not matter: a row in [ignore] or [assume] of model/kvm/correspondence.txt that says why; else model it (docs/lift.md, To add a row)"),
    "an unknown field": (into("if (apic->sw_enabled)", "	return;"), "p.patch:N: no row of the table covers `apic->sw_enabled`, and the model has no such field"),
    "a misspelt function": (into("if (irqchip_spilt(apic->vcpu->kvm))", "	return;"), "the model has no function irqchip_spilt()\n    did you mean `irqchip_split`?\n    if it does not matter"),
    "a misspelt field": (into("if (apic->vcpu->arch.pending_ioapic_eio)", "	return;"), "and the model has no such field\n    did you mean `pending_ioapic_eoi`?\n    add"),
    "a misspelt bit": (into("if (kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EIO)", "	return;"), "did you mean `APIC_SPIV_DIRECTED_EOI`?\n    add"),
    "an unknown name": (into("if (quirk)", "	return;"), "p.patch:N: `quirk` is not known here"),
    "a while": (into("while (vector)", "	vector--;"), "p.patch:N: a `while` statement"),
    "a do": (into("do { x(); } while (0);"), "p.patch:N: a `do` statement"),
    "a loop": (into("for (i = 0; i < 8; i++)", "	kvm_make_scan_ioapic_request(apic->vcpu->kvm);"), "p.patch:N: no row of the table covers the loop `for("),
    "a loop that declares": (into("for (int i = 0; i < 8; i++)", "	return;"), "p.patch:N: a loop that declares its variable"),
    "a goto": (into("goto out;"), "p.patch:N: `goto out`: what is done behind the label is not nothing, or not shown"),
    "a truth value": (into("if (vector)", "	return;"), "p.patch:N: `vector` is no truth value: it is 'vector', of type Vector"),
    "a comparison": (into("if (vector == 3)", "	return;"), "p.patch:N: no row of the table covers `3`"),
    "two kinds": (into("if (vector == irqchip_split(apic->vcpu->kvm))", "	return;"), "p.patch:N: `(vector == irqchip_split(apic->vcpu->kvm))` compares Vector with bool"),
    "a warning in a condition": (into(f"if (WARN_ON_ONCE({BIT}))", "	return;"), f"p.patch:N: `WARN_ON_ONCE(({BIT}))` is a branch that the patch changes: that it is never taken would be assumed\n    write the condition without the warning"),
    "a mask that is true": (into(f"if (({BIT}) == true)", "	return;"), f"p.patch:N: `(({BIT}) == true)` compares a truth value with what may be neither 0 nor 1 in C\n    test it alone"),
    "a mask that is not true": (into(f"if (({BIT}) != true)", "	return;"), "compares a truth value with what may be neither 0 nor 1 in C"),
    "a local that is a mask": (into(f"u32 s = {BIT};", "	if (s == true)", "	return;"), "`(s == true)` compares a truth value with what may be neither 0 nor 1 in C"),
    "a mask and a truth value": (into(f"u32 s = {BIT};", "	if (s == irqchip_split(apic->vcpu->kvm))", "	return;"), "compares a truth value with what may be neither 0 nor 1 in C"),
    "a local that is too small": (into(f"u8 s = {BIT};", "	if (s)", "	return;"), f"p.patch:N: `({BIT})` may not fit into `s`, of type u8\n    declare it bool, or test it alone"),
    "a local that is too small, later": (into("u8 s;", f"	s = {BIT};", "	if (s)", "	return;"), f"`({BIT})` may not fit into `s`, of type u8"),
    "a switch over a mask": (into(f"switch ({BIT}) {{", "	case true:", "		return;", "	}"), "may be neither 0 nor 1 in C"),
    "a break in an arm of a switch": (diff_of(edited(IOAPIC, ("		if (ent->fields.vector != vector)\n			continue;\n		kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);\n", "		switch (trigger_mode) {\n		case IOAPIC_LEVEL_TRIG:\n			if (ent->fields.vector != vector)\n				break;\n			kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);\n			break;\n		}\n"))), "p.patch:15: a `break` before the end of an arm of a switch\n    write `if` and `else`"),
    "two masks": (into(f"if (({BIT}) == ({BIT}))", "	return;"), "compares a truth value with what may be neither 0 nor 1 in C"),
    "a local declared twice": (into("bool asked = false;", "	if (irqchip_split(apic->vcpu->kvm)) {", f"		bool asked = {BIT};", "	}", "	if (asked)", "		return;"), "`asked` is declared twice"),
    "a static local": (into("static bool seen;", "	if (seen)", "		return;"), "`seen` is static: it keeps its value"),
    "a comment that goes on": (into("// the guest does it \\", "	return;"), "a `//` comment that goes on in the next line"),
    "a comment that seems to end": (diff_of(edited(LAPIC, (SPLIT, SPLIT + "		return;\n		// the stale one (see above) */\n")), 1), "a `*/` ends a comment that the hunk does not show to begin"),
    "an #if 0": (diff_of({LAPIC: FILES[LAPIC].replace(SPLIT, "#if 0\n	return;\n" + SPLIT)}, before={LAPIC: FILES[LAPIC].replace(SPLIT, "#if 0\n" + SPLIT)}), "`return;` stands in `#if 0`, and is not compiled\n    write this one by hand"),
    "a #define of kvm_ioapic_handles_vector": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define kvm_ioapic_handles_vector(a, v) false\n" + FILES[UAPI]}), "#define kvm_ioapic_handles_vector: the model knows this by another meaning"),
    "a #define of irqchip_split": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define irqchip_split(k) false\n" + FILES[UAPI]}), "#define irqchip_split: the model knows this by another meaning"),
    "a #define of APIC_SPIV_DIRECTED_EOI": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define APIC_SPIV_DIRECTED_EOI 0\n" + FILES[UAPI]}), "p.patch:21: #define APIC_SPIV_DIRECTED_EOI is changed, and the model does not say who uses it"),
    "a #define of kvm_lapic_get_reg": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define kvm_lapic_get_reg(a, r) 0\n" + FILES[UAPI]}), "#define kvm_lapic_get_reg: the model knows this by another meaning"),
    "a macro of a name that the model does not know": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define kvm_check_request(req, vcpu) (false)\n" + FILES[UAPI]}), "p.patch:21: #define kvm_check_request(): only constants in capitals are read"),
    "a name that the model does not know": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define kvm_vcpu_kick kvm_vcpu_wake_up\n" + FILES[UAPI]}), "p.patch:21: #define kvm_vcpu_kick: only constants in capitals are read"),
    "a #define of return": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define return\n" + FILES[UAPI]}), "#define return: the model knows this by another meaning"),
    "a #define of IOAPIC_LEVEL_TRIG": (diff_of({**edited(LAPIC, OBEYS), UAPI: "#define IOAPIC_LEVEL_TRIG IOAPIC_EDGE_TRIG\n" + FILES[UAPI]}), "#define IOAPIC_LEVEL_TRIG: the model knows this by another meaning"),
    "a value": (into("return vector;"), "p.patch:N: `return vector;`: kvm_ioapic_send_eoi() of the model returns nothing"),
    "a break": (into("break;"), "p.patch:N: a `break` of a loop or switch that the hunk does not show"),
    "a continue": (into("continue;"), "p.patch:N: a `continue` of a loop that the hunk does not show"),
    "arithmetic": (into("apic->vcpu->arch.pending_ioapic_eoi = vector + 1;"), "p.patch:N: no row of the table covers `(vector + 1)`"),
    "a compound assignment": (into("vector += 1;"), "p.patch:N: no row of the table covers the statement `vector += 1;`"),
    "a wrong count": (into("kvm_ioapic_handles_vector(apic);"), "p.patch:N: kvm_ioapic_handles_vector() has 2 parameters, not 1"),
    "another type": (into("kvm_ioapic_update_eoi(apic->vcpu, vector, vector);"), "p.patch:N: kvm_ioapic_update_eoi(): 'vector' is no Trigger"),
    "an asm": (into('asm volatile("hlt");'), "p.patch:9: a declaration with 'volatile' is not in the subset that is read"),
    "a statement expression": (into("if (({ 1; }))", "	return;"), "p.patch:N: cannot parse: an expression cannot begin with '('"),
    "an array": (into("int a[3];", "	if (a[1])", "		return;"), "p.patch:10: no row of the table covers `a[1]`"),
    "an array with values": (into("int a[3] = {};"), "p.patch:N: a declaration with 'a' is not in the subset that is read"),
    "a wild byte": (into("x = `y`;"), "p.patch:N: cannot read '`y`;' as C"),
    "an #if 0 beside it": (diff_of({LAPIC: FILES[LAPIC].replace(SPLIT, "#if 0\n#endif\n	return;\n" + SPLIT)}, before={LAPIC: FILES[LAPIC].replace(SPLIT, "#if 0\n#endif\n" + SPLIT)}), "`#if 0` in the hunk: what stands in it is not compiled"),
    **{f"a line {where}": (among(*rows), said) for where, rows, said in IN_CONDITIONS},
    "an #ifdef": (diff_of(edited(LAPIC, (SPLIT, "#ifdef CONFIG_X\n" + SPLIT))), "p.patch:N: `#ifdef CONFIG_X` is changed inside a function"),
    "a brace too many": (into("}"), "p.patch:"),
    "a function that the model has a part of": (diff_of({LAPIC: FILES[LAPIC] + "\nint irqfd_resampler_ack(void)\n{\n	return 1;\n}\n"}, before={LAPIC: FILES[LAPIC] + "\nint irqfd_resampler_ack(void)\n{\n	return 0;\n}\n"}), "p.patch:10: irqfd_resampler_ack() is changed, and no row of model/kvm/correspondence.txt says what that is in the model\n    kvm_notify_acked_irq() of the model names it: restate that in a class of your own"),
    "a function that the model has not": (diff_of({LAPIC: FILES[LAPIC] + "\nint later(void)\n{\n	return 1;\n}\n"}, before={LAPIC: FILES[LAPIC] + "\nint later(void)\n{\n	return 0;\n}\n"}), "p.patch:10: later() is changed, and no function of the model stands for it"),
    "only a lock": (diff_of({LAPIC: FILES[LAPIC] + "\nvoid later(void)\n{\n	mutex_lock(&l);\n}\n"}, before={LAPIC: FILES[LAPIC] + "\nvoid later(void)\n{\n}\n"}), "p.patch:N: later(): its only point is a lock, and that is not modelled"),
    "only a lock in a function of the model": (into("mutex_lock(&apic->vcpu->kvm->lock);", "mutex_unlock(&apic->vcpu->kvm->lock);"), "p.patch:N: its only point is a lock, and that is not modelled"),
    "only tracing": (into("trace_kvm_eoi(apic, vector);"), "p.patch:N: it changes nothing that the model has, and is harmless: tracing\n"),
    "a removed function": (diff_of(edited(LAPIC, (FILES[LAPIC][FILES[LAPIC].index("static bool kvm_ioapic_handles") : FILES[LAPIC].index("static void kvm_ioapic_send")], ""))), "p.patch:11: kvm_ioapic_handles_vector() is removed"),
    "a head": (diff_of(edited(LAPIC, ("send_eoi(struct kvm_lapic *apic, int vector)\n{", "send_eoi(struct kvm_lapic *apic, int vector, bool x)\n{"))), "p.patch:10: the head of kvm_ioapic_send_eoi() is changed"),
    "another file": (V1.replace(LAPIC, "drivers/net/x.c"), "p.patch:5: drivers/net/x.c is not in the model"),
    "a field without a type": (diff_of(edited(HOST, ("	bool has_mapped", "	u32 depth;\n	bool has_mapped"))), "p.patch:N: the new field `u32 depth` has no finite type in the model"),
    "a field of another struct": (diff_of(edited(UAPI, ("	__u32 flags;\n", "	__u32 flags;\n	bool x;\n"))), "p.patch:N: struct kvm_nested_state_hdr is changed, and no row of the table stands for it"),
    "a removed field": (diff_of(edited(HOST, ("	bool has_mapped_host_mmio;\n", ""))), "p.patch:N: a line of struct kvm_arch is removed or changed"),
    "another enum": (diff_of(edited(HOST, ("	KVM_IRQCHIP_NONE,\n", "	KVM_IRQCHIP_NONE,\n	KVM_IRQCHIP_X,\n"))), "p.patch:N: enum kvm_irqchip_mode is changed, and no row of the table stands for it"),
    "a removed #define": (diff_of(edited(UAPI, ("#define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK	(1ULL << 1)\n", ""))), "p.patch:N: #define KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK is removed"),
    "a changed #define": (diff_of(edited(UAPI, ("(1ULL << 1)", "(1ULL << 7)"))), ""),
    "a parameter without a type": (diff_of(edited(LAPIC, ("static bool kvm_ioapic_h", "static bool f(u64 x)\n{\n	return true;\n}\n\nstatic bool kvm_ioapic_h"))), "p.patch:11: f(): the parameter `u64 x` has no type in the model"),
    "a result without a type": (diff_of(edited(LAPIC, ("static bool kvm_ioapic_h", "static int f(struct kvm *kvm)\n{\n	return 1;\n}\n\nstatic bool kvm_ioapic_h"))), "p.patch:11: f(): `int` has no type in the model"),
    "a new case": (diff_of(edited(X86, ("	case KVM_CAP_PIT:\n", "	case KVM_CAP_NEW:\n		r = 0;\n		break;\n	case KVM_CAP_PIT:\n"))), "p.patch:N: kvm_vm_ioctl_enable_cap(), case KVM_CAP_NEW: the model does not have it"),
    "a case that is not shown": (diff_of(edited(X86, ("		r = -EINVAL;\n", "		r = -ENXIO;\n")), 0), "p.patch:N: kvm_vm_ioctl_enable_cap(): the hunk does not show which `case` this is in"),
    "a comment that is ended above code": (diff_of({LAPIC: FILES[LAPIC].replace(SPLIT, "	/* is anybody */\n	return;\n	/* interested? */\n" + SPLIT)}, before={LAPIC: FILES[LAPIC].replace(SPLIT, "	/* is anybody\n	return;\n	/* interested? */\n" + SPLIT)}), "a changed line begins or ends a comment, so that this one is code on one side only"),
    "a comment that is begun above code": (diff_of({LAPIC: FILES[LAPIC].replace(SPLIT, "	/* is anybody\n	return;\n	/* interested? */\n" + SPLIT)}, before={LAPIC: FILES[LAPIC].replace(SPLIT, "	/* is anybody */\n	return;\n	/* interested? */\n" + SPLIT)}), "a changed line begins or ends a comment, so that this one is code on one side only"),
    "another base": (V1.replace("arch.pending_ioapic_eoi", "arch.highest_stale_pending_ioapic_eoi"), "p.patch:N: kvm_ioapic_send_eoi(): the lines around the change are not the model's\n    the patch is for another base (--tree DIR gives its kernel), or the model says the same in other statements; then write this function by hand:\n"),
    "a hunk without its end": (V1[: V1.index(" 		kvm_make_request(KVM_REQ_IOAPIC_EOI")], "is shorter than its @@ line says"),
    "no diff": ("Dear all,\n\nplease see below.\n", "p.patch:1: there is no diff in it"),
    "an empty file": ("", "p.patch:1: there is no diff in it"),
    "only a quoted copy": ("".join(f"> {line}\n" for line in V1.splitlines()), "p.patch:1: only a quoted copy of a diff is in it"),
    "a hunk without a file": (V1[V1.index("@@") :], "p.patch:1: a hunk without the name of its file"),
    "a hunk after prose": (V1 + "And then:\n" + V1[V1.index("@@") :], "p.patch:17: a hunk without the name of its file"),
    "a line too many": (V1 + "+	return;\n", "p.patch:16: the hunk before `+	return;` is longer than its @@ line says"),
    "a line too many in it": (V1.replace("+\n", "+\n+	/* x */\n"), "p.patch:16: the hunk of line 5 has other lines than its @@ line says"),
    "a line that a mail wrapped": (V1.replace("APIC_SPIV) & ", "APIC_SPIV) &\n"), "p.patch:11: `APIC_SPIV_DIRECTED_EOI)` has neither + nor - nor a blank before it\n    a mail wrapped the line above"),
    "the signature of a mail in a hunk": (longer(V1) + "-- \n2.43.0\n", "p.patch:16: the hunk of line 5 is shorter than its @@ line says\n    count its lines again"),
    "a binary": ("diff --git a/x b/x\nGIT binary patch\nliteral 0\n", "p.patch:2: `GIT binary patch` is no change of lines"),
    "a removed file": (f"--- a/{LAPIC}\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", "p.patch:1: the patch removes a file"),
    "an #include alone": (diff_of({UAPI: "#include <x.h>\n" + FILES[UAPI]}), "p.patch:"),
    "a macro": (diff_of({UAPI: "#define F(x) (x)\n" + FILES[UAPI]}), "p.patch:"),
    "a static": (diff_of(edited(LAPIC, ("static bool kvm_ioapic_h", "static bool on = true;\n\nstatic bool kvm_ioapic_h"))), "p.patch:10: `static bool on = true;` outside of all functions"),
    "base64 that is none": ("Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n????\n", "p.patch:1: the mail cannot be decoded: line 5: base64 was expected"),
}  # fmt: skip


def first_changed(text: str) -> int:
    """The number of the first + or - line."""
    lines = text.splitlines()
    hunk = next((n for n, line in enumerate(lines, 1) if line.startswith("@@")), 0)
    return next((n for n, line in enumerate(lines, 1) if n > hunk and line[:1] in ("+", "-")), 0)


@pytest.mark.parametrize("which", [w for w in REFUSED if REFUSED[w][1]])
def test_is_refused(which: str, eoi: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, said = REFUSED[which]
    said = said.replace(":N:", f":{first_changed(text)}:")
    monkeypatch.chdir(tmp_path)
    Path("p.patch").write_text(text)
    ran = eoi("lift", "p.patch", "-o", "mine.py")
    assert ran.code == 2 and said in ran.err and ":0:" not in ran.err, ran.err
    assert ran.out == "" and not Path("mine.py").exists()


def test_prove_says_the_same(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    path = tmp_path / "p.patch"
    path.write_text(into("while (1)", "	;"))
    ran = eoi("prove", str(path))
    assert ran.code == 2 and "p.patch:9: a `while` statement" in ran.err and ran.out == ""


def test_the_way_out_is_named_where_it_is_one(
    eoi: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    way, named = "`eoi new mine.py --from p.patch` writes the class to begin with", Path("p.patch")
    for text in (into("while (1)", "	;"), into("kvm_forget(apic);")):
        named.write_text(text)
        ran = eoi("lift", "p.patch")
        assert way in ran.err and ran.code == 2
        ran = eoi("new", "mine.py", "--from", "p.patch", "--force")
        assert "next: edit it" in ran.out and "eoi new" not in ran.out and ran.code == 3
    for which, code in (("another file", 3), ("no diff", 2), ("a field without a type", 2)):
        named.write_text(REFUSED[which][0])
        assert "eoi new" not in eoi("lift", "p.patch").err
        assert eoi("new", "mine.py", "--from", "p.patch", "--force").code == code


def test_a_line_that_no_step_runs_is_told_by_the_name_of_the_patch(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    """Linux never sets SPIV bit 12. Nobody has the file of the class: the patch is named, and its own line."""
    (tmp_path / "p.patch").write_text(V1)
    asked = ("--vmm", "qemu", "--guest", "linux", "--scope", "cpus=1,pins=1,ioapic=0x20")
    ran = eoi("prove", str(tmp_path / "p.patch"), *asked)
    assert ran.code == 3 and "p.patch.py" not in ran.out
    first = next(n for n, text in enumerate(V1.splitlines(), 1) if text.startswith("+\t\tif"))
    answer = " ".join(ran.out.partition("\n\n")[0].split())
    said = f"`return` in kvm_ioapic_send_eoi(), changed from p.patch:{first} on"
    assert f"no step that was explored runs {said}" in answer
    assert f"NOT LOOKED AT: {said}: no step runs it" in " ".join(ran.out.split())
    assert json.loads(eoi("prove", str(tmp_path / "p.patch"), *asked, "--json").out)["not_looked_at"] == [said]


def test_the_line_of_a_patch_is_one_of_the_function(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    """Not of the helper before it in the same hunk, nor of the first file of the mail; of who uses a #define it is the #define's."""
    helper = "static bool told(struct kvm_lapic *apic)\n{\n\treturn true;\n}\n\n"
    head = "static void kvm_ioapic_send_eoi(struct kvm_lapic *apic, int vector)\n{\n"
    before = "\tif (!kvm_ioapic_handles_vector(apic, vector))\n"
    old, bit = "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)\n", "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK\t(1ULL << 1)\n"
    text = mail_of(diff_of({
        **edited(UAPI, (bit, f"{bit}#define KVM_X2APIC_API_NEW\t(1ULL << 2)\n")),
        **edited(LAPIC, (head, helper + head), ("\t/* is anybody interested? */\n" + before, "\tif (told(apic))\n\t\treturn;\n" + before)),
        **edited(X86, (f"\t\t\t\t    {old}", f"\t\t\t\t    {old[:-2]} | \\\n\t\t\t\t    KVM_X2APIC_API_NEW)\n")),
    }))  # fmt: skip
    (tmp_path / "p.patch").write_text(text)
    lines = text.splitlines()
    found = lift_files([str(tmp_path / "p.patch")]).places
    assert {name: lines[number - 1].strip("+\t \\|") for name, (_, number) in found.items()} == {
        "told": "static bool told(struct kvm_lapic *apic)",
        "kvm_ioapic_send_eoi": "if (told(apic))",
        "check_KVM_CAP_X2APIC_API": "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK",
        "enable_KVM_CAP_X2APIC_API": "KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK",
    }


def test_no_such_file(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    ran = eoi("lift", str(tmp_path / "none.patch"))
    assert ran.code == 2 and "none.patch: there is no such file" in ran.err


def test_what_was_edited_by_hand_is_not_written_over(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "p.patch").write_text(V1)
    mine, command = tmp_path / "mine.py", ("lift", str(tmp_path / "p.patch"), "-o", str(tmp_path / "mine.py"))
    assert eoi(*command).code == eoi(*command).code == 0  # the same text again is no loss
    mine.write_text(edited := mine.read_text() + "# by hand\n")
    ran = eoi(*command)
    assert ran.code == 2 and f"-o {mine}: this file has another text" in ran.err and ran.out == ""
    assert mine.read_text() == edited


def test_what_is_written_can_be_proved(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "p.eml").write_text(mail_of(V1))
    mine = tmp_path / "mine.py"
    ran = eoi("lift", str(tmp_path / "p.eml"), "-o", str(mine))
    assert ran.code == 0 and ran.out.startswith(f"written: {mine}\n")
    small = ("--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,ioapic=0x11", "--property")
    asked = (*small, "no_eoi_lost", "--brief", "--absolute")
    written, direct = eoi("prove", str(mine), *asked), eoi("prove", str(tmp_path / "p.eml"), *asked)
    assert written.code == direct.code == 1
    assert direct.out.startswith(
        "lifted: kvm_ioapic_send_eoi(); 0 notes of what is assumed and left out (`eoi lift`)\n"
    )
    assert "kernel design" in direct.out and "[lifted from p.eml: 0 assumed, 0 left out]" in direct.out
    assert "1 VIOLATED" in direct.out.splitlines()[-1] and direct.out.splitlines()[-1] == written.out.splitlines()[-1]
