"""Other checkers on this machine, given what `eoi export` writes: what they count, what they find, and what that costs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

NEEDED = {"SPIN": ("spin", "gcc"), "rumur": ("rumur", "gcc")}
PACKAGES = {"spin": "spin", "rumur": "rumur", "gcc": "gcc"}  # of Debian
SPIN_FLAGS = ("-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=20000")
FAST = {"spin": ("-O2",), "rumur": ("-O3", "-march=native")}
QUICK = ("-O0",)  # to compile: for small models


class PeerFailed(Exception):
    """A checker did not take the text, or did not end as it does."""


@dataclass
class Ran:
    """What a checker said. search, whole: CPU seconds of the search alone, and of all its programs and the compiler; kernel:
    those of the search that the kernel had, which for one and the same search may be 0.02 or 0.13 where memory comes from a host that
    has to find it first; peak: bytes that the search had at most. violated: what it reports, by the name of the property; a value out of range is
    FAULT."""

    states: int = 0
    transitions: int = 0
    violated: list[str] = field(default_factory=list[str])
    said: str = ""
    search: float = 0.0
    kernel: float = 0.0
    whole: float = 0.0
    peak: int = 0


FAULT = "out of range"
RUMURS_FAULT = "what is stored is in range"  # what checker.export.murphi asserts


def why_missing(peer: str) -> str | None:
    """Why it cannot be asked."""
    missing = [PACKAGES[name] for name in NEEDED[peer] if shutil.which(name) is None]
    return f"not installed (apt-get install --no-install-recommends {' '.join(missing)})" if missing else None


def spin(text: str, *, breadth_first: bool = True, go_on: bool = False, flags: Sequence[str] = FAST["spin"]) -> Ran:
    """go_on: also after something was found. Raises PeerFailed."""
    ran, bfs = Ran(), ["-DBFS"] * breadth_first
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pml").write_text(text)
        take(ran, ["spin", *bfs, "-a", "model.pml"], folder)
        take(ran, ["gcc", *flags, *SPIN_FLAGS, *bfs, "-o", "pan", "pan.c"], folder)
        deep = [] if breadth_first else ["-m5000000"]
        take(ran, ["./pan", *deep, *["-c0"] * go_on], folder, searches=True)
    ran.states = _number(ran.said, r"(\d+) states, stored")
    ran.transitions = _number(ran.said, r"(\d+) transitions")
    for said in re.findall(r"assertion violated (.+?) \(at depth", ran.said):
        named = re.fullmatch(r"\(*(?:holds|unreached)\.(\w+)\)*", said)
        ran.violated.append(named[1] if named else FAULT)
    if not ran.violated and not re.search(r"errors: 0$", ran.said, re.MULTILINE):
        raise PeerFailed(ran.said[-2000:])
    return ran


def rumur(text: str, *, go_on: bool = False, flags: Sequence[str] = FAST["rumur"]) -> Ran:
    """go_on: also after something was found. Raises PeerFailed."""
    ran = Ran()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.m").write_text(text)
        most = ["--max-errors", "1000000"] if go_on else []
        told = ["--deadlock-detection", "off", "--threads", "1", "--counterexample-trace", "off", *most]
        take(ran, ["rumur", *told, "--output", "model.c", "model.m"], folder)
        take(ran, ["gcc", *flags, "-w", "-mcx16", "-o", "model", "model.c", "-lpthread"], folder)
        take(ran, ["./model"], folder, searches=True, fine=(0, 1))
    said = r'(?:invariant|cover) "(.+)" (?:failed|not hit)$|Assertion failed: \S+ (.+)$'
    named = [one or other for one, other in re.findall(said, ran.said, re.MULTILINE)]
    ran.violated = [FAULT if name == RUMURS_FAULT else name for name in named]
    ran.states = _number(ran.said, r"(\d+) states, \d+ rules fired in")
    ran.transitions = _number(ran.said, r"\d+ states, (\d+) rules fired in")
    return ran


def _number(said: str, pattern: str) -> int:
    found = re.search(pattern, said)
    if found is None:
        raise PeerFailed(f"no {pattern} in what it said: {said[-2000:]}")
    return int(found[1])


def take(ran: Ran, words: Sequence[str], folder: str, *, searches: bool = False, fine: Sequence[int] = (0,)) -> None:
    """Run one program to its end."""
    with (Path(folder) / "said").open("w+") as out:
        process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode not in fine:
        raise PeerFailed(f"{' '.join(words)}: exit {process.returncode}: {said[-2000:]}")
    seconds = used.ru_utime + used.ru_stime
    ran.whole += seconds
    if searches:
        ran.said, ran.search, ran.kernel, ran.peak = said, seconds, used.ru_stime, used.ru_maxrss << 10
