"""Analysis of a model before it is released, and of how it ages afterwards.

rows.py        rows_of: a data set with truth, predictions and scores, checked once
slices.py      analyse_slices: a metric per slice, and the worst slices found automatically
fairness.py    analyse_fairness: differences between groups of people
comparison.py  compare_models: two models on the same rows, with confidence intervals
decay.py       analyse_decay, decay_of_results: how fast a model loses its quality
report.py      what all reports share: problems, check(), JSON, HTML
pages.py       the reports as HTML pages
steps.py       the same as functions and steps of pipelines, which fail on limits

The numbers are those of the gates in `promotion`: both use the same functions.
"""

from __future__ import annotations
