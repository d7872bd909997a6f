"""`eoi list`: what can be named on the command line."""

from __future__ import annotations

import textwrap
from argparse import Namespace
from collections.abc import Callable, Mapping
from enum import Enum

from checker.command.exits import Exit
from checker.matrix.loader import provenance
from checker.matrix.roles import ALIASES, DEVICES, GUESTS, VMMS, all_properties, designs, mutants, role_sentence
from checker.matrix.scope import LARGEST_SIZE, flag_lines, scope_value
from checker.questions.glossary import SECTIONS
from checker.questions.simplifications import collect_simplifications
from model.lang import Patch
from model.machine import Machine, Scope

WIDTH = 120  # columns
NARROW = 80  # of prose


def run(options: Namespace) -> int:
    print("\n".join(listing(options.what)))
    return Exit.FINE


def listing(what: str | None) -> list[str]:
    """The lines for one kind, or for all of them under titles."""
    if what is not None:
        return KINDS[what]()
    lines: list[str] = []
    for kind in ("designs", "vmms", "guests", "devices", "properties", "scope"):
        lines += [*([""] if lines else []), f"{kind}:", *(f"  {line}" for line in KINDS[kind]())]
    lines += ["", "historical bugs, as designs: eoi list bugs"]
    return [*lines, "what the model leaves out: eoi list simplifications"]


def _designs() -> list[str]:
    return [line for name, cls in designs().items() for line in _named(name + _also(name), provenance(cls), 14)]


def _also(name: str) -> str:
    others = [alias for alias, of in ALIASES.items() if of == name]
    return f" (also: {', '.join(others)})" if others else ""


def bugs() -> dict[str, Patch]:
    """Historical bugs, then what they are told apart from."""
    found = sorted(mutants().items(), key=lambda m: not m[0].startswith("mutant_"))
    return {name: cls.patch for name, cls in found if cls.patch is not None and "patch" in vars(cls)}


def _bugs() -> list[str]:
    """`note` names the commits."""
    return [
        f"{name:<24} {patch} [{patch.note}{f'; fixed: {patch.base}' if patch.base else ''}]"
        for name, patch in bugs().items()
    ]


def _roles(family: Mapping[str, type[Machine]]) -> list[str]:
    lines = []
    for name, cls in family.items():
        also = ", and of kernel designs" * getattr(cls, "asked_of_kernels", False)
        away = f"[only on request{also}: {cls.on_request}] " if cls.on_request else ""
        lines += _named(name, away + role_sentence(cls, family), max(map(len, family)))
    return lines


def _named(name: str, about: str, column: int) -> list[str]:
    """A name and what it is, in lines of at most WIDTH."""
    first, rest = f"{name:<{column}} ", " " * (column + 1)
    wrapped = textwrap.wrap(about, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return wrapped or [name]


def _properties() -> list[str]:
    """Those that are asked of every system come first."""
    lines, found = [], sorted(all_properties().values(), key=lambda p: bool(p.only_for))
    width = max(len(p.name) for p in found)
    for p in found:
        lines.append(f"{p.name:<{width}} {p.kind:<9}  {p.sentence}")
        if p.source:
            lines.append(f"{'':<{width}} {'':<9}  from: {p.source}")
        for why in p.only_for.values():
            lines.append(f"{'':<{width}} {'':<9}  {why}")
    return lines


def _scope() -> list[str]:
    lines = [f"{f'{n}={scope_value(v)}':<14} {_values(v)}" for n, v in vars(Scope()).items()]
    return [*lines, *(line for text in flag_lines(designs()) for line in _named("", text, 14))]


def _values(default: object) -> str:
    match default:
        case bool():
            return "choice: on, off"
        case Enum():
            return "choice: " + ", ".join(f"{scope_value(m)} ({m.name})" for m in type(default))
        case _:
            return f"size: 1 to {LARGEST_SIZE}"


def _simplifications() -> list[str]:
    return [f"{file}:{line}: {text}" for file, line, text in collect_simplifications()]


def _words() -> list[str]:
    lines = list[str]()
    for title, section in SECTIONS.items():
        lines += [*([""] if lines else []), f"{title}:"]
        for names, meaning in section.items():
            told = textwrap.wrap(meaning, NARROW - 4, break_on_hyphens=False)
            lines += [f"  {names}", *(f"    {line}" for line in told)]
    return lines


KINDS: dict[str, Callable[[], list[str]]] = {
    "designs": _designs,
    "bugs": _bugs,
    "vmms": lambda: _roles(VMMS),
    "guests": lambda: _roles(GUESTS),
    "devices": lambda: _roles(DEVICES),
    "properties": _properties,
    "scope": _scope,
    "simplifications": _simplifications,
    "words": _words,
}
