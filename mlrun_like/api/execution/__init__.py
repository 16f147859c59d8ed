"""Runs that callers start through the service.

request.py   what is asked for, checked
starting.py  may it run here; the record, and a process of its own that sees to it
identity.py  in whose name schedules run
child.py     that process: it outlives the service, and runs the function on its engine
"""
