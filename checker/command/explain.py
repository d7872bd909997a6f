"""`eoi explain WORD`: what a word of the answers, or a name of the model or of the command line, means."""

from __future__ import annotations

import textwrap
from argparse import Namespace
from collections.abc import Mapping, Sequence

from checker.command import cli
from checker.command.exits import Exit
from checker.command.usage import Parser
from checker.errors import UserError
from checker.matrix.roles import is_path
from checker.questions.explain import Explained, explained
from checker.stories.write import ascii_text

WIDTH = 80
FACT = 14  # columns of what a fact is


def run(options: Namespace) -> int:
    """Every meaning of the word, one below the other."""
    word = " ".join(options.word)
    if is_path(word):
        raise UserError(f"{word}: `eoi show {word}` shows what is in a file; a word or a name is explained")
    told = [lines_of(one) for one in explained(word, of_the_command_line())]
    print("\n\n".join("\n".join(lines) for lines in told))
    return Exit.FINE


def lines_of(one: Explained) -> list[str]:
    """The answer first, then what else is known of it."""
    said = textwrap.wrap(
        ascii_text(f"{one.name}, {one.kind}: {one.says}"), WIDTH, subsequent_indent="  ", break_on_hyphens=False
    )
    for what, text in one.facts:
        said += textwrap.wrap(
            ascii_text(text), WIDTH, initial_indent=f"  {what:<{FACT - 2}}", subsequent_indent=" " * FACT, break_on_hyphens=False,
        )  # fmt: skip
    return said


def of_the_command_line() -> Mapping[str, Sequence[Explained]]:
    """Commands, and options with the commands that have them."""
    found = dict[str, dict[str, list[str]]]()  # option -> what it does -> commands
    for command, add in cli.parsers().ADD.items():
        one = Parser()
        add(one)
        for action in one._actions:
            for name in action.option_strings:
                said = (action.help or "").replace("%(default)s", str(action.default)) or "as its name says"
                found.setdefault(name, {}).setdefault(said, []).append(command)
    told = {
        name: [Explained(name, f"an option of eoi {', '.join(commands)}", says) for says, commands in by.items()]
        for name, by in found.items()
    }
    for command, about in cli.COMMANDS.items():
        told[command] = [Explained(f"eoi {command}", "a command", about, (("options", f"eoi help {command}"),))]
    return told
