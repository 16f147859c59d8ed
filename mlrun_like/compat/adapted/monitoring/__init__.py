"""What MLRun's model monitoring had beside applications.

drift.py       statistics of rows over a reference's bins, and the table of features that drifted
evidently.py   whether Evidently is installed, and which version is wanted
histograms.py  names of statistics and histograms
"""
