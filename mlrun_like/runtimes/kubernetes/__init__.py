"""Runs as jobs of a Kubernetes cluster.

runtime       KubernetesRuntime
attempt       one attempt of a run, also of other engines: create, follow, conclude
manifest      the objects of a run, and of a function to read or commit
  rendering   as YAML; the command line in them
  pod         the pod of a function, shared with other engines
  mounts      volumes and variables put into it, by modifiers or by the settings
  placing     nodes: selector, affinity, tolerations, preemption
  variables   environment variables, secret ones apart
  names       names and labels
  code        documents in ConfigMaps and Secrets, in parts if they are large
  inside      what the pod executes
client        requests to the API server, repeated while it cannot answer
  access      kubeconfig, or the pod's own account
  refusals    what its refusals mean
follower      its object, from creation to end: what is the same for every engine
  following   the pod of a job
  watch       pods as they change
  logs        a pod's output without loss or repetition
  output      into the run's log
  waiting     why it does not start, told while it waits
  thresholds  how long a pod may be in a state
explain       why a pod waits or failed, with a fix
  causes      images, containers, nodes, exit codes
  quotas      pods that may not be created
preflight     values that no cluster takes, paths that no pod reaches
asking        what the cluster says before anything is created
  references  secrets, claims, accounts that a function names
cleanup       deleting, and what was left behind
"""
