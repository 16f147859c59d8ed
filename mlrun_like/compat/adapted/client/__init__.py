"""What MLRun's client had: config, stores, secrets, the hub.

config.py              mlconf: our settings under MLRun's dotted names
config_names.py        which names there are
config_reading.py      the file and variables they are read from
run_db.py              get_run_db: runs
run_db_artifacts.py    its artifacts and tags
run_db_definitions.py  its functions, feature sets and feature vectors
run_db_logs.py         its logs
run_db_projects.py     its projects, secrets, pipelines, schedules, alerts, endpoints
run_db_values.py       values of its filters
secrets.py             SecretsStore and get_secret_or_env
root.py                what `mlrun` itself had and nothing here is called
"""
