"""What MLRun's projects and pipelines had besides ours.

cloning.py      sources into folders
kfp.py          what workflow files get for kfp
kfp_records.py  runs of pipelines as mappings
setup.py        the hook of a project
statuses.py     states of runs of pipelines
"""
