"""Functions on a Dask cluster: the handler gets a client, trials of a sweep spread over workers.

runtime      DaskRuntime, the kind `dask`: the handler here or on a worker
  link       a cluster and the connection to it    links  kept warm between runs
  session    one run on a cluster: its client, its log, its watch
  watching   workers that are lost, a scheduler that does not answer
  explain    Dask's errors in words
  attempt    one attempt on a worker, as the submitting side sees it    pickled  live handlers
trials       the trials of a sweep as tasks, recorded by the parent
clusters     which cluster a function has: Cluster, and one at an address
  local      processes of this machine    local_main  the program that owns them
  gateway    Dask Gateway
  operator   the Kubernetes operator's DaskCluster    manifest  its documents
probing      whether anybody listens at an address, before a run starts
versions     Python and packages are the same everywhere, or nothing is sent
code         a function's modules on workers
printing     what tasks print reaches the run's log
calls        what the scheduler has to import: one small function
remote       what a worker does: a whole run, or a trial
gathering    a store whose records travel back with a trial's result
sharing      whether a worker sees the files of this machine    outbox  its files, if it does not
"""
