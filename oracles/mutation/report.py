"""What became of the mutants: one answer each, a table for each side, and the union of several scopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from operator import or_
from typing import Any

from oracles.lockstep import Step, step_text
from oracles.mutation.make import Mutant
from oracles.report import wrapped

DEAD = "dead code at this scope"
DIRECTED = "a directed walk"
ASSUMPTIONS = "assumptions about time, not rules of KVM"
TARGET = 0.95  # of the mutants that are not equivalent


class Fate(Enum):
    NOTICED = "noticed"
    EQUIVALENT = "equivalent"
    SURVIVOR = "survivor"
    ASSUMPTION = "assumption"


@dataclass(frozen=True)
class Judged:
    """A mutant and what became of it. how: what was noticed, the class of the equivalence, why it survived, or why it
    cannot be compared. at: (walk, step) of the notice, both from 0. walk: of a survivor, a shortest walk that would
    notice it."""

    mutant: Mutant
    fate: Fate
    how: str
    at: tuple[int, int] | None = None
    walk: tuple[Step, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        m, loc = self.mutant, self.mutant.site.loc
        return {
            "name": m.name, "side": m.side, "function": m.function, "file": loc.file, "line": loc.line, "what": m.what,
            "diff": m.diff, "verdict": self.fate.value, "how": self.how,
            "at": self.at, "walk": None if self.walk is None else list(map(step_text, self.walk)),
        }  # fmt: skip


@dataclass
class MutantReport:
    """All mutants of one system at one scope (or, merged, at several). rules: side -> functions that were mutated;
    discarded: (side, reason) -> changes that the language refuses; same: side -> changes that say the same in another
    way as the original or as another mutant; walks, steps: size of the corpus; seconds: how long it took."""

    system: str
    scopes: list[str]
    judged: list[Judged]
    rules: dict[str, list[str]]
    discarded: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    same: Counter[str] = field(default_factory=Counter[str])
    walks: int = 0
    steps: int = 0
    states: int = 0
    seconds: float = 0.0

    def of(self, side: str, fate: Fate) -> list[Judged]:
        return [j for j in self.judged if j.mutant.side == side and j.fate is fate]

    def noticed_share(self, side: str) -> float | None:
        """Noticed among those that are not equivalent; None if all are."""
        noticed, survived = len(self.of(side, Fate.NOTICED)), len(self.of(side, Fate.SURVIVOR))
        return noticed / (noticed + survived) if noticed + survived else None

    def reaches_target(self) -> bool:
        """On each side, of a corpus with at least one mutant."""
        shares = [self.noticed_share(side) for side in self.rules]
        return bool(shares) and all(share is not None and share >= TARGET for share in shares)

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers per side, then every mutant."""
        return {
            "system": self.system, "scopes": self.scopes, "walks": self.walks, "steps": self.steps,
            "states": self.states, "seconds": round(self.seconds, 1), "reaches_target": self.reaches_target(),
            "sides": {side: self.numbers(side) for side in self.rules},
            "mutants": [j.to_json() for j in self.judged],
        }  # fmt: skip

    def numbers(self, side: str) -> dict[str, Any]:
        share = self.noticed_share(side)
        return {
            "rules": len(self.rules[side]), "generated": sum(j.mutant.side == side for j in self.judged),
            "discarded": {why: n for (of, why), n in sorted(self.discarded.items()) if of == side},
            "same": self.same[side], "equivalent": _counted(self.of(side, Fate.EQUIVALENT)),
            "noticed": _counted(self.of(side, Fate.NOTICED)), "survivors": len(self.of(side, Fate.SURVIVOR)),
            "assumptions": len(self.of(side, Fate.ASSUMPTION)), "noticed_share": None if share is None else round(share, 4),
        }  # fmt: skip

    def summary(self) -> str:
        """Number 4 of the five numbers, in one sentence for each side."""
        return "; ".join(map(self._sentence, self.rules))

    def _sentence(self, side: str) -> str:
        n, share = self.numbers(side), self.noticed_share(side)
        if share is None:
            return f"{side}: {n['generated']} mutants, all equivalent at these scopes"
        noticed, directed, dead = sum(n["noticed"].values()), n["noticed"].get(DIRECTED), n["equivalent"].get(DEAD)
        by = f", {directed} of them by a directed walk" if directed else ""
        assumed = f"{n['assumptions']} {ASSUMPTIONS}, " if n["assumptions"] else ""
        unreached = f" ({dead} of them in code that no scene reaches)" if dead else ""
        return (
            f"{side}: {noticed} of {noticed + n['survivors']} ({100 * share:.1f} %; target {100 * TARGET:.0f} % "
            f"{'reached' if share >= TARGET else 'missed'}){by}; {n['survivors']} survivors, "
            f"{sum(n['equivalent'].values())} equivalent{unreached}, {assumed}{n['generated']} generated"
        )

    def lines(self) -> list[str]:
        """The table of each side, the survivors with their reasons, and what no scene reaches; at most 72 columns."""
        return [line for text in self._texts() for line in _fitted(text)]

    def _texts(self) -> Iterator[str]:
        yield f"mutants of {self.system}"
        yield from (f"  scope {scope}" for scope in self.scopes)
        yield f"  against {self.walks:,} walks, {self.steps:,} steps"
        for side in self.rules:
            yield from ("", *self._table(side))
        found = [j for side in self.rules for j in self.of(side, Fate.SURVIVOR)]
        yield from ("", "survivors") if found else ()
        for j in found:
            yield from (f"  {j.mutant}", f"      {j.how}", *(f"        {step_text(step)}" for step in j.walk or ()))
        dead = Counter(f"{j.mutant.side}: {j.mutant.function}()" for j in self.judged if j.how == DEAD)
        yield from ("", "equivalent only because no scene reaches them, by function", *_numbered(dead))
        assumed = [j for j in self.judged if j.fate is Fate.ASSUMPTION]
        if assumed:
            yield from ("", f"{ASSUMPTIONS}: {len(assumed)}")
            yield from (*_numbered(Counter(f"{j.mutant.side}: {j.mutant.rule}(): {j.how}" for j in assumed)), "")

    def _table(self, side: str) -> list[str]:
        n, share = self.numbers(side), self.noticed_share(side)
        judged = sum(n["noticed"].values()) + n["survivors"]
        shown = "none to notice" if share is None else f"{100 * share:.1f} % of {judged}"
        lines = [
            f"{side}: {n['rules']} functions",
            f"  {n['generated']:6} mutants",
            f"  {sum(n['discarded'].values()):6} more the language refuses{_named(n['discarded'])}",
            f"  {n['same']:6} more say the same in another way",
            f"  {sum(n['equivalent'].values()):6} equivalent{_named(n['equivalent'])}",
            f"  {sum(n['noticed'].values()):6} noticed{_named(n['noticed'])}: {shown}",
            f"  {n['survivors']:6} survivors",
        ]
        return [*lines, f"  {n['assumptions']:6} {ASSUMPTIONS}"] if n["assumptions"] else lines


