"""A trace as plain text for a mail. checker.stories.read takes it back in, by its last line (replay_line).

Every line is 7-bit ASCII, at most 72 columns, without tabs or trailing blanks. Actors stand side by side, time runs
down; what is said about a row stands at its right, so that long C names never collide with the lanes:

    line_is_quenched: VIOLATED in 1 step and a loop of 3 steps (shortest)
    Pin 0 stays asserted and its interrupt comes back for ever.

    Design: KVM: x86: Some patch (A. Hacker, 2025-12-03)
    Cell:   kvm=some_patch vmm=toy
    Scope:  cpus=1 pins=1 vectors=2

         CPU0   KVM   VMM device
       1   |     |     |     *  raise_line(pin=0)
           |     |     |<----|  ioapic.c:ioapic_set_irq(pin=0, level=1)
           |     |     =     |  pin 0 line 0 -> 1
           |     |<----|     |  lapic.c:kvm_apic_set_irq(cpu=0, vector=1)
           |     =     |     |  CPU0 IRR {} -> {1}
    +> 2   |     *     |     |  lapic.c:kvm_inject(cpu=0)  <== here
    ...
    +----- back to step 2, for ever
`*` is the actor of the step, an arrow a call into another lane, `=` the owner of values that change, `!` that of a value
which the patch and its base do not leave alike. A word that is
too long for its line goes on after a backslash, and so does a step.
"""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from urllib.parse import quote

from checker.stories.replay_line import ReplayLine, read_line, text_digest, wrapped
from checker.stories.setup import SET_UP, folded
from checker.stories.trace import Arrow, Event, FieldChange, Trace

WIDTH = 72
NOTES_AT_LEAST = 30  # columns for the text at the right of the lanes
HERE, LOOP = "<== here", "<== the loop"
PARTED = "!"  # in the lane of what differs
SAFE = "+.,-_{}/@"  # besides letters and digits: what a value of the header may contain unquoted

_SPELLED = str.maketrans(
    {
        "\u2014": "--",
        "\u2013": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2192": "->",
        "\u2026": "...",
    }
)


def to_text(trace: Trace) -> str:
    """The whole story, ending in a newline."""
    return told_text(trace) + "".join(f"{line}\n" for line in (wrapped(trace.replay, WIDTH) if trace.replay else []))


def sealed(trace: Trace, line: ReplayLine) -> Trace:
    """The trace with the line that is its run, and the digest of its text in it."""
    return replace(trace, replay=str(replace(line, digest=text_digest(told_text(trace)))))


def unfolded(trace: Trace) -> Trace:
    """The trace with each step of its set-up, sealed again."""
    full = replace(trace, set_up=0)
    return sealed(full, read_line([trace.replay], 0)) if trace.replay else full


def told_text(trace: Trace) -> str:
    """The story without its Replay line."""
    lines = fold(f"{trace.property_name}: {trace.headline}".split(), "", "  ")
    lines += wrap(trace.sentence, "", "")
    lines += wrap(trace.label, "", "  ") if trace.label else []
    lines += ["", *_system(trace), "", *_table(trace)]
    if trace.fairness:
        lines.append("")
        lines += [line for note in trace.fairness for line in wrap(note, "Fairness: ", " " * 10)]
    if trace.reproduce:
        lines += ["", *command_lines(trace.reproduce)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _system(trace: Trace) -> list[str]:
    """Where the design comes from, the point of the matrix, and the bounds."""
    lines = [line for text in trace.provenance for line in wrap(text, "Design: ", " " * 8)]
    for title, values in (("Cell:   ", trace.cell), ("Scope:  ", trace.scope)):
        lines += fold(_pairs(values), title, " " * 8)
    return lines


def _pairs(values: Mapping[str, str]) -> list[str]:
    """`=3D` would be taken for an equals sign in quoted-printable: there the digit is written as %33."""
    pairs = (f"{_quoted(name)}={_quoted(value)}" for name, value in values.items())
    return [pair.replace("=3D", "=%33D") for pair in pairs]


def _quoted(name: str) -> str:
    """A file's name may have any bytes."""
    return quote(name, safe=SAFE, errors="surrogateescape")


def ascii_text(text: str) -> str:
    """Text as one line of printable ASCII."""
    plain = " ".join(text.translate(_SPELLED).split()).encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in plain)


