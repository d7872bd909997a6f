"""`eoi migrations`: exit codes, one cell, JSON, bad names."""

from __future__ import annotations

import json

import pytest


def test_the_command(eoi):
    ran = eoi("migrations", "--table", "machine_types")
    assert ran.code == 1
    assert "migrate, loadvm_at_start:" in ran.out
    assert "loadvm_running:" in ran.out
    told = eoi("migrations", "--tell", "rfc_v2:8:1:migrate")
    assert told.code == 1
    assert "asked_for_nothing_migrates: VIOLATED in 1 step" in told.out
    assert eoi("migrations", "--tell", "rfc_v2:8:8:migrate").code == 0
    cell = json.loads(eoi("migrations", "--table", "machine_types", "--json").out)["cells"][9]
    assert (cell["cell"], cell["outcome"], cell["code"]) == ("machine_types:1:2:loadvm_running", "REFUSED AFTER", "X")
    assert cell["broken"][0]["steps"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--table", "rfc_v3"), "did you mean 'rfc_v2'"),
        (("--tell", "rfc_v2:8:1"), "TABLE:FROM:TO:OPERATION"),
        (("--tell", "rfc_v2:9:1:migrate"), "unknown host '9'"),
        (("--tell", "rfc_v2:8:1:migrat"), "did you mean 'migrate'"),
    ],
)
def test_bad_input_is_exit_code_2(eoi, arguments, said):
    ran = eoi("migrations", *arguments)
    assert ran.code == 2
    assert said in ran.err
