"""The command `eoi`: which commands there are, and what ends each. What one does is in the file of its name beside this."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TextIO

from checker.command import checkout, exits, form
from checker.command.usage import Misused, Parser
from checker.errors import NotConcerned
from checker.interrupt import nothing_to_keep

COMMANDS = {
    "list": "what there is",
    "show": "what the checker sees of a design",
    "prove": "what a change makes worse and better, in every cell of the matrix",
    "diff": "what a design changes: the model, and every verdict",
    "review": "one page for a mail: what a change does, to whom, and who else can tell",
    "compat": "can anybody tell a design from its base who did not ask for the change?",
    "nfc": "no functional change? can guest or VMM tell two designs apart, and by which shortest run",
    "when": "the exact choices (I/O APIC, flags, guest, VMM, device) with which a property holds",
    "gate": "does every verdict of the full matrix equal the expected one?",
    "migrations": "what becomes of a VM, for every pair of hosts and every operation",
    "trace": "the shortest story of a violation (or of a reachable property)",
    "why": "what keeps a property true, and which step would break it without each part of that; what of a violation matters",
    "report": "all of that as one page for a browser: the answer, the matrix, every story step by step",
    "graph": "a picture of the reachable states of one small cell",
    "export": "one cell as input of another checker: SPIN, rumur, ABC, BTOR2, NuSMV, Graphviz",
    "lift": "a C patch, or the mail that holds it, as a design: the class that one would have written",
    "drift": "is the model still what a kernel's source says? function by function",
    "litmus": "small stories with a verdict inside, run on every system that they name",
    "claims": "what was said in the thread, true or false",
    "replay": "run the stories out of a mail again (also a raw or a quoted one)",
    "certify": "is each verdict of a certificate true? says a checker of 300 lines that shares nothing with the engines",
    "doctor": "what this machine has, and what is missing",
    "new": "a file to begin with: a class that restates what you will change",
    "explain": "what a word of the answers, or a name of the model, means",
    "completion": "a script by which bash or zsh completes commands, options and names",
    "help": "what a command can be told",
    "conform": "does the model do what the real system does? (needs /dev/kvm or QEMU)",
}
EPILOG = f"""\
DESIGN is a name from `eoi list designs`, a path to a .py file that holds a
subclass of one (path.py:Class if it holds several), or a C patch: x.patch,
.diff, .mbox, .eml, .txt, - (thread.txt:2 is its second diff; 1.eml 2.eml, or
1.eml+2.eml as one word, is a series; -R x.patch, or x.patch:R as one word, is
the kernel before it).

{exits.MEANING}"""


def module_of(command: str) -> ModuleType:
    """The file of a command. It is loaded, with what it asks, when the command is named without a mistake."""
    with nothing_to_keep():
        return importlib.import_module(f"checker.command.{command}")


def parsers() -> ModuleType:
    """The options of all commands; only a command that is named needs them, and what they know of the model."""
    with nothing_to_keep():
        return importlib.import_module("checker.command.parsers")


def one_reading() -> AbstractContextManager[object]:
    """A file of the user's that an editor writes meanwhile stays one file for all that a command asks of it."""
    with nothing_to_keep():
        reading: AbstractContextManager[object] = importlib.import_module("checker.language.source").one_reading()
    return reading


def named_in(words: Sequence[str]) -> str:
    """The command of a command line: its first word that is no option."""
    return next((word for word in words if not word.startswith("-")), "")


class ShowVersion(argparse.Action):
    """What knows the version takes longer to load than most mistypes take to be told."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        print(f"eoiproof {importlib.import_module('importlib.metadata').version('eoiproof')}")
        parser.exit()


def build_parser(named: Sequence[str] = tuple(COMMANDS)) -> ArgumentParser:
    """All commands, and the options of those that are named."""
    parser = Parser(
        prog="eoi", description="Every reachable state of how KVM, a VMM and a guest end level interrupts.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="show which version this is, and exit")
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, about in COMMANDS.items():
        one = sub.add_parser(command, help=about)
        if command in named:
            parsers().ADD[command](one)
            one.elsewhere = commands_with
    return parser


def commands_with(option: str) -> list[str]:
    """Those that have an option. Asked only when another one was given it."""
    found = list[str]()
    for command, add in parsers().ADD.items():
        one = Parser()
        add(one)
        found += [command] * (option in one.option_names())
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and never shows a traceback for the user's mistakes."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json, options = "--json" in words, Namespace()
    try:
        options = build_parser([named_in(words)]).parse_args(words)
        as_json = getattr(options, "form", form.JSON if getattr(options, "json", False) else "") == form.JSON
        checkout.check(options.command)
        with one_reading(), form.into_file(options):
            module_of("selected").look_up(options)
            code: int = module_of(options.command).run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        return _closed_pipe()
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, NotConcerned) and _was_asked(options, error):
            return _of_no_concern(error)
        code, said = exits.of_error(error)
        said = exits.shortened(said)
        no_answer = as_json and code in (exits.Exit.BROKEN, exits.Exit.MISTAKE)
        _say(f"{said}\n" if isinstance(error, Misused) else f"eoi: {said}\n", sys.stderr)
        _say(f"{exits.as_json(code, error, said)}\n" if no_answer else "", sys.stdout)
    return int(code)


def _was_asked(options: Namespace, error: NotConcerned) -> bool:
    """Is it all that was to be judged? A patch of something else may also stand for a VMM, say, beside one of the kernel's."""
    asked: bool = getattr(options, "if_concerned", False)
    return asked and list(module_of("selected").series_of(options.design)[0]) == error.patches


def _of_no_concern(error: NotConcerned) -> int:
    _say(f"{str(error).partition(chr(10))[0]}: nothing is judged\n", sys.stdout)
    return int(exits.Exit.FINE)


def _say(text: str, stream: TextIO) -> None:
    """With what waits to be written. `2>&1 | head`, or a full disk: the code stays that of the mistake; Python would end with
    1, which is a violation."""
    try:
        print(text, end="", file=stream, flush=True)
    except OSError:
        _to_nowhere(stream.fileno())


def _closed_pipe() -> int:
    """`eoi prove ... | head`: the reader has what it wanted."""
    with contextlib.suppress(OSError):
        _to_nowhere(sys.stdout.fileno())
    return exits.CLOSED_PIPE


def _to_nowhere(stream: int) -> None:
    """What Python still has to write as it ends, nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


if __name__ == "__main__":
    sys.exit(main())
