"""Patches of QEMU's I/O APIC: what is lifted is what somebody would write by hand, and a wrong one is told as such."""

from __future__ import annotations

import ast
import itertools
import json
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
from lift.nodes import lines, reached
from lift.surface import Surface
from lift.table import read_table
from model import machine
from model.vmms import qemu
from model.vmms.qemu import Qemu
from tests.command.conftest import Ran
from tests.lift.test_forms import V1_DIFF, function, lift
from tests.lift.test_one_token import changes, outcome
from tests.rigs.own_c import diff_of, mail_of
from tests.rigs.own_qemu import BROADCAST, QEMU, WHOLE, changed
from tests.rigs.volume import at_once, volume

Change = tuple[str, str]
TABLE = "model/vmms/qemu_correspondence.txt"
NOTHING = "it changes nothing that the model has"
WAITS = "                if (coalesce != 0) {\n                    continue;\n                }\n"
VERSION = "        if (s->version != 0x20 || size != 4) {\n"
ROUTES = "            if (kvm_irqchip_is_split()) {\n                ioapic_update_kvm_routes(s);\n            }\n"
SENDS = "            ioapic_service(s);\n        }\n"
FIXES = "            ioapic_fix_edge_remote_irr(&s->ioredtbl[index]);\n"
KEEPS = "            s->ioredtbl[index] |= ro_bits;\n"
TELLS = "                kvm_resample_fd_notify(n);\n"
CLOSED = (
    "                if ((entry & IOAPIC_LVT_REMOTE_IRR) == 0) {\n                    continue;\n                }\n"
)
OPENS = "                s->ioredtbl[n] = entry & ~IOAPIC_LVT_REMOTE_IRR;\n"
LEVEL = "!(entry & IOAPIC_LVT_TRIGGER_MODE)) {\n"
AGAIN = "                    } else {\n                        ioapic_service(s);\n                    }\n                } else {"
THROTTLE = BROADCAST[
    BROADCAST.index("                    ++s->irq_eoi") : BROADCAST.index(
        "                } else {\n                    s->irq_eoi[n] = 0;"
    )
]
LOW = "        } else {\n            s->irr &= ~mask;\n        }\n"
ROUTED = "        if (info.masked == 0) {\n            msg"
ASKS = "            if (info.masked == 0) {\n                if"
LOOKS = "            if ((entry & IOAPIC_LVT_REMOTE_IRR) == 0) {\n                ioapic_service(s);\n            }\n"

