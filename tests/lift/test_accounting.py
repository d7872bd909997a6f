"""Whoever translates may forget something: the accounting finds it, since it reads the lines by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.errors import UserError
from lift import lifting as lift_module
from lift.accounting import Ledger
from lift.ctokens import Row, tokens
from lift.nodes import Node
from lift.refusal import NotLifted
from lift.translate import Translator
from lift.transplant import transplant
from tests.lift.test_forms import TRISTATE, lift
from tests.rigs.own_c import HOST, IOAPIC, LAPIC, OBEYS, diff_of, edited


def test_a_token_that_is_forgotten_is_found() -> None:
    rows = [Row("	if (a && b)", 7, False), Row("		return c; /* d */", 8, True)]
    found, ledger = tokens(rows), Ledger("x.patch")
    ledger.take(t for t in found if t.text in ("return", ";"))
    with pytest.raises(NotLifted, match="nothing was made of `c` in `return c;") as refused:
        ledger.check(rows)
    assert refused.value.line == 8
    ledger.leave([t for t in found if t.text == "c"], "c", "why not")
    ledger.check(rows)


def test_a_translator_that_forgets_an_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Translator, "take_brackets", lambda *_: None)
    with pytest.raises(UserError, match="nothing was made of"):
        lift(tmp_path, diff_of(TRISTATE))


def test_a_translator_that_forgets_a_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Translator, "_expr", lambda *_: [])
    more = OBEYS[0] + "		kvm_make_scan_ioapic_request(apic->vcpu->kvm);\n"
    with pytest.raises(UserError, match=r"p0.patch:9: nothing was made of `kvm_make_scan_ioapic_request`"):
        lift(tmp_path, diff_of(edited(LAPIC, (OBEYS[0], more))))


def test_a_line_that_nobody_looks_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lift_module.Lift, "lists", lambda *_: None)
    with pytest.raises(UserError, match=r"p0.patch:9: nothing was made of `bool later;`"):
        lift(tmp_path, diff_of(edited(HOST, ("	bool has_mapped", "	bool later;\n	bool has_mapped"))))


DO = [Node("do", name) for name in "abcd"]


def test_the_place_is_one() -> None:
    new = [DO[0], Node("do", "n"), DO[1]]
    found = transplant(DO[:2], new, DO, 1, "f()")
    assert [n.text for n in found.nodes] == ["a", "n", "b", "c", "d"] and (found.context, found.of) == (2, 2)
    with pytest.raises(NotLifted, match="stand at 2 places"):
        transplant(DO[:2], new, [*DO[:2], *DO[:2]], 1, "f()")
    with pytest.raises(NotLifted, match="are not the model's"):
        transplant(DO[:2], new, [DO[0], DO[2], DO[1]], 1, "f()")


def test_context_far_from_the_change_may_differ_and_a_neighbour_may_not() -> None:
    far = transplant(
        [Node("do", "x"), *DO[:2]], [Node("do", "x"), DO[0], Node("do", "n"), DO[1]], DO, 1, "f()"
    )  # fmt: skip
    assert [n.text for n in far.nodes] == ["a", "n", "b", "c", "d"] and (far.context, far.of) == (2, 3)
    with pytest.raises(NotLifted, match="are not the model's"):
        transplant([DO[0], Node("do", "x")], [DO[0], Node("do", "n"), Node("do", "x")], DO, 1, "f()")


def test_context_that_no_row_covers_is_told_by_its_line(tmp_path: Path) -> None:
    patch = diff_of(edited(IOAPIC, ("trigger_mode != IOAPIC_LEVEL_TRIG || ", "")))
    number = next(n for n, line in enumerate(patch.splitlines(), 1) if "open_the_pin" in line)
    (said,) = [line for line in lift(tmp_path, patch).left_out if "open_the_pin" in line]
    assert f":{number}: ignored: this line of the context  # the model has no function open_the_pin()" in said
