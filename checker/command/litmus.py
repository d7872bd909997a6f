"""`eoi litmus`: small stories with a verdict inside, run on every system that they name."""

from __future__ import annotations

import functools
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from checker.command import exits
from checker.command.parsers import LITMUS, here_or_own
from checker.engine.sizes import check_sizes
from checker.errors import UserError
from checker.matrix.select import find_role
from checker.questions.litmus import Case, cases_of, lines_of, run_case, stories_in
from checker.words import count


def checked(cases: Sequence[Case]) -> Sequence[Case]:
    """Raise UserError for sizes at which no run of a story would end."""
    for case in cases:
        try:
            check_sizes(case.cell.system, case.cell.scope)
        except UserError as error:
            raise UserError(f"{case.story.path}: {error}") from None
    return cases


def run(options: Namespace) -> int:
    """Does every story end as it says?"""
    files = [here_or_own(LITMUS)] if options.files == [LITMUS] else [Path(f) for f in options.files]
    stories, find = stories_in(files), functools.cache(find_role)
    told = [[run_case(case) for case in checked(cases_of(story, find))] for story in stories]
    for results in told:
        print("\n".join(lines_of(results)))
    differ = [r for results in told for r in results if not r.holds]
    wrong = [r for results in told for r in results if r.holds == (r.case.finding is not None)]
    findings = len(differ) - sum(not r.holds for r in wrong)
    verdict = f"{len(wrong)} DIFFER{'S' * (len(wrong) == 1)}" if wrong else "all as they say"
    verdict += f", but for {count(findings, 'finding')}" if findings else ""
    systems = count(sum(map(len, told)), "system")
    print(f"\n{count(len(stories), 'story', 'stories')} on {systems}: {verdict}")
    return exits.decided(wrong=bool(wrong), undecided=False)