BROADCASTS = """\
    def ioapic_eoi_broadcast(self, vector: Vector) -> None:
        for pin, rte in self.ioapic.items():
            if {test}:
                self.device_resample(pin)
                if {closed}:
                    rte.remote_irr = False
                    if not rte.mask and rte.irr:
                        {again}
                    else:
                        rte.irq_eoi = 0
"""
HEARD, RETRIGGERS = (
    "rte.vector == vector and rte.trigger == Trigger.LEVEL",
    """if rte.irq_eoi + 1 == SUCCESSIVE_IRQ_MAX_COUNT:
                            rte.irq_eoi = 0
                            self.delayed_ioapic_service = True
                        else:
                            self.count_eoi(rte)
                            self.ioapic_service()""",
)
SERVICES = """\
    def ioapic_service(self) -> None:
        for pin, rte in self.ioapic.items():
            if rte.irr{masked}:
                closed = rte.trigger == Trigger.LEVEL and rte.remote_irr
                if rte.trigger == Trigger.EDGE:
                    {edge}
                else:
                    {level}
                if {sends}:
                    self.kvm_set_irq(pin, True)
"""
SETS = """\
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        rte = self.ioapic[pin]
"""
WRITES = """\
    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:
        rte = self.ioapic[pin]
        self.set_entry(rte, vector, dest, trigger, mask)
"""
EDGE = "        if trigger == Trigger.EDGE:\n            rte.remote_irr = False\n"
# patch of C, what one would write by hand, where (guest, device, pins), what it says of it: a property that got worse, or "" if none did
CASES: dict[str, tuple[tuple[Change, ...], str, tuple[str, str, str], str]] = {
    "every version has the register": (
        ((VERSION, "        if (size != 4) {\n"),),
        "    def ioapic_mem_write_eoi(self, vector: Vector) -> None:\n        self.ioapic_eoi_broadcast(vector)\n",
        ("illumos", "level", "pins=1"), "level_is_sent_once"),
    "no version has it": (
        ((VERSION, "        if (s->version == 0x20 || size != 4) {\n"),),
        "    def ioapic_mem_write_eoi(self, vector: Vector) -> None:\n        if self.ioapic_version() == IoapicVersion.V11:\n            self.ioapic_eoi_broadcast(vector)\n",
        ("windows_cg", "level", "pins=1"), "no_eoi_lost"),
    "an entry is sent before its route is set": (
        ((ROUTES + SENDS, SENDS.replace("        }\n", ROUTES + "        }\n")),),
        WRITES + "        rte.irq_eoi = 0\n" + EDGE + "        self.ioapic_service()\n        self.ioapic_update_kvm_routes(pin)\n",
        ("xen_moves", "level", "cpus=2,pins=1"), "no_eoi_lost"),
    "an edge entry keeps Remote IRR": (
        ((FIXES, ""),), WRITES + "        rte.irq_eoi = 0\n        self.ioapic_update_kvm_routes(pin)\n        self.ioapic_service()\n",
        ("any", "level", "pins=1,vectors=1"), "edge_has_no_remote_irr"),
    "an entry write opens its pin": (
        ((KEEPS, ""),), "    def ioapic_mem_write_rte(self, pin: Pin, vector: Vector, dest: Cpu, trigger: Trigger, mask: bool) -> None:\n"
        "        self.ioapic[pin].remote_irr = False\n        super().ioapic_mem_write_rte(pin, vector, dest, trigger, mask)\n",
        ("linux_threaded", "level", "pins=1"), "closed_until_its_eoi"),
    "an entry write forgives nobody": (
        (("            s->irq_eoi[index] = 0;\n", ""),),
        WRITES + EDGE + "        self.ioapic_update_kvm_routes(pin)\n        self.ioapic_service()\n", ("linux_threaded", "storming", "pins=1"), ""),
    "nobody is told of the end": (
        ((TELLS, ""),), BROADCASTS.replace("                self.device_resample(pin)\n", "").format(test=HEARD, closed="rte.remote_irr", again=RETRIGGERS),
        ("linux", "resample", "pins=1"), "line_is_serviced"),
    "whoever waits is told if the pin was closed": (
        ((TELLS, ""), (OPENS, TELLS + OPENS)),
        BROADCASTS.replace("                self.device_resample(pin)\n", "").replace("                    rte.remote_irr = False\n", "                    self.device_resample(pin)\n                    rte.remote_irr = False\n").format(test=HEARD, closed="rte.remote_irr", again=RETRIGGERS),
        ("linux", "resample", "pins=1"), "line_is_serviced"),
    "an open pin is sent again, too": (
        ((CLOSED, ""),), BROADCASTS.format(test=HEARD, closed="True", again=RETRIGGERS), ("any", "level", "pins=1,vectors=1"), ""),
    "edges hear it": (
        ((LEVEL, "false) {\n"),), BROADCASTS.format(test="rte.vector == vector", closed="rte.remote_irr", again=RETRIGGERS),
        ("any", "edge", "pins=1,vectors=1"), ""),
    "there is no throttle": (
        ((THROTTLE, "                    ioapic_service(s);\n"),), BROADCASTS.format(test=HEARD, closed="rte.remote_irr", again="self.ioapic_service()"),
        ("linux", "storming", "pins=1"), ""),
    "a line that is high waits for another call": (
        ((AGAIN, AGAIN.replace("ioapic_service(s);", "trace_own_waits(n);")),),
        BROADCASTS.format(test=HEARD, closed="rte.remote_irr", again=RETRIGGERS.replace("self.ioapic_service()", "pass")),
        ("linux", "shared", "pins=1"), "line_is_serviced"),
    "masked pins hear nothing": (
        ((LEVEL, "entry & IOAPIC_LVT_MASKED || " + LEVEL),),
        BROADCASTS.format(test=f"{HEARD} and not rte.mask", closed="rte.remote_irr", again=RETRIGGERS), ("linux_threaded", "level", "pins=1"), "no_eoi_lost"),
    "a closed pin is sent again": (
        ((WAITS, ""),), SERVICES.format(masked=" and not rte.mask", edge="rte.irr = False", level="rte.remote_irr = True", sends="True"),
        ("linux", "level", "pins=2"), "level_is_sent_once"),
    "a pin that is sent stays open": (
        (("                    s->ioredtbl[i] |= IOAPIC_LVT_REMOTE_IRR;\n", ""),),
        SERVICES.format(masked=" and not rte.mask", edge="rte.irr = False", level="pass", sends="not closed"), ("linux", "level", "pins=1"), "level_is_sent_once"),
    "a masked pin is sent": (
        ((ASKS, ASKS.replace(") {", " || info.trig_mode == IOAPIC_TRIGGER_LEVEL) {")),),
        SERVICES.format(masked=" and (not rte.mask or rte.trigger == Trigger.LEVEL)", edge="rte.irr = False", level="rte.remote_irr = True", sends="not closed"),
        ("any", "level", "pins=1,vectors=1"), "masked_pin_sends_nothing"),
    "edges stay latched": (
        (("                    s->irr &= ~mask;\n                } else", "                    trace_own_edge(i);\n                } else"),),
        SERVICES.format(masked=" and not rte.mask", edge="pass", level="rte.remote_irr = True", sends="not closed"), ("any", "edge", "pins=1,vectors=1"), "edge_is_sent_as_it_rises"),
    "a line that falls is not seen": (
        ((LOW, "        }\n"),),
        SETS + "        if level or rte.trigger == Trigger.EDGE:\n            super().ioapic_set_irq(pin, level)\n", ("linux", "level", "pins=1"), ""),
    "a masked edge is kept": (
        (("if (level != 0 && (entry & IOAPIC_LVT_MASKED) == 0) {\n", "if (level != 0) {\n"),),
        SETS + "        if rte.trigger == Trigger.EDGE and level:\n            rte.irr = True\n            self.ioapic_service()\n        else:\n            super().ioapic_set_irq(pin, level)\n",
        ("linux_threaded", "edge", "pins=1"), ""),
    "a closed pin is looked at again": (
        ((LOOKS, "            ioapic_service(s);\n"),),
        SETS + "        if rte.trigger == Trigger.LEVEL and level:\n            rte.irr = True\n            self.ioapic_service()\n        else:\n            super().ioapic_set_irq(pin, level)\n",
        ("any", "level", "pins=1,vectors=1"), ""),
    "masked pins are routed": (
        ((ROUTED, "        if (info.masked == 0 || s) {\n            msg"),),
        "    def ioapic_update_kvm_routes(self, written: Pin) -> None:\n        for pin, rte in self.ioapic.items():\n"
        "            self.set_routing_entry(self.irq_routing[pin], True, self.remapped_vector(pin), rte.dest, rte.trigger)\n        self.kvm_set_irq_routing()\n",
        ("linux_threaded", "level", "pins=1"), ""),
    "routes are never in force": (
        (("    kvm_irqchip_commit_routes(kvm_state);\n", ""),),
        "    def ioapic_update_kvm_routes(self, written: Pin) -> None:\n        for pin, rte in self.ioapic.items():\n            if not rte.mask:\n"
        "                self.set_routing_entry(self.irq_routing[pin], True, self.remapped_vector(pin), rte.dest, rte.trigger)\n",
        ("linux", "level", "pins=1"), "no_eoi_lost"),
}  # fmt: skip
HEAD = """\
from model.machine import Cpu, IoapicVersion, Pin, Trigger, Vector
from model.vmms.qemu import SUCCESSIVE_IRQ_MAX_COUNT, Qemu


class Mine(Qemu):
"""


