"""`make bench`, against other checkers: the same model, exported to each, with as many states and transitions, or it ends."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from checker.engine.reference import Reference
from checker.engine.search import Limits, NativeSearch
from checker.export import murphi, promela
from checker.export.flat import flatten
from checker.language.lower import lower
from tools import peers
from tools.peers import Ran
from tools.toys import TOYS, Toy

OWN = "eoi"
PEERS = {"SPIN": (promela, peers.spin), "rumur": (murphi, peers.rumur)}


@dataclass(frozen=True)
class Round:
    """One run of each, one after the other."""

    ran: dict[str, Ran]

    def ratio(self, peer: str, of: Callable[[Ran], float]) -> float:
        return of(self.ran[peer]) / of(self.ran[OWN])


def text_for(peer: str, size: str) -> str:
    scope, language = TOYS[size].scope, PEERS[peer][0]
    return language.write(flatten(lower(Toy, scope), scope, Reference(Toy, scope).start, language.KEYWORDS), [size])


def search_here(size: str) -> None:
    """In a process of its own: the search as `eoi` runs it, printed as JSON."""
    scope = TOYS[size].scope
    search = NativeSearch(lower(Toy, scope), Reference(Toy, scope), keep_edges=False)
    before = resource.getrusage(resource.RUSAGE_SELF)
    search.run(Limits(), None)
    used, stats = resource.getrusage(resource.RUSAGE_SELF), search.stats()
    kernel, user = used.ru_stime - before.ru_stime, used.ru_utime - before.ru_utime
    print(json.dumps([stats.states, stats.transitions, user + kernel, kernel, used.ru_maxrss << 10, stats.table_bytes]))


def own(size: str) -> tuple[Ran, int]:
    """A new process with an empty cache, as the others begin with nothing; and the bytes of its table."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+") as out:
        words = [sys.executable, "-m", "tools.peers_bench", size]
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(words, stdout=out, env=environment, cwd=Path(__file__).resolve().parent.parent)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(words)}: exit {process.returncode}")
        out.seek(0)
        states, transitions, seconds, kernel, peak, table = json.loads(out.read())
    whole = used.ru_utime + used.ru_stime
    return Ran(states, transitions, search=seconds, kernel=kernel, whole=whole, peak=peak), table


def run_round(size: str, present: Sequence[str], texts: dict[str, str]) -> tuple[Round, int]:
    """Raises SystemExit if the counts are not equal."""
    ours, table = own(size)
    found = {OWN: ours, **{peer: PEERS[peer][1](texts[peer]) for peer in present}}
    toy = TOYS[size]
    for name, ran in found.items():
        transitions = ran.transitions - (name == "SPIN")  # it counts the initial state as one
        if (ran.states, transitions) != (toy.states, toy.transitions):
            raise SystemExit(
                f"{size}: {name} counts {ran.states:,} states and {transitions:,} transitions, and there are "
                f"{toy.states:,} and {toy.transitions:,}"
            )
    return Round(found), table


def bench_peers(size: str, rounds: int) -> None:
    present = [peer for peer in PEERS if peers.why_missing(peer) is None]
    for peer in PEERS:
        if peer not in present:
            print(f"  {peer}: {peers.why_missing(peer)}: not compared")
    if not present:
        return
    toy, texts = TOYS[size], {peer: text_for(peer, size) for peer in present}
    print(f"  {size}: {toy.states:,} states, {toy.transitions:,} transitions, counted by {', '.join([OWN, *present])}")
    done = [run_round(size, present, texts) for _ in range(rounds)]
    found, table = [one for one, _ in done], done[0][1]
    for name in (OWN, *present):
        search, kernel, whole, peak = (
            median(of(one.ran[name]) for one in found)
            for of in (
                lambda ran: ran.search,
                lambda ran: ran.kernel,
                lambda ran: ran.whole,
                lambda ran: float(ran.peak),
            )
        )
        said = f"  {name:<6} search {search:6.2f} s ({kernel:.2f} in the kernel), whole process {whole:6.2f} s, {peak / toy.states:4.0f} bytes/state at its peak"
        print(said + f", {table / toy.states:.1f} of table" * (name == OWN))
    for peer in present:
        searches, without, wholes = (
            [one.ratio(peer, of) for one in found]
            for of in (lambda ran: ran.search, lambda ran: ran.search - ran.kernel, lambda ran: ran.whole)
        )
        print(
            f"  {OWN} against {peer}: search {_span(searches)}, without the kernel {_span(without)}, whole process {_span(wholes)}"
        )
    load = os.getloadavg()[0]
    print(
        f"  CPU seconds, one thread each, medians of {rounds} interleaved rounds [least..most]; load {load:.1f} on {os.cpu_count()} processors"
    )


def _span(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.1f} times [{min(ratios):.1f}..{max(ratios):.1f}]"


if __name__ == "__main__":
    search_here(sys.argv[1])
