"""Runs as jobs of a Kubernetes cluster.

runtime       KubernetesRuntime: submit, follow, conclude
manifest      the objects of a run, and of a function to read or commit
  pod         the pod of a function, shared with other engines
  placing     nodes: selector, affinity, tolerations, preemption
  variables   environment variables, secret ones apart
  names       names and labels
  code        documents in ConfigMaps and Secrets, in parts if they are large
  inside      what the pod executes
client        requests to the API server: access, retries
watch         pods as they change
logs          a pod's output without loss or repetition
explain       why a pod waits or failed, with a fix
thresholds    how long a pod may be in a state
preflight     what would fail, found before anything is submitted
cleanup       deleting, and what was left behind
"""
