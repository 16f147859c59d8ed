"""Copies of the whole store, and the way back; made while the service runs.

A copy is a folder: `manifest.json` (written last: without it a copy is not whole), a Parquet file
for each table, and `files/` if artifacts were wanted. It is the same for SQLite and PostgreSQL, so
a store can also move from one to the other.

targets.py    folders and URLs where copies are
tables.py     rows of one table to a file, and back
making.py     makes a copy from one snapshot
checking.py   compares a copy with its manifest
restoring.py  a copy becomes the store: all of it or nothing
"""
