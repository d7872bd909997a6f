"""The expected verdicts as a file that people read and git merges: TOML, one line per cell, grouped by design.

    format = 1
    cells = 2

    [v1]
    "qemu 0x20, linux, level" = "4464 states, depth 28; no_eoi_lost ok; no_storm ok; eoi_exit yes 8"
    "qemu 0x11, windows_cg, level" = "2760 states, depth 30; no_eoi_lost FAIL 10; no_storm (ok)"

FAIL n: violated, the shortest run takes n steps. FAIL n+m: n steps and then a loop of m. FAIL n stays: n steps and
then nothing for ever. ok: holds. (ok): holds because its premise never occurs. yes n, no: reachable or not. A property
that is not named says nothing of this cell. `cells` is there so that a file that lost its end is noticed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checker.errors import UserError
from checker.questions.verdict import CellResult, Status, Verdict
from checker.words import count

FORMAT = 1
WRITE = "eoi gate --write"  # what writes such a file
HEAD = """\
# What every cell of {what} answers: written by `{write}`, compared by `eoi gate{compare}`.
# {about}
# FAIL n: violated in n steps, shortest; n+m: n steps and a loop of m; stays: then nothing happens for ever.
# ok: holds; (ok): its premise never occurs. yes n, no: reachable or not. A property that is not named says
# nothing of the cell's guest.
format = {format}
cells = {cells}
"""
COVERED = re.compile(r"(\d+) states, depth (\d+)")
JUDGED = re.compile(r"(\w+) (ok|\(ok\)|no|yes \d+|FAIL \d+(?:\+\d+| stays)?)")
INCONCLUSIVE = Status.INCONCLUSIVE.mark
BARE, UNSAFE = re.compile(r"[A-Za-z0-9_-]+"), re.compile(r'[\x00-\x1f"\\\x7f]')  # keys, and what a string escapes
CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")
SHOWN = 60  # characters of a damaged line
NOT_COUNTED = 0  # states
COUNTS, FEW = ("states", "depth"), 6  # differences that are told one by one, however many designs they are of


@dataclass(frozen=True)
class Row:
    """What one cell answers. verdicts: property -> `FAIL 8+5` and the like. states: NOT_COUNTED if it is not known how
    many, nor then how far the last one is."""

    states: int
    depth: int
    verdicts: Mapping[str, str]

    def __str__(self) -> str:
        return "; ".join([f"{self.states} states, depth {self.depth}", *(f"{p} {v}" for p, v in self.verdicts.items())])


Table = dict[str, dict[str, Row]]  # design -> cell -> what it answers


def verdict_text(verdict: Verdict) -> str | None:
    """E.g. `FAIL 8+5`; None if the property says nothing here."""
    match verdict.status:
        case Status.SKIPPED:
            return None
        case Status.REACHED | Status.VIOLATED:
            return f"{verdict.mark()} {_run_text(verdict)}"
        case _:
            return verdict.mark()


def _run_text(verdict: Verdict) -> str:
    run = verdict.run
    assert run is not None
    if run.loop_start is not None:
        return f"{run.loop_start}+{run.length - run.loop_start}"
    return f"{run.length} stays" if run.stutter else str(run.length)


def row_of(result: CellResult) -> Row:
    """What it answers, however its states were searched."""
    texts = {v.property.name: verdict_text(v) for v in result.verdicts}
    states = result.all_states if result.reduced is None or result.reduced.exact else NOT_COUNTED
    return Row(states, result.stats.depth - 1, {p: text for p, text in texts.items() if text is not None})


def to_toml(table: Table, about: str, *, what: str = "the full matrix", write: str = WRITE, compare: str = "") -> str:
    """The text of the file. `about`: one line that says which cells these are; so does `what`, shortly. compare: the options
    with which it is compared."""
    cells = sum(map(len, table.values()))
    head = HEAD.format(about=about, format=FORMAT, cells=cells, what=what, write=write, compare=compare)
    lines = [head.rstrip()]
    for design, rows in table.items():
        lines += [
            "",
            f"[{key_text(design)}]",
            *(f"{_string(title)} = {_string(str(row))}" for title, row in rows.items()),
        ]
    return "\n".join(lines) + "\n"


def key_text(design: str) -> str:
    """The name of a table: of a file in quotes."""
    return design if BARE.fullmatch(design) else _string(design)


def _string(text: str) -> str:
    return f'"{UNSAFE.sub(lambda m: f"{chr(92)}u{ord(m[0]):04x}", text)}"'


def from_toml(text: str, name: str, write: str = WRITE) -> Table:
    """The table that a file holds. Raises UserError with the line of whatever is not as `to_toml` writes it."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name}: {_not_toml(text, str(error), write)}") from None
    except RecursionError:
        raise UserError(f"{name}: it is nested too deep to be read") from None
    cells = content.pop("cells", None)
    if content.pop("format", None) != FORMAT or not isinstance(cells, int):
        raise _bad(name, 1, f"`format = {FORMAT}` and `cells = N` are missing: write the file with `{write}`")
    table: Table = {}
    for design, rows in content.items():
        if not isinstance(rows, dict):
            raise _bad(name, _line(text, design), f"{design} is not a table of cells")
        table[design] = {title: _row(value, text, title, design, (name, write)) for title, value in rows.items()}
    held = sum(map(len, table.values()))
    if not held:
        raise _bad(name, 1, "it holds no cells, and an empty expectation is not one")
    if held != cells:
        lost = f"the file ends after {held} cells, but `cells = {cells}`: lines are missing"
        raise _bad(name, len(text.splitlines()), lost)
    return table


