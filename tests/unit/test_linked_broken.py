"""A local of a pure function that goes out of its range makes the step fault that asked, in linked programs too: that step
alone, and not for what properties ask. Lowering refuses such locals, so the program is made of IR."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine import engine_abi, linked
from checker.engine.cgen import FAULT_BIT
from checker.engine.cgen_part import PartUnit
from checker.engine.native import Exploration
from checker.language import ir
from checker.language.ir import BOOL, Formula, Program
from checker.language.layout import Layout
from model.lang import Design, Kind
from tests.rigs.cgen_harness import (
    LOC,
    STATE,
    SX,
    THREE,
    Native,
    after,
    assign,
    compare,
    function,
    give,
    load,
    local,
    num,
    plus,
    program,
    require,
    store,
)  # fmt: skip
from tests.rigs.compare import shape_of
from tests.rigs.header import Sizes

Made = type("Made", (Design,), {"__annotations__": dict.fromkeys(name for name, _ in STATE.fields)})
FIRST, SECOND, THIRD = range(3)


def sample() -> Program:
    grown = ir.Call("grow", (), THREE, LOC)
    helpers = [
        function(
            "grow", [assign("a", plus(load(SX), num(1)), check=True, of=THREE), give(local("a", THREE))], returns=THREE
        ),
        function("small", [give(compare("==", grown, num(1)))], returns=BOOL),
    ]
    steps = {
        "first": [store(SX, grown)],
        "second": [store(SX, num(0))],
        "third": [require(compare("==", grown, num(2))), store(SX, num(7))],
    }
    made = program(STATE, steps, helpers, formulas=[Formula("small", Kind.ALWAYS, ("small",), (), False, LOC)])
    return replace(made, owners=dict.fromkeys(["grow", *steps], Made))


def check() -> None:
    """Raises AssertionError."""
    made = sample()
    layout = Layout(made)
    exploration = Exploration(linked.link(made, Made, []).start(), shape_of(made, Sizes()))
    for x in (0, 1, 2, 7):
        exploration.add_initial(layout.to_bytes(after(x=x)))

    def moves(x: int) -> dict[int, tuple[int, ...] | str]:
        found = exploration.successors(layout.to_bytes(after(x=x)))
        return {n & ~FAULT_BIT: "fault" if n & FAULT_BIT else layout.from_bytes(raw) for n, raw in found}

    for _ in range(2):
        assert moves(0) == {FIRST: after(x=1), SECOND: after(x=0)}
        assert moves(1) == {FIRST: after(x=2), SECOND: after(x=0), THIRD: after(x=7)}
        assert moves(2) == {FIRST: "fault", SECOND: after(x=0), THIRD: "fault"}
        assert exploration.eval_atoms([0]).tolist() == [[1, 0, 0, 0]]


def test_it_is_the_step_that_asked(tmp_path: Path) -> None:
    check()
    whole = Native(sample(), tmp_path)
    assert [(label, fault) for label, fault, _ in whole.expand(after(x=2))] == [
        (FIRST, True),
        (SECOND, False),
        (THIRD, True),
    ]


@pytest.mark.parametrize("bad", ["status = FAULT;", "*(uint8_t *)to[0] = 0;", ""])
def test_a_mark_that_is_not_reset_or_not_seen_is_noticed(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, good = PartUnit.source, "*(uint8_t *)to[0] = 0;\n\t\tstatus = FAULT;"

    def changed(self: PartUnit) -> str:
        text = source(self)
        assert good in text, "the bug must be possible"
        return text.replace(good, bad)

    monkeypatch.setattr(linked, "_units", {})
    monkeypatch.setattr(PartUnit, "source", changed)
    with pytest.raises(AssertionError) as noticed:
        check()
    assert "must be" not in str(noticed.value)


def test_a_mark_that_is_not_made_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "_units", {})
    monkeypatch.setattr(PartUnit, "hurt", "")
    with pytest.raises(AssertionError):
        check()


def test_a_mark_of_properties_that_is_one_of_steps_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the engine does not begin with a clean one."""
    text, words = engine_abi.engine_source(), linked.Linked._words
    good = "    *linked->broken = 0;\n"
    assert good in text
    monkeypatch.setattr(engine_abi, "engine_source", lambda: text.replace(good, ""))
    check()
    monkeypatch.setattr(linked.Linked, "_words", lambda self, asking: words(self, 0))
    with pytest.raises(AssertionError):
        check()
