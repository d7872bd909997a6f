"""`eoi diff`: what a design changes: the model, and every verdict."""

from __future__ import annotations

import importlib
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace

from checker.command import exits, json_text
from checker.command.explore import explore, limits_of, story
from checker.command.give import give
from checker.command.lift import print_lifted
from checker.command.selected import selection_of
from checker.matrix.lifted_file import not_judged
from checker.matrix.loader import property_argument
from checker.matrix.roles import role_of, stands_on
from checker.matrix.select import Selection, select
from checker.questions import compare, compare_text, first_screen, report
from checker.questions.answer import of_diff
from checker.questions.campaign import Campaign
from checker.questions.flag_meaning import below_story, meant_lines
from checker.questions.graph_compare import INTERRUPTED
from checker.questions.measured import measured_line
from checker.questions.model_diff import changed_lines, diff_lines, model_diff
from checker.questions.not_run import not_run_texts
from checker.questions.patch_text import in_c
from checker.questions.verdict import CellResult
from checker.questions.worth import Worth, worth_of
from checker.stories.write import command_lines, to_text
from checker.words import screen
from model.lang import Property
from model.machine import Machine

SLIPS = "oracles.mutation.touched"  # loaded only where it is asked
KERNELS = ("base", "v6")  # under which a patch of a VMM is judged: before the feature, and as it was merged


def run(options: Namespace) -> int:
    """Print what DESIGN changes of BASE: the model, the graphs, the verdicts. 1 if anything REGRESSED, else 3 if anything
    is open, or a line of the user's is run in no cell. After Ctrl-C: of the cells that are finished under both."""
    return tell(options, found(under_each_kernel(options)))


def under_each_kernel(options: Namespace) -> Namespace:
    """A change of a VMM, guest or device is for old and new kernels, unless some are named, by --kernel or by its class."""
    asked, beside = options.asked, options.beside
    fixed = options.kernel or "kernel" in asked.cls.default_roles
    if fixed or "kernel" in (role_of(asked.cls), role_of(beside.cls)):
        return options
    options = Namespace(**vars(options) | {"kernel": list(KERNELS)})
    options.asked = selection_of(options, asked.name, beside.cls)
    options.beside = selection_of(options, beside.name, asked.cls)
    return options


def found(options: Namespace) -> tuple[compare.Diff, Campaign]:
    """Explore and compare."""
    beside, asked = options.beside, options.asked
    base, design = compare.Named(beside.name, beside.cls), compare.Named(asked.name, asked.cls)
    _, of_design, _, wanted = select(asked)
    _, of_base, _, _ = select(beside)
    if asked.sizes.keys() - beside.sizes.keys():
        of_base = []  # a choice is fixed that base does not have: it has the cells of the design
    pairs, apart = compare.pair_cells(base, design, of_base, of_design)
    campaign = explore(options, [cell for pair in pairs for cell in (pair.base, pair.design)], wanted)
    diff = replace(
        compared(options, base, design, pairs, campaign, wanted), apart=apart, named=asked.properties,
        unvaried=campaign.unvaried,
    )  # fmt: skip
    return with_slips(diff, base.cls, design.cls), campaign


def base_of(asked: Selection) -> str:
    """The name of what a patch or a class stands on; "" if that is nothing that a system can be made of."""
    if asked.lifted:
        return asked.lifted.base
    found = stands_on(asked.cls)
    return found[0] if found else ""


def against(options: Namespace, base: str) -> int:
    """What `eoi prove` says of a change: what it makes worse and better than that."""
    options = under_each_kernel(Namespace(**vars(options), beside=selection_of(options, base, options.asked.cls)))
    return tell(options, found(options))


def tell(options: Namespace, answer: tuple[compare.Diff, Campaign], *more: str) -> int:
    """Print it, the answer first; returns the exit code. more: lines that stand with the answer."""
    diff, campaign = answer
    worth = worth_of(options.asked.cls, diff.after, (options.beside.name, options.beside.cls))
    if options.json:
        how_far = measured_line(users_file=any(r.lines_run for r in campaign.results))
        told = of_diff(diff, how_far, options.asked.not_read, worth.line())
        give(options, told, "diff", {**as_json(diff, options.asked), "worth": worth.as_json()})
    else:
        print_diff(options, diff, worth, more)
        print("".join(f"{line}\n" for line in report.advice_lines(campaign)), end="")
    return exits.decided(wrong=diff.regressed, undecided=diff.undecided)


def compared(
    options: Namespace, base: compare.Named, design: compare.Named, pairs: Sequence[compare.Pair], campaign: Campaign,
    wanted: Sequence[Property],
) -> compare.Diff:  # fmt: skip
    """What the results of the pairs say; a pair that lacks one of its two says nothing."""
    found: dict[int, CellResult] = {id(result.cell): result for result in campaign.results}
    whole = [pair for pair in pairs if id(pair.base) in found and id(pair.design) in found]
    left = [pair for pair in pairs if id(pair.base) not in found or id(pair.design) not in found]
    before, after = [found[id(pair.base)] for pair in whole], [found[id(pair.design)] for pair in whole]
    graphs = compare.compare_all(whole, before, after, wanted, limits_of(options), interrupted=campaign.interrupted)
    interrupted = campaign.interrupted or any(graph.why == INTERRUPTED for graph in graphs)
    hunks, listed = model_diff(base.cls, design.cls), compare.changes(before, after)
    return compare.Diff(base.name, design.name, hunks, whole, before, after, graphs, listed, left, interrupted)


