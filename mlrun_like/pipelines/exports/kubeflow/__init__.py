"""A plan as a package of Kubeflow Pipelines v2: a YAML file with its intermediate representation.

The file is written without the `kfp` package; `client` needs it (extra `kfp`).

layout     which DAG each step is in: loops, exit handlers and gated groups are DAGs of their own
channels   names and types of values that go from one task to another
wiring     sources of these values, through the DAGs between producer and user
gates      conditions as CEL expressions
items      types of the items of loops
tasks      steps as tasks: inputs, order, retries, caching
executors  steps as containers: image, command, resources, variables, secrets, nodes
package    the whole file: `export_kubeflow`
step       what runs in a step's container
record     the pipeline's run in our tracking
client     submit a file and watch the run, through `kfp.Client`
"""
