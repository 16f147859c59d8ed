"""What the operator of MPIJobs puts into the launcher's pod: the workers and the way to them."""

from __future__ import annotations

from mlrun_like.configuration import environment
from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.runtimes.mpi.hosts import Host, read_hostfile

__all__ = ["operator_agent", "operator_hosts"]

_HOST_FILES = (
    "OMPI_MCA_orte_default_hostfile",
    "PRTE_MCA_prte_default_hostfile",
    "HYDRA_HOST_FILE",
)
_AGENTS = ("OMPI_MCA_plm_rsh_agent", "PRTE_MCA_plm_ssh_agent", "HYDRA_LAUNCHER_EXEC")
_HOST_FILE = "/etc/mpi/hostfile"


def operator_hosts() -> list[Host]:
    """The workers, from the file that the operator mounts into the launcher's pod.

    Raises:
        EngineError: if it is not there: this is no launcher of an MPIJob.
    """
    named = (environment(name) for name in _HOST_FILES)
    file = next((name for name in named if name), _HOST_FILE)
    try:
        return read_hostfile(file)
    except MLRunLikeError as exc:
        raise EngineError(
            f"the operator's host file cannot be used: {exc.what}",
            fix="this command is for the launcher's pod of an MPIJob",
        ) from exc


def operator_agent() -> str:
    """How the launcher's pod reaches the workers."""
    named = (environment(name) for name in _AGENTS)
    return next((name for name in named if name), "ssh -o StrictHostKeyChecking=no")
