"""What a graph is, before anything of it exists.

graph.py       Graph and flow(); building.py adds steps to it
step.py        GraphStep, RouterStep, QueueStep; options.py says how a step is called
back.py        ways back to earlier steps
handlers.py    steps that receive events which failed
named.py       the steps of a graph, also by their names
nesting.py     a graph inside a graph
document.py    the form of a graph as plain data; reading.py reads it
lookup.py      what a class or function name means; registered.py has the ready-made ones
structure.py   mistakes in the order of the steps
sharing.py     models that several steps share
arguments.py   mistakes of form in what definitions are given
parts.py       the part of a graph that one of its functions runs
spec.py        the spec of a serving function; defining.py fills it
"""