def _numbered(counts: Mapping[str, int]) -> list[str]:
    return [f"  {number:4} {text}" for text, number in sorted(counts.items())] or ["  none"]


def _fitted(text: str) -> list[str]:
    """A line in 72 columns, as far indented as it was."""
    indent = text[: len(text) - len(text.lstrip())]
    return wrapped(text.strip(), indent + "    ", indent) or [""]


def _named(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{number} {name}' for name, number in counts.items())})" if counts else ""


def _counted(judged: Iterable[Judged]) -> dict[str, int]:
    return dict(sorted(Counter(j.how.partition(":")[0] for j in judged).items()))


def merged(reports: Sequence[MutantReport]) -> MutantReport:
    """Several scopes (or systems) as one: noticed if noticed in one, equivalent if equivalent in all where it exists.

    Of two equivalences the one that is not dead code is told: the changed rule was reached in some scope. Of two
    survivors the one with a walk. A mutant that exists at the larger scopes only (an index off by one) counts there.
    What was not generated (discarded, same) is the greatest number of one report. Raises ValueError for none.
    """
    if not reports:
        raise ValueError("no report to merge")
    order = [Fate.NOTICED, Fate.SURVIVOR, Fate.EQUIVALENT, Fate.ASSUMPTION]
    best: dict[tuple[str, str], Judged] = {}

    def rank(j: Judged) -> tuple[int, bool, bool]:
        return order.index(j.fate), j.how == DEAD, j.walk is None

    for j in (j for report in reports for j in report.judged):
        key = (j.mutant.side, j.mutant.name)
        if key not in best or rank(j) < rank(best[key]):
            best[key] = j
    rules: dict[str, dict[str, None]] = {}
    for report in reports:
        for side, functions in report.rules.items():
            rules.setdefault(side, {}).update(dict.fromkeys(functions))
    return MutantReport(
        " and ".join(dict.fromkeys(r.system for r in reports)), [s for r in reports for s in r.scopes],
        list(best.values()), {side: list(functions) for side, functions in rules.items()},
        reduce(or_, (r.discarded for r in reports)), reduce(or_, (r.same for r in reports)),
        sum(r.walks for r in reports), sum(r.steps for r in reports),
        sum(r.states for r in reports), sum(r.seconds for r in reports),
    )  # fmt: skip
