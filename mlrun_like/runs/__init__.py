"""One execution of a function: what it reads, does and records.

job.py          what a runtime is given
context.py      MLClientCtx, what a handler sees of its run
execute.py      the only caller of handlers
entry.py        the remote side: a run that arrives as plain data
binding.py      parameters and inputs to arguments
coroutines.py   handlers that are coroutines or generators
sweep.py        hyper-parameters: generators.py, expression.py, parallel.py, parallel_coordinates.py
object.py       RunObject, a run seen from outside
session.py      get_or_create_ctx, a run that a program is
exits.py        by which exit code this process ends
source.py       code that is brought when a run starts; folder.py: the working folder
watch.py        heartbeats, timeouts and aborts
output.py       what a run prints; logger.py, tracebacks.py, secrets.py
"""
