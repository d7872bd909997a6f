"""A Python that lacks what eoi needs is told so, with what to do; it is no bug of eoi's."""

from __future__ import annotations

import sys

import pytest

from checker.command import cli

ONE = [
    "prove",
    "base",
    "--vmm",
    "qemu",
    "--guest",
    "linux",
    "--scope",
    "ioapic=0x20,cpus=1,pins=1",
    "--property",
    "no_storm",
]


@pytest.mark.parametrize("package", ["z3"])
def test_a_package_that_is_missing_is_named(package, monkeypatch, capsys):
    for name in [n for n in sys.modules if n.partition(".")[0] == package or n.startswith("checker.symbolic.")]:
        package_of, _, child = name.rpartition(".")
        if package_of in sys.modules:  # what is imported meanwhile would stay there as the package's
            monkeypatch.setattr(sys.modules[package_of], child, sys.modules[name], raising=False)
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert cli.main([*ONE, "--inductive"]) == 2
    assert f"has no {package}: `make setup` installs what eoi needs" in capsys.readouterr().err


def test_a_module_of_eois_own_that_is_not_there_is_a_bug(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "checker.symbolic.induction", None)
    assert cli.main([*ONE, "--inductive"]) == 4
    assert "this is a bug in eoiproof" in capsys.readouterr().err
