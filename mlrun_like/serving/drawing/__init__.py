"""Pictures of graphs, without any other program.

node.py      Node: what a picture needs to know of a step
layers.py    columns and the order in them: few crossings, groups kept together
layout.py    positions: straight chains, no overlaps, room for groups
text.py      how wide a text is, and how it is written in XML
shapes.py    outlines of boxes
svg.py       the SVG document
mermaid.py   the Mermaid text
"""

from __future__ import annotations
