"""What pictures of graphs have in common: places of boxes, outlines, arrows, texts.

layers.py   columns and the order in them: few crossings, groups kept together
layout.py   positions: straight chains, no overlaps, room for groups
arrows.py   curves between boxes, and their heads
text.py     how wide a text is, and how it is written in XML
shapes.py   outlines of boxes
"""

from __future__ import annotations
