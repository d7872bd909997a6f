"""`eoi gate --baseline FILE`: do a project's own designs answer what they answered when FILE was written?"""

from __future__ import annotations

import os
import shlex
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from checker import files
from checker.command import exits
from checker.command.give import give
from checker.command.json_text import Json
from checker.errors import UserError
from checker.matrix.roles import is_path
from checker.questions import gate
from checker.questions.answer import of_gate
from checker.questions.baseline import JudgedDesigns, judge
from checker.questions.expected import Difference, Table, difference_lines, differences, from_toml, to_toml
from checker.words import count

ASKED = "all that `eoi prove DESIGN` asks by default of each design"
NOT_IN = "what `eoi prove DESIGN` asks on request only; other sizes"


def run(options: Namespace) -> int:
    """Compare, or write. 0 only if nothing differs and nothing is open."""
    path = Path(options.baseline)
    named = list(dict.fromkeys(map(plain_name, options.designs)))
    if options.write_baseline:
        files.check_file("--baseline", path)
    elif not path.exists():
        raise UserError(f"{path}: there is no such file: `{writing(path, named or ['DESIGN'])}` makes one")
    known = from_toml(files.read_text(path), str(path), writing(path)) if path.exists() else {}
    names = named or list(known)
    if not names:
        raise UserError(f"--baseline {path}: give the designs that it is about: `{writing(path, ['DESIGN'])}`")
    gone = [name for name in known if name not in named and is_path(name) and not Path(name).exists()]
    if gone and not named:
        raise UserError(f"{path} is about {', '.join(gone)}, and there is no such file in {Path.cwd()}")
    started = time.monotonic()
    judged = judge(names)
    if options.write_baseline:
        return write(path, {**known, **judged.table}, judged)
    return compare(options, {d: rows for d, rows in known.items() if d in names}, judged, time.monotonic() - started)


def plain_name(name: str) -> str:
    """`./mine.py` and the whole path are mine.py: a baseline is kept in a repository, and read on other machines. Raises
    UserError."""
    if name == "-":
        raise UserError("-: a baseline is about files that are there the next time: give one")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UserError(f"{name!r}: a file in a baseline needs a name of UTF-8") from None
    if not is_path(name) or "+" in name:
        return name
    relative = os.path.relpath(name)
    return os.path.normpath(name) if relative.startswith("..") else relative


def writing(path: Path, names: Sequence[str] = ()) -> str:
    return shlex.join(["eoi", "gate", "--baseline", str(path), "--write-baseline", *names])


def write(path: Path, table: Table, judged: JudgedDesigns) -> int:
    if judged.left:
        print("not written, because these are INCONCLUSIVE:\n" + "\n".join(judged.reasons), file=sys.stderr)
        return exits.Exit.OPEN
    option = f" --baseline {shlex.quote(path.name)}"
    files.write_text(path, to_toml(
        table, f"{ASKED}.", what="our designs", write=f"eoi gate{option} --write-baseline", compare=option
    ))  # fmt: skip
    violated = sum(
        text.startswith("FAIL") for of in judged.table.values() for row in of.values() for text in row.verdicts.values()
    )
    known = f"; {count(violated, 'verdict')} VIOLATED, which are known from now on (`eoi prove DESIGN`: which are new with it)"
    print(f"{gate.count_text(judged.table)}: written to {path}{known * bool(violated)}")
    print("".join(f"{line}\n" for line in open_lines(judged)), end="")
    return exits.decided(wrong=False, undecided=bool(judged.reasons))


def compare(options: Namespace, expects: Table, judged: JudgedDesigns, seconds: float) -> int:
    """Only what was judged is compared, where not all was."""
    expects = gate.judged_only(expects, judged.table) if judged.left else expects
    listed = differences(expects, judged.table)
    if options.json:
        answer = of_gate(
            f"our designs against {options.baseline}", expects, judged.table, judged.reasons, judged.results
        )
        give(options, answer, "gate", as_json(options.baseline, judged, listed, seconds))
    else:
        print("\n".join(difference_lines(listed, options.all)) + "\n" * bool(listed), end="")
        said = f"{count(len(listed), 'difference')} from" if listed else "all as in"
        kept = f"; {count(judged.kept, 'cell')} as judged before, EOI_ANEW=1 judges anew" if judged.kept else ""
        print(f"{gate.count_text(judged.table)}: {said} {options.baseline} ({seconds:.1f} s{kept})")
        if listed:
            accepted = writing(Path(options.baseline), list(dict.fromkeys(d.design for d in listed)))
            print(f"`{accepted}` accepts it; `eoi prove DESIGN` tells the stories")
        print("".join(f"{line}\n" for line in open_lines(judged)), end="")
    return exits.decided(wrong=bool(listed), undecided=bool(judged.reasons))


def open_lines(judged: JudgedDesigns) -> list[str]:
    return [f"INCONCLUSIVE: {why}" for why in judged.reasons]


def as_json(file: str, judged: JudgedDesigns, listed: Sequence[Difference], seconds: float) -> Json:
    """As of the matrix, see gate.py."""
    rows = [row for cells in judged.table.values() for row in cells.values()]
    return {
        "expected": file,
        "designs": len(judged.table),
        "cells": len(rows),
        "verdicts": sum(len(row.verdicts) for row in rows),
        "kept": judged.kept,
        "interrupted": judged.interrupted,
        "inconclusive": judged.reasons,
        "not_judged": [],
        "matrix": ASKED,
        "not_in_it": NOT_IN,
        "differences": [asdict(d) for d in listed],
        "seconds": round(seconds, 1),
    }