def wrap(text: str, first: str, rest: str, width: int = WIDTH) -> list[str]:
    """Prose in lines of at most `width`, with a prefix for the first line and one for the others.

    No line ends in a backslash, which would join it with the next: a slash stands for it.
    """
    lines = textwrap.wrap(
        ascii_text(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )  # fmt: skip
    return [line[:-1] + "/" if line.endswith("\\") else line for line in lines] or [first]


def fold(words: Iterable[str], first: str, rest: str, width: int = WIDTH, glue: str = "") -> list[str]:
    """Words in lines of at most `width`; `glue` ends a line that goes on, a backslash one that ends within a word."""
    lines, line, empty = [], first, True
    for word in map(ascii_text, words):
        if not empty and len(line) + 1 + len(word) > width - len(glue):
            lines.append(line + glue)
            line, empty = rest, True
        line += word if empty else " " + word
        empty = False
        while len(line) > width - len(glue):
            lines.append(line[: width - 1] + "\\")
            line = rest + line[width - 1 :]
    return [*lines, line]


def command_lines(command: str, lead: str = "Reproduce:") -> list[str]:
    """A command, to be pasted as it is: line ends are escaped for the shell. lead: what stands before it.

    It is broken at spaces. Only a word that is longer than a line is cut, and the part on the next line has no indent.
    """
    lines, line = [], lead
    try:
        words = shlex.split(command)
    except ValueError:  # unbalanced quotes: not a shell command, show it all the same
        words = command.split()
    for number, word in enumerate(words, 1):
        first, *others = _shell_pieces(word, WIDTH - 4 - 2 * (number < len(words)))
        if len(line) + 1 + len(first) > WIDTH - 2 * (number < len(words) or bool(others)):
            lines.append(line + " \\")
            line = "   "
        line += " " + first
        for piece in others:
            lines.append(line + "\\")
            line = piece
    return [*lines, line]


def _shell_pieces(word: str, room: int) -> list[str]:
    """A word quoted for the shell; in pieces if there is no room for it. Quoted pieces side by side are one word again.

    What is not printable ASCII is told to the shell by its bytes, in octal.
    """
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in word)
    if plain != word:
        octal = [rf"\{byte:03o}" if not 32 <= byte < 127 or byte in b"\\'" else chr(byte) for byte in os.fsencode(word)]
        return [f"$'{''.join(octal[i : i + 12])}'" for i in range(0, len(octal), 12)]
    if len(shlex.quote(plain)) <= room:
        return [shlex.quote(plain)]
    most = 60 if shlex.quote(plain) == plain else 12  # quoting makes five characters of an apostrophe
    return [shlex.quote(plain[i : i + most]) for i in range(0, len(plain), most)]


