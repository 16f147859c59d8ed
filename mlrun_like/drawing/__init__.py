"""What pictures and pages have in common: graphs, charts, tables, one style.

page.py     whole offline pages and their parts: sections, tables, badges, tiles
markup.py   HTML that is safe by default; numbers for people
looks.py    the style sheet: colours for light and dark, one scale of type
charts.py   histograms, bars, sparklines
lines.py    lines over time, with thresholds and a legend
parallel.py parallel coordinates: a line for each run
linked.py   boxes and arrows that lead somewhere: lineage
scales.py   round numbers and moments along an axis
svg.py      the frame of a chart, and its texts
layers.py   columns and the order in them: few crossings, groups kept together
layout.py   positions: straight chains, no overlaps, room for groups
arrows.py   curves between boxes, and their heads
text.py     how wide a text is, and how it is written in XML
shapes.py   outlines of boxes
"""

from __future__ import annotations
