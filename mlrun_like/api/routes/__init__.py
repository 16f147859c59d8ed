"""The JSON API: a module per noun, each with `ROUTES`; `table.py` lists them.

health.py         alive, ready, numbers
documentation.py  all routes on a page
tasks.py          background tasks
session.py        login, logout, who am I; login_forms.py: the same for browsers
users.py          users; tokens.py: their tokens; members.py: their roles in a project
secrets.py        secrets of projects: names, never values
audit.py          who did what; settings.py: effective settings
files.py          a project's own files: down, up, in parts, listed
artifacts.py      records, previews, downloads; artifacts_data.py, artifacts_deleting.py
functions.py      versions, source, differences; functions_data.py
lineage.py        what was made from what; lineage_data.py
models.py         the registry; models_data.py
search.py         one search over all; search_data.py, search_older.py
projects.py       projects, summaries; projects_data.py: as plain data, for pages too
bundles.py        a project as one file: export and import as tasks; bundles_files.py
pipelines.py      runs of pipelines, workflows; pipelines_data.py, steps_data.py, workflows_data.py
schedules.py      schedules, their history; schedules_data.py
feature_sets.py, feature_vectors.py   definitions, features; definitions_shared.py, features_data.py
endpoints.py      model endpoints; endpoints_data.py; grafana.py: MLRun's data source
monitoring.py     whether models are watched, applications, windows
alerts.py, incidents.py   definitions, events; incidents, silences; alerts_data.py
gateway.py        deployed functions; gateway_trying.py: try-it, recorded events; gateway_data.py
hub.py            sources, catalogue, items
bodies.py         checks of what callers send; background.py: long work
runs.py           runs; asking.py: their filters; runs_data.py: for pages too
metrics.py, logs.py, comparison.py   what runs measured and wrote, several side by side
submit.py         starts runs; live.py: live updates
"""

from __future__ import annotations

from mlrun_like.api.routes.table import MODULES

__all__ = ["MODULES"]
