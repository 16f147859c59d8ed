"""What the pages of areas show: parts of `Html` made of plain data.

look.py         who looks at a page; addresses, forms, facts, what stands where nothing is yet
pipelines.py    a pipeline's run as a live graph; steps.py: one step of it
workflows.py    runs of pipelines, workflows that can be started, a start that is not yet a run
schedules.py    what runs by itself, its history, a form that explains cron expressions
endpoints.py    an endpoint: drift by feature and window, quality, traffic; watched.py: the list
alerts.py       incidents over time, and one; definitions.py: what is watched, what is silent
features.py     feature sets and vectors; values.py: statistics, rows, values of an entity now
lineage.py      where something comes from and who uses it
models.py       the registry: versions, gates, promotion; trail.py: comparison, audit trail
gateway.py      deployed functions; deployed.py: one with replicas, versions, traffic, log
graphs.py       serving graphs with their numbers, recorded events; trying.py: a form to try one
hub.py          what catalogues offer, and one item
"""

from __future__ import annotations
