"""Called in a checkout other than the one whose code runs, `eoi` does not pass off its own model as the one there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker.command import checkout, conform, gate
from checker.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
MARKS = ("checker/command/cli.py", "model/machine.py")


@pytest.fixture
def other(tmp_path):
    """As much of another checkout as tells that it is one. Its files are hard links, as in a copy by `cp -al`."""
    for mark in MARKS:
        (tmp_path / "other" / mark).parent.mkdir(parents=True)
        os.link(ROOT / mark, tmp_path / "other" / mark) if same_device(tmp_path) else (
            tmp_path / "other" / mark
        ).touch()
    return tmp_path / "other"


def same_device(folder: Path) -> bool:
    return folder.stat().st_dev == ROOT.stat().st_dev


@pytest.mark.parametrize(
    "command", [("gate",), ("gate", "--write", "x.toml"), ("conform", "kvm"), ("conform", "qemu")], ids=" ".join
)
@pytest.mark.parametrize("inside", ["", "reports/deep"])
def test_what_judges_a_checkout_is_refused(eoi, other, monkeypatch, command, inside):
    for judges in (gate, conform):  # they take long, and the real KVM
        monkeypatch.setattr(judges, "run", lambda options: pytest.fail("not refused"))
    (other / inside).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(other / inside)
    ran = eoi(*command)
    assert (ran.code, ran.out) == (2, "") and len(ran.err.splitlines()) == 1
    assert f"those of {ROOT}, not of the checkout {other} that you are in" in ran.err
    assert "make setup && . .venv/bin/activate" in ran.err and "`cd` out of it" in ran.err
    assert not list(other.glob("*.toml"))


def test_every_other_command_warns_in_one_line_and_goes_on(eoi, other, monkeypatch):
    monkeypatch.chdir(ROOT)
    at_home = eoi("list", "vmms")
    monkeypatch.chdir(other)
    ran = eoi("list", "vmms")
    assert at_home.code == ran.code == 0 and ran.out == at_home.out != "" and at_home.err == ""
    (line,) = ran.err.splitlines()
    assert line.startswith("eoi: warning: ") and str(ROOT) in line and str(other) in line


@pytest.mark.parametrize("command", ["gate", "list"])
@pytest.mark.parametrize("folder", [".", "tests/command"])
def test_nothing_is_said_at_home_or_outside_of_any_checkout(capsys, tmp_path, monkeypatch, command, folder):
    for place in (ROOT / folder, tmp_path):
        monkeypatch.chdir(place)
        checkout.check(command)
    assert capsys.readouterr() == ("", "")


def test_nothing_is_said_where_the_current_directory_is_gone(capsys, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    checkout.check("list")
    assert capsys.readouterr() == ("", "")


def test_a_checkout_of_symbolic_links_to_this_one_is_this_one_and_the_nearest_counts(capsys, other, monkeypatch):
    inner = other / "inner"
    inner.mkdir()
    for package in ("checker", "model"):
        (inner / package).symlink_to(ROOT / package)
    monkeypatch.chdir(inner)
    checkout.check("gate")
    (inner / "model").unlink()
    (inner / "model").symlink_to(other / "model")  # one of the two is another one
    with pytest.raises(UserError, match="inner that you are in"):
        checkout.check("gate")


def called(cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """`eoi gate` as the command starts: the current directory is not on sys.path."""
    program = "import sys; sys.argv = ['eoi', 'gate', '--expected', 'none']; from checker.command.entry import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONSAFEPATH": "1", "PWD": str(cwd)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


def test_code_and_directory_that_are_reached_by_symbolic_links(other, tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    home.symlink_to(ROOT)
    away.symlink_to(other)
    for cwd, path in ((home, ROOT), (ROOT, home), (home / "tests", home)):
        assert "none: there is no such file" in called(cwd, path).stderr
    for path in (home, ROOT):
        ran = called(away, path)
        assert ran.returncode == 2 and f"those of {ROOT}, not of the checkout {other} that you are in" in ran.stderr


def test_the_script_of_a_copy_says_whose_code_runs(eoi, other, tmp_path, monkeypatch):
    """`cp -a` copies the .venv, whose scripts name the Python of the first one. Called from anywhere, and from the copy."""
    monkeypatch.setattr("sys.argv", [str(other / ".venv" / "bin" / "eoi")])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = eoi("list", "vmms")
    assert ran.code == 0 and len(ran.err.splitlines()) == 1
    assert (
        f"those of {ROOT}, not of the checkout {other} whose eoi you called: run `cd {other} && rm -r .venv && make setup"
        in ran.err
    )
    assert eoi("gate").code == 2
    monkeypatch.chdir(other)
    assert "that you are in: run `cd " in (said := eoi("list", "vmms").err) and "rm -r .venv && make setup" in said
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # who says this means that code
    monkeypatch.chdir(tmp_path)
    assert eoi("list", "vmms").err == ""


def test_a_real_copy_of_a_script(other, tmp_path):
    """It begins with the path of the Python that it was made for."""
    script = other / ".venv" / "bin" / "eoi"
    script.parent.mkdir(parents=True)
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom checker.command.entry import main\nsys.exit(main())\n"
    )
    script.write_text(f"#!{sys.executable}\n{program}")
    script.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [script, "list", "vmms"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 and "qemu" in ran.stdout
    assert ran.stderr.startswith(
        f"eoi: warning: the code and the model that run are those of {ROOT}, not of the checkout {other} whose eoi"
    )
