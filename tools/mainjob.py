"""`make prove`: the September 2025 argument, end to end. Writes the matrix and the counterexamples to a folder."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

from checker.command import cli
from checker.questions import on_record, proofs
from checker.symbolic import second_opinion

CORE = [
    "--vmm",
    "qemu,openvmm",
    "--guest",
    "linux,windows_cg,xen,any",
    "--device",
    "level,edge,mixed",
]  # the gate sees the rest
# (file, arguments of eoi, expected exit code)
MATRIX = [("base.txt", ["prove", "base", *CORE, "--absolute"], 1), ("v1.txt", ["prove", "v1", *CORE, "--absolute"], 1)]
SCREEN = ["diff", "base", "v1", *CORE, "--brief"]
WINDOWS = ["--vmm", "qemu", "--guest", "windows_cg"]
CLAIMS = [
    (
        "base storms on QEMU with I/O APIC 0x20",
        ["prove", "base", *WINDOWS, "--property", "no_storm", "--scope", "ioapic=0x20", "--absolute"],
        1,
    ),
    ("v1 fixes it on 0x20", ["prove", "v1", *WINDOWS, "--scope", "ioapic=0x20", "--absolute"], 0),
    (
        "v1 loses the EOI on 0x11",
        ["prove", "v1", *WINDOWS, "--property", "no_eoi_lost", "--scope", "ioapic=0x11", "--absolute"],
        1,
    ),
    (
        "v1 leaves Linux guests alone",
        ["prove", "v1", "--guest", "linux", "--property", "no_storm", "--property", "no_eoi_lost", "--absolute"],
        0,
    ),
]
GATE = ["gate", "--expected", "reports/expected.toml"]
LINES = 40  # of the gate's differences; all of them are in gate.txt
PROVED_AT = {"cpus": 2, "pins": 2, "vectors": 2}  # by z3, and by cvc5 where it is installed
STORIES = [
    ("storm", ["trace", "base", *WINDOWS, "--property", "no_storm", "--scope", "ioapic=0x20,cpus=1,pins=1"]),
    ("lost_eoi", ["trace", "v1", *WINDOWS, "--property", "no_eoi_lost", "--scope", "ioapic=0x11,cpus=1,pins=1"]),
]


def run(arguments: list[str]) -> tuple[int, str]:
    """(exit code, standard output) of one eoi command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(arguments)
    return code, out.getvalue()


def main_job(folder: Path) -> int:
    """The two stories, which take seconds, come first. 0 if every claim of the thread comes out as it should."""
    failed = 0
    for name, arguments in STORIES:
        pictures = [x for form in ("svg", "png") for x in (f"--{form}", str(folder / f"{name}.{form}"))]
        code, text = run([*arguments, *pictures])
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        print(text, flush=True)
        failed += code != 1
    for name, arguments, wanted in MATRIX:
        code, text = run(arguments)
        (folder / name).write_text(text, encoding="utf-8")
        failed += code != wanted
    code, text = run(SCREEN)
    print(text, flush=True)
    failed += code != 1
    for claim, arguments, wanted in CLAIMS:
        code, _ = run(arguments)
        said = "so it is" if code == wanted else f"WRONG, exit {code} instead of {wanted}"
        print(f"{said}: {claim}\n  eoi {' '.join(arguments)}")
        failed += code != wanted
    failed += not proofs_hold()
    code, text = run(GATE)
    (folder / "gate.txt").write_text(text, encoding="utf-8")
    print("\n".join(text.splitlines()[-LINES:]))
    failed += code != 0
    print(f"\nmatrix: {folder}/base.txt, {folder}/v1.txt")
    print(f"counterexamples: {', '.join(f'{folder}/{name}.{x}' for name, _ in STORIES for x in ('txt', 'svg', 'png'))}")
    return 1 if failed else 0


def proofs_hold() -> bool:
    """Print the invariants that are kept, and whether they are such."""
    who, ask = ("z3 and cvc5", second_opinion.agreed()) if second_opinion.is_installed() else ("z3", proofs.asked_of_z3)
    found = proofs.kept()
    print(f"\nWhat is inductive, asked of {who}:\n")
    said = [proofs.shown(proof, PROVED_AT, ask) for proof in found]
    for proof, (inductive, lines) in zip(found, said, strict=True):
        print("\n".join(lines), end="\n\n", flush=True)
        if inductive:
            cell, p = proofs.cell_of(proof, PROVED_AT)
            on_record.proved(cell, [p], ["x".join(map(str, PROVED_AT.values()))])
    return bool(said) and all(inductive for inductive, _ in said)


if __name__ == "__main__":
    sys.exit(main_job(Path(sys.argv[1])))
