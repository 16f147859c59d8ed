"""Applications: commands that listen on a port, kept running and stood before.

application.py  one version at work: its requests and its queue; the same face as a pool of workers
copies.py       its replicas: starts, crashes, rests, ends
replica.py      one replica: its process, its port, its connections
keeper.py       the process between the gateway and a replica: limits, and nothing left behind
launch.py       command, environment, port; containers.py: the same of an image
sources.py      its code at deployment
folders.py      the folder that it runs in; users.py: who it runs as
listening.py    which ports a process listens on; probing.py: whether it answers
watching.py     its memory, processes and CPU
exchange.py     one request and its answer; upstream.py: one connection to the application
calls.py        requests that are there as a whole; tunnels.py: websockets and other upgrades
rewriting.py    headers between clients and an application under a path
"""
