"""What a table holds, for people: numbers of its columns, what is odd about them, charts.

table.py        Table and Column: plain values, whatever they were computed with
reading.py      a pandas frame as a Table
oddities.py     what a person should look at: constant, missing, alike, rare
correlation.py  of all pairs of numeric columns, in bounded time
charts.py       all charts of a table by their keys: plotly's if it is there, else SVG
interactive.py  charts made with plotly
still.py        the same charts as SVG in pages that need nothing
overview.py     the page that says it all
"""

from __future__ import annotations
