"""Parity: whether served vectors are what the offline join gives for the same moments.

checking.py   check(vector, log): logged vectors against the point-in-time join
comparing.py  when two values are the same
computed.py   features that were computed on demand, once more
reasons.py    why the first values of a feature differ
result.py     ParityResult, Difference
skew.py       served values against the statistics of the training data
tables.py     tables as text and HTML
"""

from __future__ import annotations
