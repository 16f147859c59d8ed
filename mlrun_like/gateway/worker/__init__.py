"""Inside a worker: one process that answers the requests of one function.

zygote.py       one idle process with an environment's packages imported, forked for each worker
children.py     the processes that it forked
preloading.py   what it imports
order.py        what the gateway wants of it
main.py         from an order to a process that answers
loading.py      a function's document to something that answers
blocking.py     requests one after the other, in the main thread
concurrent.py   many requests on one event loop
streaming.py    answers as frames, and bodies that come in parts
events.py       requests as Nuclio's events
answers.py      what handlers return, as frames
generators.py   bodies that come in parts
nuclio.py       handlers as Nuclio's own wrapper calls them
logger.py       `context.logger`: a line of JSON for each message
platform.py     `context.platform`: explicit acknowledgement, callbacks
graphs.py       functions of kind `serving`
plain.py        functions of other kinds: parameters in, a return value out
waiting.py      the child that waits for an order
rehearsal.py    first uses of libraries, done before the fork
privileges.py   a user of its own and a view of the file system without root's folders
confine.py      limits that the kernel keeps, and the name in the process list
"""
