"""The processes of one version: how many, where they come from, what they may use.

pool.py          replicas and queue: each request goes to the replica that has least
dispatching.py   what a refusal says, what may be tried again, how long a crash rests
lateness.py      requests past their time
replicas.py      starts, crashes and ends
autoscale.py     how many there shall be, and why; numbering.py: the numbers that say so
workers.py       one worker as the gateway sees it; channel.py: the gateway's end of its socket
nursery.py       where workers come from; orders.py: what it is asked for
lineage.py       the zygotes of one environment, one after the other; zygotes.py: one of them
environments.py  a virtual environment for each set of exact versions
watching.py      memory, number and CPU of processes; trees.py: all that a worker started
cgroups.py       what the kernel itself enforces
users.py         users without rights, one for each worker
"""