@pytest.mark.parametrize("which", at_once(list(CASES), 22))
def test_is_what_one_writes_by_hand(which: str, eoi: Callable[..., Ran], tmp_path: Path) -> None:
    change, by_hand, (guest, device, sizes), worse = CASES[which]
    patch, mine = tmp_path / "p.patch", tmp_path / "mine.py"
    patch.write_text(changed(*change, context=8))
    mine.write_text(HEAD + by_hand)
    kernel = "v1" if guest == "windows_cg" else "base"  # where its EOI has to come through the register
    asked = (
        "--kernel",
        kernel,
        "--guest",
        guest,
        "--device",
        device,
        "--scope",
        sizes if "cpus" in sizes else f"cpus=1,{sizes}",
        "--brief",
    )
    ran = eoi("diff", str(mine), str(patch), *asked)
    assert re.search(r"same reachable graph in (all \d cells|the 1 cell|(\d) of \2 cells?)\b", ran.out), (
        ran.out + ran.err
    )
    ran = eoi("prove", str(patch), *asked)
    told = re.findall(r"^REGRESSED +(\w+)", ran.out, re.M)
    assert ran.out.startswith(f"{patch} against qemu: "), ran.out
    assert (worse in told, ran.code) == (True, 1) if worse else (told == [] and ran.code in (0, 3)), ran.out


