"""The command `eoi`. Exit codes: 0 all hold; 1 a property is violated; 2 the user's mistake; 3 inconclusive;
4 the engines disagree or we broke."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from checker import files
from checker.command import checkout, commands, diff_command, oracle_commands
from checker.command.usage import Parser
from checker.engine.native import CompileFailed, NoCompiler
from checker.errors import InternalError
from checker.matrix.roles import DEVICES, GUESTS, VMMS
from checker.questions import compat
from checker.questions.gate import FULL, NOT_IN
from model.finite import ModelError
from properties.compat import CLAIMS

EPILOG = """\
DESIGN is a name from `eoi list designs`, or a path to a .py file that holds a subclass of one
(path.py:Class if it holds several).

exit codes: 0 all hold as asked; 1 violated (diff: something REGRESSED; gate: a verdict
differs from the expected one); 2 your input; 3 inconclusive (interrupted, out of
memory or time); 4 the engines disagree or we broke
"""


def memory_size(text: str) -> int:
    """ "500M", "2G" -> bytes."""
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    number = float(digits) if digits.replace(".", "", 1).isdigit() else 0.0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a size is needed, e.g. 500M")
    return int(number * unit)


class Joined(argparse.Action):
    """`--scope a=1 --scope b=2` is `--scope a=1,b=2`: a long one can be broken where it is pasted."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


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


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("design", metavar="DESIGN", help="a registered design, or a path to a .py file")
    kernel = "kernel design (default: base), when DESIGN is a VMM, guest or device"
    parser.add_argument("--kernel", action="append", metavar="K", help=kernel)
    family = "one or more of {}, or a .py file"
    parser.add_argument("--vmm", action="append", metavar="V", help=family.format(", ".join(VMMS)))
    parser.add_argument("--guest", action="append", metavar="G", help=family.format(", ".join(GUESTS)))
    parser.add_argument("--device", action="append", metavar="D", help=f"level (default), {', '.join(DEVICES)} or all")
    parser.add_argument("--property", action="append", metavar="P", help="a name, or a .py file of yours; default: all")
    parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices: see `eoi list scope`"
    )
    limits = parser.add_argument_group("limits (reaching one is INCONCLUSIVE)")
    limits.add_argument("--max-states", type=positive, metavar="N")
    limits.add_argument("--max-memory", type=memory_size, metavar="SIZE", help="e.g. 500M, 4G")
    limits.add_argument("--timeout", type=seconds, metavar="SECONDS", help="for each cell")
    parser.add_argument("--engine", choices=("auto", "native", "reference"), default="auto")


def _add_comparisons(sub: Any) -> None:
    """The commands that set one thing beside another."""
    diff = sub.add_parser("diff", help="what a design changes: the model, and every verdict")
    diff.add_argument("base", metavar="BASE", help="the design to compare with, by name or path")
    _add_selection(diff)
    traces = diff.add_mutually_exclusive_group()
    told = "tell every regression, not only the first, what is still broken, and what is fixed: each trace once"
    traces.add_argument("--stories", action="store_true", help=told)
    traces.add_argument("--brief", action="store_true", help="only the groups and the summary: no model diff, no trace")
    diff.add_argument("--all", action="store_true", help="a line for each cell, also for those that stay the same")
    diff.add_argument("--json", action="store_true", help="machine-readable changes")
    compat_parser = sub.add_parser(
        "compat", help="can anybody tell a design from its base who did not ask for the change?"
    )
    compat_parser.add_argument("base", metavar="BASE", help="the kernel design to compare with")
    compat_parser.add_argument("design", metavar="DESIGN", help="a kernel design, or all for a table of every one")
    compat_parser.add_argument(
        "--claim", action="append", metavar="C", help=f"one of {', '.join(c.name for c in CLAIMS)}; default: all"
    )
    compat_parser.add_argument("--vmm", action="append", metavar="V", help=f"default: {', '.join(compat.MATRIX)}")
    compat_parser.add_argument(
        "--scope", default="", action=Joined, metavar="K=V,...", help="sizes and choices: see `eoi list scope`"
    )
    compat_parser.add_argument("--max-states", type=positive, metavar="N", help="pairs in a cell; more is INCONCLUSIVE")
    compat_parser.add_argument("--json", action="store_true", help="machine-readable outcomes")
    compat_parser.add_argument("--engine", choices=("auto", "native", "reference"), default="auto")


