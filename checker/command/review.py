"""`eoi review`: one page for a mail: what a change does, to whom, and who else can tell."""

from __future__ import annotations

import email
import email.policy
import importlib
import shlex
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from checker.command import diff, exits
from checker.command.explore import story
from checker.command.parsers import COMPARED_UNDER
from checker.command.selected import selection_of
from checker.errors import UserError
from checker.matrix.lifted_file import not_judged
from checker.matrix.roles import ROLES, is_patch, role_of, series_of
from checker.matrix.select import Selection
from checker.questions import compat
from checker.questions.answer import Answer, Said, Standing, of_diff
from checker.questions.campaign import Campaign
from checker.questions.compare import REGRESSED, Diff
from checker.questions.compare_text import foremost
from checker.questions.flag_meaning import below_story
from checker.questions.measured import measured_line, model_digest
from checker.questions.patch_text import in_c
from checker.questions.report import EXACT
from checker.questions.review import Review, review_lines
from checker.questions.worth import Worth, worth_of
from checker.stories.write import to_text
from checker.words import count
from properties.compat import CLAIMS

HEADER = 1 << 16  # bytes of a mail in which its header ends
KVM = "oracles.kvm.replay"  # loaded only where something is to be tried on it


def run(options: Namespace) -> int:
    """Compare, ask who else can tell, try what is worse on the running kernel, and print the page; the exit code of the comparison."""
    base = options.base or diff.base_of(options.asked)
    if not base:
        raise UserError(f"{options.design} stands on nothing that it can be compared with: --base DESIGN names it")
    options = diff.under_each_kernel(Namespace(**vars(options), beside=selection_of(options, base, options.asked.cls)))
    found, _ = diff.found(options)
    answer = of_diff(found)
    worst = next((c.told() for c in foremost([c for c in found.listed if c.kind == REGRESSED])), None)
    worth = worth_of(options.asked.cls, found.after, (options.beside.name, options.beside.cls))
    without = [f"Left out of the changed lines: {one}." for one in not_judged(options.asked.lifted)]
    review = Review(
        answer, labels(answer), who_else(options.beside, options.asked),
        "" if worst is None else to_text(told := story(*worst)) + below_story(*worst, told),
        [*rests_on(found, worth), *without], again(options), subjects(options.design), in_c(options.asked),
    )  # fmt: skip
    print("\n".join(review_lines(review)))
    return exits.decided(wrong=answer.failed, undecided=answer.undecided)


def labels(answer: Answer) -> dict[str, str]:
    """Of the shortest run of each property that is worse: what this machine's KVM makes of it."""
    found = dict[str, str]()
    worse = sorted((one for one in answer.said if one.standing is Standing.REGRESSED and one.told), key=Said.length)
    for one in worse:
        if one.property not in found and one.told is not None:
            result, verdict = one.told
            tried = importlib.import_module(KVM).confirmed(Campaign((replace(result, verdicts=(verdict,)),)))
            found[one.property] = tried.results[0].verdicts[0].confirmed
    return found


def who_else(beside: Selection, asked: Selection) -> list[compat.CompatAnswer]:
    """The claims of properties/compat.py, which are about kernels. After Ctrl-C there is no page: it would speak for cells that
    nobody compared."""
    if role_of(asked.cls) != "kernel" or asked.cls.default_roles:
        return []
    base, design = (beside.name, beside.cls), (asked.name, asked.cls)
    pairs = [(c, a, b) for c in CLAIMS for a, b in compat.pairs(c, base, design, COMPARED_UNDER, beside.sizes)]
    rows = compat.compare_so_far(pairs, "auto", None)
    if len(rows) < len(pairs):
        raise KeyboardInterrupt
    return rows


def again(options: Namespace) -> str:
    """The command that makes the page again."""
    named = {
        "--base": [options.base],
        **{f"--{role}": getattr(options, role) for role in ROLES},
        "--property": options.property,
    }
    named |= {"--scope": [options.scope], "--engine": [options.engine] * (options.engine != "auto")}
    words = [word for option, values in named.items() for value in values or () if value for word in (option, value)]
    limits = [
        ("--max-states", options.max_states),
        ("--max-memory", options.max_memory),
        ("--max-disk", options.max_disk),
        ("--timeout", options.timeout),
    ]
    return shlex.join(
        ["eoi", "review", options.design, *words, *(str(w) for limit in limits if limit[1] is not None for w in limit)]
    )


def rests_on(found: Diff, worth: Worth) -> list[str]:
    """Of how many states, and of which sizes; and how far the model is measured."""
    states = sum(r.stats.states for r in (*found.before, *found.after))
    explored = f"All {count(states, 'reachable state')} of {count(len(found.pairs), 'cell')}, under both; {EXACT}; every run was taken again in CPython."
    sizes = dict.fromkeys(",".join(f"{n}={v}" for n, v in pair.design.scope.sizes().items()) for pair in found.pairs)
    told_by = f"eoiproof {importlib.import_module('importlib.metadata').version('eoiproof')}, model {model_digest()}."
    return [
        explored,
        f"Sizes: {'; '.join(sizes)}. Nothing is said of others.",
        worth.line().removeprefix("Worth: "),
        f"{measured_line(users_file=True)}.",
        told_by,
    ]


def subjects(design: str) -> list[str]:
    """What the mails of a patch call themselves, and their Message-IDs: so that who reads the page knows which one is meant."""
    lines = list[str]()
    for path in (Path(name) for name in series_of(design)[0] if is_patch(design)):
        if path.is_file():
            with path.open("rb") as file:
                mail = email.message_from_bytes(file.read(HEADER), policy=email.policy.default)
            named = [str(mail[header]) for header in ("Subject", "Message-ID") if mail[header]]
            lines += [" ".join(named)] if named else []
    return lines
