"""Rows beside those of whole functions: what is the model's own."""

from __future__ import annotations

import pytest

from checker.command.drift import as_json, report
from checker.matrix import lifting
from lift.refusal import NotLifted
from lift.surface import Surface
from lift.table import read_table
from model.designs.base import Base
from tests.lift.test_drift import of_later


def test_what_is_the_models_own_is_not_missing() -> None:
    found = of_later()
    assert found.own["any_vcpu_created"] == "a read of kvm->created_vcpus"
    assert not set(found.own) & set(found.without)
    assert "kvm_ioapic_eoi_pin" not in found.without  # it is in [parts]
    assert any(
        line.startswith("The model's own, no functions of the C: any_vcpu_created")
        for line in report("own", found, chosen=False)
    )
    assert as_json("own", found)["own"] == found.own


def test_a_name_that_the_model_has_not_is_no_own_one() -> None:
    text = lifting.TABLE.read_text().replace("\nany_vcpu_created ", "\nany_vcpu_creatde ")
    line = text.split("\n").index(next(x for x in text.split("\n") if x.startswith("any_vcpu_creatde"))) + 1
    with pytest.raises(NotLifted) as refused:
        read_table(text, "mine.txt").own(Surface(Base).functions)
    assert str(refused.value) == f"mine.txt:{line}: [own]: the model has no function any_vcpu_creatde()"