class _Grid:
    """The lanes' lifelines at the left of the page. Many or long-named lanes get letters and a legend; those that
    still find no room share the last lifeline."""

    def __init__(self, lanes: Sequence[str], last_step: int, set_up: int = 0) -> None:
        self.number_width = max(3, len(str(last_step)) + 1, len(f"1-{set_up}"))
        names = [ascii_text(lane) for lane in lanes]
        longest = max(map(len, names), default=1)
        room = WIDTH - NOTES_AT_LEAST - 3
        spacing = max([6] + [(len(a) + 1) // 2 + len(b) // 2 + 1 for a, b in pairwise(names)])
        self.start = self.number_width + 2 + (len(names[0]) // 2 if names else 0)
        self.legend: list[str] = []
        if longest > room // 2 or self.start + spacing * (len(names) - 1) > room:
            letters = [chr(ord("A") + i) if i < 26 else "*" for i in range(len(names))]
            self.legend = [f"{letter}={name.replace(' ', '_')}" for letter, name in zip(letters, names, strict=True)]
            names, self.start = letters, self.number_width + 2
            spacing = max(2, min(4, (room - self.start) // len(names)))
        places = (room - self.start) // spacing + 1
        self.at = {lane: self.start + spacing * min(i, places - 1) for i, lane in enumerate(lanes)}
        self.notes_at = max(self.at.values(), default=self.start) + 3
        self.names = names[:places]

    def heads(self) -> str:
        line = ""
        for name, at in zip(self.names, sorted(set(self.at.values())), strict=False):
            line = line.ljust(at - len(name) // 2) + name
        return line

    def row(self, marks: Mapping[str, str], number: str = "", loop: str = " ") -> str:
        """One row up to the notes: the step's number, lifelines, and a mark in some of the lanes."""
        cells = list(f"{loop}{number:>{self.number_width}}".ljust(self.notes_at))
        if loop == "+" and cells[1] == " ":
            cells[1] = ">"
        for lane, at in self.at.items():
            cells[at] = marks.get(lane, "|" if cells[at] == " " else cells[at])
        return "".join(cells)

    def arrow(self, call: Arrow, loop: str) -> str:
        """A row with an arrow from the caller's lifeline to the callee's."""
        cells = list(self.row({}, loop=loop))
        start, end = self.at[call.caller], self.at[call.callee]
        low, high = min(start, end) + 1, max(start, end) - 1
        cells[low : high + 1] = "-" * (high - low + 1)
        if start != end:
            cells[high if start < end else low] = ">" if start < end else "<"
        return "".join(cells)


def _table(trace: Trace) -> list[str]:
    """Heads, steps, and where the run goes after the last one."""
    grid = _Grid(trace.lanes, len(trace.events), trace.set_up)
    lines = fold(grid.legend, "Lanes:  ", " " * 8) if grid.legend else []
    lines.append(grid.heads())
    if not trace.events:
        lines += _noted(grid, grid.row({}, "0"), " ", f"the initial state  {HERE}")
    lines += _set_up_rows(trace, grid) if trace.set_up else []
    for index, event in enumerate(trace.events[trace.set_up :], trace.set_up):
        lines += _step_rows(trace, grid, index, event)
    if trace.loop_start is not None:
        lines.append(f"+{'-' * (grid.start - 2)} back to step {trace.loop_start + 1}, for ever")
    elif trace.stutter:
        lines += wrap("no step has to come: the run stays here for ever", " " * (grid.start - 1), " " * 4)
    return lines


def _set_up_rows(trace: Trace, grid: _Grid) -> list[str]:
    """The calls of the set-up as one row, and what it leaves behind in each lane."""
    calls, lanes, changes = folded(trace.events[: trace.set_up])
    rows = _noted(grid, grid.row(dict.fromkeys(lanes, "*"), f"1-{trace.set_up}"), " ", f"{SET_UP} {calls}")
    for lane in trace.lanes:
        if left := ", ".join(change.left for change in changes if change.lane == lane):
            rows += _noted(grid, grid.row({lane: "="}), " ", left)
    return rows


def _told(grid: _Grid, event: Event) -> Iterator[tuple[Arrow | None, list[tuple[str, str]]]]:
    """The calls in order, None before the first, and the lanes and texts of what changed after each."""
    for number, call in enumerate((None, *event.calls)):
        yield call, _by_lane(grid, [c for c in event.changes if c.after_call == number])


def _step_rows(trace: Trace, grid: _Grid, index: int, event: Event) -> list[str]:
    """The step, then its calls and changes in the order in which they happened."""
    start = trace.loop_start
    inside = "|" if start is not None and index >= start else " "
    first = grid.row({event.lane: "*"}, str(index + 1), "+" if index == start else inside)
    rows = _step_call(grid, first, inside, event)
    if mark := HERE if index == trace.decisive else LOOP if index == start else "":
        if len(rows[-1]) + 2 + len(mark) > WIDTH:
            rows.append(grid.row({}, loop=inside) + mark)
        else:
            rows[-1] += f"  {mark}"
    for call, changed in _told(grid, event):
        if call is not None:
            rows += _noted(grid, grid.arrow(call, inside), inside, _call_text(grid, call))
        for lane, text in changed:
            rows += _noted(grid, grid.row({lane: "="}, loop=inside), inside, text)
    for parting in (one for one in trace.partings if one.index == index):
        lane = parting.lane if parting.lane in trace.lanes else event.lane
        rows += _noted(grid, grid.row({lane: PARTED}, loop=inside), inside, parting.text)
    return rows


def _step_call(grid: _Grid, first: str, inside: str, event: Event) -> list[str]:
    """The machine-readable call; lines that it goes on in have bare lifelines."""
    file = event.anchor.rpartition(":")[0]
    anchored = f"{file}:{event.call}" if file else event.call
    shown = anchored if len(first) + len(anchored) <= WIDTH else event.call
    return fold(shown.split(" "), first, grid.row({}, loop=inside), glue=" \\")


def _call_text(grid: _Grid, call: Arrow) -> str:
    """The anchor, with the arguments if they fit, or without its file if it does not fit at all."""
    full = f"{call.anchor.removesuffix('()')}({call.args})"
    bare = f"{call.function}()"
    return next((text for text in (full, call.anchor) if grid.notes_at + len(text) <= WIDTH), bare)


def _by_lane(grid: _Grid, changes: Sequence[FieldChange]) -> list[tuple[str, str]]:
    """Lane and text of the changes; neighbours of one lane share a row if they fit."""
    rows: list[tuple[str, str]] = []
    for change in changes:
        joined = f"{rows[-1][1]}, {change.text}" if rows and rows[-1][0] == change.lane else ""
        if joined and grid.notes_at + len(joined) <= WIDTH:
            rows[-1] = (change.lane, joined)
        else:
            rows.append((change.lane, change.text))
    return rows


def _noted(grid: _Grid, row: str, inside: str, text: str) -> list[str]:
    """A row with a text at its right, and rows with bare lifelines for the rest of a long text."""
    pieces = wrap(text, "", "  ", WIDTH - grid.notes_at)
    return [row + pieces[0], *(grid.row({}, loop=inside) + piece for piece in pieces[1:])]