def rows_of_design(text: str, name: str, design: str) -> dict[str, Row]:
    """What the file says of one design, without reading the rest, which takes a second; nothing if it is not there. Raises
    UserError."""
    _, there, after = text.partition(f"\n[{design}]\n")
    if not there:
        return {}
    part = after.partition("\n\n[")[0]
    rows = sum(bool(line.strip()) for line in part.splitlines())
    return from_toml(f"format = {FORMAT}\ncells = {rows}\n[{design}]\n{part}\n", name)[design]


def _not_toml(text: str, why: str, write: str) -> str:
    """What is said instead of the parser's message, which names the line or means the end of the text."""
    lines, at = text.splitlines(), re.search(r"at line (\d+)", why)
    number = int(at[1]) if at else len(lines)
    shown = "".join(lines[number - 1 : number])
    if shown.startswith(CONFLICT):
        return f"line {number} is a merge conflict of git's: resolve it, or write the file anew with `{write}`"
    what = "says something a second time" if why.startswith("Cannot") else f"is not what `{write}` writes"
    return f"line {number} {what}: {shown[:SHOWN]}{'...' * (len(shown) > SHOWN)}"


def _row(value: object, text: str, title: str, design: str, of: tuple[str, str]) -> Row:
    """of: the name of the file, and what writes it."""
    covered, *judged = value.split("; ") if isinstance(value, str) else [""]
    counts, found = COVERED.fullmatch(covered), [JUDGED.fullmatch(part) for part in judged]
    verdicts = {m[1]: m[2] for m in found if m is not None}
    if counts is None or not judged or len(verdicts) != len(judged):
        wrong = next((part for part, m in zip(judged, found, strict=True) if m is None), value)
        raise _bad(of[0], _line(text, _inner(title), design), f"{wrong!r} is no verdict: write the file with `{of[1]}`")
    return Row(int(counts[1]), int(counts[2]), verdicts)


def _line(text: str, key: str, table: str = "") -> int:
    """The line of a key, in the table of that name."""
    inside = not table
    for number, line in enumerate(text.splitlines(), 1):
        inside = inside or line.strip().strip("[]\"' ") == _inner(table)
        if inside and key in line:
            return number
    return 1


def _inner(text: str) -> str:
    """As it stands in a file, without its quotes."""
    return _string(text)[1:-1]


