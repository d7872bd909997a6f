"""What surrounds a command can be odd: streams that are closed, homes and disks that nothing can be written to, names that are
half there. Each is told in a line, with the exit code of the user's mistake, or does not matter at all."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from checker.engine import cache_folder
from tests.command.conftest import Ran as Told
from tests.rigs.own_process import HOLDS, ran

pytestmark = pytest.mark.everything


def without(*names: str) -> Mapping[str, str]:
    return dict.fromkeys(names, "")


def fits_no_library(folder: Path) -> str:
    """A limit on files that libraries are larger than, as a full disk."""
    return f"ulimit -f 1; EOI_CACHE='{folder}' {{}}"


@pytest.mark.parametrize(
    ("shell", "words", "code", "said"),
    [
        ("{} <&-", ["replay", "-"], 2, "eoi: standard input: line 1: no story found"),
        ("{} >&-", HOLDS, 0, ""),
        ("{} >&-", ["prove", "--absolute", "v1", "--guest", "gusts"], 2, "unknown guest 'gusts'"),
        ("{} 2>&-", HOLDS, 0, ""),
        ("{} <&- >&- 2>&-", HOLDS, 0, ""),
    ],
)
def test_a_closed_stream_is_no_bug(shell: str, words: list[str], code: int, said: str) -> None:
    found = ran(words, shell)
    assert found.returncode == code and said in found.stderr and "bug" not in found.stderr, found.stderr


@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_nothing_can_be_written_to_is_passed_by(tmp_path: Path, name: str) -> None:
    elsewhere = {**without("EOI_CACHE", "XDG_CACHE_HOME"), name: "/proc", "TMPDIR": str(tmp_path)}
    found = ran(HOLDS, **elsewhere)  # type: ignore[arg-type]
    assert found.returncode == 0 and "1 holds" in found.stdout
    (line,) = found.stderr.splitlines()
    assert line.startswith("eoiproof: /proc/") and f"kept in {tmp_path}/eoiproof-" in line and "EOI_CACHE" in line
    assert any((tmp_path / f"eoiproof-{os.getuid()}").glob("*.so"))


def test_a_user_of_whom_the_machine_knows_nothing_has_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    cache_folder._usable.cache_clear()
    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("EOI_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(
        cache_folder,
        "why_not_writable",
        lambda folder: "permission denied" if folder.parts[1] == "nonexistent" else why_not(folder),
    )
    assert cache_folder.cache_dir() == tmp_path / f"eoiproof-{os.getuid()}"
    cache_folder._usable.cache_clear()


why_not = cache_folder.why_not_writable


def test_what_others_can_write_to_is_not_taken_for_the_cache(tmp_path: Path) -> None:
    """It holds code that is loaded."""
    folder = tmp_path / f"eoiproof-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    elsewhere = {**without("EOI_CACHE", "XDG_CACHE_HOME"), "HOME": "/proc", "TMPDIR": str(tmp_path)}
    found = ran(HOLDS, **elsewhere)  # type: ignore[arg-type]
    assert found.returncode == 2 and "it is not ours alone" in found.stderr and not list(folder.iterdir())


def test_a_cache_that_was_named_is_taken_or_refused(tmp_path: Path) -> None:
    found = ran(HOLDS, EOI_CACHE="/proc/here")
    assert found.returncode == 2 and found.stderr.startswith("eoi: EOI_CACHE=/proc/here: nothing can be kept there: ")
    found = ran(HOLDS, fits_no_library(tmp_path / "cache"))
    assert found.returncode == 2 and "nothing can be kept there: file too large" in found.stderr, found.stderr


def test_a_compiler_that_has_no_room_is_no_bug(tmp_path: Path) -> None:
    """The disk fills up meanwhile."""
    full = tmp_path / "cc"
    full.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exec cc "$@"\necho \'ld: final link failed: No space left on device\' >&2\nexit 1\n'
    )
    full.chmod(0o755)
    found = ran(HOLDS, EOI_CACHE=str(tmp_path / "cache"), CC=str(full))
    assert (
        found.returncode == 2
        and f"nothing can be compiled in {tmp_path}/cache: no space left on device" in found.stderr
    )


def test_another_package_called_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("")
    found = ran(["list"], cwd=tmp_path, PYTHONPATH=str(Path(__file__).parents[2]))
    assert found.returncode == 2 and found.stderr.startswith("eoi: eoiproof found another package called 'model' at ")
    assert "Traceback" not in found.stderr and found.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["prove", "--absolute", "v1", "--scope", ""],
            "eoi prove: argument --scope: K=V is needed, e.g. --scope cpus=1,pins=1",
        ),
        (["prove", "--absolute", "v1", "--timeout", "0"], "argument --timeout: '0': a number of seconds is needed"),
        (["prove", "--absolute", "mine.py:"], "eoi: mine.py:: a name is missing behind the colon"),
        (["prove", "--absolute", "v1", "--property", "mine.py:"], "eoi: mine.py:: a name is missing behind the colon"),
        (["prove", "--absolute", "/dev/null"], "eoi: /dev/null: is no regular file"),
        (["prove", "--absolute", "v1", "--guest", "/dev/zero.py"], "eoi: /dev/zero.py: no such file"),
    ],
)
def test_half_a_name_is_none(
    eoi: Callable[..., Told], words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("")
    found = eoi(*words)
    assert (found.code, found.out) == (2, "") and said in found.err, found.err


def test_the_version_is_told() -> None:
    found = ran(["--version"])
    assert (found.returncode, found.stdout) == (0, f"eoiproof {version('eoiproof')}\n")


def test_an_old_python_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'import sys; sys.version_info = (3, 10); exec(sys.argv[1])' \"$2\"\n"
    )
    old.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text("")
    makefile = Path(__file__).parents[2] / "Makefile"
    made = subprocess.run(
        ["make", "-C", tmp_path, "-f", makefile, "setup", f"PYTHON={old}"], capture_output=True, text=True, check=False
    )
    assert (
        made.returncode == 2
        and "eoiproof needs Python 3.11 or newer; " in made.stderr
        and not (tmp_path / ".venv").exists()
    )
