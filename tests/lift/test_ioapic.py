"""Patches of the I/O APIC in the kernel: what is lifted is what somebody would write by hand, and a wrong one is told as such."""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker.errors import UserError
from checker.matrix import lifting
from lift.lifting import Lift
from lift.nodes import lines
from lift.surface import Surface
from model import machine
from model.designs.base import Base
from model.kvm import ioapic
from model.lang import Disabled, require
from tests.command.conftest import Ran
from tests.lift.test_forms import function, lift
from tests.lift.test_one_token import changes, outcome
from tests.rigs.own_c import IOAPIC, LAPIC, diff_of, edited
from tests.rigs.own_ioapic import WHOLE, changed
from tests.rigs.volume import at_once, volume

Change = tuple[str, str]
TESTED = "	if (!ent->fields.mask && (ioapic->irr & (1 << pin))) {\n"
ACKED = "	kvm_notify_acked_irq(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin);\n\n"
SPIV = "kvm_lapic_get_reg(apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI"
EACH = "		kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);\n"
LEVEL = "		    e->fields.trig_mode == IOAPIC_LEVEL_TRIG) {\n			kvm_scan_ioapic_irq("
OPENS = "	ent->fields.remote_irr = 0;\n"
CLOSED = "	if (entry->fields.mask || (entry->fields.trig_mode == IOAPIC_LEVEL_TRIG && entry->fields.remote_irr)) {\n"
LATCHED = "		if (old_irr == ioapic->irr)\n			goto out;\n"

