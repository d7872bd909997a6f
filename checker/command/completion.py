"""`eoi completion bash|zsh`: a script for the shell, which completes commands, options, names and files."""

from __future__ import annotations

import re
import shlex
from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import shtab

from checker.command import cli
from checker.command.exits import Exit
from checker.command.list import bugs
from checker.matrix.roles import ALIASES, DEVICES, GUESTS, VMMS, all_properties, designs
from checker.matrix.scope import scope_value
from checker.questions.explain import index
from checker.questions.skeleton import restatable
from checker.workers.where import KINDS
from model.machine import ApiFlags, Scope
from properties.compat import CLAIMS

FILES = ("FILE", "FILE.py", "FILE.html", "DIR", "TREE")  # metavars: the shell completes them as it does anywhere
# What a shell completes besides the names: a place where one is asked for takes a file, too, or does not.
BASH = """\
_eoi_{kind}{or_file}() {{
  compgen -W {words} -- "$1"
  {also}
}}
"""
ZSH = """\
_eoi_{kind}{or_file}() {{
  local -a names=({words})
  _alternative "{kind}:{kind}:($names)" {also}
}}
"""
ALSO = {"bash": 'compgen -f -- "$1"', "zsh": '"files:file:_files"'}
NO_MORE = {"bash": ":", "zsh": ""}
BESIDE = {"bash": "compopt -o nospace 2>/dev/null || :", "zsh": ""}  # what follows `cpus=` stands beside it


def run(options: Namespace) -> int:
    """Print the script; `eval "$(eoi completion bash)"` takes it."""
    parser = cli.build_parser()
    for action in every_action(parser):
        if way := completed(action):
            vars(action)["complete"] = way  # an attribute of shtab's
    print(shtab.complete(parser, options.shell))
    return Exit.FINE


def every_action(parser: ArgumentParser) -> Iterator[Action]:
    """Of all commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, _SubParsersAction):
            for one in action.choices.values():
                yield from every_action(one)


def completed(action: Action) -> object:
    """How its value is completed, as shtab takes it; None for what is no name and no file, and for what argparse knows."""
    if action.nargs == 0 or action.choices is not None:
        return None
    kind = ALIKE.get(action.dest, action.dest)
    if kind in NAMES:
        return {shell: f"_eoi_{kind}{or_file(kind)}" for shell in ("bash", "zsh")} | {"preamble": functions(kind)}
    return shtab.FILE if action.metavar in FILES else None


def or_file(kind: str) -> str:
    """In the name of its function: shtab has the shell treat what such a one says as files."""
    return "" if kind in NO_FILES else "_or_file"


def functions(kind: str) -> Mapping[str, str]:
    """The function of each shell that completes names of one kind, and files."""
    names, also = NAMES[kind], BESIDE if kind == "scope" else NO_MORE if kind in NO_FILES else ALSO
    words = {"bash": shlex.quote(" ".join(names)), "zsh": shlex.join(names)}
    return {
        shell: text.format(kind=kind, or_file=or_file(kind), words=words[shell], also=also[shell])
        for shell, text in (("bash", BASH), ("zsh", ZSH))
    }


ALIKE = {
    "base": "design",
    "about": "property",
    "designs": "design",
    "when": "choice",
    "vary": "scope",
}  # what an argument is called -> what it takes
NO_FILES = ("claim", "scope", "choice", "function", "word", "on")
NAMES: Mapping[str, Sequence[str]] = {
    "design": [*designs(), *ALIASES, *bugs()],
    "kernel": [*designs(), *ALIASES],
    "vmm": list(VMMS),
    "guest": list(GUESTS),
    "device": [*DEVICES, "all"],
    "property": list(all_properties()),
    "function": sorted(
        {f for family in (designs(), VMMS, GUESTS, DEVICES) for cls in family.values() for f in restatable(cls)}
    ),
    "word": sorted({name for told in index().values() for name, _ in told if re.fullmatch(r"[\w.]+", name)}),
    "claim": [claim.name for claim in CLAIMS],
    "on": list(KINDS),
    "scope": [f"{name}=" for name in vars(Scope())],
    "choice": [
        f"{name}={value.name if isinstance(value, ApiFlags) else scope_value(value)}"
        for name, now in Scope().choices().items()
        for value in (type(now) if isinstance(now, Enum) else (True, False))
    ],
}
