"""What MLRun's model monitoring had beside applications.

drift.py       statistics of rows over a reference's bins, and the table of features that drifted
histograms.py  names of statistics and histograms
"""
