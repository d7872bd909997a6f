"""Options that several commands take, and the types of their values."""

from __future__ import annotations

import argparse
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from checker.errors import UserError
from checker.matrix.roles import DEVICES, GUESTS, ROLES, VMMS
from checker.matrix.select import Selection

ORACLES = ("kvm", "qemu")


def memory_size(text: str) -> int:
    """ "500M", "2G" -> bytes."""
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    number = float(digits) if digits.replace(".", "", 1).isdigit() else 0.0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a size is needed, e.g. 500M")
    return int(number * unit)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on is needed")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: a number of seconds is needed, e.g. 30 or 0.5")
    return number


class Joined(argparse.Action):
    """`--scope a=1 --scope b=2` is `--scope a=1,b=2`: a long one can be broken where it is pasted."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: str | Sequence[object] | None, option: str | None = None
    ) -> None:  # fmt: skip
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def add_scope(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices: see `eoi list scope`"
    )


def add_engine(parser: ArgumentParser) -> None:
    parser.add_argument("--engine", choices=("auto", "native", "reference"), default="auto")


def add_system(parser: ArgumentParser) -> None:
    """What is judged: a design, and who stands around it."""
    parser.add_argument("design", metavar="DESIGN", help="a registered design, a path to a .py file, or a C patch")
    kernel = "kernel design (default: base), when DESIGN is a VMM, guest or device"
    parser.add_argument("--kernel", action="append", metavar="K", help=kernel)
    family = "one or more of {}, or a .py file"
    parser.add_argument("--vmm", action="append", metavar="V", help=family.format(", ".join(VMMS)))
    parser.add_argument("--guest", action="append", metavar="G", help=family.format(", ".join(GUESTS)))
    parser.add_argument("--device", action="append", metavar="D", help=f"{', '.join(DEVICES)} or all; default: level")


def add_selection(parser: ArgumentParser, without: str = "default: all") -> None:
    """Cells and properties, and how far they are explored. without: what it means not to name a property."""
    add_system(parser)
    parser.add_argument("--property", action="append", metavar="P", help=f"a name, or a .py file of yours; {without}")
    add_scope(parser)
    limits = parser.add_argument_group("limits (reaching one is INCONCLUSIVE)")
    limits.add_argument("--max-states", type=positive, metavar="N")
    limits.add_argument("--max-memory", type=memory_size, metavar="SIZE", help="e.g. 500M, 4G")
    limits.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for each cell")
    add_engine(parser)


def selection_of(options: Namespace, design: str = "design") -> Selection:
    """Of the design, or of another option that names one; made once for a command."""
    made: dict[str, Selection] = vars(options).setdefault("selections", {})
    if design not in made:
        roles = {role: getattr(options, role) for role in ROLES}
        made[design] = Selection(getattr(options, design), roles, options.property, options.scope)
    return made[design]


def not_here(path: Path, what: str, option: str, command: str, otherwise: str) -> UserError:
    """What is said where a default that depends on the current directory is not there: where it was looked for, what
    to give, and a command that works."""
    own = Path(__file__).resolve().parents[2] / path
    advice = f"for example: eoi {command} {shlex.quote(str(own))}" if own.exists() else otherwise
    return UserError(
        f"{path}: there is no such {what} in {Path.cwd()}, where the default is looked for; give {option}, {advice}"
    )
