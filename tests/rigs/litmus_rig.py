"""The stories of tests/litmus, by file name, and the classes that they name."""

from __future__ import annotations

import functools
from pathlib import Path

from checker.matrix.select import find_role
from checker.questions.litmus import stories_in

HERE = Path(__file__).parents[1] / "litmus"
FIND = functools.cache(find_role)
STORIES = {story.path.stem: story for story in stories_in([HERE])}