def with_slips(diff: compare.Diff, base: type[Machine], design: type[Machine]) -> compare.Diff:
    """If no cell shows a difference although there is one in the text: would they?"""
    if not diff.alike or not diff.hunks:
        return diff
    cells = [(result.stats.states, result.cell) for result in diff.after]
    others = [result.cell for result in diff.before]
    slips_of = importlib.import_module(SLIPS).slips_of
    return replace(diff, slips=slips_of(cells, changed_lines(base, design), others, changed_lines(design, base)))


def print_diff(options: Namespace, diff: compare.Diff, worth: Worth, more: Sequence[str] = ()) -> None:
    """A screen with the answer, the groups and what that is worth; what it rests on; the model's diff, a trace, and one line that counts it all."""
    hint = [NARROWED] * bool(diff.never_run and narrowed_by(options))
    without = first_screen.left_out_lines(not_judged(options.asked.lifted, options.beside.lifted))
    worse = [change.told() for change in diff.listed if change.kind == compare.REGRESSED]
    meant = [line for text in meant_lines(worse) for line in wrapped_words(text)]
    first = [*first_screen.answer_lines(diff, in_c(options.asked)), *meant, *without, *hint, *more]
    legend = [line for text in report.flag_legend([*diff.before, *diff.after]) for line in wrapped_words(text)]
    told = [*legend, *([] if options.brief else [worth.short()])]
    whole = options.cells or options.all or options.stories
    groups = (
        compare_text.group_lines(diff, brief=options.brief, every=options.all) if whole
        else first_screen.screen_lines(diff, screen()[1] - len(first) - len(legend) - AROUND)
    )  # fmt: skip
    named = compare_text.same_lines(diff) if options.all else []
    evidence = [] if options.brief else compare_text.evidence_lines(diff)
    graphs = [compare_text.graph_line(diff), *named, *evidence, *compare_text.sizes_lines(diff)]
    graphs += [] if options.brief else wrapped_words(worth.line())
    left = [*compare_text.apart_lines(diff), *compare_text.unexplored_lines(diff, options.all)]
    print_blocks(first, [*groups, *told])
    if not options.brief:
        print_traces(options, diff.listed)
    print_lifted(options.asked.lifted, brief=options.brief)
    changed = [] if options.brief else diff_lines(diff.base, diff.design, diff.hunks)
    print_blocks(changed, graphs, left)
    print("\n".join(compare_text.summary_lines(diff)))


def wrapped_words(line: str) -> list[str]:
    return textwrap.wrap(line, screen()[0], subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


NARROWED = "(Your options leave out cells; in some of them these lines may run.)"


def narrowed_by(options: Namespace) -> bool:
    """Did somebody ask for a part of the cells?"""
    return any(getattr(options, name, None) for name in ("vmm", "guest", "device", "scope"))


AROUND = 3  # lines of a screen besides the answer and the groups: the command, an empty line, what it is worth


def print_blocks(*blocks: Sequence[str]) -> None:
    """An empty line after each."""
    print("".join("\n".join([*block, "", ""]) for block in blocks if block), end="")


def print_traces(options: Namespace, listed: Sequence[compare.Change]) -> None:
    """The story of the first regression that takes steps to reach; or of every one, of what is still broken, and of what
    was until now."""
    every: bool = options.stories
    regressed = [change for change in listed if change.kind == compare.REGRESSED]
    told = regressed if every else compare_text.foremost(regressed)[:1]
    for change in told:
        trace = story(*change.told())
        print(to_text(trace) + below_story(*change.told(), trace))
    for change, where in compare_text.told_once(listed) if every else []:
        trace = story(*change.told())
        print(
            "\n".join(where) + "\n\n" + to_text(trace) + "".join(f"\n{line}\n" for line in meant_lines([change.told()]))
        )
    kinds = () if every else (compare.REGRESSED, compare.FIXED, compare.STILL)
    untold = [c for kind in kinds for c in listed if c.kind == kind and c.has_trace and c not in told]
    if untold:
        others = {change.name for change in told}  # of another property, if there is one
        result, verdict = min(untold, key=lambda c: (not c.takes_steps, kinds.index(c.kind), c.name in others)).told()
        command = report.reproduce("trace", result.cell, property_argument(verdict.property))
        print("\n".join([*command_lines(command, "--stories tells all. One of those not told:"), ""]))


def as_json(diff: compare.Diff, asked: Selection) -> json_text.Json:
    """The model, the graphs, and every verdict that changes."""
    return {
        "base": diff.base,
        "design": diff.design,
        "answer": compare_text.headline(diff),
        "model": [{"file": h.file, "name": h.name, "lines": list(h.lines)} for h in diff.hunks],
        "model_lines": sum(h.size for h in diff.hunks),
        "interrupted": diff.interrupted,
        "inconclusive": diff.undecided or bool(asked.not_read),
        **json_text.of_lifted(asked),
        "not_looked_at": not_run_texts(diff.never_run),
        "equivalent": diff.equivalent,
        "slips": diff.slips and diff.slips.as_json(),
        "graphs": [{"cell": str(p.design), **asdict(g)} for p, g in zip(diff.pairs, diff.graphs, strict=True)],
        "changes": [_change(change) for change in diff.listed],
        "worse": compare_text.worse(diff),
        "counts": compare.counts(diff),
        "only_of_one": [str(cell) for cell in diff.apart],
        "not_explored": [compare_text.reproduce(diff, pair) for pair in diff.unexplored],
    }


def _change(change: compare.Change) -> json_text.Json:
    _, verdict = change.told()
    run = verdict.run
    return {
        "kind": change.kind,
        "property": change.name,
        "cell": str(change.design.cell),
        "before": change.before.status.value,
        "after": change.after.status.value,
        "binding": report.binding_text(verdict) if run else "",
        "steps": [[m.step, [str(a) for a in m.args]] for m in run.moves] if run else [],
        "loop_start": run.loop_start if run else None,
        "stays": run.stutter if run else False,
    }
