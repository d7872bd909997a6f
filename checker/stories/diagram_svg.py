"""The colours of pictures, and an SVG of Graphviz's made fit for a page: classes instead of colours, light and dark, a title
and a description, and no names of nodes that one sees when the mouse rests there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


@dataclass(frozen=True)
class Colors:
    """Of a class: of its text (and of lines that are nothing but lines), its fill and its outline; and the same in the dark."""

    text: str = ""
    fill: str = ""
    line: str = ""
    dark_text: str = ""
    dark_fill: str = ""
    dark_line: str = ""


_INKS = ("#1d4e89", "#8a4b08", "#2f6b3a", "#7a2e6d", "#5b4a9e", "#8c2f2f", "#2b6777", "#5f5f2c")
_FILLS = ("#dbe8f6", "#fae8cf", "#dcefdf", "#f3dff0", "#e5e1f7", "#f8dede", "#d8ecf1", "#ededd5")
_DARK_INKS = ("#8cbcf2", "#f0b468", "#8fd19c", "#e7a3dc", "#bdb0f5", "#f2a3a3", "#8ccfe0", "#d3d394")
_DARK_FILLS = ("#1b3350", "#4a3110", "#1d3d26", "#45203f", "#332c58", "#4b2222", "#1d3d47", "#3b3b1d")
CLASSES = {
    "paper": Colors(fill="#ffffff", dark_fill="#14181d"),
    "stripe": Colors(fill="#f4f6f8", dark_fill="#1b2027"),
    "here": Colors(fill="#fff3cf", dark_fill="#3a3114"),
    "life": Colors(fill="#a9b4bf", dark_fill="#5b6672"),
    "ink": Colors("#1f2933", dark_text="#e6eaee"),
    "pale": Colors("#566373", dark_text="#a3afbb"),
    "accent": Colors("#b93a08", dark_text="#ff9d6b"),
    "parted": Colors("#b93a08", "#ffffff", "#b93a08", "#ff9d6b", "#14181d", "#ff9d6b"),
    "state": Colors("#1f2933", "#f4f6f8", "#566373", "#e6eaee", "#1b2027", "#a3afbb"),
    "shown": Colors("#1f2933", "#fff3cf", "#b93a08", "#e6eaee", "#3a3114", "#ff9d6b"),
    **{
        f"lane{n}": Colors(ink, fill, ink, dark, dark_fill, dark)
        for n, (ink, fill, dark, dark_fill) in enumerate(zip(_INKS, _FILLS, _DARK_INKS, _DARK_FILLS, strict=True))
    },
    **{
        f"lane{n}bar": Colors(fill=ink, dark_fill=dark)
        for n, (ink, dark) in enumerate(zip(_INKS, _DARK_INKS, strict=True))
    },
}


def style_sheet() -> str:
    """Every class as it is by day, and by night."""
    light, dark = list[str](), list[str]()
    for name, c in CLASSES.items():
        for rules, text, fill, line in ((light, c.text, c.fill, c.line), (dark, c.dark_text, c.dark_fill, c.dark_line)):
            rules += [f":is(.node,.edge).{name} text{{fill:{text}}} .edge.{name} path{{stroke:{text}}}"] * bool(text)
            rules += [f".edge.{name} polygon,.node.{name} ellipse{{fill:{text};stroke:{text}}}"] * bool(text)
            boxed = f"fill:{fill};" * bool(fill) + f"stroke:{line or 'none'}"
            rules += [f".node.{name} :is(path,polygon){{{boxed}}}"] * bool(fill)
    paper, ink = CLASSES["paper"], CLASSES["ink"]
    light.append(f".ground{{fill:{paper.fill}}} .graph>text{{fill:{ink.text}}}")
    dark.append(f".ground{{fill:{paper.dark_fill}}} .graph>text{{fill:{ink.dark_text}}}")
    return "\n".join(
        [f"text{{font-family:{FONT}}}", *light, "@media (prefers-color-scheme: dark){", *dark, "}",
         "a:hover text{text-decoration:underline}"]
    )  # fmt: skip


def restyled(drawn: bytes, title: str, told: str) -> bytes:
    """An SVG of Graphviz's whose nodes and edges have classes of CLASSES. told: what a reader hears who sees no picture."""
    for prefix, space in (("", SVG), ("xlink", LINK)):
        ElementTree.register_namespace(prefix, space)
    root = ElementTree.fromstring(_without_controls(drawn.decode()))
    for group in root.iter(f"{{{SVG}}}g"):
        for named in group.findall(f"{{{SVG}}}title"):
            group.remove(named)
        group.attrib.pop("id", None)
        of = group.get("class", "").split()
        if of[:1] == ["graph"]:
            for ground in group.findall(f"{{{SVG}}}polygon"):
                if ground.get("fill") == "none":
                    group.remove(ground)  # the paper is a node
                else:
                    ground.set("class", "ground")
            _uncolour(group, boxed=True)
        elif len(of) > 1:
            _uncolour(group, boxed=any(CLASSES[name].fill for name in of[1:] if name in CLASSES))
    about = [ElementTree.Element(f"{{{SVG}}}{tag}") for tag in ("title", "desc", "style")]
    for element, text in zip(about, (title, told, style_sheet()), strict=True):
        element.text = text
    for place, element in enumerate(about):
        root.insert(place, element)
    root.set("role", "img")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n").encode()


def _uncolour(group: ElementTree.Element, boxed: bool) -> None:
    """Take away the colours that its class says; boxes that are only there to hold a text go, their line has no width."""
    boxes = [e for e in group.iter() if e.tag.rpartition("}")[2] in ("polygon", "path")]
    has_text = group.find(f".//{{{SVG}}}text") is not None
    text_only = not boxed or (has_text and all(e.get("stroke-width") == "0" for e in boxes))
    is_edge = group.get("class", "").startswith("edge")
    for parent in list(group.iter()):
        for child in list(parent):
            tag = child.tag.rpartition("}")[2]
            if tag in ("polygon", "path") and text_only and not is_edge:
                parent.remove(child)
            elif tag in ("polygon", "path", "ellipse", "text"):
                for name in ("fill", "stroke", "font-family"):
                    if not (name == "fill" and child.get("fill") == "none"):
                        child.attrib.pop(name, None)


def _without_controls(text: str) -> str:
    return re.sub(r"<!DOCTYPE.*?>", "", text, count=1, flags=re.S)
