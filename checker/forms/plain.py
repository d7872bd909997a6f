"""Text in which nothing surprises a parser."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from checker.questions.answer import Said
from checker.stories.write import to_text


def visible(text: str, keep: str = "") -> str:
    """Characters that no XML may contain, and those that no encoding has, as `\\x1b`. keep: control characters that stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or _is_plain(c) else c.encode("unicode_escape").decode() for c in text)


def _is_plain(character: str) -> bool:
    code = ord(character)
    odd = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE
    return not odd and code not in (0x2028, 0x2029)


def unwrapped(lines: Sequence[str]) -> list[str]:
    """Lines that were broken for a screen, whole again: what is indented goes on."""
    found = list[str]()
    for line in lines:
        if found and line.startswith(" "):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return found


def story_text(said: Said) -> str:
    """As for a mail; "" if there is none."""
    story = said.story()
    return to_text(story) if story is not None else ""


def body(said: Said) -> str:
    """What is told of something that failed: the sentence, what became of it, the story, the command."""
    lines = [said.sentence] if said.sentence else []
    lines += [said.line(), f"reproduce: {said.reproduce}"]
    return "\n".join([*lines, "", story_text(said)]).rstrip() + "\n"


def digest(*parts: str) -> str:
    """The same for the same thing in each run."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
