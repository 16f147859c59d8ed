"""Pure data: what a function, a run and an artifact are, with no behaviour.

    values.py     Resources, Retry, HyperParamOptions: frozen, checked in their constructor
    model.py      the base of all documents: unknown keys refused, foreign keys kept aside
    function.py   FunctionDoc (MLRun's function.yaml layout)
    run.py        RunDoc, run states and their legal transitions
    artifact.py   ArtifactDoc
    project.py    ProjectDoc; project_rows.py: its functions by name
    pod_checks.py what Kubernetes takes in the parts of a pod that users write
    platform_key.py the key of Iguazio's platform, which no record holds
    fields.py     dictionaries whose keys are attributes too, records that are read by key
    durations.py  times such as "1h 30m", and state thresholds

`values` needs only the standard library; the others need pydantic and are imported on use.
"""
