"""What MLRun's client had: config, stores, secrets, the hub.

config.py              mlconf: our settings under MLRun's dotted names
config_names.py        which names there are
config_reading.py      the file and variables they are read from
run_db.py              get_run_db: its store, and what it has not
run_db_absent.py       calls that need a service or a cluster, and the nearest to each
run_db_alerts.py       its alerts, activations and events
run_db_artifacts.py    its artifacts; run_db_tags.py: their tags
run_db_definitions.py  its feature sets and feature vectors
run_db_functions.py    its functions
run_db_hub.py          its sources and items of the hub
run_db_lists.py        partitions and pages of its lists
run_db_logs.py         its logs
run_db_monitoring.py   its model endpoints; run_db_watching.py: what watches them
run_db_notifications.py  who is told about runs
run_db_projects.py     its projects, secrets, profiles, gateways; run_db_summary.py: their numbers
run_db_runs.py         its runs
run_db_schedules.py    its schedules, pipelines and background tasks
run_db_rescheduling.py  changes of its schedules
run_db_values.py       values of its filters
secrets.py             SecretsStore and get_secret_or_env
sessions.py            Client: several users in one process
root.py                what `mlrun` itself had and nothing here is called
"""
