"""Runs of several ranks: MPI, Horovod, torch DDP.

runtime    MpiRuntime: one attempt under a launcher
launch     command lines: Open MPI, MPICH, horovodrun, our own spawn
hosts      which machines, how many ranks on each
spawn      starts ranks without MPI, here and through a launch agent
control    the submitter's end of the ranks' channels: payload, signs of life, first failure
channel    messages on one connection, with a shared secret
ranks      the rank's side: from the launcher's variables to the handler
quiet      stores of ranks: one writes, the others do not
outputs    the launcher's output, taken apart by rank
elastic    checkpoints that survive an attempt
explain    why a launch ended, from what the launcher printed
findings   what is wrong before anything is started
needs      whether a run needs mpi4py
manifest   the MPIJob resource (kubeflow.org v1 and v2beta1)
  inside   what its launcher executes
warm       ranks as forks of the warm server
  stand_in what the launcher starts in their place
who        who a rank is, and where its submitter
"""
