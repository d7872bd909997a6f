"""tools/certify_matrix.py: what it says was done was done, of the cells that were asked for, and the rest is said to be open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checker.matrix.roles import all_properties
from tests.rigs.model_cells import one_cell
from tools import certify_matrix
from tools.certify_matrix import known, table, work


@pytest.fixture
def two_cells(monkeypatch):
    cells = [
        (n, one_cell("base", "qemu", v, "linux", scope="cpus=1,pins=1,vectors=1"))
        for n, v in ((18, "0x11"), (18, "0x20"))
    ]
    monkeypatch.setattr(certify_matrix, "cells_of", lambda design: (cells, list(all_properties().values())))


def test_it_goes_on_where_it_was_and_counts_what_is_left(two_cells, tmp_path):
    work(tmp_path, ["base"], 0)
    assert known(tmp_path) == [] and "| base | 0 of 2 | 0 | 0 of 36 |" in table(tmp_path, ["base"])
    work(tmp_path, ["base"], 60)
    done = known(tmp_path)
    assert [(one.design, one.states, one.said, one.left_out) for one in done] == [
        ("base", 18, certify_matrix.SAID, 0)
    ] * 2
    assert len(list((tmp_path / "base").glob("*.cert"))) == 2 and all(one.verdicts > 30 for one in done)
    work(tmp_path, ["base"], 60)
    assert known(tmp_path) == done
    assert "| base | 2 of 2 | 2 | 36 of 36 |" in table(tmp_path, ["base"])


def test_one_that_is_rejected_is_named(two_cells, tmp_path, monkeypatch):
    made = certify_matrix.certificate_of
    monkeypatch.setattr(certify_matrix, "certificate_of", lambda *a: replace(made(*a), content=b"no"))
    work(tmp_path, ["base"], 60)
    shown = table(tmp_path, ["base"])
    assert "| base | 2 of 2 | 0 |" in shown and "* base: qemu 0x11, linux, level: REJECTED, 0 left out" in shown
