"""Functions of several ranks: what they have besides other functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, ParamSpec, TypeVar

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.functions.options import check_texts
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MpiFunction"]

P = ParamSpec("P")
R = TypeVar("R")


class MpiFunction(Function[P, R]):
    """A function of kind `mpijob` (also `mpi`, `horovod`).

    A run starts `spec.replicas` ranks of the handler: on this machine, or on `spec.hosts`
    (`["node1:2", "node2:2"]`). `spec.launcher` is `auto` (mpirun where it is installed), `mpirun`,
    `horovodrun`, `torchrun` or `spawn` (no MPI is needed), or the path of an mpirun;
    `spec.min_replicas` is the least number of ranks a retry goes on with when hosts were lost. On
    Kubernetes a run is an MPIJob; `spec.clean_pod_policy` (`All`, `Running`, `None`) says which of
    its pods are deleted at its end.

    Handlers may have arguments `rank`, `world_size`, `comm` (mpi4py's COMM_WORLD) and `checkpoint`,
    also found as attributes of the context.
    """

    objects_by: ClassVar[str] = "mlrun_like.runtimes.mpi.manifest:function_objects"

    def set_mpi_args(self, args: Sequence[str]) -> Self:
        """Set further arguments of the launcher; those of before are replaced.

        Args:
            args: One text for each, such as `["-x", "NCCL_DEBUG=INFO"]`.

        Raises:
            InvalidArgumentError: if one is no text.
        """
        texts = check_texts("args", args, '["-x", "NCCL_DEBUG=INFO"]')
        self._doc().spec.mpi_args = list(texts)
        return self

    def with_hosts(self, *hosts: str) -> Self:
        """Set the machines that ranks run on.

        Args:
            hosts: `name` or `name:slots` each, or nothing for this machine alone.

        Raises:
            InvalidArgumentError: if one is no host.
        """
        resolve("mlrun_like.runtimes.mpi.hosts:parse_hosts")(hosts)
        self._doc().spec.hosts = list(hosts)
        return self

    def with_tracing(
        self, log_file_path: str | None = None, enable_cycle_markers: bool = False
    ) -> Self:
        """Have Horovod write a timeline of its work (viewed in a trace viewer of a browser).

        Args:
            log_file_path: The file; by default `hvd_logs/trace.log` below the artifact path.
            enable_cycle_markers: Also mark each cycle, which makes the file large.
        """
        path = log_file_path or _log_path("trace.log")
        self.set_env("HOROVOD_TIMELINE", path)
        return self.set_env("HOROVOD_TIMELINE_MARK_CYCLES", int(enable_cycle_markers))

    def with_autotune(
        self,
        log_file_path: str | None = None,
        warmup_samples: int | None = None,
        steps_per_sample: int | None = None,
        bayes_opt_max_samples: int | None = None,
        gaussian_process_noise: float | None = None,
    ) -> Self:
        """Have Horovod tune its parameters while it works.

        Args:
            log_file_path: A CSV file of what it tried; by default `hvd_logs/autotune.csv` below
                the artifact path.
            warmup_samples: Samples that are thrown away at the beginning.
            steps_per_sample: Steps in each sample.
            bayes_opt_max_samples: Samples at most.
            gaussian_process_noise: Noise of the optimizer, 0 to 1.

        Raises:
            InvalidArgumentError: if a number is out of its range.
        """
        self.set_env("HOROVOD_AUTOTUNE", 1)
        self.set_env("HOROVOD_AUTOTUNE_LOG", log_file_path or _log_path("autotune.csv"))
        for name, value in (
            ("WARMUP_SAMPLES", warmup_samples),
            ("STEPS_PER_SAMPLE", steps_per_sample),
            ("BAYES_OPT_MAX_SAMPLES", bayes_opt_max_samples),
            ("GAUSSIAN_PROCESS_NOISE", gaussian_process_noise),
        ):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise InvalidArgumentError(
                    f"{name.lower()} {value!r} must be a number, 0 or more",
                    where=f"function {self.name!r}",
                    fix="fn.with_autotune(warmup_samples=3)",
                )
            self.set_env(f"HOROVOD_AUTOTUNE_{name}", value)
        return self


def _log_path(name: str) -> str:
    base = str(config.artifact_path) or f"{config.home}/artifacts"
    return f"{base.rstrip('/')}/hvd_logs/{name}"
