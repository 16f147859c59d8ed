"""What MLRun does in a way that is decided otherwise here, or has removed since.

artifacts      artifacts and their manager
client         config, stores, secrets, the hub
common         constants and schemas
datastore      stores, profiles, sources and targets
failures       errors
feature_store  feature sets, vectors and their parts
frameworks     helpers of frameworks
helpers        what `mlrun.utils` had
monitoring     applications, endpoints and alerts
nuclio         nuclio and nuclio_sdk
packagers      packagers and their types
projects       projects and pipelines
runs           runs, tasks, lists and models
runtimes       kinds of functions, mounts and triggers
serving        servers, routers and their parts
storey         flows, events and tables
"""
