"""What `mlrun.utils` had.

values.py    nested values: reading, changing, checking
encoding.py  plain data as JSON and YAML
matching.py  labels, times and values that fit
names.py     names, URIs and paths
checking.py  names that must match patterns
patterns.py  those patterns
times.py     times and their texts
finding.py   classes and functions by their names
trying.py    calls that are tried again
files.py     digests, tables of text, and what is around a process
logs.py      Logger and its formats
"""
