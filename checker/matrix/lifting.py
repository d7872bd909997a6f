"""Designs out of patches: `fix.patch`, a mail, a page's text, or `-`. Lifted once for its content, and kept as a file."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from checker import files
from checker.engine.cache_folder import cache_dir
from checker.errors import NotConcerned, UserError
from checker.matrix.concerned import Concern
from checker.matrix.lifted_file import PLACES, LiftedFile
from checker.matrix.patch_places import place_of
from checker.matrix.roles import PATCH, registered_name, series_of
from checker.stories.mail import read_mail
from lift import emit
from lift.accounting import HARMLESS, LeftOut, changes_nothing, check_understood
from lift.lifting import Lift, Lifted
from lift.patch import Diff, check_order, chosen, diffs
from lift.pieces import changed_names
from lift.refusal import NotLifted
from lift.surface import Surface
from lift.table import Table, read_table
from model.machine import Machine

TABLES = ("model/kvm/correspondence.txt", "model/vmms/qemu_correspondence.txt")  # a patch is for whose files it names
SHOWN = TABLES[0]
TABLE = Path(__file__).resolve().parents[2] / SHOWN


@functools.cache
def table(shown: str = SHOWN) -> Table:
    return read_table(files.read_text(TABLE.parents[2] / shown), shown)


def base_of(design: str) -> type[Machine]:
    """Of a table's module:Class."""
    module, _, name = design.partition(":")
    found: type[Machine] = getattr(importlib.import_module(module), name)
    return found


@functools.cache
def _surface(design: str) -> Surface:
    return Surface(base_of(design))


def table_of(series: Sequence[tuple[str, Diff]]) -> Table:
    """The table whose code it is that a series changes; the first one, if it is nobody's. Raises NotLifted."""
    owners = dict[str, Table]()
    for file, diff in series:
        for hunk in diff.hunks:
            for one in map(table, TABLES):
                if _modelled(hunk.file, one):
                    owners.setdefault(one.file, one)
                    if len(owners) > 1:
                        what = f"{hunk.file} is in {one.file}, and what is changed before it in {next(iter(owners))}"
                        raise NotLifted(hunk.line, what, "give the patches of a kernel and of a VMM separately", file)
    return next(iter(owners.values()), table())


def lifted(argument: str) -> LiftedFile:
    """Of one argument of the command line. Raises UserError with the patch's file and line."""
    try:
        here = os.getcwd()
    except OSError:  # it is gone, and with it what is named from there
        here = ""
    return _lifted(argument, here)


@functools.cache
def _lifted(argument: str, here: str) -> LiftedFile:
    """Once for all that a command asks of it. here: from where it is named."""
    names, reverse = series_of(argument)
    return lift_files(names, reverse=reverse)


def lift_files(names: Sequence[str], nth: int = 0, *, reverse: bool = False, new: bool = False) -> LiftedFile:
    """Of a series, in this order; each a file, or one of its diffs (`thread.txt:2`). nth: for others. new: `eoi new` asks. Raises UserError."""
    _check_once(names)
    series, found = list[tuple[str, Diff]](), None
    try:
        for name in names:
            series += diffs_of(name, nth)
        rows = table_of(series)
        _concern().check(series, rows)
        surface = _surface(rows.base).copy()
        lift = Lift(rows, surface)
        lift.out.left_out += _not_given(series)
        for _, diff in series if reverse else ():
            diff.hunks = [h.reversed() for h in diff.hunks]
        for file, diff in series:
            lift.read(diff, file)
        for file, diff in reversed(series) if reverse else series:
            lift.apply(diff, file)
        found = lift.finish()
        if not found.functions:
            raise _nothing(found, series, names)
        check_understood(found.left_out)
    except NotLifted as refused:
        why = str(refused.in_file(series[-1][0] if series else names[0]))
        if series and not _concerned(names):
            raise NotConcerned(why, names) from None
        nothing = new or reverse or (found is not None and not found.functions)
        raise UserError(why if nothing else why + _by_hand(names, nth, series)) from None
    except RecursionError:
        raise UserError(f"{names[-1]}: it is nested too deep to be read") from None
    named = registered_name(base_of(rows.base))
    source = emit.source(found, [(Path(f).name, d) for f, d in series], surface, named)
    path, left_out = kept(source, series[-1][0]), [str(x) for x in dict.fromkeys(found.left_out)]
    places = {f: place_of(f, found.how[f], series, rows) for f in found.functions}
    PLACES[str(path)] = {f: (Path(file).name, line) for f, (file, line) in places.items()}
    hunks = [h for _, d in series for h in d.hunks if _modelled(h.file, rows)]
    return LiftedFile(source, path, found, left_out, named, places, hunks)


