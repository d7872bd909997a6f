"""`eoi prove --certificate`: a file for each cell, by which somebody else can check its verdicts."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import textwrap
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from checker import files
from checker.certificate.check import OURS, ROOT
from checker.command import exits
from checker.command.certify import ENDING
from checker.engine.search import Limits
from checker.errors import UserError
from checker.matrix.cells import Cell
from checker.matrix.roles import ROLES, series_of, users_file
from checker.progress import Progress
from checker.questions import on_record
from checker.questions.campaign import Campaign
from checker.questions.certificates import Made, certificate_of
from checker.questions.verdict import Status
from checker.questions.wide import WideResult
from checker.questions.wide_certificates import certificate_of as wide_certificate_of
from checker.words import count, screen
from model.lang import Property

OPTION = "--certificate"


def check_target(options: Namespace, cells: Sequence[Cell], wanted: Sequence[Property]) -> None:
    """Raise UserError unless certificates of these cells could be written where it is asked, and checked."""
    path = Path(options.certificate)
    if options.asked.lifted:
        commands = "".join(f"\n    {line}" for line in instead_of_patch(options, len(cells)))
        raise UserError(
            f"{OPTION} is of a class in a file, and {options.design} is a patch: make one of it, then{commands}"
        )
    defined: list[type | Callable[..., object]] = [p.function for p in wanted]
    defined += [cls for cell in cells for cls in cell.system.__bases__]
    defined += [type(cell.scope) for cell in cells]
    own = dict[str, str]()
    for file in sorted(set(map(users_file, defined)) - {""}):
        stem = Path(file).stem
        if "." in stem or stem in sys.stdlib_module_names or stem in OURS or is_elsewhere(file):
            raise UserError(
                f"{OPTION}: whoever checks it imports {file}, and Python finds no such file by {stem!r}: rename it"
            )
        if own.setdefault(stem, file) != file:
            raise UserError(f"{OPTION}: whoever checks it imports {own[stem]} and {file} by one name: rename one")
    if in_folder(path, cells):
        files.check_folder(OPTION, path)
    else:
        files.check_file(OPTION, path)


def instead_of_patch(options: Namespace, cells: int) -> list[str]:
    """The command that writes the patch as a class, and what was asked, of that class; of several cells with a folder."""
    patches, reverse = series_of(options.design)
    stem = re.sub(r"\W", "_", Path(patches[-1].rpartition(":")[0] or patches[-1]).stem).strip("_") or "patch"
    file = f"{stem}{'_patch' * (stem in sys.stdlib_module_names or stem in OURS or is_elsewhere(f'{stem}.py'))}.py"
    path = Path(options.certificate)
    said = [x for role in ROLES for names in getattr(options, role) or () for x in (f"--{role}", names)]
    said += [x for name in options.property or () for x in ("--property", name)]
    said += ["--scope", options.scope] * bool(options.scope)
    said += ["--sizes", "x".join(map(str, options.sizes))] if options.sizes else []
    target = str(path.with_suffix("") if cells > 1 and path.suffix == ENDING else path)
    lift = ["eoi", "lift", *patches, *["-R"] * reverse, "-o", file]
    return [shlex.join(lift), shlex.join(["eoi", "prove", file, *said, OPTION, target])]


def is_elsewhere(file: str) -> bool:
    """Another module has its name: one that is installed, or a file or folder of the project's."""
    stem, own = Path(file).stem, Path(file).resolve()
    spec = importlib.util.find_spec(stem)
    installed = spec is not None and Path(spec.origin or "").resolve() != own
    return installed or any(path.exists() and path != own for path in (ROOT / stem, ROOT / f"{stem}.py"))


def in_folder(path: Path, cells: Sequence[Cell]) -> bool:
    """Several cells, each a file of its own; or one, whose folder is there."""
    if len(cells) > 1 and path.suffix == ENDING and not path.is_dir():
        raise UserError(f"{OPTION} {path}: a certificate is of one cell, and these are {len(cells)}: name a folder")
    return len(cells) > 1 or path.is_dir()


def told(lines: Sequence[str], whole: bool) -> int:
    """Prints what was written, or not; returns the exit code."""
    wrapped = [line for one in lines for line in textwrap.wrap(one, screen()[0], subsequent_indent="  ")]
    print("\n".join(["", *wrapped]))
    return exits.Exit.FINE if whole else exits.Exit.OPEN


def write(campaign: Campaign, path: Path, limits: Limits, since: float) -> tuple[list[str], bool]:
    """Says what was written; and whether that is all. since: from when on somebody waits. Raises UserError."""
    cells = [result.cell for result in campaign.results]
    target, left = Written(path, [*cells, *campaign.unexplored]), list[str]()
    progress = Progress(len(cells), "certificates", since)
    for result in campaign.results:
        progress.phase(0, str(result.cell), "making its certificate")
        progress.show()
        made = certificate_of(result, limits)
        progress.finished(0)
        if made is None or not made.claims:
            left.append(f"no certificate of {result.cell}: {'a limit was reached' if made is None else 'no verdict'}")
            continue
        on_record.written(
            result.cell, [v for v in result.verdicts if v.property.name not in made.without], made.content
        )
        open_ = [v.property.name for v in result.verdicts if v.status is not Status.SKIPPED]
        left += target.put(result.cell, made, open_)
    progress.close()
    left += [f"no certificate of {cell}: not explored" for cell in campaign.unexplored]
    return [target.told(), *left], not left


def write_wide(
    results: Sequence[WideResult], cells: Sequence[Cell], path: Path, since: float
) -> tuple[list[str], bool]:
    """The same, of what was shown at sizes."""
    target, left = Written(path, cells), list[str]()
    progress = Progress(len(results), "certificates", since)
    for number, result in enumerate(results):

        def tell(what: str, number: int = number, cell: Cell = result.cell) -> None:
            progress.phase(number, str(cell), what)
            progress.show()

        tell("making its certificate")
        made = wide_certificate_of(result, tell)
        if made.claims:
            tell(f"writing {len(made.content) / 1e6:.0f} MB")
            left += target.put(result.cell, made, made.without)
        else:
            left.append(f"no certificate of {result.cell}: no verdict")
        progress.finished(number)
    progress.close()
    return [target.told(), *left], not left


class Written:
    """Where certificates are written to: a file, or a folder with one of each cell."""

    def __init__(self, path: Path, cells: Sequence[Cell]) -> None:
        self._path, self._folder = path, in_folder(path, cells)
        self._names, self._size = set[str](), 0
        if self._folder:
            with files.writing(path):
                path.mkdir(parents=True, exist_ok=True)

    def put(self, cell: Cell, made: Made, asked: Iterable[str]) -> list[str]:
        """Says what of these it leaves out."""
        name = file_name(cell, self._names)
        files.write_bytes(self._path / name if self._folder else self._path, made.content)
        self._size += len(made.content)
        return [f"not in {name}: {p}: {made.without[p]}" for p in asked if p in made.without]

    def told(self) -> str:
        how_many = count(len(self._names), "certificate")
        return f"{how_many} in {self._path} ({self._size:,} bytes); to check: eoi certify {self._path}"


def file_name(cell: Cell, taken: set[str]) -> str:
    """`v6-qemu-0x20-BIT2-windows_cg-level.cert`: one that no other cell has."""
    stem = re.sub(r"[^A-Za-z0-9_=.]+", "-", f"{Path(cell.names[cell.subject]).stem} {cell}")
    name = next(n for k in range(len(taken) + 1) if (n := f"{stem}{f'-{k + 1}' * bool(k)}{ENDING}") not in taken)
    taken.add(name)
    return name
