"""Bugs put into the engines, one at a time, in a copy of the checker: each makes it answer something false, and the
certificate of that answer is rejected, or cannot be made. Nothing else looks: no sample is looked at again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from checker.certificate import check
from checker.engine.sources import COARSE
from tests.rigs.volume import at_once

ROOT = Path(__file__).parents[2]
MAKE = """\
import os, sys
from checker.engine import build
from checker.engine.search import Limits
from checker.matrix.select import select, selection
from checker.questions.certificates import certificate_of
from checker.questions.kept_answers import answered
from checker.questions.verdict import check_cell

plain = build._flags
build._flags = lambda extra: ["-O0" if flag in ("-O1", "-O2") else flag for flag in plain(extra)]
paths, *cells = sys.argv[1:]
results = []
for line in cells:
    design, guest, scope, asked = line.split()
    found = selection(design, {"vmm": ["qemu"], "guest": [guest], "device": ["level"]}, asked.split("+"), scope)
    (cell,), wanted = select(found)[1], select(found)[3]
    result = answered(cell, wanted, "native", lambda: check_cell(cell, wanted, engine="native", again=0))
    results.append(result)
for v in result.verdicts:
    print(v.property.name, v.status.value)
paths = paths.split(os.pathsep)
for path, result in zip(paths, results[-len(paths):]):
    made = certificate_of(result, Limits())
    open(path, "wb").write(made.content)
"""
NAMESAKE = '''\
from model.lang import always
from model.machine import Machine, Pin


@always()
def no_reinjection(s: Machine, pin: Pin) -> bool:
    """It has the name of another one, and always holds."""
    return s.ioapic[pin].mask or not s.ioapic[pin].mask
'''


@dataclass(frozen=True)
class Bug:
    """In a file of the checker, `good` is `bad`. cells: what is asked, the last one is certified. says: the answer that is false,
    or says nothing. match: what is said of its certificate."""

    file: str
    good: str
    bad: str
    cell: str
    says: str
    match: str
    before: str = ""  # asked earlier


ONE, TWO = "cpus=1,pins=1,vectors=1,ioapic=0x11", "cpus=1,pins=2,vectors=2,ioapic=0x11"
WINDOWS = f"base windows_cg {ONE} no_reinjection"
STORM = f"base windows_cg {ONE} no_storm"
LINUX = f"base linux {ONE} directed_eoi_owed"
BUGS = {
    "a successor is dropped": Bug(
        "engine/runtime.c", "u32 count = successors(e, e->state, e->out, labels);",
        "u32 count = successors(e, e->state, e->out, labels); if (count > 1) count--;", LINUX,
        "directed_eoi_owed NEVER", "which is missing",
    ),
    "two states are taken for one": Bug(
        "engine/table.h", "    u32 id = find(t, key, hash, &slot);", "    u32 id = t->states > 40 ? 9 : find(t, key, hash, &slot);",
        f"base linux {TWO} directed_eoi_owed", "directed_eoi_owed NEVER", "which is missing",
    ),
    "a step is skipped": Bug(
        "engine/search.py", "if step.name not in without] if without else None",
        "if step.name not in without and step.name != 'vcpu_enter_guest']", WINDOWS,
        "no_reinjection HOLDS", "vcpu_enter_guest leads from",
    ),
    "a stored bit is lost": Bug(
        "engine/runtime.c", "state, key, bmi2);\n        u64 hash", "state, key, bmi2); key[0] &= ~(1u << 20);\n        u64 hash",
        f"base linux {TWO} directed_eoi_owed", "directed_eoi_owed NEVER", "which is missing",
    ),
    "properties of one name are one": Bug(
        "questions/verdict.py", "mine = self._atoms[p.function]",
        "mine = self._atoms[next(q.function for q in self.recheck.prepared.properties if q.function.__name__ == p.function.__name__)]",
        f"base windows_cg {ONE} OWN+no_reinjection", "no_reinjection HOLDS", "no_reinjection: False in",
    ),
    "an answer of another design is taken": Bug(
        "questions/kept_answers.py", "asked = program, choices,", "asked = choices,", WINDOWS, "no_reinjection HOLDS",
        "directed_eoi_owed|no_reinjection", before=f"v1 windows_cg {ONE} no_reinjection",
    ),
    "no loop is ever fair": Bug(
        "engine/liveness.py", "    if not goal.any():\n        return None", "    return None", STORM,
        "no_storm HOLDS", "a fair run may stay in state",
    ),
    "q is so everywhere": Bug(
        "engine/native.py", "return values\n\n    def eval_edges", "return values | 1\n\n    def eval_edges", STORM, "no_storm HOLDS",
        "no_storm: no rank where p is so",
    ),
    "it begins in another state": Bug(
        "engine/search.py", "add_initial(self._raw(reference.start))",
        "add_initial(self._raw((reference.start[0] ^ 1, *reference.start[1:])))", LINUX,
        "directed_eoi_owed NEVER", "no initial state",
    ),
    "any() is all()": Bug(
        "engine/cgen_expr.py", "{e.op.upper()}({var}", "{'ALL'}({var}",
        "base windows_cg cpus=2,pins=1,vectors=1,ioapic=0x11 no_reinjection", "no_reinjection HOLDS", "no_reinjection is vacuous: True in",
    ),
    "what is in a set is not": Bug(
        "engine/cgen_expr.py", "return f\"({self.operand(mask)} & {self._bit(element)}) != 0\"",
        "return f\"({self.operand(mask)} & {self._bit(element)}) == 0\"", f"base windows_cg {TWO} eoi_exit", "eoi_exit NEVER",
        "which is missing|eoi_exit: True in",
    ),
    "the highest is the lowest": Bug(
        "engine/cgen_expr.py", "{'fls64' if op == 'highest' else 'ffs64'}", "{'ffs64'}",
        f"base windows_cg {TWO} eoi_exit", "eoi_exit REACHED", "which is missing",
    ),
    "a step is compared with itself": Bug(
        "engine/cgen_expr.py", "state = \"s\" if isinstance(base, State) else \"before\"", "state = \"s\"",
        f"base any {ONE} closes_only_if_taken", "closes_only_if_taken HOLDS", "closes_only_if_taken: False of",
    ),
    "no state violates anything": Bug(
        "engine/search.py", "return None if number == NONE else number", "return None if number == NONE or not value else number",
        WINDOWS, "no_reinjection HOLDS", "no_reinjection: False in",
    ),
}  # fmt: skip

REFUSED = ("no loop is ever fair",)  # there is no certificate that could be written


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two bugs have in common is compiled once."""
    return tmp_path_factory.mktemp("cache")