SHAPES = (
    "ioapic_service", "ioapic_set_irq", "ioapic_update_kvm_routes", "ioapic_eoi_broadcast", "ioapic_mem_write_eoi", "ioapic_mem_write_rte",
)  # fmt: skip
FIELDS = ("trigger", "mask", "remote_irr", "irr", "irq_eoi", "vector")


def after(run: Callable[..., None], arguments: dict[str, Any], state: tuple[Any, ...]) -> list[Any]:
    """What a function does to two entries, and whom it calls, on a machine of plain objects."""
    throttle, version, *entries = state
    log: list[Any] = []
    rtes = {pin: SimpleNamespace(dest=1 - pin, **dict(zip(FIELDS, e, strict=True))) for pin, e in enumerate(entries)}
    routes = {pin: SimpleNamespace(valid=False) for pin in rtes}
    me: Any = SimpleNamespace(
        ioapic=rtes, irq_routing=routes, scope=SimpleNamespace(throttle=throttle), delayed_ioapic_service=False, apic=[0, 1],
        ioapic_gsi=lambda pin: pin, on_one_chip=lambda *_: True, remapped_vector=lambda pin: rtes[pin].vector, ioapic_version=lambda: version,
        kvm_set_irq=lambda gsi, level: log.append(("sent", gsi, str(rtes))) if level else None,  # kvm_set_msi(): 0 is nothing
        device_resample=lambda pin: log.append(("ended", pin, str(rtes))), kvm_set_irq_routing=lambda: log.append("in force"),
        ioapic_service=lambda: log.append(("service", str(rtes))), ioapic_update_kvm_routes=lambda pin: log.append(("routes", pin, str(rtes))),
        ioapic_eoi_broadcast=lambda vector: log.append(("EOI", vector)), apic_accept_irq=lambda *_: log.append("a message"),
    )  # fmt: skip
    me.set_entry = lambda *a: Qemu.set_entry(me, *a)
    me.set_routing_entry = lambda *a: Qemu.set_routing_entry(me, *a)
    me.count_eoi = lambda rte: Qemu.count_eoi(me, rte)
    run(me, **arguments)
    return [log, rtes, routes, me.delayed_ioapic_service]


