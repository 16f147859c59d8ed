"""Graphs as Nuclio functions.

spec.py       what travels in SERVING_SPEC_ENV
parts.py      the functions of a graph, with the streams between them as triggers
code.py       the code of steps that were given as live objects
worker.py     a graph inside Nuclio's wrapper
answers.py    between Nuclio's events and answers and a graph's
"""
