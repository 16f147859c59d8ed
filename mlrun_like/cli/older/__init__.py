"""`python -m mlrun`, where the switch is on: the command line that MLRun's users and images call.

A command of MLRun's takes its words here, and does its work with our own; every other is our own.

main.py        the table of commands
values.py      words as MLRun's command line reads them
running.py     run
chosen.py      the function that `run` and `deploy` name
carried.py     code and task in the environment, which MLRun's images are started with
records.py     get, logs, version, clean
building.py    build, deploy
projects.py    project
environment.py config
sources.py     load-source, watch-stream
"""
