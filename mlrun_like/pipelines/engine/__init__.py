"""The engine that runs plans here.

`local` is the door: `LocalEngine`. `execution` decides what runs next, `instances` knows what waits
for what, `values` finds what references stand for, `calls` makes one step's run.
"""
