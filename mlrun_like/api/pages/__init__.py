"""The web pages of the service: HTML from the server, that works without scripts too.

frame.py             what all pages have: bar, navigation, crumbs, notices
navigation.py        the pages of a project, and of the service
answers.py           hTML answers, redirects, fragments, and their security headers
assets.py            style, scripts: addresses with a hash of the content
forms.py             forms: reading them, fields, buttons, pages that ask before something goes
words.py             states, times, links: small parts of many pages
problems.py          errors as pages
login.py             the page to log in
home.py              all projects
project_home.py      the home of a project
first_run.py         what a project without runs shows
runs.py              the list of runs; deleting and aborting several
runs_table.py        what its address asks for, its columns, its rows
runs_values.py       runs by their results and parameters: conditions, sorting
run.py               the page of a run
run_curves.py        metrics of a run over steps or time
run_parts.py         facts, results, curves, iterations, environment of a run
run_log.py           the log of a run, live
run_artifacts.py     what a run made, previewed
compare.py           several runs beside each other
lineage.py           where things come from and where they went
artifacts.py         the list of artifacts, and the page of one
previews.py          how artifacts look: tables, text, images, pages in a sandbox
functions.py         the list of functions, and the page of one
function_run.py      a form that runs a function, built from its signature
source.py            source code with line numbers, and differences
project_settings.py  settings of a project: members, secrets, deletion
search.py            search over everything
account.py           one's own tokens, sessions, password, theme
settings.py          effective settings of the service
users.py             users and the audit log, for administrators
tasks.py             background tasks with their progress
alerts.py            pages of alerts: incidents over time, one incident, definitions and silences
features.py          pages of the feature store: feature sets, vectors, values of entities now
gateway.py           pages of the gateway: deployed functions, one with its replicas, versions, traf
graphs.py            pages of serving graphs: the graph with its numbers, trying it, recorded events
hub.py               pages of the hub: what catalogues offer, one item, and its way into a project
models.py            pages of the model registry: models, versions, promotion and the way back
monitoring.py        pages of model endpoints: an overview, one endpoint with its drift
pipelines.py         pages of pipelines: runs and workflows, one run as a live graph with its steps
registry.py          the model registry as plain data, for its pages: models, one with its versions
schedules.py         pages of schedules: the list, one with its history, a form that explains cron e
parts/               what the pages of areas show, made of plain data
"""

from __future__ import annotations
