"""From a definition to callables: checked as a whole, then straight-line Python.

check.py       every mistake of a graph at once, before anything is created
blocking.py    which functions hold up their thread
binding.py     a step definition as callables; guards.py and gate.py are its options
route.py       a route of a router
compile.py     check, create, order: a Plan
sharing.py     the shared models of a graph
codegen.py     the program of a plan; block.py (block_streams.py) writes the lines of one block
passing.py     branches and streams: what generated code calls; choosing.py, loops.py: ways back
plan.py        Plan: a graph ready for events
failures.py    what a step's exception becomes
recursion.py   room on the stack; deadline.py is when a caller stops waiting
background.py  the threads, loops and timers of a server; workers.py, own_loop.py, clock.py
"""
