"""Pictures of graphs, without any other program.

node.py      Node: what a picture needs to know of a step
svg.py       the SVG document
mermaid.py   the Mermaid text
"""

from __future__ import annotations
