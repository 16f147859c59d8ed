"""`nuclio` and `nuclio_sdk` where they are not installed.

sdk.py         events, answers, contexts and platforms, as handlers and their tests see them
logs.py        loggers
config.py      ConfigSpec, Volume: what a function is deployed with
documents.py   the configuration of a function, as a mapping
lines.py       lines of settings, names, and the variables that steer an export
exporting.py   NuclioExporter: a notebook as a configuration
archives.py    where code is stored, archives
building.py    build_file: a notebook or file as a configuration
deploying.py   deploy_file, deploy_code, delete_func
dashboards.py  deploy_config, and what a dashboard says
magics.py      the %nuclio commands of a running notebook
arguments.py   what its deploy and build are told
"""
