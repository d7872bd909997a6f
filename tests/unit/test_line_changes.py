"""Which lines a diff of the model shows of those that may stand here or there: an `if` above its `return`."""

from __future__ import annotations

import random

import pytest

from checker.questions.model_diff import line_changes

ASKS = ["if not handles:", "    return"]
SPLIT = ["if split:", "    return"]
REST = ["scan()", "if split:", "    told()", "    return"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ([*ASKS, *REST], [*ASKS, *SPLIT, *REST], [(2, 2, 2, 4)]),
        ([*ASKS, *REST], [*SPLIT, *ASKS, *REST], [(0, 0, 0, 2)]),
        ([*ASKS, *SPLIT, *REST], [*ASKS, *REST], [(2, 4, 2, 2)]),
        ([*ASKS, *REST], [*ASKS, *SPLIT, *ASKS, *REST], [(0, 0, 0, 4)]),
        (ASKS, [*ASKS, *SPLIT], [(2, 2, 2, 4)]),
        (ASKS, ["if either:", *ASKS[1:]], [(0, 1, 0, 1)]),
    ],
    ids=["below", "above", "taken away", "two", "at the end", "replaced"],
)
def test_a_block_begins_where_it_is_indented_least(old, new, said):
    assert line_changes(old, new) == said


def test_the_changes_make_the_new_text_of_the_old_one():
    chance = random.Random(1)
    for _ in range(2000):
        old, new = (chance.choices(["a", "  b", "  c", "    d"], k=chance.randrange(9)) for _ in range(2))
        made, at = list[str](), 0
        for i, j, k, m in line_changes(old, new):
            assert at <= i
            made += [*old[at:i], *new[k:m]]
            at = j
        assert [*made, *old[at:]] == new, (old, new)
