"""Deployed functions on one machine: workers that start in milliseconds and end when idle.

deployment.py   what is deployed: versions, options, shares of the traffic
call.py         one request on its way
wire.py         what gateway and workers say to each other
places.py       where the gateway keeps its files; states.py: what is deployed, in files
process.py      the gateway process; doors.py: where requests come in
assembly.py     deployed functions and all that works for them; fitting.py: as others need them
standalone.py   one function in a container

reading/        from a function's document to the options that it runs with
holding/        the process that keeps the sockets while gateways come and go
http/           the front: requests from clients to functions
entrances/      API gateways: an address in front of one function or two
releases/       versions of a function: who answers, rollouts, rollback, shadows
replicas/       processes of a version: pool and queue, scaling, limits, environments
worker/         inside a process: the zygote that forks, the function that answers
applications/   commands that listen on a port
triggers/       cron, streams, queues, files and events
control/        deploying, looking and changing, from functions and the command line
manifests/      the same function as Kubernetes objects
"""
