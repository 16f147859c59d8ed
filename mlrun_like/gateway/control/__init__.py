"""Deploying, looking at and changing what runs in the gateway.

api.py         the requests that the gateway answers, JSON over its private socket
following.py   a log file as it grows
client.py      the same from another process: functions and the command line
answers.py     its connection, and errors as they came
starting.py    is a gateway there; start one, swap it, end it
documents.py   a function, and the functions of its graph, as documents that can run alone
deploying.py   what `fn.deploy()` does on this machine
wanted.py      what somebody wants deployed, and what may be shown of it
telling.py     what is told of a deployment: its output as it starts, its error, who did it
boot.py        starting with the machine
"""
