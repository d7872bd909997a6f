"""Where a command runs can be odd: no directory, no room, limits, another user, another Python, something else at /dev/kvm. What
was kept can be damaged, and where something is to be written there can be something else."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checker import files
from checker.command import exits
from checker.engine import cache_folder, kept
from checker.errors import UserError
from tests.command.conftest import Ran
from tests.rigs.own_process import CELL, HOLDS, SMALL, STORM, command, is_a_clear_line, ran
from tests.rigs.user_file import GOOD

pytestmark = pytest.mark.everything
ROOT = Path(__file__).parents[2]
GONE = "eoi: the directory that you are in is not there any more: `cd` into one that is"
IN_NONE = "mkdir gone; cd gone; rmdir ../gone; {}"
OTHER_USER = 12345  # of whom the machine knows nothing
AS_OTHER = f"setpriv --reuid {OTHER_USER} --regid {OTHER_USER} --clear-groups {{}}"

needs_root = pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="root becomes somebody else")


def may_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


needs_mounts = pytest.mark.skipif(not shutil.which("unshare") or not may_mount(), reason="mounts of one's own")


# ---- a directory that was removed ----


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (HOLDS, 0, "1 holds"),
        (["gate", "--expected", "x", "--design", "base"], 2, "eoi: x: there is no such file"),
        (["litmus", "x"], 2, "eoi: x: No such file or directory"),
        (["prove", "x.py"], 2, "eoi: x.py: no such file"),
        (["gate", "--design", "base", "--write", "x"], 2, GONE),
        ([*STORM, "--svg", "x.svg"], 2, GONE),
        (["migrations", "--write", "x"], 2, "--write x/migration: there is no such file or directory"),
        (["lift", "x.patch", "-o", "y.py"], 2, GONE),
        (["drift", "x"], 2, GONE),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)
def test_in_a_directory_that_is_gone(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    is_a_clear_line(ran(words, IN_NONE, tmp_path), code, said)


# ---- limits ----


@pytest.mark.parametrize(
    ("limit", "words", "code", "said"),
    [
        ("-n 5", ["list", "vmms"], 0, "openvmm"),
        ("-s 256", HOLDS, 0, "1 holds"),
        ("-v 27000", ["list", "vmms"], 3, "eoi: out of memory: INCONCLUSIVE"),
        ("-f 0", ["list", "vmms"], 2, "eoi: output: file too large"),
        ("-f 0", HOLDS, 2, "nothing can be kept"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[0] == "-" else "",
)  # fmt: skip
def test_limits(tmp_path: Path, limit: str, words: list[str], code: int, said: str) -> None:
    found = ran(words, f"ulimit {limit}; {{}} >out", tmp_path, EOI_CACHE=str(tmp_path / "cache"))
    found.stdout += (tmp_path / "out").read_text()
    is_a_clear_line(found, code, said)


@pytest.mark.parametrize(
    "said",
    [
        "error return without exception set",
        "<f> returned NULL without setting an exception",
        "<f> returned a result with an exception set",
    ],
)
def test_without_memory_for_an_exception_either(said: str) -> None:
    assert exits.of_error(SystemError(said)) == (3, "out of memory: INCONCLUSIVE")
    with pytest.raises(SystemError) as another:
        raise SystemError("bad argument to internal function")
    assert exits.of_error(another.value)[0] == 4


# ---- homes ----


@pytest.mark.parametrize("home", ["", "here"])
def test_a_home_that_is_none_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """HOME= would mean the root of all files, and a relative one where one happens to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache_folder, "why_not_writable", lambda folder: "")
    cache_folder._usable.cache_clear()
    found = cache_folder._usable("", "here/too", home)
    cache_folder._usable.cache_clear()
    assert found == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache/eoiproof"


@pytest.mark.parametrize("name", ["a file", "a loop", "long" * 100])
def test_a_cache_that_is_no_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("mine")
    (tmp_path / "a loop").symlink_to("a loop")
    is_a_clear_line(ran(HOLDS, "", tmp_path, EOI_CACHE=name), 2, f"eoi: EOI_CACHE={name}: nothing can be kept there: ")
    assert (tmp_path / "a file").read_text() == "mine"


@needs_root
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["prove", "mine.py"], 2, "eoi: mine.py: permission denied"),
        (["prove", "closed/mine.py"], 2, "eoi: closed/mine.py: permission denied"),
        (["lift", "closed/x.patch"], 2, "eoi: closed/x.patch: permission denied"),
        (["litmus", "closed"], 2, "eoi: closed: permission denied"),
        (["drift", "closed"], 2, "permission denied"),
        (["gate", "--design", "base", "--write", "x"], 2, "eoi: --write x: permission denied in "),
        (["gate", "--write", "whole"], 2, "eoi: --write whole: permission denied"),
        (["conform", "kvm", "--random"], 3, "NOT RUNNABLE HERE: /dev/kvm: "),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)  # fmt: skip
