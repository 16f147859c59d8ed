"""Functions that run as Spark applications: what they have besides other functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.pod_editing import amounts
from mlrun_like.functions.spark_pods import SparkPods
from mlrun_like.registry import resolve
from mlrun_like.specs.pod_checks import check_choice

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DEFAULT_IMAGES", "SparkFunction"]

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_IMAGES: Mapping[str, str] = {
    "spark": ".spark-job-default-image",
    "remote-spark": ".remote-spark-default-image",
}
"""Kind -> image that `deploy_default_image` builds, in the default registry."""

_CONF = "mlrun_like.runtimes.spark.conf"
_RESTARTS = ("Never", "OnFailure", "Always")


class SparkFunction(SparkPods[P, R]):
    """A function of kind `spark` or `remote-spark`.

    Its handler is the driver. It gets the session as an argument `spark` or one hinted
    SparkSession, as `context.spark`, and by `SparkSession.builder.getOrCreate()`.

    It runs on the master `spec.spark_master` (`local[2]`, `spark://host:7077`, `k8s://https://…`)
    or the setting `spark_master`; without one as a SparkApplication where a cluster is configured,
    and else with all cores of this machine. Further keys of `spec`: `spark_conf`, `hadoop_conf`,
    `deps` (`jars`, `packages`, `pyFiles`, `files`, `archives`, …), `main_class`, `job_type`,
    `replicas` (executors), `driver_java_options`, `executor_java_options`, `spark_version`.
    """

    objects_by: ClassVar[str] = "mlrun_like.runtimes.spark.manifest:function_objects"
    checked_by: ClassVar[str] = "mlrun_like.runtimes.spark.checks:check_definition"

    # -- where it runs --------------------------------------------------------------------

    def with_spark_service(
        self, spark_service: str, provider: str = "", with_v3io_mount: bool = False
    ) -> Self:
        """Run on a Spark cluster that exists.

        Args:
            spark_service: The master's URL, such as `"spark://host:7077"`.
            provider: Kept in the document; has no effect.
            with_v3io_mount: Of MLRun's signature; must be False.

        Raises:
            InvalidArgumentError: if it is no URL, or asks for Iguazio's own storage.
        """
        known = isinstance(spark_service, str) and (
            spark_service.startswith(("spark://", "k8s://", "local"))
        )
        if not known or with_v3io_mount:
            raise InvalidArgumentError(
                f"Spark service {spark_service!r} is no master's URL"
                if not known
                else "with_v3io_mount needs Iguazio's storage, which is not supported",
                where=f"function {self.name!r}",
                fix='fn.with_spark_service("spark://host:7077")',
            )
        spec = self._doc().spec
        spec.spark_master, spec.provider = spark_service, provider
        return self

    # -- resources ------------------------------------------------------------------------

    def with_executor_requests(
        self, mem: str | None = None, cpu: str | float | None = None, patch: bool = False
    ) -> Self:
        """What each executor takes.

        Args:
            mem: In the JVM's notation, such as `"512m"` or `"4g"` (2**30 bytes each).
            cpu: Cores, such as `2` or `"500m"`; a task needs a whole one.
            patch: Keep what is not given; else it is removed.

        Raises:
            InvalidArgumentError: if a quantity is malformed.
        """
        return self._requests("executor", mem, cpu, patch)

    def with_driver_requests(
        self, mem: str | None = None, cpu: str | float | None = None, patch: bool = False
    ) -> Self:
        """What the driver takes; see `with_executor_requests`."""
        return self._requests("driver", mem, cpu, patch)

    def with_executor_limits(
        self,
        cpu: str | float | None = None,
        gpus: int | None = None,
        gpu_type: str = "nvidia.com/gpu",
        patch: bool = False,
    ) -> Self:
        """What each executor's pod may use at most; memory is what it requests, plus overhead.

        Args:
            cpu: Cores, such as `2` or `"1500m"`.
            gpus: Devices; one kind only.
            gpu_type: Their resource name.
            patch: Keep what is not given; else it is removed.

        Raises:
            InvalidArgumentError: if a quantity is malformed.
        """
        return self._resources("limits", amounts(None, cpu, gpus, gpu_type), patch, "executor")

    def with_driver_limits(
        self,
        cpu: str | float | None = None,
        gpus: int | None = None,
        gpu_type: str = "nvidia.com/gpu",
        patch: bool = False,
    ) -> Self:
        """What the driver's pod may use at most; see `with_executor_limits`."""
        return self._resources("limits", amounts(None, cpu, gpus, gpu_type), patch, "driver")

    def with_cores(
        self, executor_cores: int | None = None, driver_cores: int | None = None
    ) -> Self:
        """Tasks at a time of each executor, and threads of the driver; whole numbers from 1.

        Raises:
            InvalidArgumentError: if one is not.
        """
        spec = self._doc().spec
        for name, value in (("executor_cores", executor_cores), ("driver_cores", driver_cores)):
            if value is not None:
                setattr(spec, name, _whole(name, value, 1))
        return self

    def with_dynamic_allocation(
        self,
        min_executors: int | None = None,
        max_executors: int | None = None,
        initial_executors: int | None = None,
    ) -> Self:
        """Let Spark start and release executors by load, between two numbers.

        Raises:
            InvalidArgumentError: if a number is negative, or they are in no order.
        """
        given = {
            "minExecutors": min_executors,
            "maxExecutors": max_executors,
            "initialExecutors": initial_executors,
        }
        found = {k: _whole(k, value, 0) for k, value in given.items() if value is not None}
        low, high = found.get("minExecutors", 0), found.get("maxExecutors", 2**31)
        if high < 1 or not low <= found.get("initialExecutors", low) <= high or low > high:
            raise InvalidArgumentError(
                f"dynamic allocation from {low} to {found.get('maxExecutors')} executors, starting "
                f"with {found.get('initialExecutors', low)}, is not possible",
                where=f"function {self.name!r}",
                fix="fn.with_dynamic_allocation(min_executors=1, max_executors=4)",
            )
        self._doc().spec.dynamic_allocation = {"enabled": True, **found}
        return self

    def with_restart_policy(
        self,
        restart_type: str = "OnFailure",
        retries: int = 0,
        retry_interval: int = 10,
        submission_retries: int = 3,
        submission_retry_interval: int = 20,
    ) -> Self:
        """When the operator starts the application again; on other masters `retry=` of `run` does.

        Args:
            restart_type: Never, OnFailure or Always.
            retries: How often after a failure.
            retry_interval: Seconds between them.
            submission_retries: How often if it could not be submitted.
            submission_retry_interval: Seconds between them.

        Raises:
            InvalidArgumentError: if a value cannot be used.
        """
        check_choice("restart_type", restart_type, _RESTARTS)
        self._doc().spec.restart_policy = {
            "type": restart_type,
            "retries": _whole("retries", retries, 0),
            "retry_interval": _whole("retry_interval", retry_interval, 1),
            "submission_retries": _whole("submission_retries", submission_retries, 0),
            "submission_retry_interval": _whole(
                "submission_retry_interval", submission_retry_interval, 1
            ),
        }
        return self

    # -- images ----------------------------------------------------------------

    @classmethod
    def deploy_default_image(cls, with_gpu: bool = False, kind: str = "spark") -> Any:
        """Build the image for functions with `spec.use_default_image`, into the default registry.

        Args:
            with_gpu: Build the one for accelerators.
            kind: spark or remote-spark.
        """
        name = f"{kind}-default-image"
        made = resolve("mlrun_like.functions.creators:new_function")(name=name, kind=kind)
        made.spec.build.image = DEFAULT_IMAGES[kind] + ("-cuda" if with_gpu else "")
        made.spec.build.base_image = resolve("mlrun_like.configuration:config").spark_image
        made.spec.build.requirements = ["pyspark"]
        return made.deploy()

    # -- the steps of the above -----------------------------------------------------------

    def _requests(self, role: str, mem: str | None, cpu: Any, patch: bool) -> Self:
        rows = {} if mem is None else {"memory": resolve(f"{_CONF}:jvm_memory")(mem)}
        return self._resources("requests", {**rows, **amounts(cpu=cpu)}, patch, role)

    def _check_resources(self, resources: Mapping[str, Any]) -> None:
        resolve(f"{_CONF}:gpus_of")(resources)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidArgumentError(
            f"{name} must be an integer greater than or equal to {least}. Got: {value!r}",
            fix=f"{name}={least or 1}",
        )
    return value
