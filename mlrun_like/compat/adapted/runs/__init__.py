"""Runs, tasks and lists of them: what MLRun has besides what is here under other names.

lists.py        RunList, ArtifactList, FunctionList: records as rows and frames
tables.py       the tables of `mlrun.render`
models.py       ModelObj and its kin: plain objects with fields, for code that subclasses them
children.py     ObjectDict and ObjectList
tasks.py        run_local and the other functions of `mlrun.run`
waiting.py      wait_for_runs_completion
"""
