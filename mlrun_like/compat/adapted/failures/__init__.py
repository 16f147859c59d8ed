"""What `mlrun.errors` had besides the classes that are ours.

classes.py   errors that only MLRun's code raises, within our tree
statuses.py  from HTTP answers to errors, and from errors to text
"""
