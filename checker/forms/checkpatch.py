"""Lines as scripts/checkpatch.pl --terse prints them, for what reads those: `b4 prep --check`, `b4 am --check`.

Nothing is printed where nothing is worse, but what was left out of the lines that a patch changes. b4 takes a line with `ERROR:` for a failure and any other one for a warning, so that
what is INCONCLUSIVE is an error.
"""

from __future__ import annotations

from checker.forms.plain import visible
from checker.questions.answer import Answer, Said
from checker.words import count, fold_names

OPEN = "INCONCLUSIVE"


def render(answer: Answer) -> str:
    groups = dict[tuple[str, str], list[Said]]()
    for one in answer.said:
        if one.standing.failed or one.standing.open:
            word = OPEN if one.standing.open else one.standing.value
            groups.setdefault((word, one.property), []).append(one)
    lines = [f"ERROR:{OPEN}: {reason}" for reason in answer.reasons]
    lines += [_line(word, name, of) for (word, name), of in groups.items()]
    lines += [f"WARNING:LEFT_OUT: of the changed lines: {'; '.join(answer.left_out)}"] * bool(answer.left_out)
    return "".join(f"{visible(line)}\n" for line in lines)


def _line(word: str, name: str, of: list[Said]) -> str:
    cells = [one.cell for one in of]
    where = f"in {count(len(cells), 'cell')}: {fold_names(cells)}" if cells[1:] else f"in {cells[0]}"
    return f"ERROR:{word.replace(' ', '_')}: {name}: {of[0].text} {where}; reproduce: {of[0].reproduce}"
