"""GitHub's Markdown, for a comment or a job's summary: the answer on the first line; what changed or failed as a table; the
stories and all verdicts folded away.

A comment may have 65,536 characters. What does not fit is left out whole, from the end, and that is said.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from checker.forms.plain import story_text, unwrapped, visible
from checker.questions.answer import Answer, Said, Standing
from checker.words import count, fold_names

MOST = 60_000  # characters
STORIES, STORY, NOTES = 10, "a story", 20
ORDER = tuple(Standing)
PLAIN = re.compile(r"[A-Za-z0-9 ,.;()/+=?'{}>-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])|:(?!//)")
OPEN = "INCONCLUSIVE"


def render(answer: Answer) -> str:
    first = [f"**{text(f'{answer.what}: {answer.headline}'.strip())}**", ""]
    first += [f"{text(line)}  " for line in unwrapped(answer.more)] + [""] * bool(answer.more)
    first += [f"* {OPEN}: {text(reason)}" for reason in answer.reasons] + [""] * bool(answer.reasons)
    first += [f"* left out: {text(one)}" for one in answer.left_out[:NOTES]] + [""] * bool(answer.left_out)
    if answer.left_out[NOTES:]:
        first += [
            f"{count(len(answer.left_out) - NOTES, 'more note')} of what is left out: `--format json` has all.",
            "",
        ]
    room, out, left = MOST - len("\n".join(first)), first, Counter[str]()
    for what, block in (
        ("the table of what changed or failed", _table(answer)), *_stories(answer), ("all verdicts", _matrix(answer))
    ):  # fmt: skip
        size = len("\n".join(block)) + 1
        if size > room:
            left[what] += 1
            continue
        room -= size
        out += block
    for what, number in left.items():
        said = count(number, "story", "stories") if what == STORY else what
        out += [f"Left out, because a comment may be no longer: {said}; `--format json` has all.", ""]
    out += [line for told in answer.rests_on for line in (text(told), "")]
    return "\n".join(out).rstrip() + "\n"


def text(told: str) -> str:
    """Text that stays as it is, on one line, whatever is in it."""
    plain = visible(told)
    return "".join(c if PLAIN.match(plain, n) else f"&#{ord(c)};" for n, c in enumerate(plain))


def _table(answer: Answer) -> list[str]:
    """A row for each property of which the same is said, with the shortest of its runs."""
    groups = dict[tuple[Standing, str], list[Said]]()
    for one in answer.said:
        if not one.standing.quiet:
            groups.setdefault((one.standing, one.property), []).append(one)
    if not groups:
        return []
    rows = ["| | property | cells | shortest |", "|---|---|---|---|"]
    for (standing, name), of in sorted(groups.items(), key=lambda group: ORDER.index(group[0][0])):
        many = f"{len(of)}: " if of[1:] else ""
        cells = text(f"{many}{fold_names([one.cell for one in of])}")
        word = f"**{standing.value}**" if standing.failed or standing.open else standing.value
        rows.append(f"| {word} | {text(name)} | {cells} | {text(min(of, key=Said.length).text)} |")
    return [*rows, ""]


def _stories(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Of what failed, each property's first cells before its others."""
    failed, seen = [one for one in answer.said if one.standing.failed and one.told], dict[str, int]()
    ranked = list[tuple[int, int, Said]]()
    for number, one in enumerate(failed):
        seen[one.property] = seen.get(one.property, 0) + 1
        ranked.append((seen[one.property], number, one))
    chosen = [one for _, _, one in sorted(ranked, key=lambda rank: rank[:2])]
    for one in chosen[:STORIES]:
        yield STORY, _folded(f"{one.property} in {one.cell}: {one.line()}", fenced(story_text(one)))
    if chosen[STORIES:]:
        more = count(len(chosen) - STORIES, "more story", "more stories")
        yield "how many stories there are", [f"{more}: each by its own command, e.g. {text(chosen[-1].reproduce)}", ""]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{html.escape(visible(title))}</summary>", "", *lines, "", "</details>", ""]


def fenced(told: str) -> list[str]:
    """As it is; the fence is longer than any in it."""
    longest = max(map(len, re.findall(r"`+", told)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *(visible(line) for line in told.splitlines()), fence]


def _matrix(answer: Answer) -> list[str]:
    """A row for each cell, a numbered column for each property."""
    names = list(dict.fromkeys(one.property for one in answer.said))
    if not names:
        return []
    rows = ["| cell | " + " | ".join(str(n) for n in range(1, len(names) + 1)) + " |", "|---" * (len(names) + 1) + "|"]
    for cell, said in answer.by_cell().items():
        told = {one.property: one for one in said}
        rows.append(f"| {text(cell)} | " + " | ".join(_mark(told.get(name)) for name in names) + " |")
    sentences = {one.property: one.sentence for one in answer.said}
    legend = [f"{number}. {text(name)}: {text(sentences[name])}" for number, name in enumerate(names, 1)]
    return _folded(f"all verdicts: {count(len(answer.said), 'verdict')}", [*rows, "", *legend])


def _mark(one: Said | None) -> str:
    if one is None:
        return ""
    if one.standing.quiet:
        return "-" if one.standing is Standing.NOT_ASKED else text(one.after)
    return f"**{one.standing.value}**"
