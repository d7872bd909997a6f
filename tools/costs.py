"""What a command costs: CPU seconds of all its processes, what it compiles and links, and how much of it is the search."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KERNEL = '''\
from model.designs.base import Base
from model.machine import Lapic, Vector


class Mine(Base):
    """Obeys SPIV bit 12."""
    def kvm_ioapic_send_eoi(self, apic: Lapic, vector: Vector) -> None:
        if apic.spiv_directed_eoi:
            return
        super().kvm_ioapic_send_eoi(apic, vector)
'''
VMM = '''\
from model.machine import Pin
from model.vmms.qemu import Qemu


class Mine(Qemu):
    """Latches an edge like a level."""
    def ioapic_set_irq(self, pin: Pin, level: bool) -> None:
        self.ioapic[pin].irr = level
        if level and not self.ioapic[pin].remote_irr:
            self.ioapic_service()
'''
GUEST = '''\
from model.guests.guest import Doing
from model.guests.linux import Linux
from model.lang import Fair, require, step
from model.machine import Cpu


class Mine(Linux):
    """Services any device."""
    @step(by="guest", fair=Fair.WEAK)
    def handle_fasteoi_irq(self, cpu: Cpu) -> None:
        require(self.apic[cpu].in_guest and self.irq[cpu].doing == Doing.HANDLER)
        self.service_devices(self.irq[cpu].vector)
        self.irq[cpu].doing = Doing.ACK
'''
FILES = {"kernel": KERNEL, "vmm": VMM, "guest": GUEST}
STARTS = (["--help"], ["list"], ["prov"], ["prove", "v7"])

# The command, with a line in a file for what each search took: of its own thread or process, and without what its
# verdicts need after it. The engine has no counter of its own.
COUNTED = """
import sys, time
from checker.command import entry
from checker.engine.search import NativeSearch
file, run = sys.argv.pop(1), NativeSearch.run
def counted(*arguments):
    started = time.thread_time()
    try:
        return run(*arguments)
    finally:
        with open(file, "a") as seconds:
            seconds.write(f"{time.thread_time() - started}\\n")
NativeSearch.run = counted
sys.exit(entry.main())
"""
PLAIN = "import sys; from checker.command import entry; sys.exit(entry.main())"


@dataclass(frozen=True)
class Cost:
    """seconds: of the CPU, child processes included. made: suffix -> files that it left in the cache."""

    seconds: float
    searching: float
    made: Mapping[str, int]

    def __str__(self) -> str:
        made = ", ".join(f"{number} {suffix}" for suffix, number in sorted(self.made.items())) or "nothing"
        return f"{self.seconds:.2f} s (search {100 * self.searching / self.seconds:.1f} %; made {made})"


def start_up(words: Sequence[str]) -> float:
    """CPU seconds of a command that only says something."""
    return _children([sys.executable, "-c", PLAIN, *words], os.environ, (0, 2))


def cost(words: Sequence[str], cache: Path, anew: bool = False) -> Cost:
    """Of a command that explores. anew: it takes no kept answers. Raises RuntimeError if it does not come to an answer."""
    before = _files(cache)
    with tempfile.NamedTemporaryFile() as searches:
        program = [sys.executable, "-c", COUNTED, searches.name, *words]
        environment = {**os.environ, "EOI_CACHE": str(cache), "EOI_ANEW": "1" * anew}
        seconds = _children(program, environment, (0, 1, 3))
        searching = sum(float(line) for line in Path(searches.name).read_text().splitlines())
    return Cost(seconds, searching, Counter(path.suffix or path.name for path in _files(cache) - before))


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _children(program: Sequence[str], environment: Mapping[str, str], codes: Collection[int]) -> float:
    """CPU seconds of a program, which ends with one of these codes, and of all that it waits for. Its bytecode is kept, as that of an installed one."""
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(program, env=kept, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in codes or "Traceback" in ran.stderr:
        raise RuntimeError(f"{program[3:]} ended with {ran.returncode}: {ran.stderr}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
