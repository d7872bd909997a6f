"""C compilers that are none, are broken, or hang: the user's, and told so with its name and exit code 2. What only generated C
brings about stays a bug of ours."""

from __future__ import annotations

import functools
import signal
import subprocess
import time
from pathlib import Path

import pytest

from checker.command import exits
from checker.engine import build, compiling
from checker.engine.build import CompileFailed, NoCompiler, compile_c, load_c
from checker.errors import UserError
from tests.rigs.own_process import HOLDS, command, is_a_clear_line, ran

pytestmark = pytest.mark.everything
SOURCE = "int answer(void) { return 42; }"
BROKEN = "cannot compile the smallest program here: "
NONE = "is no C compiler: what it wrote has nothing of what it was given"
TO_LAST = "while [ $# -gt 1 ]; do shift; done; "  # the argument that says where to write
CANNOT_RUN = "cannot be run: install gcc or clang, or set CC"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EOI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def script(folder: Path, text: str, version: str = 'exec cc "$@"') -> str:
    """A compiler that says its version and then does this."""
    path = folder / "mycc"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && {{ {version}; }}\n{text}\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("exit 1", f"{BROKEN}it ended with 1"),
        ("kill -SEGV $$", f"{BROKEN}it ended with -11"),
        ("echo 'cc: internal compiler error: Killed (program cc1)' >&2; exit 4", f"{BROKEN}cc: internal compiler error"),
        (r"printf '\377\376\000 no text' >&2; exit 1", BROKEN),
        ("echo in a file; echo 'x.h: error: no' >&2; exit 1", f"{BROKEN}x.h: error: no"),
        ("exit 0", NONE),
        (f"{TO_LAST}: >$1", NONE),
        (f"{TO_LAST}echo garbage >$1", NONE),
        (f"{TO_LAST}echo 'int x;' | cc -shared -x c - -o $1", NONE),
        ('exec cc -nonsense "$@"', BROKEN),
        ('PATH=/none exec /usr/bin/cc "$@"', BROKEN),
        ('exec cc -S "$@"', "this Python cannot load what it compiles: "),
        ("echo 'No space left on device' >&2; exit 1", "nothing can be compiled in "),
    ],
)  # fmt: skip
def test_a_broken_compiler_is_named(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, does: str, said: str
) -> None:
    mine = script(tmp_path, does)
    monkeypatch.setenv("CC", mine)
    with pytest.raises(UserError) as refused:
        load_c(SOURCE)
    assert said in str(refused.value) and str(refused.value).startswith(f"{mine}: ")
    assert exits.of_error(refused.value)[0] == 2
    assert not list(cache.iterdir()), "nothing of it is kept"


@pytest.mark.parametrize("cc", ['"cc', " ", "/dev/null", "/tmp", "/none/cc", "c" * 5000, "false"])
def test_what_cannot_be_run_is_none(monkeypatch: pytest.MonkeyPatch, cc: str) -> None:
    monkeypatch.setenv("CC", cc)
    with pytest.raises(NoCompiler, match=CANNOT_RUN):
        compile_c(SOURCE)
    assert not build.compiler_said()


def test_what_is_no_program_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Words, and a script whose interpreter is not there."""
    for text in ("words\n", "#!/none/sh\n"):
        (tmp_path / "mycc").write_text(text)
        (tmp_path / "mycc").chmod(0o755)
        monkeypatch.setenv("CC", str(tmp_path / "mycc"))
        build._compiler_version.cache_clear()
        with pytest.raises(NoCompiler, match=CANNOT_RUN):
            compile_c(SOURCE)


@pytest.mark.parametrize("options", ["-Wall -Wextra -Werror", "-ansi", "-O0 -pipe"])
def test_the_users_own_options_do_no_harm(monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    monkeypatch.setenv("CC", f"cc {options}")
    assert load_c("static int unused; int answer(int x) { return 42; }").answer(0) == 42


def test_a_version_that_is_no_text_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", script(tmp_path, 'exec cc "$@"', r"printf '\377\376\000x'; exit 0"))
    assert load_c(SOURCE).answer() == 42


def test_a_version_that_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "ANSWERS", 0.2)
    monkeypatch.setenv("CC", script(tmp_path, "", "exec sleep 60"))
    with pytest.raises(NoCompiler, match=CANNOT_RUN):
        compile_c(SOURCE)


def test_a_compiler_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "LONGEST", 0.3)
    pid = tmp_path / "pid"
    monkeypatch.setenv("CC", script(tmp_path, f"sleep 60 & echo $! >{pid}; wait"))
    with pytest.raises(UserError, match=r"has not compiled in 0\.3 s what takes seconds"):
        compile_c(SOURCE)
    assert not list(cache.iterdir())
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    time.sleep(0.2)
    assert not state.exists() or " Z " in state.read_text()


def test_c_of_ours_that_a_compiler_refuses_is_our_bug() -> None:
    with pytest.raises(CompileFailed, match="nonsense") as refused:
        compile_c("int f(void) { return nonsense; }")
    assert exits.of_error(refused.value)[0] == 4


def test_one_that_has_no_memory_for_what_is_large_leaves_it_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does = "grep -q eoi_probe && exit 0; echo 'cc: fatal error: Killed signal terminated program cc1' >&2; exit 1"
    monkeypatch.setenv("CC", script(tmp_path, does))
    with pytest.raises(MemoryError) as refused:
        compile_c(SOURCE)
    assert exits.of_error(refused.value) == (3, "out of memory: INCONCLUSIVE")


def test_the_command_says_it_in_a_line(tmp_path: Path) -> None:
    is_a_clear_line(ran(HOLDS, CC=script(tmp_path, "exit 1")), 2, f"eoi: {tmp_path}/mycc: {BROKEN}it ended with 1")


def test_ctrl_c_while_a_compiler_hangs(tmp_path: Path) -> None:
    """Nothing is known of the cell, nobody waits, and no other compiler is begun."""
    begun = tmp_path / "begun"
    mine = script(tmp_path, f"echo one >>{begun}; exec sleep 100")
    line = ["env", f"CC={mine}", *command(HOLDS)]
    hears = functools.partial(
        signal.signal, signal.SIGINT, signal.default_int_handler
    )  # a shell's background job does not
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hears) as process:
        until = time.monotonic() + 100
        while not begun.exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1)  # all that are begun at once are
        before = begun.read_text()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert begun.read_text() == before
    assert process.returncode == 3 and "INCONCLUSIVE: interrupted, 1 of 1 cell not explored" in out, err
    assert "Traceback" not in err
