"""What an alert does besides telling somebody: retrain, roll back, call.

execute.py     execute(action, activation): the one way in; decides, claims, starts, reports
action.py      what an action is, checked when it is written
incident.py    what an action needs to know of an activation
claims.py      who may start what: claims in the store, one at a time, for ever
guards.py      why an action must not start now: cool-down, limit, still running, its own echo
pipelines.py   kind `pipeline`: a workflow or pipeline with the newest window as data
window.py      the newest window of events joined with ground truth, as a data set artifact
rollback.py    kind `rollback`: the model's alias, and the traffic, back to what was before
call.py        kind `call`: a function, a handler or an address, with the incident as JSON
worker.py      a process of its own for a pipeline
lineage.py     from an incident to runs and model versions, and back
"""
