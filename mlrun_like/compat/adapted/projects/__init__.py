"""What MLRun's projects and pipelines had besides ours.

kfp.py       what workflow files get for kfp
workflow_spec.py  a workflow, and the hook of a project
statuses.py  states of runs of pipelines
"""
