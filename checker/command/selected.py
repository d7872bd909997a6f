"""What the names and files on a command line stand for."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence

from checker.errors import UserError
from checker.matrix.roles import ROLES, all_properties, is_patch, series_of, stands_on
from checker.matrix.select import Selection, find_design, selection
from model.machine import Machine

SELECTING = ("prove", "diff", "review", "nfc", "when", "why", "trace", "report", "graph", "export", "show")
COMPARING = ("diff", "compat", "nfc")  # a design with another one
ABOUT = ("when", "trace", "graph")  # of a few properties mostly: words behind the design name them, too


def stands_for_both(options: Namespace) -> None:
    """`eoi compat fix.patch`: one design is compared with what it stands on. Raises UserError."""
    design = one_design([options.base], reverse=options.reverse)
    found = stands_on(find_design(design)[1])
    if found is None:
        raise UserError(f"{design} stands on nothing that it can be compared with: eoi {options.command} BASE {design}")
    options.base, options.design = found[0], [options.base]


def look_up(options: Namespace) -> None:
    """What the names and files stand for, before what answers is loaded: options.asked, and options.beside of BASE."""
    if options.command == "prove" and options.tree:
        return  # what there is in the tree is found out by what answers
    if options.command in COMPARING and not options.design:
        stands_for_both(options)
    words: list[str] = getattr(options, "design", [])
    check_order(options, words)
    if options.command == "when" and options.write:
        return  # of every registered design
    if options.command in ABOUT:
        words, options.property = design_and_properties(words, options.property, options.command)
    if options.command == "why":
        options.property = [options.about]
    if options.command in (*SELECTING, "compat"):
        options.design = one_design(words, reverse=options.reverse)
    if options.command in SELECTING:
        base = find_design(options.base)[1] if options.command in ("diff", "nfc") else None
        options.asked = selection_of(options, options.design, base)
        if base is not None:
            options.beside = selection_of(options, options.base, options.asked.cls)


def check_order(options: Namespace, words: Sequence[str]) -> None:
    """Raise UserError for a property where a design is asked for, with the words in their order."""
    if options.command not in SELECTING or not (hasattr(options, "property") or hasattr(options, "about")):
        return  # a design's name is looked up where it is asked for
    known, all_words = all_properties(), [*words, *([options.about] if options.command == "why" else [])]
    misplaced = [word for word in (words[:1] if options.command in ABOUT else words) if word in known]
    if misplaced:
        others = [word for word in all_words if word not in known] or ["DESIGN"]
        plain = options.command in ("why", *ABOUT)
        named = misplaced if plain else [x for p in misplaced for x in ("--property", p)]
        base = [options.base] if options.command in ("diff", "nfc") else []
        meant = " ".join(["eoi", options.command, *base, *others, *named])
        raise UserError(f"{misplaced[0]!r} is a property: {meant}")


def one_design(names: Sequence[str], *, reverse: bool) -> str:
    """What one argument would say: `1.eml+2.eml:R`. Raises UserError for several that are no series of patches, and for
    none."""
    if not names:
        raise UserError(
            "give a DESIGN: a name of `eoi list designs`, a .py file or a C patch; or a kernel's source: --tree DIR"
        )
    for name in names:
        if (reverse or names[1:]) and not is_patch(name):
            alone = f"-R takes a patch away, and {name} is none"
            two = f"{' '.join(names)}: several are given of a series of patches only, and {name} is no patch"
            raise UserError(f"{two}; `eoi diff {name} ...` compares another design with it" if names[1:] else alone)
        if (reverse or names[1:]) and series_of(name)[1]:
            raise UserError(f"{name}: a series is taken away as a whole: give the patches, and -R once")
    return "+".join(names) + ":R" * reverse


def design_and_properties(
    words: Sequence[str], named: list[str] | None, command: str
) -> tuple[list[str], list[str] | None]:
    """`v6 no_eoi_lost no_storm`: what follows a design, and is no further patch of a series, is a property. Raises
    UserError."""
    if not words:
        raise UserError("give a DESIGN, and properties if not all: eoi when v6 no_eoi_lost")
    if named and command != "when":  # said in the other way: what follows a design is no property
        return list(words), named
    patches = next((n for n, word in enumerate(words) if not is_patch(word)), len(words))
    design = max(1, patches)
    found = [*words[design:], *(named or [])]
    if command == "trace" and not found:
        here = f"eoi trace {shlex.join(words)} no_eoi_lost"
        raise UserError(f"give a property, too: {here}, or --property P; `eoi list properties` names all")
    return list(words[:design]), found or None


def selection_of(options: Namespace, design: str, beside: type[Machine] | None = None) -> Selection:
    """Of a design, with what the other options name. beside: who is compared with it."""
    return selection(design, {role: getattr(options, role) for role in ROLES}, options.property, options.scope, beside)
