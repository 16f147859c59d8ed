"""What storey has beyond the steps, sources and tables of our graphs.

flow.py      Flow: own steps that define `_do`; jobs and batches with storey's hooks
steps.py     steps and targets; targets.py the targets that are made otherwise; sources.py sources
http.py      SendToHttp
event.py     Event, with storey's arguments
queues.py    AsyncQueue, SimpleAsyncQueue
helpers.py   what `storey.utils` had
buckets.py   stored windows of aggregates
tables.py    Table; V3ioDriver: tables in the folder that stands for v3io://
drivers.py   Driver: tables kept by coroutines
"""