def test_another_user(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    (tmp_path / "whole").write_text("keep")
    (tmp_path / "closed").mkdir()
    for name, mode in (("mine.py", 0), ("whole", 0o444), ("closed", 0)):
        (tmp_path / name).chmod(mode)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp/") and folder != Path("/tmp"):
            folder.chmod(0o755)
    is_a_clear_line(ran(words, AS_OTHER, tmp_path), code, said)
    assert (tmp_path / "whole").read_text() == "keep" and not (tmp_path / "x").exists()


# ---- what is mounted ----


@needs_mounts
@pytest.mark.parametrize(
    ("mounts", "words", "code", "said"),
    [
        ("mount -t tmpfs -o size=16k none t; export EOI_CACHE=t", HOLDS, 2, "nothing can be kept there: no space left"),
        ("mount -t tmpfs -o nr_inodes=2 none t; export EOI_CACHE=t", HOLDS, 2, "no space left on device"),
        ("mount -t tmpfs -o ro none t; export EOI_CACHE=t", HOLDS, 2, "nothing can be kept there: read-only file system"),
        ("mount -t tmpfs -o noexec none t; export EOI_CACHE=t", HOLDS, 2, "no code may run from there (noexec): EOI_CACHE"),
        ("mount -t tmpfs -o ro none t", [*STORM, "--svg", "t/x.svg"], 2, "--svg t/x.svg: permission denied in "),
        ("mount -t tmpfs -o ro none t", ["conform", "kvm", "--write", "t/x"], 2, "--write t/x: permission denied in "),
        ("mount -t tmpfs -o size=4k none t", [*STORM, "--svg", "t/x.svg"], 2, "t/x.svg: cannot be written: no space left"),
        ("mount -t tmpfs none /proc", HOLDS, 0, "1 holds"),
        ("mount -t tmpfs none /dev", HOLDS, 0, "1 holds"),
        ("mount --bind /dev/null /dev/kvm", ["conform", "kvm"], 3, "NOT RUNNABLE HERE: /dev/kvm is no KVM device"),
        ("mount --bind /dev/zero /dev/kvm", ["conform", "kvm"], 3, "NOT RUNNABLE HERE: /dev/kvm is no KVM device"),
        ("mount -t tmpfs none /dev; mkdir /dev/kvm", ["conform", "kvm"], 3, "NOT RUNNABLE HERE: /dev/kvm: Is a directory"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("mount") else "",
)  # fmt: skip
def test_mounts_of_its_own(tmp_path: Path, mounts: str, words: list[str], code: int, said: str) -> None:
    (tmp_path / "t").mkdir()
    if "kvm" in mounts and not Path("/dev/kvm").exists():
        pytest.skip("nothing at /dev/kvm to stand in for")
    # the mounts are gone with the shell that made them
    inner = f'set -e; {mounts}; set +e; exec "$@"'
    line = ["unshare", "-m", "bash", "-c", inner, "bash", *command(words)]
    found = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200)
    is_a_clear_line(found, code, said)
    assert not list((tmp_path / "t").iterdir())


# ---- what is written over ----


def test_a_device_stays_one_and_a_link_leads_where_it_led(tmp_path: Path) -> None:
    """As root, --write /dev/null would have put a file in the place of the machine's."""
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real"
    os.mkfifo(pipe)
    reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.check_file("--write", pipe)
    files.write_bytes(pipe, b"words")
    assert os.read(reads, 10) == b"words" and stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reads)
    real.write_text("old")
    link.symlink_to("real")
    files.write_bytes(link, b"new")
    assert link.is_symlink() and real.read_text() == "new"
    link.unlink()
    link.symlink_to("link")
    for tried in (lambda: files.check_file("--write", link), lambda: files.write_bytes(link, b"")):
        with pytest.raises(UserError, match="too many levels of symbolic links"):
            tried()


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(GOOD)
    is_a_clear_line(ran(["lift", "x.py", "-o", "x.py"], "", tmp_path), 2, "x.py")
    is_a_clear_line(ran([*STORM, "--svg", "x.py"], "", tmp_path), 2, "--svg x.py: the file's name must end in .svg")
    assert (tmp_path / "x.py").read_text() == GOOD


def test_what_could_not_be_kept_whole_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    kept.write(tmp_path / "x.answer", b"words")
    assert not list(tmp_path.iterdir())


# ---- what was kept ----


@pytest.mark.parametrize("damage", ["garbage", "truncated", "a pipe", "a link to itself", "a directory"])
def test_what_was_kept_and_is_damaged_is_found_out_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.answer"
    kept.write(path, b"words")
    assert kept.read(path) == b"words"
    whole = path.read_bytes()
    path.unlink()
    {
        "garbage": lambda: path.write_text("garbage"),
        "truncated": lambda: path.write_bytes(whole[:-1]),
        "a pipe": lambda: os.mkfifo(path),
        "a link to itself": lambda: path.symlink_to(path),
        "a directory": path.mkdir,
    }[damage]()
    assert kept.read(path) is None


def test_a_cache_whose_every_file_is_garbage(tmp_path: Path) -> None:
    assert ran(HOLDS, EOI_CACHE=str(tmp_path), EOI_ANEW="").returncode == 0
    damaged = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {path.suffix for path in damaged} >= {".so", ".answer", ".program"}
    for path in damaged:
        path.write_bytes(path.read_bytes()[:50])
    is_a_clear_line(ran(HOLDS, EOI_CACHE=str(tmp_path), EOI_ANEW=""), 0, "1 holds")


# ---- Python ----


@pytest.mark.parametrize(
    ("python", "environment", "code", "said"),
    [
        (["-O"], {}, 2, "eoi: this Python leaves out what checks the answers (-O, or PYTHONOPTIMIZE is set): run it without"),
        (["-OO"], {}, 2, "eoi: this Python leaves out what checks the answers"),
        ([], {"PYTHONOPTIMIZE": "2"}, 2, "eoi: this Python leaves out what checks the answers"),
        (["-W", "error", "-bb"], {}, 0, "1 holds"),
        (["-X", "dev"], {}, 0, "1 holds"),
        ([], {"LC_ALL": "xx_YY", "COLUMNS": "-1", "TERM": "none", "TZ": "No/Where"}, 0, "1 holds"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_options_of_python(python: list[str], environment: dict[str, str], code: int, said: str) -> None:
    is_a_clear_line(ran(HOLDS, python=python, **environment), code, said)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict", "cp037"])
def test_alphabets(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "\N{LATIN SMALL LETTER E WITH ACUTE}\udcff.py").write_text(GOOD)
    found = ran(
        ["show", "\N{LATIN SMALL LETTER E WITH ACUTE}\udcff.py", *SMALL], "", tmp_path, PYTHONIOENCODING=encoding
    )
    is_a_clear_line(found, 0, "")
    assert "xff.py" in found.stdout or "udcff.py" in found.stdout or encoding == "cp037"


def old_pythons() -> list[Path]:
    return sorted(Path("/root/.pyenv/versions").glob("3.[7-9].*/bin/python")) + sorted(
        Path("/root/.pyenv/versions").glob("3.10.*/bin/python")
    )


@pytest.mark.parametrize("python", old_pythons() or [None], ids=str)
def test_an_old_python_is_told(python: Path | None) -> None:
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("there is no older Python here")
    program = "import sys\nfrom checker.command.entry import main\nsys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [python, "-c", program, "list"], env=environment, capture_output=True, text=True, check=False
    )
    is_a_clear_line(found, 2, f"eoi: Python 3.11 or newer is needed, and {python} is 3.")


@pytest.mark.parametrize("text", ["raise ImportError('libx.so.1')", "(", "raise OSError('x')", ""])
@pytest.mark.parametrize(("package", "words"), [("numpy", HOLDS), ("pygraphviz", [*STORM, "--svg", "x.svg"]), ("z3", [*HOLDS[:-1], "--inductive"])])  # fmt: skip
def test_a_package_that_does_not_work_is_named(tmp_path: Path, package: str, words: list[str], text: str) -> None:
    """Or another one of its name, which lies in the way."""
    if (package, text[:5]) not in [
        ("numpy", "raise"),
        ("numpy", "("),
        ("pygraphviz", ""),
        ("pygraphviz", "raise"),
        ("z3", "raise"),
    ]:
        pytest.skip("one of each suffices")
    (tmp_path / f"{package}.py").write_text(text)
    found = ran(words, "", tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    is_a_clear_line(found, 2, package)
    assert "this is a bug" not in found.stderr and not (tmp_path / "x.svg").exists()


def test_what_is_no_package_of_ours_stays_a_bug() -> None:
    with pytest.raises(AttributeError) as raised:
        sys.no_such_thing  # type: ignore[attr-defined]  # noqa: B018
    assert exits.of_error(raised.value)[0] == 4


def test_a_terminal_that_cannot_be_drawn_on_costs_no_answer(
    eoi: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "rich.live", None)
    assert eoi("prove", "v1", *CELL).code == 0
