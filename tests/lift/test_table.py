"""The table beside the model: each row is used by a patch of ours, each shape means what the model's function means."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker.matrix import lifting
from checker.questions.tree_design import absent_words
from lift import anchors
from lift.constants import bits_of, value_of
from lift.cparse import expression
from lift.helpers import alarms
from lift.lifting import Lift
from lift.nodes import lines
from lift.refusal import NotLifted
from lift.surface import Surface
from lift.table import Table, read_table
from lift.tree import Tree
from lift.whole import lift_whole, rows_of
from model import machine
from model.designs.base import Base
from model.lang import Mask
from tests.lift import test_forms, test_ioapic, test_registers
from tests.lift.test_forms import TRISTATE, VARIANTS, lift
from tests.rigs.own_c import FILES, IOAPIC, LAPIC, OBEYS, X86, diff_of, edited
from tests.rigs.own_ioapic import changed
from tests.rigs.own_tree import EARLY, LATER, NEWEST

HELPER = """\
static bool asks(struct kvm_vcpu *vcpu)
{
	return kvm_lapic_get_reg(vcpu->arch.apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI;
}

static void kvm_ioapic_send_eoi("""
OTHERS = {
    "documentation": {"Documentation/virt/kvm/api.rst": "One\n", "tools/testing/selftests/kvm/x.c": "int x;\n", "arch/x86/kvm/trace.h": "TRACE(x);\n"},
    "headers": {f"arch/x86/kvm/{name}": "bool kvm_lapic_later(struct kvm *kvm);\n" for name in ("lapic.h", "ioapic.h", "irq.h", "irq.c", "irq_comm.c")},
    "uapi": {"include/uapi/linux/kvm.h": "#define KVM_CAP_SPLIT_IRQCHIP_API 244\n"},
}  # fmt: skip
MORE = [
    (LAPIC, "	if (likely(!irqchip_split(apic->vcpu->kvm)) && unlikely(vector == vector))\n		return;\n"),
    (LAPIC, "	if (lapic_in_kernel(apic->vcpu) && !kvm_apic_pending_eoi(apic->vcpu, vector))\n		kvm_make_scan_ioapic_request(apic->vcpu->kvm);\n"),
    (LAPIC, "	srcu_read_lock(x);\n	rcu_read_lock();\n	smp_wmb();\n	atomic_inc(x);\n"),
    (LAPIC, "	trace_own(READ_ONCE(x), atomic_read(y), kvm_apic_id(apic), min(a, b), max(a, b));\n"),
]  # fmt: skip


def patches() -> list[str]:
    """Of our own C, so that between them every row is needed."""
    found = [diff_of(TRISTATE), diff_of(TRISTATE, 40), *(diff_of(files) for files in OTHERS.values())]
    asks = OBEYS[0] + "		if (asks(apic->vcpu))\n			return;\n"
    found += [diff_of(edited(LAPIC, ("static void kvm_ioapic_send_eoi(", HELPER), (OBEYS[0], asks)))]
    found += [diff_of(edited(LAPIC, v), 40) for v in VARIANTS.values()]
    found += [diff_of(edited(file, (OBEYS[0], more + OBEYS[0])), 40) for file, more in MORE]
    found += [diff_of(edited(file, change), 40) for file, change, said in test_forms.SMALL.values() if said]
    found += [changed(change) for change, *_ in [*test_ioapic.CASES.values(), *test_ioapic.WRITES.values()]]
    found += [changed(change, context=40) for change, *_ in test_ioapic.CASES.values()]
    found += [test_registers.patch(*changes) for changes, *_ in test_registers.CASES.values()]
    found += [diff_of(edited(LAPIC, (test_ioapic.BIT, c))) for c, *_ in test_ioapic.HANDLES.values()]
    warned = OBEYS[0].replace("irqchip_split", "!WARN_ON_ONCE(vector == vector) && irqchip_split")
    before = edited(LAPIC, (OBEYS[0], warned))
    found.append(diff_of({LAPIC: before[LAPIC].replace(warned, OBEYS[1].replace(OBEYS[0], warned))}, before=before))
    return found


def lift_all(tree: Tree, table: Table) -> None:
    """Each function of a tree, whole."""
    made = Lift(table, Surface(Base))
    made.known.defines |= tree.defines
    for row in rows_of(made.known, tree):
        lift_whole(made, tree, row)
        table.named("preconditions", row.model)
    for alike in anchors.anchored(table).values():
        anchors.chosen(table, tree, alike)
    table.own(made.surface.functions)
    assert alarms(table, tree, set(table.used))


@pytest.mark.everything
def test_every_row_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = read_table(lifting.TABLE.read_text(), lifting.SHOWN)
    usual = lifting.table
    monkeypatch.setattr(lifting, "table", lambda shown=lifting.SHOWN: fresh if shown == lifting.SHOWN else usual(shown))
    for number, text in enumerate([*patches()]):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            lift(folder, text)
        except lifting.UserError as refused:
            known = ("it changes nothing that the model has", "it changes no code", "only point", "a `break` of a loop")
            if not any(said in str(refused) for said in known):
                raise
    test_forms.test_a_new_capability(tmp_path)
    for tree in (LATER, EARLY, NEWEST):
        lift_all(Tree(tree), fresh)
    assert absent_words(fresh, Tree({})) and not absent_words(fresh, Tree(LATER))
    idle = [(line, left) for line, left in fresh.lines() if line not in fresh.used]
    assert idle == [], idle


def python_of(function: str) -> ast.Module:
    """The shape of a function, with the constants that the table has."""
    table = lifting.table()
    made = Lift(table, Surface(Base))
    body = lines(made.resolved(function, made.nodes(function)), 1)
    arguments = ast.unparse(made.surface.functions[function].args)
    return ast.parse(f"def shape({arguments}):\n" + ("\n".join(body) or "    pass"))


def called(function: Any, arguments: dict[str, Any], state: dict[str, Any]) -> tuple[Any, Any]:
    """What a function returns, and what it leaves, on a machine of plain objects."""
    log: list[Any] = []
    entries = {n: SimpleNamespace(vector=v) for n, v in enumerate(state["vectors"])}
    apic = SimpleNamespace(cpuid_x2apic=state["x2apic"], lvr_directed_eoi=state["lvr"])
    me = SimpleNamespace(
        ioapic_in_kernel=lambda: state["kernel"], errno=machine.Errno.OK, ioapic=entries,
        kvm_ioapic_update_eoi_one=lambda _, pin, trigger: log.append((pin, trigger)),
    )  # fmt: skip
    result = function(me, **{k: apic if k == "apic" else v for k, v in arguments.items()})
    return result, (log, apic, me.errno)


VALUES = {"apic": [None], "vector": [0, 1], "trigger": list(machine.Trigger), "bit2": [False, True], "bit3": [False, True],
          "vm_fd": [False, True]}  # fmt: skip


def test_every_shape_means_what_the_function_means() -> None:
    """For all arguments, and all states that they read: the four functions read no other."""
    shapes = lifting.table().shapes
    assert set(shapes) - set(test_ioapic.SHAPES) == {
        "kvm_apic_set_version", "kvm_ioapic_update_eoi", "enable_KVM_CAP_X2APIC_API", "check_KVM_CAP_X2APIC_API", "kvm_ioapic_version"
    }  # fmt: skip
    surface = Surface(Base)
    for name in set(shapes) - set(test_ioapic.SHAPES):
        scope: dict[str, Any] = {**vars(machine), "Mask": Mask}
        exec(compile(python_of(name), name, "exec", dont_inherit=True), scope)
        parameters = surface.parameters(name)
        tried = 0
        for values in itertools.product(*(VALUES[p] for p in parameters)):
            for kernel, x2apic, lvr, a, b in itertools.product(*[[False, True]] * 3, [0, 1], [0, 1]):
                state = {"kernel": kernel, "x2apic": x2apic, "lvr": lvr, "vectors": [a, b]}
                arguments = dict(zip(parameters, values, strict=True))
                assert called(scope["shape"], arguments, state) == called(getattr(Base, name), arguments, state), (
                    name,
                    arguments,
                    state,
                )
                tried += 1
        assert tried >= 32


def test_registers_and_constants() -> None:
    defines = {row.left: row.right for row in lifting.table().rows["constants"]}
    assert value_of(expression("KVM_X2APIC_API_VALID_FLAGS"), defines) == 3
    assert value_of(expression("~KVM_X2APIC_API_VALID_FLAGS"), defines) == 2**64 - 4
    assert value_of(expression("BIT(3) | 0x10UL"), defines) == 24
    assert value_of(expression("UNKNOWN | 1"), defines) is None
    assert value_of(expression("A"), {"A": "B", "B": "A"}) is None
    register = lifting.table().registers[0]
    assert (
        bits_of(2**64 - 4, register) == "bit2 or bit3"
        and bits_of(4, register) == "bit2"
        and bits_of(3, register) == "False"
    )


WRONG = {
    "[nowhere]\n": "there is no section [nowhere]",
    "[expressions]\nf($x)\n": "`=>` is missing",
    "[expressions]\nf($x) => 1\n": "something is left out: say why, after #",
    "[assume]\nf($x) => True\n": "something is left out: say why, after #",
    "[ignore]\ntrace_*\n": "something is left out: say why, after #",
    "[anchors]\nf => a\n": "something is left out: say why, after #",
    "[anchors]\nf => a( # x\n": "cannot parse",
    "[own]\nf\n": "something is left out: say why, after #",
    "[functions]\nf(a)\n": "a: which model expression?",
    "[functions]\nf(a: -)\n": "a parameter is left out: say why, after #",
    "[expressions]\nf( => 1\n": "cannot parse",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_row_that_is_none(text: str) -> None:
    with pytest.raises(NotLifted) as refused:
        read_table(text, "mine.txt")
    assert WRONG[text] in str(refused.value) and str(refused.value).startswith("mine.txt:")


def test_a_row_that_drops_something_says_so_in_the_answer(tmp_path: Path) -> None:
    found = lift(tmp_path, diff_of(edited(X86, ("	vcpu->arch.highest_stale_pending_ioapic_eoi = -1;\n", ""))))
    assert any("$n = 256" in line and "as many as there are vectors" in line for line in found.left_out)
    assert IOAPIC in FILES