EOI_PIN = """\
    def kvm_ioapic_eoi_pin(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        rte.remote_irr = False
        if {test}:
            if rte.irq_eoi + 1 == IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT:
                rte.irq_eoi = 0
                self.delayed_ioapic_service = True
            else:
                self.count_eoi(rte)
                self.kvm_ioapic_service(pin)
        else:
            rte.irq_eoi = 0
"""
EOI_ONE = """\
    def kvm_ioapic_update_eoi_one(self, apic: Lapic, pin: Pin, trigger: Trigger) -> None:
"""
SERVICE = """\
    def kvm_ioapic_service(self, pin: Pin) -> None:
        rte = self.ioapic[pin]
        if {closed}:
            return
        if rte.trigger == Trigger.LEVEL{taken}:
            rte.remote_irr = True
        self.apic_accept_irq(self.apic[rte.dest], rte.vector, rte.trigger)
"""
TAKEN = " and (self.apic[rte.dest].spiv_enabled or not self.any_vcpu_created())"
IS_CLOSED = "rte.mask or (rte.trigger == Trigger.LEVEL and rte.remote_irr)"
SET_IRQ = """\
    def kvm_ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
"""
SCAN = """\
    def kvm_ioapic_scan_entry(self, cpu: Cpu, apic: Lapic) -> None:
        for rte in self.ioapic.values():
            if rte.trigger == Trigger.LEVEL and {test}:
                self.kvm_scan_ioapic_irq(cpu, apic, rte.dest, rte.vector)
"""
WORK = """\
    def kvm_ioapic_eoi_inject_work(self) -> None:
        require(self.delayed_work_is_due())
        self.delayed_ioapic_service = False
        for pin, rte in self.ioapic.items():
            if rte.trigger == Trigger.LEVEL and {test}:
                self.kvm_ioapic_service(pin)
"""
# patch of C, what one would write by hand, where (guest, device, pins), what it says of it: a property that got worse, or "" if none did
CASES: dict[str, tuple[Change, str, tuple[str, str, int], str]] = {
    "the mask is not asked before it is sent again": (
        (TESTED, "	if (ioapic->irr & (1 << pin)) {\n"), EOI_PIN.format(test="rte.irr"),
        ("linux_threaded", "storming", 1), "throttle_counts_in_a_row"),
    "an open pin is not opened": (
        (OPENS, ""), EOI_PIN.replace("        rte.remote_irr = False\n", "").format(test="not rte.mask and rte.irr"),
        ("linux", "level", 1), "no_eoi_lost"),
    "an edge entry has nothing to open": (
        (OPENS, "	if (ent->fields.trig_mode != IOAPIC_LEVEL_TRIG)\n		return;\n" + OPENS),
        EOI_ONE + "        super().kvm_ioapic_update_eoi_one(apic, pin, trigger if self.ioapic[pin].trigger == Trigger.LEVEL else Trigger.EDGE)\n",
        ("any", "level", 1), ""),
    "the trigger mode is not asked": (
        (f"	if (trigger_mode != IOAPIC_LEVEL_TRIG || {SPIV})\n", f"	if ({SPIV})\n"),
        EOI_ONE + "        self.kvm_notify_acked_irq(pin)\n        if not apic.spiv_directed_eoi:\n            self.kvm_ioapic_eoi_pin(pin)\n",
        ("any", "level", 1), "edge_eoi_opens_no_pin"),
    "the ack notifier is forgotten": (
        (ACKED, ""), EOI_ONE + "        if trigger == Trigger.LEVEL and not apic.spiv_directed_eoi:\n            self.kvm_ioapic_eoi_pin(pin)\n",
        ("linux", "kernel_resample", 2), "line_is_serviced"),
    "only the first pin hears it": (
        (EACH, EACH + "		break;\n"),
        "    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:\n        for pin, rte in self.ioapic.items():\n"
        "            if rte.vector == vector:\n                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)\n                break\n",
        ("linux", "level", 2), "no_eoi_lost"),
    "the vector is asked the other way round": (
        ("		if (ent->fields.vector != vector)\n			continue;\n		trace_own_eoi(i, vector);\n" + EACH, "		if (ent->fields.vector == vector)\n	" + EACH),
        "    def kvm_ioapic_update_eoi(self, apic: Lapic, vector: Vector, trigger: Trigger) -> None:\n        for pin, rte in self.ioapic.items():\n"
        "            if not rte.vector != vector:\n                self.kvm_ioapic_update_eoi_one(apic, pin, trigger)\n",
        ("linux", "level", 2), ""),
    "a masked pin is sent": (
        (CLOSED, "	if (entry->fields.trig_mode == IOAPIC_LEVEL_TRIG && entry->fields.remote_irr) {\n"),
        SERVICE.format(closed="rte.trigger == Trigger.LEVEL and rte.remote_irr", taken=TAKEN), ("any", "level", 1), "masked_pin_sends_nothing"),
    "a pin closes though nobody took it": (
        ("	if (ret && irqe", "	if (irqe"), SERVICE.format(closed=IS_CLOSED, taken=""), ("any", "level", 1), "closes_only_if_taken"),
    "a pin closes if somebody took it": (
        ("	if (ret && irqe", "	if (ret > 0 && irqe"), SERVICE.format(closed=IS_CLOSED, taken=" and self.apic[rte.dest].spiv_enabled"), ("any", "level", 1), ""),
    "a line that falls is not seen": (
        ("		ioapic->irr &= ~mask;\n", ""),
        SET_IRQ + "        if level and (rte.trigger == Trigger.LEVEL or not rte.irr):\n            rte.irr = True\n            self.kvm_ioapic_service(pin)\n",
        ("any", "kernel_resample", 1), "no_spurious_injection"),
    "a latched edge is sent again": (
        (LATCHED, ""), SET_IRQ + "        rte.irr = level\n        if level:\n            self.kvm_ioapic_service(pin)\n", ("any", "edge", 1), ""),
    "a closed pin is only latched": (
        ("	ioapic->irr |= mask;\n", "	ioapic->irr |= mask;\n	if (!edge && ioapic->redirtbl[irq].fields.remote_irr)\n		goto out;\n"),
        SET_IRQ + "        if level and rte.trigger == Trigger.LEVEL and rte.remote_irr:\n            rte.irr = True\n        else:\n            super().kvm_ioapic_set_irq(pin, level)\n",
        ("any", "level", 1), ""),
    "masked pins are not scanned": (
        ("*e = &ioapic->redirtbl[index];\n", "*e = &ioapic->redirtbl[index];\n\n		if (e->fields.mask)\n			continue;\n"),
        SCAN.format(test="not rte.mask"), ("linux_threaded", "level", 1), "no_eoi_lost"),
    "masked pins that are open are not scanned": (
        (LEVEL, LEVEL.replace("e->fields.trig_mode == IOAPIC_LEVEL_TRIG", "(e->fields.trig_mode == IOAPIC_LEVEL_TRIG && (!e->fields.mask || e->fields.remote_irr))")),
        SCAN.format(test="(not rte.mask or rte.remote_irr)"), ("linux_threaded", "level", 1), ""),
    "the delayed work sends low lines": (
        ("		if (ioapic->irr & (1 << i) && !ent", "		if (!ent"), WORK.format(test="not rte.remote_irr"), ("linux", "storming", 2), "closes_for_a_high_line"),
    "the delayed work asks for the mask, too": (
        ("!ent->fields.remote_irr) {\n			trace_own_late", "!ent->fields.remote_irr && !ent->fields.mask) {\n			trace_own_late"),
        WORK.format(test="rte.irr and not rte.remote_irr and not rte.mask"), ("linux_threaded", "storming", 1), ""),
}  # fmt: skip
WRITE = """\
    def kvm_ioapic_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        old_dest = rte.dest
        self.set_entry(rte, vector, dest, trigger, mask)
        {opens}
        if {sends}:
            self.kvm_ioapic_service_unmasked(pin)
        self.kvm_make_scan_ioapic_request_mask(old_dest, dest)
"""
IF_EDGE, OPEN_EDGE = (
    "if trigger == Trigger.EDGE:\n            rte.remote_irr = False",
    "		if (e->fields.trig_mode == IOAPIC_EDGE_TRIG)\n			e->fields.remote_irr = 0;\n",
)
IS_DUE = "trigger == Trigger.LEVEL and rte.irr and not rte.mask and not rte.remote_irr"
# with three lines of context: more would show what is done then, which has no rows
WRITES: dict[str, tuple[Change, str, tuple[str, str, int], str]] = {
    "an entry that is written is open": (
        (OPEN_EDGE, "		e->fields.remote_irr = 0;\n"), WRITE.format(opens="rte.remote_irr = False", sends=IS_DUE),
        ("linux_threaded", "level", 1), "closed_until_its_eoi"),
    "an edge entry keeps Remote IRR": (
        (OPEN_EDGE, ""), WRITE.format(opens="", sends=IS_DUE), ("any", "level", 1), "edge_has_no_remote_irr"),
    "an edge is sent when its entry is written": (
        ("		if (e->fields.trig_mode == IOAPIC_LEVEL_TRIG && ioapic", "		if (ioapic"), WRITE.format(opens=IF_EDGE, sends="rte.irr and not rte.mask and not rte.remote_irr"),
        ("any", "level", 1), "edge_is_sent_as_it_rises"),
    "who is masked is asked, and not sent": (
        ("		    !e->fields.mask && !e", "		    !e"), WRITE.format(opens=IF_EDGE, sends="trigger == Trigger.LEVEL and rte.irr and not rte.remote_irr"),
        ("any", "level", 1), ""),
}  # fmt: skip
HEAD = """\
from model.designs.base import Base
from model.kvm.ioapic import IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT
from model.lang import require
from model.machine import Cpu, Lapic, Pin, Trigger, Vector


class Mine(Base):
"""


