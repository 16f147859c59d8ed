"""Flowcharts of the pages become pictures of our own; a browser fetches nothing to draw them."""

from __future__ import annotations

import re

from mlrun_like.serving.drawing.node import Network, Node
from mlrun_like.serving.drawing.svg import draw

__all__ = ["with_pictures"]

_BLOCK = re.compile(r"^```mermaid\nflowchart LR\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FRAME = re.compile(r'subgraph \w+\["(.*)"\]')
_ARROW = re.compile(r"\s*-\.?->\s*")
_BOX = re.compile(r"(?P<id>\w+)(?P<open>[\[(]*)(?P<text>[^\])]*)[\])]*")
_SHAPES = {"[(": "cylinder", "((": "ellipse"}


def with_pictures(markdown: str) -> str:
    """The page with an SVG in the place of each flowchart."""
    return _BLOCK.sub(lambda found: f"\n<div>{_picture(found[1])}</div>\n", markdown)


def _picture(text: str) -> str:
    shown: dict[str, tuple[str, str, str]] = {}
    after: dict[str, list[str]] = {}
    frame = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("subgraph"):
            found = _FRAME.match(line)
            frame = found[1] if found else ""
        elif line == "end":
            frame = ""
        else:
            last = ""
            for part in _ARROW.split(line):
                box = _BOX.match(part.strip())
                assert box is not None, line
                name = box["id"]
                if name not in shown or box["text"]:
                    inside = frame or shown.get(name, ("", "", ""))[2]
                    shape = _SHAPES.get(box["open"], "")
                    shown[name] = (box["text"] or name, shape, inside)
                after.setdefault(name, [])
                if last:
                    after[name].append(last)
                last = name
    nodes = [
        Node(label, after=[shown[name][0] for name in after[key]], shape=shape, function=inside)
        for key, (label, shape, inside) in shown.items()
    ]
    return draw(Network.of(nodes, source=""))
