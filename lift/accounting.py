"""What became of every token of a patch: it is in the model, or it is left out for a reason, or the lift is refused.

The tokens that have to be accounted for are read from the lines of the patch here, and not taken from who translates: an
expression that the translator forgets stays open, and an open one is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from lift.ctokens import Row, Token, tokens
from lift.refusal import NotLifted, place

NOT_MODELLED = "not modelled"
# Why a change of what is left out may be passed over. Without one, nothing is said of a patch that changes it.
HARMLESS, IF_ADDED = "harmless", "harmless if added"
SAME = "same"  # of what no row has a reason for, and the model says the same before and after it
AROUND = "around"  # of what is assumed: no line that is changed is left out, and all of them rest on it


@dataclass(frozen=True)
class LeftOut:
    """Of the C, at a line of the patch: because something is assumed, or it does not matter, or cannot be said."""

    file: str
    line: int
    c: str
    why: str
    kind: str  # assumed, ignored, not modelled
    changed: bool
    mark: str = ""  # HARMLESS, IF_ADDED, SAME, AROUND

    def __str__(self) -> str:
        return f"{place(self.file, self.line)}: {self.kind}: {self.c}  # {self.why}"

    @property
    def open(self) -> bool:
        """Does the patch change it, and no verdict would speak of that?"""
        return self.changed and self.mark not in (HARMLESS, SAME)

    @property
    def around(self) -> bool:
        """Is it assumed of where the lines that are changed stand?"""
        return self.mark == AROUND


@dataclass
class Ledger:
    """Of one side of one piece of a patch."""

    file: str
    taken: dict[tuple[int, int], str] = field(
        default_factory=dict[tuple[int, int], str]
    )  # place -> why left out, or ""
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def take(self, found: Iterable[Token]) -> None:
        """These tokens are in the model's words now."""
        for token in found:
            self.taken.setdefault(token.place, "")

    def leave(
        self, found: Iterable[Token], c: str, why: str, kind: str = "ignored", line: int = 0, mark: str = ""
    ) -> None:  # fmt: skip
        """These tokens are not, and this is why. line: where, if it is not where they begin."""
        found = list(found)
        for token in found:
            self.taken.setdefault(token.place, f"{kind}: {why}")
        line = line or min((t.line for t in found), default=0)
        self.left_out.append(LeftOut(self.file, line, c, why, kind, any(t.changed for t in found), mark))

    def leave_quietly(self, found: Iterable[Token], c: str, why: str, mark: str = "") -> None:
        """The same, and nothing is said of it where the patch does not change it."""
        found = list(found)
        if any(t.changed for t in found):
            self.leave(found, c, why, mark=mark)
        else:
            self.take(found)

    def check(self, rows: Sequence[Row]) -> None:
        """Raise NotLifted for the first changed token that nobody has accounted for."""
        for token in tokens(rows):
            if token.changed and token.place not in self.taken:
                what = f"nothing was made of `{token.text}` in `{_text(rows, token)}`"
                raise NotLifted(
                    token.line, what, "write this function by hand; and tell: the lift should have said why"
                )


def settled(old: Iterable[LeftOut], new: Iterable[LeftOut]) -> list[LeftOut]:
    """What both sides leave out, of the old one where it is changed. What is harmless only if it is added is not where it is removed; that
    each lock which is added is let go, locks.py asks."""
    added = [replace(x, mark=HARMLESS) if x.changed and x.mark == IF_ADDED else x for x in new]
    return [*(x for x in old if x.changed and x.line), *added]


def check_understood(found: Iterable[LeftOut]) -> None:
    """Raise NotLifted if a patch changes what the model does not have: the verdicts would not speak of it."""
    left = list(dict.fromkeys(x for x in found if x.open))
    if left:
        first, others = left[0], "".join(f"\n      {x}" for x in left[1:])
        what = f"the patch changes `{first.c}`, which is left out of the model: {first.why}"
        advice = "no verdict would speak of it: take it out of the patch, and the rest is judged; or write this function by hand"
        raise NotLifted(first.line, what, advice + (f"\n    and so are{others}" if others else ""), first.file)


def changes_nothing(line: int, found: Iterable[LeftOut], table: str) -> NotLifted:
    """What is said of a patch that leaves the model as it is, and why it does. table: whose rows were asked."""
    said = "".join(f"\n      {x}" for x in dict.fromkeys(found))
    advice = f"what became of each change, by the rows of {table}:{said}"
    return NotLifted(line, "it changes nothing that the model has", advice)


def why_the_same(ledgers: Sequence[Ledger], sides: Sequence[Sequence[Row]]) -> list[str]:
    """Why two sides that differ are the same in the model: the reasons of all the tokens that differ; or nothing, if one of
    them is in the model's words on both sides."""
    old, new = (tokens(rows) for rows in sides)
    matcher = SequenceMatcher(None, [t.text for t in old], [t.text for t in new], autojunk=False)
    whys = set[str]()
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            whys |= {ledgers[0].taken.get(t.place, "") for t in old[a:b]} | {
                ledgers[1].taken.get(t.place, "") for t in new[c:d]
            }
    return sorted(whys) if all(whys) else []


def _text(rows: Sequence[Row], token: Token) -> str:
    return next(row.text.strip() for row in rows if row.number == token.line)
