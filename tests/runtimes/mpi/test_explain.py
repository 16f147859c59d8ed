"""Why ranks and launchers ended, from what launchers really print."""

from __future__ import annotations

import pytest

from mlrun_like.runtimes.mpi.control import Failure
from mlrun_like.runtimes.mpi.explain import describe, explain_launcher
from mlrun_like.runtimes.processes import Ending

OPEN_MPI_SIGNAL = """
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
mpirun noticed that process rank 1 with PID 4711 on node b exited on signal 11 (Segmentation fault).
"""
OPEN_MPI_CODE = """
mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[36529,1],1]
  Exit code:    7
"""
MPICH = """
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 4711 RUNNING AT b
=   EXIT CODE: 9
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OPEN_MPI_SIGNAL, "was ended by signal 11 (SIGSEGV): native code crashed"),
        (OPEN_MPI_CODE, "ended with exit code 7"),
        (MPICH, "was ended by signal 9 (SIGKILL)"),
        ("spawn: rank 1 ended with signal 9\n", "signal 9 (SIGKILL)"),
        ("spawn: rank 0 ended with signal 9\n", "without a word"),
        ("", "without a word"),
    ],
)
def test_a_killed_rank(text: str, told: str) -> None:
    said = describe(Failure("killed", (1,), "b"), 2, 6, text)
    assert said.startswith("rank 1 on host b ")
    assert told in said


def test_the_other_kinds() -> None:
    def say(kind: str, *ranks: int, error: str = "", text: str = "") -> str:
        return describe(Failure(kind, ranks, "b", error), 4, 6, text)

    assert say("error", 2, error="KeyError: 1") == "rank 2 on host b failed: KeyError: 1"
    assert say("error", 0, 1, 2, 3, error="KeyError: 1") == "KeyError: 1"
    assert say("timeout", 1, 2, error="the run exceeded its timeout of 5 s") == (
        "the run exceeded its timeout of 5 s; still at work: ranks 1, 2 on host b"
    )
    assert say("silent", 2, 3).startswith("host b does not answer any more: ranks 2, 3 there")
    assert "6 s" in say("silent", 2)
    absent = say("absent", 2, 3, text="ssh: Could not resolve hostname b: Name or service")
    assert absent.startswith("ranks 2, 3 of 4 did not start in time (planned on: b): host b has no")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("There are not enough slots available in the system", "fewer slots than ranks"),
        ("ssh: connect to host b port 22: Connection refused", "host b cannot be reached"),
        ("root@b: Permission denied (publickey,password).", "ssh was refused by root@b"),
        ("bash: orted: command not found", "a host has no MPI"),
        ("python: No module named 'mlrun_like' \n", "has no mlrun_like"),
        (
            "ORTE has lost communication with a remote daemon.\n  HNP daemon : [[1,0],0] on node a"
            "\n  Remote daemon: [[1,0],2] on node b",
            "host",
        ),
        ("strange words\n----\nmore", "strange words / more"),
    ],
)
def test_a_launcher(text: str, told: str) -> None:
    said = explain_launcher(Ending(1), text, [0, 1])
    assert said.startswith("the launcher ended with exit code 1; ranks 0, 1 had not ended")
    assert told in said


def test_a_launcher_that_is_killed_or_lost() -> None:
    assert explain_launcher(Ending(-9), "", [1]) == (
        "the launcher was ended by signal 9 (SIGKILL); rank 1 had not ended"
    )
    assert "unknown fate" in explain_launcher(Ending(None, True, "unknown fate"), "", [])
    assert "(unknown)" in explain_launcher(Ending(-99), "", [])
