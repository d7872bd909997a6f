"""`eoi doctor`: what this machine has of what eoi can use, and what the absence of each costs."""

from __future__ import annotations

import importlib
import platform
import textwrap
from argparse import Namespace
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from checker.command.exits import Exit
from checker.engine.build import compiler, compiler_said
from checker.engine.cache_folder import cache_dir
from checker.questions.measured import measured_line
from checker.words import screen

PACKAGES = {
    "z3-solver": "no verdict about a file of yours or a patch, no `eoi drift`, `--tree` and `--inductive` (`make setup` installs it)",
    "pygraphviz": "`eoi trace` draws no pictures (`make setup` installs it)",
}

ORACLES = {  # each module says by why_missing() why its system is not there, or nothing
    "/dev/kvm": ("oracles.kvm.vm", "`eoi conform kvm`, `--confirm` and `replay --on kvm` say NOT RUNNABLE HERE"),
    "QEMU": ("oracles.qemu.process", "`eoi conform qemu` says NOT RUNNABLE HERE"),
}


def run(options: Namespace) -> int:
    """One line for each thing; below one that is not there, what that costs."""
    looked = [
        ("Python", platform.python_version(), ""),
        _compiler(),
        *(_package(name) for name in PACKAGES),
        *(_oracle(name, module, cost) for name, (module, cost) in ORACLES.items()),
        ("cache", _cache(), ""),
    ]
    for name, found, cost in looked:
        print("\n".join(wrapped(name, found) + (wrapped("", f"without it: {cost}") if cost else [])))
    print("\n" + textwrap.fill(measured_line(), screen()[0], break_long_words=False, break_on_hyphens=False))
    return Exit.FINE


def wrapped(name: str, text: str) -> list[str]:
    """Beside the name of what is looked at."""
    first, rest = f"{name:<12}", " " * 12
    return textwrap.wrap(
        text, screen()[0], initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _compiler() -> tuple[str, str, str]:
    said = compiler_said().partition("\n")[0]
    cost = "everything is explored in CPython, several hundred times slower (install gcc or clang, or set CC)"
    return "C compiler", said or f"{compiler()!r} cannot be run", "" if said else cost


def _package(name: str) -> tuple[str, str, str]:
    try:
        return name, version(name), ""
    except PackageNotFoundError:
        return name, "not installed", PACKAGES[name]


def _oracle(name: str, module: str, cost: str) -> tuple[str, str, str]:
    why: Callable[[], str | None] = importlib.import_module(module).why_missing
    missing = why()
    return name, missing or "there", cost if missing else ""


def _cache() -> str:
    """Asked for, and so made."""
    folder = cache_dir()
    sizes = [path.stat().st_size for path in folder.iterdir() if path.is_file()]
    return f"{folder}: {len(sizes):,} files, {sum(sizes) / 1e6:,.0f} MB (may be removed at any time)"