def _by_hand(names: Sequence[str], nth: int, series: Sequence[tuple[str, Diff]]) -> str:
    """Where a patch that is refused can be gone on with: `eoi new` writes what the model has of it."""
    try:
        rows = table_of(series)
    except NotLifted:
        return ""
    changed = {name for _, diff in series for hunk in diff.hunks if _modelled(hunk.file, rows) for side in "+-"
               for name in changed_names(hunk, side)}  # fmt: skip
    known = _surface(rows.base).functions
    if "-" in names or not any(row.model in known for name in changed for row in rows.of_c(name)):
        return ""
    given = [f"{name}:{nth}" if nth and not re.search(r":\d+$", name) else name for name in names]
    return f"\n    `eoi new mine.py --from {shlex.join(given)}` writes the class to begin with, the C beside it"


def _concern() -> Concern:
    return Concern([table(shown) for shown in TABLES])


def _concerned(names: Sequence[str], but: Sequence[str] = ()) -> str:
    """A file that is something to the model, and that a head of a diff names, however it spells paths; or "". What was read from
    standard input cannot be read again."""
    return "-" if "-" in names else _concern().named_in([_read(PATCH.sub(r"\1", name)) for name in names], but)


def _modelled(file: str, rows: Table) -> bool:
    """It is no selftest, and no documentation."""
    return any(fnmatchcase(file, row.left) and not row.why for row in rows.rows["files"])


def read_series(names: Sequence[str], nth: int = 0, *, reverse: bool = False) -> list[tuple[str, Diff]]:
    """(file as shown, diff), as they are applied one after the other. Raises UserError."""
    _check_once(names)
    try:
        series = [one for name in names for one in diffs_of(name, nth)]
        check_order(series)
    except NotLifted as refused:
        raise UserError(str(refused.in_file(names[0]))) from None
    if not reverse:
        return series
    return [(file, replace(diff, hunks=[h.reversed() for h in diff.hunks])) for file, diff in reversed(series)]


def _check_once(names: Sequence[str]) -> None:
    """Raises UserError."""
    for at, name in enumerate(names):
        if name in names[:at]:
            raise UserError(f"{name} is named twice: give each patch of a series once")


def _not_given(series: Sequence[tuple[str, Diff]]) -> list[LeftOut]:
    """What its mails number, and nobody gave. Raises NotLifted."""
    (file, first), missing = series[0], check_order(series)
    what = f"{', '.join(missing)} of the series"
    return [LeftOut(file, first.line, what, "nobody gave it", "ignored", False)] if missing else []


def diffs_of(argument: str, nth: int) -> list[tuple[str, Diff]]:
    """(file as shown, diff) of one argument. Raises NotLifted, UserError."""
    named = PATCH.fullmatch(argument)
    name, own = (named[1], int(named[2] or 0)) if named else (argument, 0)
    shown = "<stdin>" if name == "-" else name
    try:
        return [(shown, diff) for diff in chosen(diffs(_read(name)), own or nth)]
    except NotLifted as refused:
        raise refused.in_file(shown) from None


def _read(name: str) -> str:
    try:
        return read_mail(name)
    except (OSError, UnicodeError) as error:
        raise UserError(f"{name}: {files.why(error)}") from None


def _nothing(found: Lifted, series: Sequence[tuple[str, Diff]], names: Sequence[str]) -> NotLifted:
    """Nothing of the model changes: that is no design, and why is said. Raises NotConcerned where no code changes, or only what
    rows call harmless, whatever a patch makes of it."""
    changes, (file, diff) = [x for x in found.left_out if x.changed], series[0]
    line = changes[0].line if changes else diff.line
    harmless = all(x.mark == HARMLESS and x.kind == "ignored" for x in changes)
    if harmless and "-" not in names and (other := _concerned(names, [h.file for _, d in series for h in d.hunks])):
        return NotLifted(diff.line, f"{other} is named in it, and what is done to it is not shown")
    if not changes:
        raise NotConcerned(f"{file}:{line}: nothing of it changes the model: it changes no code", names)
    if all(x.kind == "not modelled" for x in changes):
        whys = " and ".join(dict.fromkeys(x.why for x in changes if not x.why.startswith("not modelled")))
        return NotLifted(line, f"its only point is {whys}, and that is not modelled")
    refused = changes_nothing(line, changes, table_of(series).file)
    if harmless:
        first, _, each = str(refused.in_file(changes[0].file or file)).partition("\n")
        whys = "; ".join(dict.fromkeys(x.why for x in changes if not x.why.startswith("ignored: ")))
        raise NotConcerned(f"{first}, and is harmless: {whys}\n{each}", names)
    return refused


def kept(source: str, patch: str) -> Path:
    """Where the class is read from, as if somebody had written it: `fix.patch.py`, since lines of it are told by its name."""
    folder = cache_dir() / "lifted" / hashlib.sha256(source.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {files.why(error)}") from None
    path = folder / f"{Path(patch).name.strip('<>')}.py"
    if not path.exists() or path.read_text() != source:
        files.write_text(path, source)
    return path
