"""Work that takes longer than a request: told with its progress, cancelled, never forgotten.

kinds.py      what any process can do from a task's arguments alone, also after a crash
progress.py   what work tells while it goes on
runner.py     does tasks in threads, and prolongs their leases
starting.py   begins a task for a request
"""
