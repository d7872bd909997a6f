"""What a shell completes: the script that `eoi completion bash` prints, in a real bash; and `eoi help`."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.command.cli import COMMANDS, build_parser
from checker.command.completion import completed, every_action
from tests.command.conftest import Ran

pytestmark = pytest.mark.unit

# Values that are no names and no files: numbers, and what `eoi migrations` prints.
TYPED = {"N", "SIZE", "SECONDS", "STATES", "K", "T", "T:FROM:TO:OP", "EXPR", "FIELD", "AxBxC"}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder with two files and a folder."""
    folder = tmp_path_factory.mktemp("bash")
    for name in ("mine.py", "minutes.txt"):
        (folder / name).write_text("")
    (folder / "mind map").mkdir()
    path = folder / ".eoi.bash"
    command = "from checker.command.cli import main; main(['completion', 'bash'])"
    root = Path(__file__).parents[2]
    path.write_bytes(subprocess.run([sys.executable, "-c", command], cwd=root, capture_output=True, check=True).stdout)
    return path


def completions(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    asked = f"""
        source {script.name}
        how=$(complete -p eoi); function=${{how##*-F }}; function=${{function%% *}}
        COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}
        $function; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(["bash", "-uc", asked], cwd=script.parent, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return sorted(set(filter(None, ran.stdout.splitlines())))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["eoi", "pro"], ["prove"]),
        (["eoi", "help", "mig"], ["migrations"]),
        (["eoi", "prove", "--gu"], ["--guest"]),
        (["eoi", "prove", "v1", "--guest", "win"], ["windows_cg"]),
        (["eoi", "prove", "v1", "--guest", "mine"], ["mine.py"]),
        (["eoi", "prove", "v1", "--vmm", "cl"], ["cloud_hypervisor"]),
        (["eoi", "trace", "v1", "--property", "no_s"], ["no_spurious_injection", "no_storm"]),
        (["eoi", "trace", "v1", "--device", "al"], ["all"]),
        (["eoi", "prove", "v1", "--scope", "cp"], ["cpus="]),
        (["eoi", "prove", "merg"], ["merged"]),
        (["eoi", "prove", "mutant_b3_"], ["mutant_b3_split"]),
        (["eoi", "prove", "min"], ["mind map", "mine.py", "minutes.txt"]),
        (["eoi", "diff", "base", "woodhouse_draft1"], ["woodhouse_draft1"]),
        (["eoi", "diff", "base", "v1", "--vmm", "qemu", "--brie"], ["--brief"]),
        (["eoi", "compat", "base", "v6", "--claim", "qu"], ["quiet_guest"]),
        (["eoi", "new", "mi"], ["mind map", "mine.py", "minutes.txt"]),
        (["eoi", "new", "x.py", "--function", "vcpu_enter"], ["vcpu_enter_guest"]),
        (["eoi", "explain", "vac"], ["vacuous", "vacuously"]),
        (["eoi", "explain", "spiv_d"], ["spiv_directed_eoi"]),
        (["eoi", "replay", "minu"], ["minutes.txt"]),
        (["eoi", "lift", "-o", "mine"], ["mine.py"]),
        (["eoi", "conform", "q"], ["qemu"]),
        (["eoi", "list", "simp"], ["simplifications"]),
        (["eoi", "prove", "v1", "--max-states", "1"], []),
    ],
    ids=lambda value: " ".join(value[1:]) if value[:1] == ["eoi"] else "",
)
def test_a_real_bash_completes(script: Path, words: list[str], offered: list[str]) -> None:
    assert completions(script, *words) == offered


def test_every_command_is_offered_and_every_option_of_it(script: Path) -> None:
    assert completions(script, "eoi", "") == sorted(COMMANDS)
    parser = build_parser()
    (commands,) = (a for a in parser._actions if isinstance(a.choices, dict))
    for command, one in commands.choices.items():  # type: ignore[union-attr]
        options = [name for action in one._actions for name in action.option_strings]
        assert completions(script, "eoi", command, "-") == sorted(options), command


def test_every_value_is_completed_or_is_no_name() -> None:
    """A new option whose value nobody completes says so in TYPED."""
    left = {
        str(action.metavar)
        for action in every_action(build_parser())
        if action.nargs != 0 and action.choices is None and completed(action) is None
    }
    assert left <= TYPED, f"give {left - TYPED} a kind in completion.py, or add it to TYPED here"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_reads_its_script(eoi: Callable[..., Ran], tmp_path: Path) -> None:
    path = tmp_path / "_eoi"
    path.write_text(eoi("completion", "zsh").out)
    assert subprocess.run(["zsh", "-n", path], capture_output=True, check=False).stderr == b""


def test_the_script_of_zsh_names_what_there_is(eoi: Callable[..., Ran]) -> None:
    ran = eoi("completion", "zsh")
    assert ran.code == 0 and ran.out.startswith("#compdef eoi\n")
    for said in ("windows_cg", "no_eoi_lost", "_eoi_guest_or_file", "_files"):
        assert said in ran.out


def test_another_shell_is_refused(eoi: Callable[..., Ran]) -> None:
    ran = eoi("completion", "fish")
    assert ran.code == 2 and "valid names: bash, zsh\n" in ran.err and not ran.out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_what_the_option_says(eoi: Callable[..., Ran], command: str) -> None:
    words = [command] if command else []
    told, asked = eoi("help", *words), eoi(*words, "--help")
    assert told == asked and told.code == 0 and told.out.startswith(f"usage: eoi {command}".rstrip()) and not told.err


def test_help_for_a_mistyped_command_names_the_nearest(eoi: Callable[..., Ran]) -> None:
    ran = eoi("help", "proof")
    assert ran.code == 2 and "unknown name 'proof': did you mean 'prove'?\n" in ran.err and not ran.out
