"""What a project's own designs answer, for `eoi gate --baseline`: every cell that `eoi prove DESIGN` asks by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from checker.engine.search import Limits
from checker.errors import InternalError
from checker.matrix.select import select, selection
from checker.questions.campaign import lines_never_run, run_campaign
from checker.questions.expected import INCONCLUSIVE, Table, row_of
from checker.questions.not_run import not_run_texts
from checker.questions.unvaried import open_because, unvaried
from checker.questions.verdict import CellResult


@dataclass
class JudgedDesigns:
    """results: of (design, cell). left: what was not judged, what no step runs, and what of the scope no cell varies. kept: how
    many cells were found before."""

    table: Table = field(default_factory=Table)
    results: dict[tuple[str, str], CellResult] = field(default_factory=dict[tuple[str, str], CellResult])
    left: list[str] = field(default_factory=list[str])
    not_run: list[str] = field(default_factory=list[str])
    not_varied: list[str] = field(default_factory=list[str])
    interrupted: bool = False
    kept: int = 0

    @property
    def reasons(self) -> list[str]:
        """Why it is INCONCLUSIVE."""
        left = [f"not judged: {name}" for name in self.left]
        not_run = [f"no step runs {text}" for text in self.not_run]
        return ["interrupted"] * self.interrupted + left + not_run + self.not_varied


def judge(names: Sequence[str]) -> JudgedDesigns:
    """One design after the other, until Ctrl-C. All names are looked up first. Raises ModelError."""
    found, asked = JudgedDesigns(), [(name, *select(selection(name))) for name in names]
    for name, _, cells, _, wanted in asked:
        if found.interrupted:
            found.left.append(name)
            continue
        campaign = run_campaign(cells, wanted, engine="auto", limits=Limits(), everywhere=False)
        found.interrupted = campaign.interrupted
        rows = found.table.setdefault(name, {})
        for result in campaign.results:
            title = str(result.cell)
            if title in rows:
                raise InternalError(f"two cells of {name} are both called {title!r}")
            row = row_of(result)
            if INCONCLUSIVE in row.verdicts.values():  # neither its verdicts nor its counts say anything
                found.left.append(f"{name}: {title}")
                continue
            rows[title] = row
            found.results[name, title] = result
        found.kept += sum(result.kept for result in campaign.results)
        found.left += [f"{name}: {cell}" for cell in campaign.unexplored]
        if campaign.whole:
            found.not_run += not_run_texts(lines_never_run(campaign.results))
            found.not_varied += [f"{name}: {said}" for said in open_because(unvaried(cells))]
    return found
