"""What became of the mutants: one verdict each, a table for each side, and the union of several scopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from oracles.mutation.mutant_make import Mutant

DEAD = "dead code at this scope"
ASSUMPTIONS = "assumptions about time, not rules of KVM"
TARGET = 0.95  # of the mutants that are not equivalent


class Verdict(Enum):
    NOTICED = "noticed"
    EQUIVALENT = "equivalent"
    SURVIVOR = "survivor"
    ASSUMPTION = "assumption"


@dataclass(frozen=True)
class Judged:
    """A mutant and its verdict. how: what was noticed, the class of the equivalence, why it survived, or why it cannot be compared. at: (walk,
    step) of the notice, both from 0. walk: of a survivor, a shortest walk that would notice it, one step a line; steps:
    the same for programs."""

    mutant: Mutant
    verdict: Verdict
    how: str
    at: tuple[int, int] | None = None
    walk: tuple[str, ...] | None = None
    steps: tuple[tuple[str, tuple[Any, ...]], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        m = self.mutant
        return {
            "name": m.name, "side": m.side, "function": m.function, "file": m.file, "line": m.line, "what": m.what,
            "diff": m.diff, "verdict": self.verdict.value, "how": self.how,
            "at": self.at, "walk": self.walk,
        }  # fmt: skip


@dataclass
class MutantReport:
    """All mutants of one system at one scope (or, merged, at several). rules: side -> functions that were mutated;
    discarded: side -> reason -> changes that the language refuses; same: side -> changes that say the same in another
    way as the original or as another mutant; walks, steps: size of the corpus; seconds: how long it took."""

    system: str
    scopes: list[str]
    judged: list[Judged]
    rules: dict[str, list[str]]
    discarded: dict[str, dict[str, int]]
    same: dict[str, int]
    walks: int = 0
    steps: int = 0
    states: int = 0
    seconds: float = 0.0
    sides: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.sides = list(self.rules)

    def of(self, side: str, verdict: Verdict) -> list[Judged]:
        return [j for j in self.judged if j.mutant.side == side and j.verdict is verdict]

    def noticed_share(self, side: str) -> float | None:
        """Noticed among those that are not equivalent; None if all are."""
        noticed, survived = len(self.of(side, Verdict.NOTICED)), len(self.of(side, Verdict.SURVIVOR))
        return noticed / (noticed + survived) if noticed + survived else None

    def reaches_target(self) -> bool:
        """On each side, of a corpus with at least one mutant."""
        shares = [self.noticed_share(side) for side in self.sides]
        return bool(shares) and all(share is not None and share >= TARGET for share in shares)

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers per side, then every mutant."""
        return {
            "system": self.system, "scopes": self.scopes, "walks": self.walks, "steps": self.steps,
            "states": self.states, "seconds": round(self.seconds, 1),
            "sides": {side: self.numbers(side) for side in self.sides},
            "mutants": [j.to_json() for j in self.judged],
        }  # fmt: skip

    def numbers(self, side: str) -> dict[str, Any]:
        share = self.noticed_share(side)
        return {
            "rules": len(self.rules[side]), "generated": sum(j.mutant.side == side for j in self.judged),
            "discarded": self.discarded.get(side, {}), "same": self.same.get(side, 0),
            "equivalent": _counted(self.of(side, Verdict.EQUIVALENT)),
            "noticed": _counted(self.of(side, Verdict.NOTICED)), "survivors": len(self.of(side, Verdict.SURVIVOR)),
            "assumptions": len(self.of(side, Verdict.ASSUMPTION)), "noticed_share": None if share is None else round(share, 4),
        }  # fmt: skip

    def text(self, *, survivors: bool = True) -> str:
        """The table, and below it the survivors with their reasons; 7-bit ASCII."""
        lines = [f"mutants of {self.system}", *(f"  scope {scope}" for scope in self.scopes)]
        lines.append(f"  against {self.walks:,} walks, {self.steps:,} steps")
        for side in self.sides:
            lines += ["", *self._table(side)]
        found = [j for j in self.judged if j.verdict is Verdict.SURVIVOR]
        if survivors and found:
            lines += ["", "survivors"]
            for j in found:
                lines += [f"  {j.mutant}", f"      {j.how}", *(f"        {step}" for step in j.walk or ())]
        return "\n".join(lines) + "\n"

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
    order = [Verdict.NOTICED, Verdict.SURVIVOR, Verdict.EQUIVALENT, Verdict.ASSUMPTION]
    best: dict[tuple[str, str], Judged] = {}

    def rank(j: Judged) -> tuple[int, bool, bool]:
        return order.index(j.verdict), j.how == DEAD, j.walk is None

    for j in (j for report in reports for j in report.judged):
        key = (j.mutant.side, j.mutant.name)
        if key not in best or rank(j) < rank(best[key]):
            best[key] = j
    rules: dict[str, list[str]] = {}
    discarded: dict[str, dict[str, int]] = {}
    same: dict[str, int] = {}
    for report in reports:
        for side, functions in report.rules.items():
            rules[side] = list(dict.fromkeys([*rules.get(side, []), *functions]))
            old, new = discarded.get(side, {}), report.discarded.get(side, {})
            discarded[side] = {why: max(old.get(why, 0), new.get(why, 0)) for why in (*old, *new)}
            same[side] = max(same.get(side, 0), report.same.get(side, 0))
    return MutantReport(
        " and ".join(dict.fromkeys(r.system for r in reports)), [s for r in reports for s in r.scopes],
        list(best.values()), rules, discarded, same, sum(r.walks for r in reports), sum(r.steps for r in reports),
        sum(r.states for r in reports), sum(r.seconds for r in reports),
    )  # fmt: skip
