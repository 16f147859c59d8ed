"""What functions of single kinds need besides: Dask, Spark, MPI, Nuclio (MLRun's flat keys)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mlrun_like.specs.model import Model

__all__ = ["DaskFields", "MpiFields", "NuclioFields", "SparkFields"]


class DaskFields(Model):
    """A Dask cluster: its address, or how to make one.

    `handler_on` is `client` (the handler runs where `fn.run` was called) or `worker`.
    """

    scheduler_address: str = ""
    handler_on: str = ""
    remote: bool | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    nthreads: int | None = None
    scheduler_timeout: str = ""
    scheduler_resources: dict[str, Any] = Field(default_factory=dict)
    worker_resources: dict[str, Any] = Field(default_factory=dict)
    service_type: str = ""
    node_port: int | None = None
    extra_pip: str = ""
    kfp_image: str = ""


class SparkFields(Model):
    """A Spark application: driver, executors, configuration."""

    driver_resources: dict[str, Any] = Field(default_factory=dict)
    executor_resources: dict[str, Any] = Field(default_factory=dict)
    driver_cores: int | str | None = None
    executor_cores: int | str | None = None
    driver_node_selector: dict[str, Any] = Field(default_factory=dict)
    executor_node_selector: dict[str, Any] = Field(default_factory=dict)
    driver_tolerations: list[dict[str, Any]] = Field(default_factory=list)
    executor_tolerations: list[dict[str, Any]] = Field(default_factory=list)
    driver_affinity: dict[str, Any] = Field(default_factory=dict)
    executor_affinity: dict[str, Any] = Field(default_factory=dict)
    driver_preemption_mode: str = ""
    executor_preemption_mode: str = ""
    driver_volume_mounts: list[dict[str, Any]] = Field(default_factory=list)
    executor_volume_mounts: list[dict[str, Any]] = Field(default_factory=list)
    spark_conf: dict[str, Any] = Field(default_factory=dict)
    hadoop_conf: dict[str, Any] = Field(default_factory=dict)
    driver_java_options: str = ""
    executor_java_options: str = ""
    deps: dict[str, Any] = Field(default_factory=dict)
    dynamic_allocation: dict[str, Any] = Field(default_factory=dict)
    restart_policy: dict[str, Any] = Field(default_factory=dict)
    job_type: str = ""
    main_class: str = ""
    python_version: str = ""
    spark_version: str = ""
    spark_master: str = ""
    provider: str = ""
    use_default_image: bool | None = None
    monitoring: dict[str, Any] = Field(default_factory=dict)


class MpiFields(Model):
    """An MPI launch: arguments, hosts, what becomes of the pods."""

    mpi_args: list[str] = Field(default_factory=list)
    clean_pod_policy: str = ""
    hosts: list[str] = Field(default_factory=list)
    launcher: str = ""


class NuclioFields(Model):
    """A Nuclio function: its entry, triggers, scale."""

    function_handler: str = ""
    function_kind: str = ""
    nuclio_runtime: str = ""
    source: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
    base_spec: dict[str, Any] = Field(default_factory=dict)
    readiness_timeout: int | None = None
    readiness_timeout_before_failure: int | None = None
    no_cache: bool | None = None
    base_image_pull: bool | None = None
    add_templated_ingress_host_mode: str = ""
    disable_default_http_trigger: bool | None = None
    sidecars: list[dict[str, Any]] = Field(default_factory=list)
    internal_application_port: int | None = None
