"""The processes of a service on one host.

    supervisor -- workers: one socket, many processes, which answer
               -- background process: schedules, monitoring, cleaning, tasks, backups; of all hosts
                  one leads and works, the others wait

places.py      files that tell who runs; one service in a home
supervisor.py  starts, watches, replaces and ends the processes
schema.py      the store is brought to the schema of this package first
child.py       one of them, as the supervisor sees it
told.py        what a process hears from the supervisor
worker.py      answers requests
protocol.py    reads requests; no head may be huge or slow
background.py  the background process; leading.py: what the leader does
starting.py    start, stop, restart and status, from the command line
"""
