"""`eoi new`: a file to begin with, of a design or of a C patch."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from pathlib import Path

from checker import files
from checker.command.exits import Exit
from checker.command.lift import left_out_lines
from checker.errors import UserError
from checker.matrix.lifting import lift_files
from checker.matrix.loader import load_design
from checker.matrix.roles import ALIASES, is_path
from checker.matrix.select import find_design
from checker.questions.skeleton import class_name, skeleton
from checker.questions.skeleton_of_patch import skeleton_of_patch


def run(options: Namespace) -> int:
    """Write it whole or not at all. 3: of a patch, something is left to write."""
    path = Path(options.file)
    check_path(path, force=options.force)
    if options.patch and (options.base or options.function):
        raise UserError("give --from a patch, or --base and --function: the patch says what it stands on")
    if options.patch:
        return of_patch(path, options.patch)
    name = ALIASES.get(options.base, options.base) or "base"
    if is_path(name):
        raise UserError(f"--base {name}: a registered design, VMM, guest or device is needed: see `eoi list`")
    base = find_design(name)[1]
    written(path, skeleton(class_name(path.stem, [base.__name__]), name, base, options.function or []))
    print(f"written: {path}: {name} as it is; what may be said besides stands in its comments")
    print(f"next: edit it, then `eoi diff {name} {path} --brief`")
    return Exit.FINE


def check_path(path: Path, *, force: bool) -> None:
    """Raise UserError before anything is done for a file that could not be written."""
    if path.suffix != ".py":
        raise UserError(f"{path}: the name of a design's file ends in .py")
    files.check_file("FILE", path)
    if path.exists() and not force:
        raise UserError(f"{path}: {files.SAID[17]}: --force writes over it, or give another FILE.py")


def written(path: Path, source: str) -> None:
    """What would be refused is not written."""
    with tempfile.TemporaryDirectory() as folder:
        tried = Path(folder) / path.name
        files.write_text(tried, source)
        load_design(str(tried))
    files.write_text(path, source)


def of_patch(path: Path, patches: list[str]) -> int:
    """As it is lifted; or, where a line is outside the table, what it touches with the C beside it."""
    try:
        found = lift_files(patches, new=True)
    except UserError as refused:
        made = skeleton_of_patch(class_name(path.stem, []), patches, str(refused))
        written(path, made.source)
        print(f"written: {path}: not lifted, so that something is left to write:")
        print("".join(f"  {line}\n" for line in made.left), end="")
        print(f"why: {refused}\nnext: edit it; as it is, it changes nothing")
        return Exit.OPEN
    written(path, found.source)
    print(f"written: {path}: lifted as a whole")
    print("".join(f"{line}\n" for line in left_out_lines(found.left_out)), end="")
    print(f"next: `eoi prove {path}`")
    return Exit.FINE
