"""Errors that end a command, by exit code."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence

from model.finite import ModelError

# Numbers of what the process as a whole has no more of: no file's, and no program's that was to be started.
OF_THE_PROCESS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


class UserError(ModelError):
    """The user's mistake: usage, an unknown name, an unreadable file. Exit code 2, like every ModelError."""


class NotConcerned(UserError):
    """A patch that changes nothing of what the model stands for: no file of it, or comments and what is harmless only. There is nothing to judge,
    which is no pass; who gates every patch of a tree says --if-concerned. patches: the files, or diffs of files, that it is of."""

    def __init__(self, said: str, patches: Sequence[str]) -> None:
        super().__init__(said)
        self.patches = list(patches)

    def __reduce__(self) -> tuple[type[NotConcerned], tuple[str, list[str]]]:
        return NotConcerned, (str(self), self.patches)  # between processes


class InternalError(Exception):
    """The engines disagree or we broke: exit code 4."""


class EnginesDisagree(InternalError):
    """Two ways to find something out say different things. answers: by whom."""

    def __init__(self, what: str, answers: Mapping[str, str]) -> None:
        self.what, self.answers = what, dict(answers)
        super().__init__(f"{what}: " + ", but ".join(f"{who} says {answer}" for who, answer in answers.items()))

    def __reduce__(self) -> tuple[type[EnginesDisagree], tuple[str, dict[str, str]]]:
        return EnginesDisagree, (self.what, self.answers)  # between processes
