"""What notebooks show of feature sets and vectors. All that comes from data is escaped.

page.py         a set or vector: schema, statistics, targets, lineage
columns.py      the tables of columns and of statistics
histogram.py    a histogram of MLRun's form as a small picture
lineage.py      who wrote and read a set, which vectors and models use it
"""
