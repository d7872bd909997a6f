"""An answer as one HTML page that needs nothing else: no server, no network, and of a script only to step through stories."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from checker.page.data import as_script, page_data
from checker.page.entries import PageEntry
from checker.page.matrix import legend, matrix
from checker.page.told import Json
from checker.questions.answer import Answer, Standing
from checker.stories.trace import from_json
from checker.stories.write import to_text
from checker.words import count, fold_names

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Content:
    """told: the runs by the number of their entry; functions: what they ran. first: the entry
    whose story is there without a script. command: what makes this page again."""

    answer: Answer
    entries: Sequence[PageEntry]
    told: Mapping[int, Json]
    functions: Mapping[str, Json]
    first: int | None
    names: Mapping[str, str]
    command: str


def page(content: Content) -> str:
    """The whole page."""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    data = page_data(content.names, content.entries, content.told, content.functions)
    if content.first is not None:
        data["first"] = _number_of(content, content.first)
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    title = escape(f"eoi: {content.answer.what}")
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>", f"<style>{style}</style>", "</head>", "<body>",
        '<a class=skip href="#cells">Skip to the cells</a>', "<main>", *_head(content), *_answer(content), *_cells(content),
        *_story(content), *_model(content.answer), *_properties(content), *_foot(content), "</main>",
        f'<script type="application/json" id="data">{as_script(data)}</script>', f"<script>{script}</script>", "</body>", "</html>", "",
    ])  # fmt: skip


def _digest(text: str) -> str:
    """What a policy allows: this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _number_of(content: Content, entry: int) -> Json:
    said = content.entries[entry].said
    return {"cell": said.cell, "property": said.property}


def _head(content: Content) -> Iterator[str]:
    answer = content.answer
    kind = "worse" if answer.failed else "open" if answer.undecided else "better"
    word = "Worse" if answer.failed else "Not decided" if answer.undecided else "Nothing is worse"
    if content.names["base"] == "":
        word = "Violated" if answer.failed else "Not decided" if answer.undecided else "Nothing is violated"
    yield f"<header><p class=what><span class={kind}>{word}:</span> {escape(answer.what)}</p>"
    yield f"<h1>{escape(answer.headline)}</h1>"
    yield "<p class=tools><button type=button id=theme hidden>Dark</button></p></header>"


def _answer(content: Content) -> Iterator[str]:
    yield "<section aria-labelledby=by><h2 id=by>What changes</h2><div class=sides>"
    sides = [("worse", "\u25bc Worse", Standing.REGRESSED), ("better", "\u25b2 Better", Standing.FIXED)]
    if not content.names["base"]:
        sides = [
            ("worse", "\u2715 Violated", Standing.VIOLATED),
            ("worse", "\u2260 Not as expected", Standing.UNEXPECTED),
        ]
    for kind, title, standing in sides:
        yield f"<div><h3><span class={kind}>{title}</span></h3>"
        yield from _by_property([e for e in content.entries if e.said.standing is standing])
        yield "</div>"
    yield "</div>"
    reasons = content.answer.reasons
    if reasons:
        yield f"<div class=reasons><h3><span class=open>? Open</span></h3><ul>{''.join(f'<li>{escape(r)}</li>' for r in reasons)}</ul></div>"
    yield "</section>"


def _by_property(entries: Sequence[PageEntry]) -> Iterator[str]:
    found = dict[str, list[PageEntry]]()
    for entry in entries:
        found.setdefault(entry.said.property, []).append(entry)
    if not found:
        yield "<p>nothing</p>"
        return
    yield "<ul class=changes>"
    for name, of in found.items():
        cells = fold_names(entry.said.cell for entry in of)
        vacuous = sum(entry.now.is_vacuous() for entry in of)
        note = f" In {count(vacuous, 'cell')} only because what it speaks of never happens any more." if vacuous else ""
        yield f"<li><details><summary><b>{escape(name)}</b> in {count(len(of), 'cell')}. {escape(of[0].said.sentence)}{note}</summary>"
        shown = min(
            (entry for entry in of if entry.length is not None), key=lambda entry: entry.length or 0, default=None
        )
        if shown is not None:
            address = quote(f"{name} in {shown.said.cell}")
            yield f'<p class=needs-script hidden><a href="#{address}">its shortest story</a></p>'
        yield f"<p>{escape(cells)}</p></details></li>"
    yield "</ul>"


def _cells(content: Content) -> Iterator[str]:
    stories = {id(content.entries[number]): number for number in content.told}
    yield "<section aria-labelledby=cells><h2 id=cells>Every cell</h2>"
    yield "<p class=hint>A cell is one system: a VMM with its I/O APIC version and flags, a guest, a device."
    yield " Of what changes, the verdicts are told before \u2192 now.</p>"
    yield '<p class=needs-script hidden><label>Show cells with <input type=search id=filter autocomplete=off placeholder="qemu 0x11"></label> <span id=filtered role=status></span></p>'
    yield legend(content.entries)
    yield from matrix(content.entries, stories)
    yield "<p id=pointed class=needs-script hidden>Point at a verdict to read what it says; press it to open its story.</p></section>"


def _story(content: Content) -> Iterator[str]:
    yield "<section id=viewer aria-labelledby=told tabindex=-1><h2 id=told>The story</h2>"
    if content.first is None:
        yield "<div id=asked><p>There is no run to tell first.</p></div></section>"
        return
    said, trace = content.entries[content.first].said, from_json(json.dumps(content.told[content.first]["trace"]))
    yield f"<div id=asked><p>{escape(said.property)} in {escape(said.cell)}</p>"
    yield f"<pre tabindex=0>{escape(to_text(trace))}</pre></div>"
    yield "<noscript><p>With scripts, every verdict that has a run opens it here, to step through.</p></noscript></section>"


def _model(answer: Answer) -> Iterator[str]:
    if not answer.hunks:
        return
    size = sum(hunk.size for hunk in answer.hunks)
    yield f"<section aria-labelledby=model><h2 id=model>What it changes of the model: {count(size, 'line')}</h2>"
    for hunk in answer.hunks:
        where = ": ".join(filter(None, (hunk.file, hunk.name)))
        yield f"<h3><code>{escape(where)}</code></h3><pre class=diff tabindex=0>{''.join(map(_diff_line, hunk.lines))}</pre>"
    yield "</section>"


def _diff_line(line: str) -> str:
    tag = {"+": "ins", "-": "del"}.get(line[:1], "span")
    return f"<{tag}>{escape(line)}\n</{tag}>"


def _properties(content: Content) -> Iterator[str]:
    sentences = {e.said.property: e.said.sentence for e in content.entries}
    yield "<section aria-labelledby=sentences><h2 id=sentences>What each property says</h2><details><summary>"
    yield f"{count(len(sentences), 'property', 'properties')}</summary><dl class=sentences>"
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in sentences.items())
    yield "</dl></details></section>"


def _foot(content: Content) -> Iterator[str]:
    yield "<footer>"
    yield from (f"<p>{escape(line)}</p>" for line in content.answer.rests_on)
    yield f"<p>Made by <code>{escape(content.command)}</code></p></footer>"
