"""What is known of columns of data, and how far two data sets are apart.

compare.py        two data sets: every column, correlations, verdict, attribution
verdict.py        what counts as drift: chance, corrections, limits; CompareOptions
comparing.py      one column; measures_numbers.py, measures_categories.py, missing.py: its numbers
column_drift.py   the result of a column; correlation.py: of all pairs; report.py: the page
sources.py        frames, Arrow tables, Parquet files by columns; columns.py: columns as arrays
distances.py      distances of two histograms
hypotheses.py     tests of Kolmogorov and Smirnov, chi-square; kolmogorov.py: the distribution
profile.py        statistics of a data set; column_profile.py: as plain values
sketches.py       FeatureSketches: all sketches of a table; sketch_bytes.py: as bytes
quantiles.py, distinct.py, frequent.py, histogram.py, moments.py
                  one sketch each; packing.py: their bytes
synthetic.py      pairs of data sets with a known shift
measures.py, evaluators.py
                  measures of models as sums over rows
paired.py, intervals.py, student.py, trend.py
                  two models on the same rows, confidence intervals, trends
conditions.py, slice_search.py
                  slices of rows, and the worst ones
"""

from __future__ import annotations
