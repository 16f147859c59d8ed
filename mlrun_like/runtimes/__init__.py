"""Where a run executes.

base            Runtime, the seam: one attempt; retries are shared
local           in this process
process         in a process of its own
  workplace     variables, folder and limits, taken from the function
  processes     a run's process as its parent sees it; a new interpreter
  zygote        the warm server that is forked for each run
  zygote_client its owner's side
  preload       what a warm server imports
  child         what happens inside the process, forked or new
  limits        memory, and ending with the parent
  output        from the process to the run's log
  supervise     waits, watches the time limit, stops
"""
