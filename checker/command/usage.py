"""What the command says of options and arguments that it does not know: which one, the nearest that it knows, and the
short usage of the command that was meant."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from checker.errors import UserError
from checker.language.refusal import did_you_mean

OPTION = re.compile(r"-[^\d.]")  # what begins so is no value: `-` is standard input, -5 a number


class Misused(UserError):
    """What is wrong with a command line, with the usage of the command that was meant."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that looks for unknown options first, so that one is told of even where an argument is missing. An
    option is written out: what is near one is told, not taken for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "allow_abbrev": False})

    elsewhere: Callable[[str], Sequence[str]] = staticmethod(lambda option: ())  # the commands that have an option

    def option_names(self) -> list[str]:
        """Every option that it has."""
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        raise Misused(f"{self.prog}: {message}\n{self.short_usage()}")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse drops what cannot be written, and all would be well."""
        print(message, end="", file=file, flush=True)

    def short_usage(self) -> str:
        """One line without the options, and where to find them."""
        of_commands = self._subparsers is not None
        usage = argparse.HelpFormatter(self.prog if of_commands else f"{self.prog} [OPTIONS]", width=10_000)
        usage.add_usage(None, self._get_positional_actions(), [])
        what = "commands" if of_commands else "options"
        return f"{usage.format_help().strip()}   (`{self.prog} --help` names the {what})"

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """Nothing is left over. Raises Misused."""
        if args is not None:
            self._check_options(args)
            self._check_once(args)
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"{_quoted(rest)}: not expected here")
        return found, rest

    def _check_options(self, args: Sequence[str]) -> None:
        """Of this parser: those of a command come after its name, and are that command's parser's."""
        known = self.option_names()
        for word in args:
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                return
            name = word.partition("=")[0]
            if OPTION.match(word) and name not in known:
                begun = [k for k in known if name[2:] and k.startswith(name)]
                said = f"did you mean {' or '.join(map(repr, begun))}?" if begun else did_you_mean(name, known)
                if has := self.elsewhere(name):
                    self.error(
                        f"unknown option {name}: only `eoi {'` and `eoi '.join(has)}` {'has' if len(has) == 1 else 'have'} it"
                    )
                before = "a command's options come after its name" if self._subparsers is not None else ""
                self.error(
                    ": ".join(filter(None, (f"unknown option {name}", said if said.startswith("did") else before)))
                )

    def _check_once(self, args: Sequence[str]) -> None:
        """The second of two values would be taken without a word: of two pictures one is not drawn."""
        plain = self._registry_get("action", "store")
        single = {name: a.dest for a in self._actions if type(a) is plain for name in a.option_strings}
        said = dict[str, str]()
        for word, following in pairwise([*itertools.takewhile(lambda word: word != "--", args), ""]):
            name, equals, value = word.partition("=")
            value = value if equals else following
            if name in single and said.setdefault(single[name], value) != value:
                self.error(f"argument {name}: it is given twice, as {said[single[name]]!r} and {value!r}")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """An empty word is a variable of a shell that was never set: nothing stands for it, least of all a default."""
        if "" in arg_strings and action.nargs != argparse.PARSER:
            needed = getattr(action, "needed", f"{action.metavar or action.dest} is needed, and this is empty")
            raise argparse.ArgumentError(action, needed)
        return super()._get_values(action, arg_strings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """The valid names are listed only where none is near."""
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, f"unknown name {str(value)!r}: {_nearest(str(value), names)}")


def _nearest(name: str, names: Sequence[str]) -> str:
    said = did_you_mean(name, names)
    return said if said.startswith("did") else "valid names: " + ", ".join(names)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(map(repr, words))
