"""An answer in the form that was asked for, where that is not text."""

from __future__ import annotations

import importlib
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from checker.command.form import JSON
from checker.command.json_text import Json, document, of_answer
from checker.matrix.lifted_file import not_judged
from checker.questions.answer import Answer


def give(options: Namespace, answer: Answer, what: str, content: Json) -> None:
    """Print it. what, content: its JSON document, to which what every answer says is added."""
    if options.form == JSON:
        print(document(what, {**content, **of_answer(answer)}))
        return
    render: Callable[[Answer], str] = importlib.import_module(f"checker.forms.{options.form}").render
    asked = getattr(options, "asked", None)  # of a gate there is none
    lifted = asked.lifted if asked is not None else None
    beside = getattr(options, "beside", None)  # what a patch is compared with may be one, too
    without = not_judged(*(one.lifted for one in (asked, beside) if one is not None))
    answer = replace(answer, root=str(project_of(Path.cwd())), left_out=without)
    if lifted is not None:
        answer = replace(answer, lifted=str(lifted.path), patched=lifted.places)
    print(render(answer), end="")


def project_of(folder: Path) -> Path:
    """What files are named from: the checkout that a folder is in, or the folder."""
    return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), folder)
