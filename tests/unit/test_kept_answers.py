"""An answer that is kept is the answer of this cell, of this text, of these properties; or it is not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from checker.engine import kept
from checker.engine.search import Limits
from checker.errors import InternalError
from checker.matrix.cells import Cell, matrix
from checker.matrix.loader import load_design
from checker.matrix.roles import all_properties, designs
from checker.questions import kept_answers
from checker.questions.campaign import run_campaign
from checker.questions.kept_answers import answered, path_of
from checker.questions.verdict import CellResult, Status, check_cell
from model.devices import Level
from model.guests.linux import Linux
from model.lang import Property, compose
from model.machine import Machine
from model.vmms.qemu import Qemu

SMALL = {"cpus": 1, "pins": 1, "vectors": 1}
PROPERTIES = list(all_properties().values())


@pytest.fixture(autouse=True)
def answers_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Among programs that are there already: not in a cache of its own."""
    monkeypatch.delenv("EOI_ANEW")
    monkeypatch.setattr(kept_answers, "cache_dir", lambda: tmp_path)


def cells_of(name: str, cls: type[Machine] | None = None, guest: str = "linux") -> list[Cell]:
    found = matrix(
        (name, cls or designs()[name]), kernels=["base"], vmms=["qemu"], guests=[guest], devices=["level"], scope=SMALL
    )
    return [cell for cell in found if isinstance(cell, Cell)]


def ask(cell: Cell, wanted: Sequence[Property] = PROPERTIES) -> CellResult:
    return answered(cell, wanted, "native", lambda: check_cell(cell, wanted, engine="native"))


def never() -> CellResult:
    raise InternalError("it is found out again")


def test_what_is_kept_is_what_was_found() -> None:
    statuses = set[Status]()
    for cell in cells_of("v1", guest="windows_cg"):
        first, second = ask(cell), ask(cell)
        assert not first.kept and second.kept
        assert replace(second, kept=False) == first
        assert second.cell is cell and all(v.property is p for v, p in zip(second.verdicts, PROPERTIES, strict=True))
        assert answered(cell, PROPERTIES, "native", never).kept
        statuses |= {v.status for v in second.verdicts}
    assert statuses >= {Status.VIOLATED, Status.HOLDS, Status.SKIPPED}


def test_an_answer_that_was_looked_at_less_is_found_out_again() -> None:
    (cell, *_) = cells_of("v1", guest="windows_cg")
    found = answered(cell, PROPERTIES, "native", lambda: check_cell(cell, PROPERTIES, engine="native", again=3), 3)
    assert found.stats.states > 3
    assert answered(cell, PROPERTIES, "native", never, 3).kept
    with pytest.raises(InternalError, match="found out again"):
        answered(cell, PROPERTIES, "native", never, 4)
    states = found.stats.states
    whole = answered(cell, PROPERTIES, "native", lambda: check_cell(cell, PROPERTIES, again=states), states)
    assert not whole.kept and answered(cell, PROPERTIES, "native", never, 10 * states).kept  # there are no more


def test_no_two_questions_share_an_answer() -> None:
    cells = [*cells_of("v6"), *cells_of("v1"), *cells_of("base"), *cells_of("v6", guest="xen")]
    asked = [(cell, wanted) for cell in cells for wanted in (PROPERTIES, PROPERTIES[1:], PROPERTIES[::-1])]
    paths = [path_of(*of, engine) for of in asked for engine in ("native", "reference")]
    assert None not in paths and len(set(paths)) == len(paths) == 6 * len(cells)
    bigger = replace(cells[0], scope=replace(cells[0].scope, vectors=2))
    assert path_of(bigger, PROPERTIES, "native") not in paths


def test_another_source_file_of_the_project_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    (cell, *_) = cells_of("v1")
    before = path_of(cell, PROPERTIES, "native")
    monkeypatch.setattr(kept, "digest_of", lambda modules: "others")
    assert path_of(cell, PROPERTIES, "native") != before


TEXT = """\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    '''Obeys SPIV bit 12.'''
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
"""


def test_an_edited_file_of_a_user_is_asked_anew(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(TEXT)
    before = [ask(cell) for cell in cells_of("mine", load_design(str(file)), "windows_cg")]
    file.write_text(TEXT.replace("if apic.spiv", "if not apic.spiv"))
    after = [ask(cell) for cell in cells_of("mine", load_design(str(file)), "windows_cg")]
    assert not any(result.kept for result in after)
    assert [r.verdicts for r in after] != [r.verdicts for r in before]


def test_a_class_that_goes_by_no_name_of_its_own_keeps_nothing() -> None:
    (cell, *_) = cells_of("v1")
    made = type("V1", (designs()["v1"],), {"__doc__": "Made at run time.", "__module__": designs()["v1"].__module__})
    other = replace(cell, system=compose(made, Qemu, Linux, Level))
    assert path_of(cell, PROPERTIES, "native") is not None
    assert path_of(other, PROPERTIES, "native") is None


def test_a_damaged_answer_is_none(tmp_path: Path) -> None:
    (cell, *_) = cells_of("v1")
    ask(cell)
    (file,) = tmp_path.glob("*.answer")
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40], whole[:50] + b"x" + whole[51:]):
        file.write_bytes(damaged)
        assert not ask(cell).kept


def test_an_answer_that_a_limit_cut_is_not_kept() -> None:
    (cell, *_) = cells_of("v1")
    cut = answered(cell, PROPERTIES, "native", lambda: check_cell(cell, PROPERTIES, limits=Limits(max_states=2)))
    assert any(v.status is Status.INCONCLUSIVE for v in cut.verdicts)
    assert not ask(cell).kept


def test_who_asks_what_a_limit_allows_is_not_told_what_was_found_without() -> None:
    cells = cells_of("v1")
    run_campaign(cells, PROPERTIES, engine="auto", limits=Limits())
    assert all(r.kept for r in run_campaign(cells, PROPERTIES, engine="auto", limits=Limits()).results)
    limited = run_campaign(cells, PROPERTIES, engine="auto", limits=Limits(max_states=2)).results
    assert all(any(v.status is Status.INCONCLUSIVE for v in r.verdicts) and not r.kept for r in limited)


def test_anew_neither_takes_nor_keeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (cell, *_) = cells_of("v1")
    monkeypatch.setenv("EOI_ANEW", "1")
    ask(cell)
    assert not list(tmp_path.iterdir())
