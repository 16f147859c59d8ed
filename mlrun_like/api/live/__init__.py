"""What changes, told to those who watch.

changes.py   reads what changed in the store since a moment, whoever wrote it
hub.py       one reader for all listeners of a process, each with a short queue
"""