@pytest.mark.parametrize("which", at_once([*CASES, *WRITES], 23))
def test_is_what_one_writes_by_hand(
    which: str, eoi: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, by_hand, (guest, device, pins), worse = {**CASES, **WRITES}[which]
    patch, mine = tmp_path / "p.patch", tmp_path / "mine.py"
    patch.write_text(changed(change, context=3 if which in WRITES else 8))
    one = (
        guest == "any" and which != "the trigger mode is not asked"
    )  # whoever does anything has 67,000 states with two
    sizes = f"cpus=1,pins={pins}" + ",vectors=1" * one
    mine.write_text(HEAD + by_hand)
    asked = ("--vmm", "firecracker", "--guest", guest, "--device", device, "--scope", sizes, "--brief")
    with monkeypatch.context() as alone:
        alone.setattr(
            "checker.command.diff.with_slips", lambda diff, *_: diff
        )  # a program of mutants; nothing here asks for it
        ran = eoi("diff", str(mine), str(patch), *asked)
    assert re.search(r"same reachable graph in (the 1 cell|1 of 1 cell)\b", ran.out), ran.out + ran.err
    ran = eoi("prove", str(patch), *asked)
    told = re.findall(r"^REGRESSED +(\w+)", ran.out, re.M)
    assert (worse in told, ran.code) == (True, 1) if worse else (told == [] and ran.code in (0, 3)), ran.out


@pytest.mark.parametrize("which", CASES)
def test_with_little_context_it_is_the_same(which: str, tmp_path: Path) -> None:
    few, whole = (lift(tmp_path, changed(CASES[which][0], context=n)).source for n in (8, 40))
    name = re.findall(r"def (\w+)", whole)
    assert len(name) == 1 and function(few, name[0]) == function(whole, name[0])


HANDLES = {
    "nobody but a split irqchip hears": ("	return irqchip_split(apic->vcpu->kvm) && test_bit(vector, apic->vcpu->arch.ioapic_handled_vectors);", "self.irqchip_split() and vector in apic.ioapic_handled_vectors", 1),
    "there is an irqchip": ("	return (irqchip_split(apic->vcpu->kvm) || ioapic_in_kernel(apic->vcpu->kvm)) && test_bit(vector, apic->vcpu->arch.ioapic_handled_vectors);", "self.irqchip_mode != IrqchipMode.NONE and vector in apic.ioapic_handled_vectors", 0),
}  # fmt: skip
BIT = "	return test_bit(vector, apic->vcpu->arch.ioapic_handled_vectors);"


@pytest.mark.everything
@pytest.mark.parametrize("which", HANDLES)
def test_who_hears_an_eoi(which: str, eoi: Callable[..., Ran], tmp_path: Path) -> None:
    c, by_hand, code = HANDLES[which]
    patch, mine = tmp_path / "p.patch", tmp_path / "mine.py"
    patch.write_text(diff_of(edited(LAPIC, (BIT, c))))
    head = "    def kvm_ioapic_handles_vector(self, apic: Lapic, vector: Vector) -> bool:\n        return "
    mine.write_text(HEAD.replace("import Cpu", "import Cpu, IrqchipMode") + head + by_hand + "\n")
    asked = ("--vmm", "firecracker", "--guest", "linux", "--device", "level", "--scope", "cpus=1,pins=1", "--brief")
    ran = eoi("diff", str(mine), str(patch), *asked)
    assert re.search(r"same reachable graph in (the 1 cell|1 of 1 cell)\b", ran.out), ran.out + ran.err
    ran = eoi("prove", str(patch), *asked)
    assert ("no_eoi_lost" in re.findall(r"^REGRESSED +(\w+)", ran.out, re.M)) == bool(code), ran.out
    assert ran.code in ((1,) if code else (0, 3)), ran.out  # inconclusive: no cell tells the line from a slip


SHAPES = (
    "kvm_ioapic_eoi_pin",
    "kvm_ioapic_service",
    "kvm_ioapic_set_irq",
    "kvm_ioapic_eoi_inject_work",
    "kvm_ioapic_write_rte",
)


def after(run: Callable[..., None], arguments: list[Any], state: tuple[Any, ...]) -> list[Any]:
    """What a function does to two entries, and whom it calls, on a machine of plain objects."""
    throttle, spiv, created, armed, *entries = state
    log: list[Any] = []
    names = ("trigger", "mask", "remote_irr", "irr", "irq_eoi")
    rtes = {
        pin: SimpleNamespace(dest=0, vector=pin, **dict(zip(names, e, strict=True))) for pin, e in enumerate(entries)
    }
    me: Any = SimpleNamespace(
        ioapic=rtes, scope=SimpleNamespace(throttle=throttle), apic=[SimpleNamespace(spiv_enabled=spiv)], delayed_ioapic_service=armed,
        any_vcpu_created=lambda: created, delayed_work_is_due=lambda: True,
        kvm_ioapic_service=lambda pin: log.append((pin, str(rtes))), apic_accept_irq=lambda _, *rest: log.append(rest),
    )  # fmt: skip
    me.set_entry = lambda *a: Base.set_entry(me, *a)
    me.kvm_ioapic_service_unmasked = lambda pin: log.append((pin, str(rtes)))
    me.kvm_make_scan_ioapic_request_mask = lambda *dests: log.append(dests)
    me.count_eoi = lambda rte: Base.count_eoi(me, rte)
    try:
        run(me, *arguments)
    except Disabled:
        log.append("disabled")
    return [log, rtes, me.delayed_ioapic_service]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_means_what_the_function_means(name: str) -> None:
    """In all states of one entry, beside one other, and for all arguments."""
    scope: dict[str, Any] = {**vars(machine), **vars(ioapic), "require": require}
    made = Lift(lifting.table(), Surface(Base))
    nodes = made.known.shapes.with_places(name, made.nodes(name))
    text = f"def shape({ast.unparse(made.surface.functions[name].args)}):\n" + "\n".join(lines(nodes, 1))
    exec(compile(text, name, "exec", dont_inherit=True), scope)
    entries: list[Any] = list(itertools.product(machine.Trigger, *[[False, True]] * 3, [0, 1]))
    level: bool
    state: list[Any]
    other = (machine.Trigger.LEVEL, False, False, True, 1)
    for *state, level in itertools.product(*[[False, True]] * 4, entries, [False, True]):
        values = {
            "pin": 0,
            "level": level,
            "vector": 1,
            "dest": 1,
            "trigger": machine.Trigger(int(level)),
            "mask": state[0],
        }
        given = [values[p] for p in made.surface.parameters(name)]
        shape, function = (after(f, given, (*state, other)) for f in (scope["shape"], getattr(Base, name)))
        assert shape == function, (state, level)


REFUSED: dict[str, tuple[Change, str]] = {
    "an EOI that nobody counts": (("		++ioapic->irq_eoi[pin];\n", ""), "what is `storm` in the model has no value any more where it is read"),
    "a message without a vector": (("	irqe.vector = entry->fields.vector;\n", ""), "what is `vector` in the model has no value any more"),
    "another pin": (("ent->fields.mask && (ioapic->irr & (1 << pin))", "ent->fields.mask && (ioapic->irr & (1 << 4))"), "no row of the table covers `(ioapic->irr & (1 << 4))`"),
    "another entry": (("	ent = &ioapic->redirtbl[pin];\n", "	ent = &ioapic->redirtbl[0];\n"), "no row of the table covers `&ioapic->redirtbl[0]`"),
    "a member that is none": ((OPENS, "	ent->fields.polarity = 0;\n" + OPENS), "no row of the table covers `ent->fields.polarity`"),
    "the copy of an entry": (("	old_irr = ioapic->irr;\n", "	entry.fields.remote_irr = 1;\n	old_irr = ioapic->irr;\n"), "`entry` is not known here"),
    "code behind a label": (("out:\n", "out:\n	ioapic_service(ioapic, irq, line_status);\n"), "`out:` something is done behind it, and who goes to it is not lifted"),
    "what an entry has to keep": (("		e->fields.remote_irr = old_remote_irr;\n", ""), "`old_remote_irr` is not known here"),
    "a local that is a parameter of the model's": ((OPEN_EDGE, "		u8 dest = e->fields.dest_id;\n" + OPEN_EDGE), "`dest` is a name of the model's"),
    "a break without its loop": ((EACH, EACH + "		break;\n"), "a `break` of a loop or switch that the hunk does not show\n    make the patch with more context"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_not_lifted_is_said(which: str, tmp_path: Path) -> None:
    change, said = REFUSED[which]
    patch = changed(change, context=4)
    with pytest.raises(UserError) as refused:
        lift(tmp_path, patch)
    assert said in str(refused.value)
    line = int(str(refused.value).split(":")[1])
    assert patch.splitlines()[line - 1][:1] in ("+", "-") or which == "code behind a label"


OTHER = {
    "irqfd_resampler_ack": ("	lower(ioapic, data);\n", "irqfd_resampler_ack() is changed, and no row of model/kvm/correspondence.txt says what that is in the model\n    kvm_notify_acked_irq() of the model names it"),
    "kvm_ioapic_reset": ("	ioapic->irr = 0;\n", "kvm_ioapic_reset() is changed, and no function of the model stands for it"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_a_function_without_a_row_is_said(name: str, tmp_path: Path) -> None:
    line, said = OTHER[name]
    before = (
        f"\nstatic void {name}(struct kvm_ioapic *ioapic, u32 data)\n{{\n	begin(ioapic);\n	end(ioapic);\n}}\n"
    )
    after = before.replace("	end(", f"{line}	end(")
    with pytest.raises(UserError) as refused:
        lift(tmp_path, diff_of({IOAPIC: WHOLE + after}, before={IOAPIC: WHOLE + before}))
    assert said in str(refused.value) and re.search(r"p0\.patch:\d+: ", str(refused.value))


# The label is renamed, or a local where it is declared (none of these compiles: the other lines say the old name), or `False || False || A`, or the last statement.
WITHOUT_EFFECT = {
    *("3: index", "4: dm", "21: irqe", "22: ret"),
    *("91: old_delivery_status", "91: old_remote_irr", "91: old_dest_mode", "91: old_dest_id", "93: mask_after", "93: mask_before", "94: index"),
    *("153: i", "170: i", "185: edge", "186: old_irr", "214: out"),
}  # fmt: skip


@pytest.mark.everything
def test_one_token_is_noticed(tmp_path: Path) -> None:
    """By day every third, and all that are known to be lost."""
    counts, lost = Counter[str](), set[str]()
    renamed = {f"{w} -> {w.split()[1]}_x" for w in WITHOUT_EFFECT}
    known = renamed | {"12: || -> &&", "145: break -> return"}
    for number, (what, text) in enumerate(changes(IOAPIC, WHOLE)):
        if number % volume(3, 1) and what not in known:
            continue
        one = outcome(tmp_path, diff_of({IOAPIC: text}, 8, {IOAPIC: WHOLE}))
        counts[one] += 1
        lost |= {what} if one == "lost" else set()
    assert lost == known
    assert counts["different"] >= volume(5, 20) and counts["refused"] > volume(110, 350)