def _add_gate(sub: Any) -> None:
    said = f"The full matrix: {FULL.replace(f'{chr(10)}# ', f'{chr(10)}')}\nNot in it: {NOT_IN}."
    gate = sub.add_parser(
        "gate", help="does every verdict of the full matrix equal the expected one?", description=said,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    gate.add_argument(
        "--expected", metavar="FILE", default=commands.EXPECTED, help="default: %(default)s in the current directory"
    )
    gate.add_argument("--write", metavar="FILE", help="write what was found instead of comparing it")
    gate.add_argument("--design", action="append", metavar="D", help="only these designs, for a quick look")
    gate.add_argument("--jobs", type=positive, metavar="N", help="processes (default: one a processor)")
    gate.add_argument(
        "--all", action="store_true", help="a line for each count of states that differs, too, however many"
    )
    gate.add_argument("--json", action="store_true", help="machine-readable differences")
    moves = sub.add_parser("migrations", help="what becomes of a VM, for every pair of hosts and every operation")
    moves.add_argument("--table", action="append", metavar="T", help="only this table (repeatable)")
    moves.add_argument("--tell", metavar="T:FROM:TO:OP", help="the stories of one cell, e.g. rfc_v2:8:1:migrate")
    moves.add_argument("--write", metavar="DIR", help="write DIR/migration.txt and the stories under DIR/migration/")
    moves.add_argument("--sizes", type=positive, default=1, metavar="N", help="vCPUs, pins and vectors (default: 1)")
    moves.add_argument("--json", action="store_true", help="machine-readable outcomes")
    moves.add_argument("--engine", choices=("auto", "native", "reference"), default="auto")


def build_parser() -> argparse.ArgumentParser:
    """All commands and options."""
    parser = Parser(
        prog="eoi", description="Explore every reachable state of how KVM, a VMM and a guest end level interrupts.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    kinds = ("designs", "mutants", "vmms", "guests", "devices", "properties", "scope", "simplifications")
    lister = sub.add_parser("list", help="what there is")
    lister.add_argument("what", nargs="?", choices=kinds, metavar="WHAT", help=f"one of {', '.join(kinds)}")
    prove = sub.add_parser("prove", help="judge every property in every cell of the matrix")
    _add_selection(prove)
    prove.add_argument("--json", action="store_true", help="machine-readable verdicts")
    prove.add_argument("--brief", action="store_true", help="only the matrix: no coverage, no story")
    prove.add_argument("--confirm", action="store_true", help="run each violation on this machine's KVM, too")
    prove.add_argument("--inductive", action="store_true", help="also ask z3 whether each invariant is inductive")
    _add_comparisons(sub)
    _add_gate(sub)
    trace = sub.add_parser("trace", help="the shortest story of a violation (or of a reachable property)")
    _add_selection(trace)
    for form in ("svg", "png", "pdf", "dot"):
        trace.add_argument(f"--{form}", metavar="FILE", help=f"write the swim-lane diagram as {form.upper()}")
    trace.add_argument("--wide", action="store_true", help="the diagram in the shape of a slide (16:9)")
    trace.add_argument("--json", action="store_true", help="the trace as JSON instead of text")
    litmus = sub.add_parser("litmus", help="small stories with a verdict inside, run on every system that they name")
    litmus.add_argument(
        "files", nargs="*", default=[commands.LITMUS], metavar="FILE",
        help=f"or a folder (default: {commands.LITMUS} in the current directory)",
    )  # fmt: skip
    sub.add_parser("claims", help="what was said in the thread, true or false")
    replay = sub.add_parser("replay", help="run the stories out of a mail again (also a raw or a quoted one)")
    replay.add_argument("file", metavar="FILE", help="a text with stories in it; - for standard input")
    replay.add_argument("--design", metavar="DESIGN", help="replay them on another design: does the patch stop them?")
    replay.add_argument(
        "--property", action="append", metavar="FILE", help="the .py file of yours that its property is in"
    )
    replay.add_argument("--on", choices=oracle_commands.ORACLES, help="take their steps on a real system")
    oracle_commands.add_conform(sub, positive)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and never shows a traceback for the user's mistakes."""
    options = build_parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        checkout.check(options.command)
        module = diff_command if options.command == "diff" else commands
        code: int = getattr(module, f"run_{options.command}")(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe()
    except (ModelError, OSError) as error:
        print(f"eoi: {files.sentence(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        return 2
    except (NoCompiler, CompileFailed) as error:
        print(f"eoi: {error}", file=sys.stderr)
        return 2 if isinstance(error, NoCompiler) else 4
    except InternalError as error:
        print(f"eoi: internal error, not a verdict: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("eoi: interrupted: INCONCLUSIVE", file=sys.stderr)
        return 3
    except MemoryError:
        print("eoi: out of memory: INCONCLUSIVE", file=sys.stderr)
        return 3
    except Exception as error:
        return _our_bug(error)
    return code


def _closed_pipe() -> int:
    """`eoi prove ... | head`: the reader has what it wanted."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _our_bug(error: Exception) -> int:
    last: Any = traceback.extract_tb(error.__traceback__)[-1]
    print(
        f"eoi: this is a bug in eoiproof, not a verdict: {type(error).__name__}: {error}\n"
        f"  at {last.filename}:{last.lineno} in {last.name}(); run with EOI_DEBUG=1 for the traceback",
        file=sys.stderr,
    )
    if os.environ.get("EOI_DEBUG"):
        traceback.print_exception(error)
    return 4


if __name__ == "__main__":
    sys.exit(main())