def copied(folder: Path) -> Path:
    """With bytecode, which is that of files of the same age."""
    for name in ("checker", "model", "properties"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))  # half written
    return folder


def made(
    copy: Path, certificates: Sequence[Path], cells: Sequence[str], cache: Path
) -> subprocess.CompletedProcess[str]:
    """Of the last cells that are asked."""
    own = copy.with_name("namesake_of_no_reinjection.py")
    own.write_text(NAMESAKE)
    cells = [cell.replace("OWN", str(own)) for cell in cells if cell]
    env = {**os.environ, "PYTHONPATH": str(copy), "EOI_CACHE": str(cache)}
    env.pop("EOI_ANEW", None)
    command = [sys.executable, "-c", MAKE, os.pathsep.join(map(str, certificates)), *cells]
    return subprocess.run(command, env=env, cwd=copy, capture_output=True, text=True, check=False)


def said_of(certificate: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", check.__file__, str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", at_once(BUGS, len(BUGS)))
def test_a_bug_is_caught_by_certification_alone(name: str, tmp_path: Path, compiled: Path) -> None:
    bug, copy, certificate = BUGS[name], copied(tmp_path / "copy"), tmp_path / "x.cert"
    file = copy / "checker" / bug.file
    text = file.read_text()
    assert text.count(bug.good) == 1
    file.write_text(text.replace(bug.good, bug.bad))
    time.sleep(2 * COARSE / 1e9 if bug.before else 0)  # nothing is kept of files that seem to be written meanwhile
    cache = compiled / "answers" if bug.before else compiled
    answer = made(copy, [certificate], [bug.before, bug.cell], cache)
    assert bug.says in answer.stdout, answer.stderr  # it is not noticed before
    if not certificate.exists():
        refused = answer.stderr.splitlines()[-1]
        assert refused.startswith("checker.errors.InternalError: ") and re.search(bug.match, refused)
        assert name in REFUSED
        return
    said = said_of(certificate)
    assert said.returncode == 1 and said.stdout.startswith("REJECTED: ") and re.search(bug.match, said.stdout), (
        said.stdout
    )
    assert name not in REFUSED


@pytest.mark.everything
def test_without_a_bug_the_same_answers_are_certified(tmp_path: Path, compiled: Path) -> None:
    """One process for all: that of a bug may be one of its own."""
    befores, cells = {bug.before for bug in BUGS.values()}, list(dict.fromkeys(bug.cell for bug in BUGS.values()))
    certificates = [tmp_path / f"{number}.cert" for number in range(len(cells))]
    answer = made(copied(tmp_path / "copy"), certificates, [*befores, *cells], compiled)
    for certificate in certificates:
        assert certificate.exists(), answer.stderr
        assert said_of(certificate).returncode == 0
