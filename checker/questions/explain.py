"""What a word means: of the answers (glossary.py), or a name of the model, whose sentence is its docstring or comment there."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.errors import UserError
from checker.matrix.roles import ALIASES, DEVICES, GUESTS, VMMS, all_properties, designs, mutants
from checker.questions import glossary
from checker.questions.explain_model import (
    Named,
    Said,
    about_property,
    about_role,
    enum_members,
    fields,
    flags,
    functions,
    kinds,
    scopes,
)
from properties.compat import CLAIMS, Claim

LONGEST = 100  # characters of a word: a longer one is near nothing, and takes a minute to be told so


@dataclass(frozen=True)
class Explained:
    """One meaning of a word. kind: `a property (always)`; facts: what else is known of it, by what it is."""

    name: str
    kind: str
    says: str
    facts: tuple[tuple[str, str], ...] = ()


def simple(word: str) -> str:
    """How words are compared: `Never taken`, `never-taken`, `kvm_set_irq()`."""
    return re.sub(r"[\s_-]+", " ", word.strip().removesuffix("()")).strip().lower() or word


@functools.cache
def index() -> Mapping[str, Sequence[tuple[str, Named]]]:
    """Every word that has a meaning here: as it is compared -> as it is written, and what tells it."""
    found = dict[str, list[tuple[str, Named]]]()
    for thing in (*_words(), *_registered(), *functions(), *fields(), *kinds(), *enum_members(), *scopes(), *flags()):
        for name in thing[0]:
            found.setdefault(simple(name), []).append((name, thing))
    return found


def _words() -> Iterator[Named]:
    for name, says in glossary.meanings().items():
        yield (name,), "a word of the answers", functools.partial(_word, says)


def _claim(claim: Claim) -> Said:
    return claim.sentence, (("from", claim.source),)


def _word(says: str) -> Said:
    return says, ()


def _registered() -> Iterator[Named]:
    families = {"a VMM": VMMS, "a guest": GUESTS, "a device": DEVICES, "a design": designs()}
    families["a historical bug, or what one needs"] = mutants()
    for kind, family in families.items():
        for name, cls in family.items():
            others = [alias for alias, of in ALIASES.items() if of == name]
            yield (name, *others), kind, functools.partial(about_role, cls, family)
    for name, p in all_properties().items():
        yield (name,), f"a property ({p.kind})", functools.partial(about_property, p)
    for claim in CLAIMS:
        yield (claim.name,), "a claim of `eoi compat`, and of `eoi review`", functools.partial(_claim, claim)


def explained(word: str, more: Mapping[str, Sequence[Explained]] | None = None) -> list[Explained]:
    """Every meaning of a word. more: what the caller knows besides, by name. Raises UserError with the nearest names."""
    known = {simple(name): found for name, found in (more or {}).items()}
    found = [_told(*thing) for _, thing in index().get(simple(word), ())] + list(known.get(simple(word), ()))
    if not found:
        raise UserError(f"nothing is called {word!r} here: {_nearest(word, more or {})}")
    return list(dict.fromkeys(found))


def _told(names: Sequence[str], kind: str, tell: Callable[[], Said]) -> Explained:
    says, facts = tell()
    return Explained(names[0], kind, says, tuple(facts))


def _nearest(word: str, more: Iterable[str]) -> str:
    """Up to three that are about as near as the nearest, and words of several of which it is one."""
    at = simple(word)[:LONGEST]
    names = {key: told[0][0] for key, told in index().items()} | {simple(name): name for name in more}
    near = {key: difflib.SequenceMatcher(None, at, key).ratio() for key in names}
    best = sorted(near, key=lambda key: -near[key])[:3]
    good = [key for key in best if near[key] >= max(0.5, near[best[0]] - 0.1)]
    inside = [key for key in names if len(at) > 2 and at in key.split()]
    listed = [names[key] for key in dict.fromkeys((*good, *inside[:5]))]
    return (
        f"did you mean {' or '.join(map(repr, listed))}?" if listed else "`eoi list` and `eoi list words` name what is"
    )
