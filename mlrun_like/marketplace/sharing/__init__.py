"""Giving to a catalogue: an item is started, checked, tested and published.

scaffold.py      a new item that passes its check
report.py        what is wrong with an item, all of it at once
checking.py      the check of an item's folder: metadata and files
code_checks.py   the check of its code, example and test, none of which is run
requirements.py  whether its packages can be found together with this product's own
testing.py       its test in an environment made for it
publishing.py    a version and the index, written so that readers see all or nothing of it
withdrawing.py   a version is taken back
index_file.py    the index as a file: one writer at a time
signing.py       the signature of an index
"""
