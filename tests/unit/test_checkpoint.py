"""What is gone on with says what an undisturbed search says; and what is no checkpoint of it is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from checker.command.cli import main
from checker.engine import checkpoint, native
from checker.engine.checkpoint import Checkpoint, Checkpoints
from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch, Outcome
from checker.errors import UserError
from tests.agree.test_linked import medium, prepared_of
from tests.rigs.compare import assert_same_search

pytestmark = pytest.mark.everything  # seconds, of what seldom changes

CUT = 3000  # of some 9,800 states


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After each batch of states."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    monkeypatch.setattr(checkpoint, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(native, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # a process that is killed leaves what it wrote


def new(edges: bool = True) -> NativeSearch:
    cell = medium()
    prepared = prepared_of(cell)
    return NativeSearch(prepared.program, Reference(cell.system, cell.scope), keep_edges=edges, prepared=prepared)


def cut_short(edges: bool = True) -> Path:
    """A search that leaves a checkpoint, of more states than it was to have; where it is."""
    assert new(edges).run(Limits(max_states=CUT, checkpoints=Checkpoints()), None) is Outcome.STATE_LIMIT
    (folder,) = (checkpoint.cache_dir() / "checkpoints").iterdir()
    return folder


@pytest.mark.parametrize("edges", [True, False])
@pytest.mark.parametrize("border", [100, 400_000])
def test_a_search_that_goes_on_says_what_an_undisturbed_one_says(
    edges: bool, border: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "BORDER", border)
    folder, told, plain = cut_short(edges), list[str](), new(edges)
    plain.run(Limits(), None)
    wanted = Checkpoints(resume=True, say=told.append)
    search = new(edges)
    assert search.run(Limits(checkpoints=wanted, threads=2), None) is Outcome.COMPLETE
    assert wanted.resumed[0] >= CUT and told == [f"a search goes on from {wanted.resumed[0]:,} states"]
    assert_same_search(plain, search)
    assert plain.answers() == search.answers() and plain.lines_run() == search.lines_run()
    assert not folder.exists()


def test_what_is_not_to_be_resumed_begins_anew_and_writes_over_it() -> None:
    folder = cut_short()
    head = (folder / "head").read_bytes()
    search, wanted = new(), Checkpoints()
    assert search.run(Limits(max_states=CUT // 2, checkpoints=wanted), None) is Outcome.STATE_LIMIT
    assert not wanted.resumed and search.stats().states < CUT and (folder / "head").read_bytes() != head


def test_marks_are_kept() -> None:
    search, wanted = new(), Checkpoints(resume=True)
    one = Checkpoint("of a test", wanted)
    search.run(Limits(max_states=100), None)
    one.save(search.exploration, np.array([0, 1, 0, 1], np.uint8))
    one._lock = None
    other = Checkpoint("of a test", wanted).resume(new().exploration)
    assert other is not None and other.tolist() == [0, 1, 0, 1]


def test_killed_at_any_moment(tmp_path: Path) -> None:
    plain, dice, deaths, said = new(), random.Random(7), 0, tmp_path / "said"
    plain.run(Limits(), None)
    for number in range(100):
        child = os.fork()
        if not child:
            wanted, search = Checkpoints(resume=True), new()
            search.run(Limits(checkpoints=wanted), None)
            said.write_text(f"{wanted.resumed} {search.answers()}")
            os._exit(0)
        time.sleep(dice.uniform(0.002, 0.02 * (number + 1)))  # at first sooner than any machine is done
        os.kill(child, signal.SIGKILL)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        deaths += killed
        if not killed:
            break
    assert deaths > 2, "it was over before it could be killed"
    resumed, _, answers = said.read_text().rpartition(" ")
    assert answers == plain.answers() and resumed != "[]"


def rewritten(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    """A head that is whole, and says something else."""

    def damage(folder: Path) -> None:
        head = json.loads((folder / "head").read_bytes().rpartition(b"\n")[0])
        change(head)
        text = json.dumps(head).encode()
        (folder / "head").write_bytes(text + b"\n" + sha256(text).hexdigest().encode())

    return damage


def flip(name: str, at: int = -10) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[at] ^= 1
        (folder / name).write_bytes(content)

    return damage


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    **{
        f"a bit of {name}": (flip(name), f"{name} is not what was written")
        for name in ("keys", "parent", "row", "target", "label")
    },
    "a bit of the head": (flip("head", 20), "its head is not what was written"),
    "half a head": (lambda folder: os.truncate(folder / "head", 40), "its head is not what was written"),
    "no head in the head": (lambda folder: os.truncate(folder / "head", 0), "its head is not what was written"),
    "half of the keys": (lambda folder: os.truncate(folder / "keys", 1000), "keys has 1,000 bytes of"),
    "no parents": (lambda folder: (folder / "parent").unlink(), "parent has 0 bytes of"),
    "another format": (rewritten(lambda head: head.update(format=0)), "is of another search"),
    "another search": (rewritten(lambda head: head.update(search="0" * 64)), "is of another search"),
}


@pytest.mark.parametrize(("damage", "why"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_or_another_searchs_is_refused(damage: Callable[[Path], None], why: str) -> None:
    folder = cut_short()
    damage(folder)
    with pytest.raises(UserError, match=why) as refused:
        new().run(Limits(checkpoints=Checkpoints(resume=True)), None)
    assert str(folder) in str(refused.value) and "leave out --resume" in str(refused.value)


def test_what_lies_behind_does_not_count() -> None:
    folder = cut_short()
    for name in ("keys", "parent", "label"):
        with (folder / name).open("ab") as file:
            file.write(b"of one who was killed")
    wanted = Checkpoints(resume=True)
    search = new()
    search.run(Limits(max_states=CUT + 1000, checkpoints=wanted), None)  # which adds to it
    last = new()
    assert wanted.resumed and last.run(Limits(checkpoints=Checkpoints(resume=True)), None) is Outcome.COMPLETE
    plain = new()
    plain.run(Limits(), None)
    assert_same_search(plain, last)


def test_a_large_one_is_told_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MUCH", 100_000)
    cut_short()
    told = list[str]()
    new().run(Limits(checkpoints=Checkpoints(resume=True, say=told.append)), None)
    assert told[0] == "a checkpoint of 0.0 GB is read and checked" and told[1].startswith("a search goes on from")


def test_one_search_at_a_time() -> None:
    cut_short()
    one, told = (
        Checkpoint(next((checkpoint.cache_dir() / "checkpoints").iterdir()).name, Checkpoints(resume=True)),
        list[str](),
    )
    assert one.resume(new().exploration) is not None
    with pytest.raises(UserError, match="another process"):
        new().run(Limits(checkpoints=Checkpoints(resume=True)), None)
    assert new().run(Limits(checkpoints=Checkpoints(say=told.append)), None) is Outcome.COMPLETE


def test_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoint, "_add", full)
    told = list[str]()
    assert new().run(Limits(checkpoints=Checkpoints(say=told.append)), None) is Outcome.COMPLETE
    assert len(told) == 1 and told[0].endswith("no space left on device")


@pytest.mark.everything
def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOI_ANEW", "1")
    words = ["prove", "base", "--vmm", "qemu", "--guest", "windows_cg", "--scope", "cpus=2,ioapic=0x20", "--absolute"]
    assert main(words) == 1
    whole = capsys.readouterr().out
    assert "VIOLATED" in whole
    main([*words, "--max-states", "1000"])
    assert "--resume goes on from there" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 1
    said = capsys.readouterr()
    assert said.out == whole and "a search goes on from 1,0" in said.err
    assert main([*words, "--resume"]) == 1
    assert "no search of these was left unfinished" in capsys.readouterr().err
    main([*words, "--max-states", "1000"])
    (folder,) = (checkpoint.cache_dir() / "checkpoints").iterdir()
    flip("keys")(folder)
    assert main([*words, "--resume"]) == 2
    assert "this checkpoint is damaged: keys" in capsys.readouterr().err
