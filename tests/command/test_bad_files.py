"""A file that cannot be read or written is told of in a sentence with its path, exit code 2, and nothing half written."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker import files
from checker.command import claims, cli, explore
from checker.errors import UserError
from checker.questions import gate, migration_table

pytestmark = pytest.mark.unit

STORM = (
    "trace",
    "base",
    "--vmm",
    "qemu",
    "--guest",
    "windows_cg",
    "--property",
    "no_storm",
    "--scope",
    "cpus=1,pins=1,ioapic=0x20",
)
REGISTERED = "the gate judges registered designs only (`eoi list designs`); for a file: eoi diff base"
HERE = {"folder", "folder.svg", "folder.py", "text", "binary.py", "binary"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.svg", "folder.py"):
        Path(name).mkdir()
    Path("text").write_text("no story\n")
    for name in ("binary", "binary.py"):
        Path(name).write_bytes(b"\xff\xfe")
    assert {path.name for path in tmp_path.iterdir()} == HERE
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_is_explored(monkeypatch):
    """What is asked for is refused before any work is done for it."""

    def refused(*rest, **options):
        raise AssertionError("this takes long")

    for module, name in ((explore, "run_campaign"), (gate, "run_so_far"), (migration_table, "report_text")):
        monkeypatch.setattr(module, name, refused)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*STORM, "--svg", "folder.svg"), "--svg folder.svg: is a directory, a file is needed"),
        ((*STORM, "--svg", "none/x.svg"), "--svg none/x.svg: there is no directory {}/none"),
        ((*STORM, "--svg", "text/x.svg"), "--svg text/x.svg: there is no directory {}/text"),
        (("replay", "none"), "none: there is no such file or directory"),
        (("replay", "folder"), "folder: is a directory, a file is needed"),
        (("replay", "binary"), "binary: line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'"),
        (("replay", "text/x"), "text/x: a part of this path is a file, not a directory"),
        (("replay", "text", "--design", "none.py"), "none.py: no such file"),
        (("prove", "--absolute", "none.py"), "none.py: no such file"),
        (("prove", "--absolute", "folder.py"), "folder.py: is a directory, a .py file is needed"),
        (("prove", "--absolute", "binary.py"), "binary.py: is not UTF-8 text"),
        (("prove", "--absolute", "base", "--guest", "binary.py"), "binary.py: is not UTF-8 text"),
        (("prove", "--absolute", "base", "--property", "binary.py"), "binary.py: is not UTF-8 text"),
        (("diff", "base", "binary.py"), "binary.py: is not UTF-8 text"),
        (("compat", "base", "folder.py"), "folder.py: is a directory, a .py file is needed"),
        (("litmus", "none"), "none: No such file or directory"),
        (("litmus", "text/x"), "text/x: Not a directory"),
        (("gate", "--expected", "none"), "none: there is no such file: `eoi gate --write none` makes one"),
        (("gate", "--expected", "folder"), "folder: is a directory, a file is needed"),
        (("gate", "--expected", "binary"), "binary: is not UTF-8 text"),
        (("gate", "--write", "folder"), "--write folder: is a directory, a file is needed"),
        (("gate", "--write", "text/a/b"), "--write text/a/b: there is no directory {}/text/a"),
        (("gate", "--write", "none/x.toml"), "--write none/x.toml: there is no directory {}/none"),
        (("gate", "--write", "none/deeper/x.toml"), "--write none/deeper/x.toml: there is no directory {}/none/deeper"),
        (("gate", "--expected", "text"), "text: line 1 is not what `eoi gate --write` writes: no story"),
        (
            ("gate", "--design", "none.py"),
            f"--design none.py: {REGISTERED} none.py, or eoi gate --baseline FILE none.py",
        ),
        (
            ("gate", "--design", "base,folder/a b.py:V7"),
            f"--design folder/a b.py:V7: {REGISTERED} 'folder/a b.py:V7', or eoi gate --baseline FILE 'folder/a b.py:V7'",
        ),
        (("gate", "--design", "bose"), "unknown design 'bose': did you mean 'base'?"),
        (
            ("gate", "--design", "zzzz"),
            "unknown design 'zzzz': `eoi list designs` and `eoi list bugs` name what the gate judges",
        ),
        (("migrations", "--write", "text"), "--write text/migration: {}/text is a file, not a directory"),
        (("migrations", "--write", "text/a/b"), "--write text/a/b/migration: {}/text is a file, not a directory"),
        (("conform", "kvm", "--write", "text"), "--write text: {}/text is a file, not a directory"),
        (("conform", "qemu", "--record", "folder"), "--record folder: is a directory, a file is needed"),
        (("conform", "kvm", "--record", "none/x"), "--record none/x: there is no directory {}/none"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_a_sentence_with_the_path_and_nothing_written(eoi, here, arguments, said):
    ran = eoi(*arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"eoi: {said.replace('{}', str(here))}\n")
    assert {path.name for path in here.iterdir()} == HERE


def test_standard_input_that_is_no_text(eoi, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    assert (
        eoi("replay", "-").err
        == "eoi: standard input: line 1: no story found; it begins with '<property>: VIOLATED in <n> steps'\n"
    )


@pytest.mark.parametrize(
    ("code", "said"), [(errno.EACCES, "permission denied"), (errno.ENOSPC, "no space left on device")]
)
def test_no_error_of_the_system_is_shown_raw(eoi, monkeypatch, code, said):
    def fails(options):
        raise OSError(code, os.strerror(code), "/some/file")

    monkeypatch.setattr(claims, "run", fails)
    ran = eoi("claims")
    assert (ran.code, ran.err) == (2, f"eoi: /some/file: {said}\n")


def test_a_closed_pipe_is_no_mistake(eoi, monkeypatch):
    closed = []

    def fails(options):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(claims, "run", fails)
    monkeypatch.setattr(cli, "_closed_pipe", lambda: closed.append(1) or 141)
    assert eoi("claims").code == 141 and closed


def test_a_mistake_that_nobody_reads_is_no_violation(here):
    """`2>&1 | head -1`: the exit code is that of the mistake."""
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "checker.command.cli", "prove", "--absolute", "base", "--scope", "flags=7"]
    path = os.pathsep.join(p for p in sys.path if p)
    with open(writes, "wb") as closed:
        assert (
            subprocess.run(command, stderr=closed, env={**os.environ, "PYTHONPATH": path}, check=False).returncode == 2
        )


def test_a_file_that_cannot_be_finished_is_not_begun(here, monkeypatch):
    def full(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = here / "out.txt"
    files.write_text(path, "old\n")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"/out\.txt: cannot be written: no space left on device"):
        files.write_text(path, "new\n")
    assert path.read_text() == "old\n" and {p.name for p in here.iterdir()} == HERE | {"out.txt"}


@pytest.mark.parametrize("check", [files.check_file, files.check_folder])
def test_a_folder_that_nobody_may_write_to(here, monkeypatch, check):
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == here / "folder" and mode == os.W_OK))  # root may
    with pytest.raises(UserError, match=r"--write folder/x: permission denied in .*/folder"):
        check("--write", Path("folder/x"))


def test_a_file_is_written_whole_or_not_at_all(here, monkeypatch):
    files.write_bytes(Path("picture"), b"whole")
    assert Path("picture").read_bytes() == b"whole"

    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"^picture: cannot be written: no space left on device$"):
        files.write_bytes(Path("picture"), b"another")
    assert Path("picture").read_bytes() == b"whole"
    assert {path.name for path in here.iterdir()} == {*HERE, "picture"}
