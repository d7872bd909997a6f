"""Other checkers on this machine, given a circuit that `eoi export` writes: ABC and NuSMV."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.peers import PeerFailed, Ran, take

HOW = {
    "berkeley-abc": "apt-get install --no-install-recommends berkeley-abc",
    "NuSMV": "no Debian package: docs/export.md says from what it is built",
}


@dataclass
class Searched(Ran):
    """violated: the numbers of what was found, of several that of the first. steps: of the run to it."""

    steps: int | None = None
    proved: bool = False


def why_missing(program: str) -> str | None:
    return None if shutil.which(program) else f"not installed ({HOW[program]})"


def abc(content: bytes, commands: str) -> Searched:
    """Of `bmc3`, `pdr` and `reach`. Raises PeerFailed."""
    ran = Searched()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.aig").write_bytes(content)
        take(ran, ["berkeley-abc", "-c", f"read_aiger model.aig; print_stats; {commands}"], folder, searches=True)
    if "i/o =" not in ran.said:
        raise PeerFailed(ran.said[-2000:])
    found = re.search(r"Output (\d+) of miter .* was asserted in frame (\d+)", ran.said)
    if found is not None:
        ran.violated, ran.steps = [found[1]], int(found[2])
    ran.proved = re.search(r"^Property proved", ran.said, re.MULTILINE) is not None
    counts = re.findall(r"^Reachable states = (\d+)\.", ran.said, re.MULTILINE)
    ran.states = int(counts[-1]) if counts and "Reachability analysis completed" in ran.said else 0
    return ran


def nusmv(text: str) -> Searched:
    """Every INVARSPEC, and all states. steps: of the run to the only one that is found. Raises PeerFailed."""
    ran, commands = Searched(), ["read_model -i model.smv", "go", "check_invar", "print_reachable_states", "quit"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.smv").write_text(text)
        (Path(folder) / "commands").write_text("\n".join(commands) + "\n")
        take(ran, ["NuSMV", "-source", "commands"], folder, searches=True)
    said = re.findall(r"^-- invariant !(\w+)\s+is (true|false)$", ran.said, re.MULTILINE)
    states = re.search(r"^reachable states: (\d+) ", ran.said, re.MULTILINE)
    if states is None or not said:
        raise PeerFailed(ran.said[-2000:])
    ran.states = int(states[1])
    ran.violated = [str(n) for n, (_, holds) in enumerate(said) if holds == "false"]
    ran.proved = not ran.violated
    if len(ran.violated) == 1:
        ran.steps = len(re.findall(r"^-> State: ", ran.said, re.MULTILINE)) - 1
    return ran
