"""The rows, a file for each area; see `mlrun_like.compat.table`.

root.py           mlrun
client.py         mlrun.config, mlrun.db, mlrun.secrets, mlrun.hub, mlrun.auth, mlrun.client
failures.py       mlrun.errors
helpers.py        mlrun.utils
common.py         mlrun.common: constants and schemas
runs.py           mlrun.run, mlrun.execution, mlrun.model, mlrun.lists, mlrun.render, mlrun.launcher
runtimes.py       mlrun.runtimes
deployed.py       mlrun.runtimes.nuclio, mlrun.platforms
packagers.py      mlrun.package
artifacts.py      mlrun.artifacts
datastore.py      mlrun.datastore
projects.py       mlrun.projects, mlrun_pipelines
serving.py        mlrun.serving
storey.py         storey
nuclio.py         nuclio, nuclio_sdk
feature_store.py  mlrun.feature_store, mlrun.data_types, mlrun.features
monitoring.py     mlrun.model_monitoring, mlrun.alerts
frameworks.py     mlrun.frameworks, mlrun.mlutils, mlrun.track
"""
