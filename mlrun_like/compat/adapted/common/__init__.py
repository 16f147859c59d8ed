"""Constants and schemas that MLRun's client and service shared.

schemas.py      enumerations and records, made when they are used
schemas.txt     what is in them: one a line
record.py       the base of the records
states.py       states of runs, and what follows from them
constants.py    names of labels, files and folders
helpers.py      small functions
"""
