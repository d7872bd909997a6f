"""Litmus stories: one small run in a text file, and what is to be seen at its end. tests/litmus/README.md shows one.

A file is a list of `Key: value`; lines that are indented go on with the key above them; `#` begins a comment.
No line has more than COLUMNS characters, its key, indentation and comment included, so that a story fits a mail.

    Title, Source    what it shows, and where that comes from
    Left out         optional: what the source has and this story has not
    Kernel           designs, separated by commas: each is run
    Guest, Device    the default device is level. Every name may be a .py file beside the story
    Scope            sizes and choices, as for --scope
    Outcome          lines `always VMM, VMM 0x11, ...`, or sometimes, or never: what becomes of Observe there
    Finding          optional lines `VMM reason`: here the model is known to say something else than Outcome
    Between steps    optional: steps that follow the start and each step, until none of them is possible
    Steps            what happens, in order
    Observe          lines `FIELD = value`, with fields and values as in stories: all of them in one state

A line under Steps is one of

    step(parameter=value, ...)      this step is taken
    ... [step, step]                any number of steps (of these, if some are named)
    until idle: step, step          these steps, in any order, until none of them is possible
    not step(parameter=value)       this step is not possible now, in any run
    now FIELD = value               it is so now, in every run
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.errors import UserError
from checker.language.refusal import did_you_mean

COLUMNS = 72
KINDS = ("always", "sometimes", "never")
NEEDED = ("Title", "Source", "Kernel", "Guest", "Scope", "Outcome", "Steps", "Observe")
OPTIONAL = ("Left out", "Device", "Finding", "Between steps")
TEXTS = ("Title", "Source", "Left out")  # may hold any character but '#'

_KEY = re.compile(r"(?P<key>[A-Za-z][A-Za-z ]*):\s*(?P<value>.*)$")
_CALL = re.compile(r"(?P<step>\w+)\s*\(\s*(?P<args>[^()]*?)\s*\)$")
_EQUAL = re.compile(r"(?P<field>\S.*?)\s*=\s*(?P<value>\S+)$")


class LitmusError(UserError):
    """A litmus file that cannot be read: `file:line: what is wrong`."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Expectation:
    """What becomes of the observation with one VMM. `version` is "" for all that the VMM has."""

    line: int
    kind: str
    vmm: str
    version: str


@dataclass(frozen=True)
class Action:
    """A line under Steps or Observe.

    what: "take", "not" (calls holds one), "any", "idle" (steps holds names), "now" (field and value).
    """

    line: int
    text: str
    what: str
    call: tuple[str, tuple[tuple[str, str], ...]] = ("", ())
    steps: tuple[str, ...] = ()
    field: str = ""
    value: str = ""


@dataclass(frozen=True)
class Story:
    """A litmus file. Names are as written: checker.questions.litmus_run looks them up. `lines`: key -> its line number."""

    path: Path
    title: str
    source: str
    kernels: tuple[str, ...]
    guest: str
    device: str
    scope: str
    outcomes: tuple[Expectation, ...]
    findings: dict[str, str]
    between: Action | None
    steps: tuple[Action, ...]
    observe: tuple[Action, ...]
    lines: dict[str, int]


Lines = list[tuple[int, str]]  # line number and text, without comment and surrounding space


def read_story(path: Path) -> Story:
    """Parse one file. Raises LitmusError with the line."""
    try:
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise LitmusError(path, line, "only ASCII characters can be read") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    keys, starts = _keys(path, text)
    last = text.count("\n") + 1
    for key in NEEDED:
        if key not in keys:
            raise LitmusError(path, last, f"'{key}:' is missing")
        if not keys[key]:
            raise LitmusError(path, starts[key], f"'{key}:' is empty")
    plain = {key: " ".join(text for _, text in lines) for key, lines in keys.items()}
    return Story(
        path, plain["Title"], plain["Source"], tuple(_names(plain["Kernel"])), plain["Guest"],
        plain.get("Device", "level"), plain["Scope"],
        tuple(o for number, text in keys["Outcome"] for o in _outcomes(path, number, text)),
        _findings(path, keys.get("Finding", [])),
        _between(plain.get("Between steps", ""), starts.get("Between steps", 0)),
        tuple(_action(path, number, text) for number, text in keys["Steps"]),
        tuple(_condition(path, number, text, text) for number, text in keys["Observe"]),
        starts,
    )  # fmt: skip


