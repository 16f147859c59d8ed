"""Where a run executes.

base            Runtime, the seam: one attempt; retries are shared
finding         what a check found before a run
explain         why a run ended, from exit codes and the end of its log
concluding      the end of a run elsewhere: as recorded there, else as explained
programs        a run as one program on this machine that executes its payload
relayed         records that come with a program's output
local           in this process
process         in a process of its own
  workplace     variables, folder and limits, taken from the function
  processes     a run's process as its parent sees it; programs, a new interpreter
  zygote        the warm server that is forked for each run
  zygote_client its owner's side
  warm_server   one of them, as its owner sees it
  preload       what a warm server imports
  child         what happens inside the process, forked or new
  limits        memory, and ending with the parent
  output        from the process to the run's log
  supervise     waits, watches the time limit, stops
container       podman or docker on this machine
kubernetes      a pod: manifests, driver, explained ends
dask            beside a Dask cluster
spark           spark-submit and SparkApplication
mpi             many ranks: mpirun, horovodrun, torchrun, MPIJob
nuclio          export to Nuclio and deploy by its dashboard
"""
