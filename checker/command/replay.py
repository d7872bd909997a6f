"""`eoi replay`: run the stories out of a mail again, in CPython or on a real system."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable

from checker.command import exits
from checker.command.exits import Exit
from checker.errors import UserError
from checker.matrix.select import find_design, known_properties
from checker.questions.retell import retell
from checker.stories.mail import read_mail
from checker.stories.read import Found, ParsedStory, stories_of
from checker.stories.trace import StoryError
from model.finite import ModelError

Tell = Callable[[ParsedStory], tuple[list[str], Exit]]


def run(options: Namespace) -> int:
    """Does each story of a text still happen, and does it still show the violation?"""
    text = read_mail(options.file)
    other = find_design(options.design) if options.design else None
    known = known_properties(options.property)

    def tell(story: ParsedStory) -> tuple[list[str], Exit]:
        if options.on:
            lines, label = importlib.import_module(f"oracles.{options.on}.replay").replay_story(
                story, other, find_design, known
            )
            return lines, exits.OF_LABEL[label.value]
        lines, code = retell(story, other, find_design, known)
        return lines, Exit(code)

    return tell_all("standard input" if options.file == "-" else options.file, text, tell)


def tell_all(name: str, text: str, tell: Tell) -> Exit:
    """Print what becomes of every story in a text; returns the worst exit code. `name`: of the file, for messages.

    What is wrong with one story is said with file and line, and the others are told all the same. Raises UserError if
    there is no story.
    """
    try:
        found = stories_of(text)
    except StoryError as error:
        raise UserError(f"{name}: {error}") from None
    many, codes, verdicts = len(found) > 1, list[Exit](), list[str]()
    for number, one in enumerate(found, 1):
        if many:
            print(f"{'' if number == 1 else chr(10)}story {number} of {len(found)}, line {one.line}:", flush=True)
        try:
            lines, code = tell(_readable(one))
        except ModelError as error:
            where = "" if str(error).startswith("line ") else f"line {one.line}: "
            print(f"eoi: {name}: {where}{error}", file=sys.stderr, flush=True)
            lines, code = [title_of(one), "NOT REPLAYED: an error, told on stderr"] if many else [], Exit.MISTAKE
        print("".join(f"{line}\n" for line in lines), end="")
        codes.append(code)
        verdicts += [line.partition(":")[0] for line in lines[1:2]]
    if many:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in Counter(verdicts).items())
        print(f"\n{len(found)} stories: {counts}")
    return exits.worst(codes)


def _readable(one: Found) -> ParsedStory:
    if isinstance(one.story, StoryError):
        raise one.story
    return one.story


def title_of(one: Found) -> str:
    """What is known of a story that cannot be run."""
    if isinstance(one.story, StoryError):
        return "this story"
    return f"{one.story.property} on " + ", ".join(f"{role} {name}" for role, name in one.story.cell.items())
