"""Plans for other engines. An exporter is a function `export(plan, target="", **options) -> str`.

They are rows of the registry's group `exporters`; further packages add more by entry points.

kubeflow/      the package of Kubeflow Pipelines v2
airflow.py, github.py, gitlab.py, argo.py   files whose jobs call `mlrun-like run PACKAGE --step`
jobs.py        a plan as a flat list of jobs
package.py     a plan with the code of its functions as one text
stepwise.py    what such a job does; state.py: what it leaves for the others
joint.py       the pipeline's run that such jobs make together
arguments.py   values of parameters as other engines hand them over
writing.py     options, YAML, files
problems.py    what a target cannot express, told at once
"""