def nearest(name: str, valid: Iterable[str]) -> str:
    """`: did you mean ...?`, or nothing."""
    hint = did_you_mean(name, valid)
    return f": {hint}" if hint else ""


def _keys(path: Path, text: str) -> tuple[dict[str, Lines], dict[str, int]]:
    """key -> the lines of its value, key -> the line it stands in."""
    keys: dict[str, Lines] = {}
    starts: dict[str, int] = {}
    current: Lines | None = None
    for number, whole in enumerate(text.splitlines(), 1):
        if len(whole) > COLUMNS:
            raise LitmusError(path, number, f"the line has {len(whole)} characters; {COLUMNS} are allowed{_how(whole)}")
        line = whole.partition("#")[0].rstrip()
        if not line:
            continue
        if line[0] in " \t":
            if current is None:
                raise LitmusError(path, number, "a line 'Key: value' was expected first")
            current.append((number, line.strip()))
            continue
        found = _KEY.match(line)
        if found is None:
            raise LitmusError(path, number, f"'Key: value' or an indented line was expected, found {line!r}")
        key = found["key"]
        if key not in NEEDED + OPTIONAL:
            raise LitmusError(path, number, f"unknown key {key!r}{nearest(key, NEEDED + OPTIONAL)}")
        if key in keys:
            raise LitmusError(path, number, f"'{key}:' stands in line {starts[key]} already")
        current = keys[key] = [(number, found["value"])] if found["value"] else []
        starts[key] = number
    return keys, starts


def _how(line: str) -> str:
    """What to do about a line that is too long."""
    key = _KEY.match(line.partition("#")[0])
    if key is None:
        return ", indentation and comment included"
    return f", {key['key'] + ':'!r} included: go on in an indented line below"


def _names(text: str) -> list[str]:
    """A list with commas; blanks are squeezed."""
    return [" ".join(part.split()) for part in text.split(",") if part.strip()]


def _outcomes(path: Path, line: int, text: str) -> list[Expectation]:
    kind, _, vmms = text.partition(" ")
    if kind not in KINDS:
        raise LitmusError(path, line, f"'always', 'sometimes' or 'never' was expected, found {kind!r}")
    if not _names(vmms):
        raise LitmusError(path, line, f"'{kind}' of which VMM?")
    return [Expectation(line, kind, name, version) for name, _, version in (n.partition(" ") for n in _names(vmms))]


def _findings(path: Path, lines: Lines) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, text in lines:
        vmm, _, reason = text.partition(" ")
        if not reason.strip():
            raise LitmusError(path, line, f"a finding on {vmm} needs its reason")
        found[vmm] = reason.strip()
    return found


def _between(text: str, line: int) -> Action | None:
    return Action(line, "until idle: " + text, "idle", steps=tuple(_names(text))) if text else None


def _action(path: Path, line: int, text: str) -> Action:
    if text.startswith("..."):
        return Action(line, text, "any", steps=tuple(_names(text[3:])))
    if text.startswith("until idle:"):
        steps = tuple(_names(text.partition(":")[2]))
        if not steps:
            raise LitmusError(path, line, "'until idle:' needs the steps that are taken")
        return Action(line, text, "idle", steps=steps)
    word, _, rest = text.partition(" ")
    if word == "now":
        return _condition(path, line, text, rest)
    negated = word == "not"
    found = _CALL.match(rest.strip() if negated else text)
    if found is None:
        raise LitmusError(path, line, f"'step(parameter=value, ...)' was expected, found {text!r}")
    args = [arg.partition("=") for arg in _names(found["args"])]
    if any(not equals or not value for _, equals, value in args):
        raise LitmusError(path, line, f"'parameter=value' was expected in the brackets of {text!r}")
    pairs = tuple((name.strip(), value.strip()) for name, _, value in args)
    return Action(line, text, "not" if negated else "take", call=(found["step"], pairs))


def _condition(path: Path, line: int, text: str, condition: str) -> Action:
    found = _EQUAL.match(condition.strip())
    if found is None:
        raise LitmusError(path, line, f"'FIELD = value' was expected, found {text!r}")
    return Action(line, text, "now", field=found["field"], value=found["value"])


def stories_in(places: Sequence[Path]) -> list[Story]:
    """Every story of some files, and of the *.litmus files of some folders. Raises UserError, also if there is none."""
    found: list[Path] = []
    for place in places:
        inside = sorted(place.glob("*.litmus")) if place.is_dir() else [place]
        if not inside:
            raise UserError(f"{place}: no *.litmus file in this folder")
        found += inside
    return [read_story(path) for path in found]
