"""A deployed function as plain Kubernetes objects, and applied to a cluster.

form.py       what can be chosen: scaler, routes, canary; the service that is being written
hiding.py     secret values of triggers and callers: in a Secret, never in an object
workload.py   ConfigMap, Deployment: command, probes, security, topology
network.py    Service, Ingress, HTTPRoute with weights, NetworkPolicy
scaling.py    HorizontalPodAutoscaler, KEDA's ScaledObject and HTTPScaledObject, disruption budget
scalers.py    one trigger of KEDA for each broker
crons.py      cron triggers as CronJobs that call the service
places.py     where each option of a deployed function went
service.py    all of it, in the order in which it is applied
deploying.py  fn.deploy(target="kubernetes"), fn.delete()
applying.py   server-side apply, pruning, the address
rollout.py    waiting for pods, with the reason while they are not ready
"""
