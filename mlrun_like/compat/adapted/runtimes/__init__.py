"""Functions of all kinds: the constants, helpers and modifiers of `mlrun.runtimes`.

kinds.py       RuntimeKinds and other constants
funcdoc.py     entry points of code as plain data
mounts.py      modifiers that MLRun has and a cluster here has not: v3io and its like
platforms.py   the paths, volumes and names of Iguazio's platform
streams.py     streams that events are pushed to
trials.py      what chooses the trials of a sweep
servers.py     new_model_server
values.py      small helpers: resources, named items, images
"""