def _bad(name: str, line: int, what: str) -> UserError:
    return UserError(f"{name}:{line}: {what}")


@dataclass(frozen=True)
class Difference:
    """kind: "missing" (expected, but there is no such cell or verdict), "new" (not expected), or "changed"."""

    kind: str
    design: str
    cell: str
    what: str  # a property, "states", "depth", or "" for the whole cell
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"{self.design}: {self.cell}" + (f": {self.what}" if self.what else "")
        if self.kind == "missing":
            kind = "verdict" if self.what else "cell"
            return f"missing  {where}: expected {self.expected}, but there is no such {kind}"
        if self.kind == "new":
            return f"new      {where}: {self.found}"
        return f"changed  {where}: expected {self.expected}, found {self.found}"


def differences(expected: Table, found: Table) -> list[Difference]:
    """Everything in which two tables differ, in the order of the found one; then what it lacks."""
    listed = list[Difference]()
    for design in [*found, *(d for d in expected if d not in found)]:
        before, now = expected.get(design, {}), found.get(design, {})
        for cell in [*now, *(c for c in before if c not in now)]:
            listed += _cell_differences(design, cell, before.get(cell), now.get(cell))
    return listed


def _cell_differences(design: str, cell: str, expected: Row | None, found: Row | None) -> Iterable[Difference]:
    if expected is None or found is None:
        kind = "new" if expected is None else "missing"
        return [Difference(kind, design, cell, "", str(expected or ""), str(found or ""))]
    listed = list[Difference]()
    before = {"states": str(expected.states), "depth": str(expected.depth), **expected.verdicts}
    now = {"states": str(found.states), "depth": str(found.depth), **found.verdicts}
    if found.states == NOT_COUNTED:
        now |= {what: before[what] for what in COUNTS}
    for what in [*now, *(w for w in before if w not in now)]:
        if before.get(what) != now.get(what):
            kind = "new" if what not in before else "missing" if what not in now else "changed"
            listed.append(Difference(kind, design, cell, what, before.get(what, ""), now.get(what, "")))
    return listed


def difference_lines(listed: Sequence[Difference], every: bool) -> list[str]:
    """The differences for people, those of verdicts first. Where those of states and depth only are many, one line for each
    design says how many cells have some, and so for new cells; every: tell each of them all the same."""
    judged = [d for d in listed if d.what not in COUNTS]
    counted = [d for d in listed if d.what in COUNTS]
    lines = list(map(str, judged)) if every else _new_cells_once(judged)
    if every or len(counted) <= FEW:
        return [*lines, *map(str, counted)]
    told, cells = {(d.design, d.cell) for d in judged}, dict[str, set[str]]()
    for d in counted:
        cells.setdefault(d.design, set()).update({d.cell} if (d.design, d.cell) not in told else ())
    for design, others in cells.items():
        if others:
            lines.append(
                f"changed  {design}: other counts of states or depth, and the same verdicts, in {count(len(others), 'cell')}"
            )
    return [*lines, "(--all tells the counts of states and depth of every cell)"]


def _new_cells_once(judged: Sequence[Difference]) -> list[str]:
    """A line each, but one for all new cells of a design that has many, as one that was just written has."""
    new, lines = dict[str, list[Difference]](), list[str]()
    for d in judged:
        if d.kind == "new" and not d.what:
            new.setdefault(d.design, []).append(d)
    many = {design for design, cells in new.items() if len(cells) > FEW}
    for d in judged:
        if d.design not in many or d.kind != "new" or d.what:
            lines.append(str(d))
    for design in sorted(many):
        cells = new[design]
        failing = sum("FAIL" in d.found for d in cells)
        lines.append(
            f"new      {design}: {len(cells)} cells, {failing} of them with a violation, from {cells[0].cell} to {cells[-1].cell}"
        )
    return [
        *lines,
        *(["(--all tells the verdicts of each; `eoi gate --write FILE` accepts what was found)"] * bool(many)),
    ]
