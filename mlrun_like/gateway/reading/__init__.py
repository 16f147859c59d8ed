"""From a function's document to the options that it runs with; all mistakes at once.

options.py        the whole: settings, Nuclio's keys, annotations
option_parts.py   HTTP triggers, variables and packages, applications
option_values.py  numbers, times and words, each checked where it stands
"""
