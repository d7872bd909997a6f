"""The table of reports/proofs/sizes.md: `eoi prove --sizes` of base, v1 and v6 under QEMU, cell by cell. What is in the file
already is not asked again, so it goes on where it was cut short.

python -m tools.sizes_table FILE SIZES SECONDS [PROPERTY...] [--cells TEXT]

With no property all `always` are asked; --cells: of the cells with this text in their first column, `v6, qemu 0x20 BIT2` say.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

from checker.matrix.cells import Cell
from checker.matrix.select import select, selection
from checker.questions.verdict import Status
from checker.questions.wide import WideResult, judge_wide
from model.lang import Property

DESIGNS, GUESTS = ("v6", "v1", "base"), ["windows_cg", "linux", "xen"]
HEAD = "| design, cell | sizes | asked | holds | violated | inconclusive | clauses | queries | CPU s | wall s |"


def cells() -> list[tuple[str, Cell, list[Property]]]:
    """v6 with the flag and the I/O APIC that it is about first, the rest of v6 last."""
    found = list[tuple[str, Cell, list[Property]]]()
    for design in DESIGNS:
        asked = selection(design, {"vmm": ["qemu"], "guest": GUESTS, "device": ["level"]})
        _, of_design, _, wanted = select(asked)
        found += [(design, cell, wanted) for cell in of_design]
    return sorted(found, key=lambda row: (row[0] == "v6" and "0x20 BIT2," not in str(row[1]), row[0] != "v6"))


def cpu() -> float:
    """Seconds of this process, and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def row(design: str, found: WideResult, sizes: str, asked: str, seconds: float) -> str:
    of = [found.of(s) for s in (Status.HOLDS, Status.VIOLATED, Status.INCONCLUSIVE)]
    violated = " ".join(v.property.name for v in of[1])
    parts = [
        title(design, found.cell), sizes, asked, len(of[0]), f"{len(of[1])} {violated}".strip(), len(of[2]), len(found.clauses),
        found.asked, f"{seconds:.0f}", f"{found.seconds:.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(map(str, parts))} |"


def title(design: str, cell: Cell) -> str:
    return f"{design}, {cell}"


def main(path: Path, text: str, timeout: float, names: list[str], which: str) -> None:
    cpus, pins, vectors = map(int, text.split("x"))
    known = path.read_text(encoding="utf-8") if path.exists() else f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|\n"
    path.write_text(known, encoding="utf-8")
    for design, cell, wanted in cells():
        asked = [p for p in wanted if not names or p.name in names]
        said = ", ".join(names) or "all"
        name = title(design, cell)
        if which not in name or f"| {name} | {text} | {said} |" in known:
            continue
        before = cpu()
        found = judge_wide(cell, asked, (cpus, pins, vectors), timeout, lambda _: None)
        with path.open("a", encoding="utf-8") as out:
            print(row(design, found, text, said, cpu() - before), file=out, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("sizes")
    parser.add_argument("seconds", type=float)
    parser.add_argument("property", nargs="*")
    parser.add_argument("--cells", default="")
    told = parser.parse_args()
    main(told.file, told.sizes, told.seconds, told.property, told.cells)
