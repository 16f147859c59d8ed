"""Versions of a deployed function: which of them answers, and how a new one takes over.

service.py     a deployed function: what the front, triggers, the control API and `ps` talk to
split.py       which version answers a request
traffic.py     who answers now; changes are on disk before they hold
lanes.py       the versions that have replicas, and what became of their requests
releases.py    new versions: start, smoke requests, steps, and the way back
rollout.py     how a new version takes over; smoke.py: what it must answer before
watchdog.py    does it pass a limit; comparing.py: or is it noise
shadow.py      copies of requests whose answers are only compared
describing.py  what `ps` shows
"""