VALUES: dict[str, list[Any]] = {
    "pin": [0], "written": [0], "level": [False, True], "vector": [0, 1], "dest": [0], "trigger": list(machine.Trigger), "mask": [False, True],
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_means_what_the_function_means(name: str) -> None:
    """In all states of one entry, beside two others, and for all arguments."""
    scope: dict[str, Any] = {**vars(machine), **vars(qemu)}
    made = Lift(lifting.table(TABLE), Surface(Qemu))
    nodes = made.known.shapes.with_places(name, reached(made.nodes(name)))
    text = f"def shape({ast.unparse(made.surface.functions[name].args)}):\n" + "\n".join(lines(nodes, 1))
    exec(compile(text, name, "exec", dont_inherit=True), scope)
    parameters, tried = made.surface.parameters(name), 0
    entry = list(itertools.product(machine.Trigger, *[[False, True]] * 3, [0, 1], [0, 1]))
    others = [(machine.Trigger.LEVEL, False, False, True, 1, 0), (machine.Trigger.EDGE, False, True, True, 0, 1)]
    for values in itertools.product(*(VALUES[p] for p in parameters)):
        for state in itertools.product([False, True], machine.IoapicVersion, entry, others):
            given = dict(zip(parameters, values, strict=True))
            assert after(scope["shape"], given, state) == after(getattr(Qemu, name), given, state), (given, state)
            tried += 1
    assert tried >= 512 and set(lifting.table(TABLE).shapes) == set(SHAPES)


OTHERS = [
    diff_of({"docs/system/x.rst": "One\n", "tests/qtest/ioapic-test.c": "int x;\n", "include/hw/intc/ioapic_internal.h": "#include \"x.h\"\n", "hw/intc/ioapic_common.c": "#include \"y.h\"\n"}),
    changed((ASKS, "            bql_lock(s);\n            bql_unlock(s);\n            qatomic_inc(s);\n            smp_mb();\n" + ASKS), context=40),
    changed((OPENS, OPENS + "                s->irr &= ~(1 << n);\n"), context=40),
    changed((CLOSED, CLOSED.replace("entry", "s->ioredtbl[n]"))),
    changed((LOOKS, LOOKS.replace("entry", "s->ioredtbl[vector]"))),
    changed((WAITS, WAITS.replace("coalesce != 0", "s->ioredtbl[i] & IOAPIC_LVT_REMOTE_IRR"))),
    changed((WAITS, "                s->ioredtbl[i] &= ~IOAPIC_LVT_REMOTE_IRR;\n" + WAITS)),
    changed((VERSION, "        if (s->version == 0x11 || size != 4) {\n")),
    changed((LEVEL, "((entry >> IOAPIC_LVT_TRIGGER_MODE_SHIFT) & 1) != IOAPIC_TRIGGER_LEVEL) {\n")),
    changed(("    ioapic_service(opaque);\n", ""), context=8),
    changed(("static void ioapic_mem_write(", "static bool has_register(IOAPICCommonState *s, bool wide)\n{\n    return wide;\n}\n\nstatic void ioapic_mem_write("), (VERSION, "        if (!has_register(s, true)) {\n")),
]  # fmt: skip


def test_every_row_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, usual = read_table((lifting.TABLE.parents[2] / TABLE).read_text(), TABLE), lifting.table()
    monkeypatch.setattr(lifting, "table", lambda shown=lifting.SHOWN: fresh if shown == TABLE else usual)
    refused = Counter[str]()
    for number, text in enumerate([*(changed(*c, context=n) for c, *_ in CASES.values() for n in (8, 40)), *OTHERS]):
        (folder := tmp_path / str(number)).mkdir()
        try:
            lift(folder, text)
        except UserError as error:
            refused[str(error).splitlines()[0].partition(": ")[2]] += 1
    assert set(refused) <= {NOTHING, f"{NOTHING}, and is harmless: tracing"}, refused
    assert [(line, left) for line, left in fresh.lines() if line not in fresh.used] == []


def beside(name: str, line: str) -> str:
    """A patch of a function that has no row."""
    before = f"\nvoid {name}(DeviceState *dev)\n{{\n    begin(dev);\n    end(dev);\n}}\n"
    return diff_of({QEMU: WHOLE + before.replace("    end(", f"    {line}\n    end(")}, before={QEMU: WHOLE + before})


REFUSED = {
    "an EOI that nobody counts": (changed(("                    ++s->irq_eoi[n];\n", "")), "what is `storm` in the model has no value any more where it is read"),
    "an entry that is not looked at": (changed(("            ioapic_entry_parse(entry, &info);\n            if", "            if")), "what is `masked` in the model has no value any more where it is read"),
    "a copy that is not made": (changed((" = s->ioredtbl[n];\n", ";\n")), "what is `entry_trigger` in the model has no value any more where it is read"),
    "a copy of a copy": (changed((OPENS, "                uint64_t old = entry;\n\n" + OPENS)), "`entry` is not known here"),
    "another pin": (changed(("(s->irr & (1 << n))", "(s->irr & (1 << 4))")), "no row of the table covers `(s->irr & (1 << 4))`"),
    "another bit of the entry": (changed((LOOKS, LOOKS.replace("REMOTE_IRR", "POLARITY"))), "no row of the table covers `(entry & IOAPIC_LVT_POLARITY)`"),
    "a mask that is set": (changed(("                        timer_mod", "                        s->ioredtbl[n] |= IOAPIC_LVT_MASKED;\n                        timer_mod")), "no row of the table covers the statement `s->ioredtbl[n] |= IOAPIC_LVT_MASKED;`"),
    "one pin too many": (changed(("(vector < IOAPIC_NUM_PINS)", "(vector <= IOAPIC_NUM_PINS)"), context=40), "`IOAPIC_NUM_PINS` is not known here"),
    "another loop": (changed(("            for (n = 0;", "            for (n = 1;"), context=40), "no row of the table covers the loop `for(n = 1, (n < IOAPIC_NUM_PINS), n++)`"),
    "a loop over chips that ends": (changed(("        if (s) {\n", "        if (vector == vector) {\n            continue;\n        }\n        if (s) {\n"), context=40), "`continue` of a loop that is none in the model"),
    "another wait": (changed(("NANOSECONDS_PER_SECOND / 100);", "NANOSECONDS_PER_SECOND / 10);")), "the model has no function timer_mod_anticipate()"),
    "a break without its loop": (changed((AGAIN, AGAIN.replace("                    }\n", "                    }\n                    break;\n"))), "a `break` of a loop or switch that the hunk does not show\n    make the patch with more context"),
    "a preprocessor's line": (changed(("#ifdef CONFIG_KVM\n                if", "#if 1\n                if")), "`#ifdef CONFIG_KVM` is changed inside a function"),
    "the throttle's count": (diff_of({QEMU: "#define SUCCESSIVE_IRQ_MAX_COUNT 5\n" + WHOLE}, before={QEMU: "#define SUCCESSIVE_IRQ_MAX_COUNT 10000\n" + WHOLE}), "#define SUCCESSIVE_IRQ_MAX_COUNT is changed, and the table does not know who uses it\n    add its value to [constants] of model/vmms/qemu_correspondence.txt"),
    "a new field": (diff_of({"include/hw/intc/ioapic_internal.h": "struct IOAPICCommonState {\n    bool quiet;\n};\n"}, before={"include/hw/intc/ioapic_internal.h": "struct IOAPICCommonState {\n};\n"}), "struct IOAPICCommonState is changed, and no row of the table stands for it\n    add it to [structs] of model/vmms/qemu_correspondence.txt"),
    "a function without a row": (beside("ioapic_reset_common", "s->irr = 0;"), "ioapic_reset_common() is changed, and no function of the model stands for it\n    if it does not matter, say so in model/vmms/qemu_correspondence.txt: `[ignore] function ioapic_reset_common  # why`"),
    "a function that the model names": (beside("ioapic_fix_edge_remote_irr", "trace_x(dev);"), "ioapic_fix_edge_remote_irr() is changed, and no "),
    "a lock": (changed(("    ioapic_service(opaque);\n", "    bql_lock();\n    ioapic_service(opaque);\n")), "its only point is a lock, and that is not modelled"),
    "tracing": (changed(("                        trace_own_storm(n);\n", "")), f"{NOTHING}, and is harmless: tracing\n    what became of each change, by the rows of model/vmms/qemu_correspondence.txt:\n"),
    "another file of QEMU's": (diff_of({"hw/intc/apic.c": "int x;\n"}), "hw/intc/apic.c is not lifted, and the model relies on it: the LAPIC where KVM has none"),
    "KVM and QEMU": (V1_DIFF + changed(*CASES["every version has the register"][0]), "p0.patch:20: hw/intc/ioapic.c is in model/vmms/qemu_correspondence.txt, and what is changed before it in model/kvm/correspondence.txt\n    give the patches of a kernel and of a VMM separately"),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_not_lifted_is_said(which: str, tmp_path: Path) -> None:
    text, said = REFUSED[which]
    with pytest.raises(UserError) as refused:
        lift(tmp_path, text)
    assert said in str(refused.value) and re.search(r"p0\.patch:\d+: ", str(refused.value)), refused.value


@pytest.mark.parametrize("which", [w for w in CASES if "masked pins are routed" not in w])
def test_with_less_context_it_is_the_same(which: str, tmp_path: Path) -> None:
    few, whole = (lift(tmp_path, changed(*CASES[which][0], context=n)).source for n in (3, 8))
    (name,) = re.findall(r"def (\w+)", whole)
    assert function(few, name) == function(whole, name)


# A local is renamed where it is declared, or has its value: that does not compile, as the other lines say the old name.
RENAMED = {
    "4: info", "5: msg", "6: i", "22: i", "30: info", "68: entry", "69: mask", "70: s", "105: i", "105: n", "144: ro_bits",
}  # fmt: skip


@pytest.mark.everything
def test_one_token_is_noticed(tmp_path: Path) -> None:
    """By day every third, and all that are known to be lost."""
    counts, lost = Counter[str](), set[str]()
    ends = {f"{n}: return -> break" for n in (151, 154)}  # of the switch, behind which nothing is done
    known = {f"{w} -> {w.split()[1]}_x" for w in RENAMED} | ends
    for number, (what, text) in enumerate(changes(QEMU, WHOLE)):
        if number % volume(3, 1) and what not in known:
            continue
        one = outcome(tmp_path, diff_of({QEMU: text}, 8, {QEMU: WHOLE}))
        counts[one] += 1
        lost |= {what} if one == "lost" else set()
    assert lost == known
    assert counts["different"] >= volume(6, 20) and counts["refused"] > volume(100, 300), counts


def test_is_judged_on_old_and_new_kernels(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    patch = tmp_path / "p.eml"
    patch.write_text(mail_of(changed(*CASES["every version has the register"][0]), "[PATCH] ioapic: a register"))
    asked = ("prove", str(patch), "--guest", "windows_cg", "--scope", "cpus=1,pins=1,vectors=1,flags=NONE", "--json")
    for kernels, named in ((["base", "v6"], ()), (["v6"], ("--kernel", "v6"))):
        found = json.loads(eoi(*asked, *named).out)
        assert found["base"] == "qemu" and found["design"] == str(patch)
        assert sorted(g["cell"].split(", ")[0] for g in found["graphs"]) == sorted(kernels * 2)  # 0x11 and 0x20
