"""The constants of `mlrun.runtimes`."""

from __future__ import annotations

from enum import Enum

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "AutoMountType",
    "MPIJobCRDVersions",
    "NuclioIngressAddTemplatedIngressModes",
    "PreemptionModes",
    "ProbeTimeConfig",
    "ProbeType",
    "RemoteSparkProviders",
    "RuntimeClassMode",
    "RuntimeKinds",
    "SecurityContextEnrichmentModes",
    "serving_subkind",
]

serving_subkind = "serving_v2"


class RuntimeKinds:
    """The kinds of functions."""

    remote = "remote"
    nuclio = "nuclio"
    dask = "dask"
    job = "job"
    spark = "spark"
    remotespark = "remote-spark"
    mpijob = "mpijob"
    serving = "serving"
    local = "local"
    handler = "handler"
    databricks = "databricks"
    application = "application"

    @staticmethod
    def all() -> list[str]:
        """All of them."""
        own = vars(RuntimeKinds)
        return [kind for name, kind in own.items() if name[0] != "_" and isinstance(kind, str)]

    @staticmethod
    def runtime_with_handlers() -> list[str]:
        """Those that run to an end on an engine."""
        return ["dask", "job", "spark", "remote-spark", "mpijob", "databricks"]

    @staticmethod
    def abortable_runtimes() -> list[str]:
        """Those whose runs can be stopped."""
        return ["job", "spark", "remote-spark", "mpijob", "databricks", "local", "handler"]

    @staticmethod
    def retriable_runtimes() -> list[str]:
        """Those whose runs can be tried again."""
        return [*RuntimeKinds.abortable_runtimes()]

    @staticmethod
    def nuclio_runtimes() -> list[str]:
        """Those that are deployed and answer."""
        return ["remote", "nuclio", "serving", "application"]

    @staticmethod
    def pure_nuclio_deployed_runtimes() -> list[str]:
        """Those that are Nuclio functions."""
        return ["remote", "nuclio", "serving"]

    @staticmethod
    def handlerless_runtimes() -> list[str]:
        """Those that take no handler."""
        return ["serving", "application"]

    @staticmethod
    def local_runtimes() -> list[str]:
        """Those that run on this machine."""
        return ["local", "handler"]

    @staticmethod
    def is_local_runtime(kind: str | None) -> bool:
        """Whether it runs on this machine."""
        return not kind or kind in RuntimeKinds.local_runtimes()

    @staticmethod
    def is_log_collectable_runtime(kind: str | None) -> bool:
        """Whether its engine keeps its output."""
        others = (*RuntimeKinds.nuclio_runtimes(), "dask")
        return not RuntimeKinds.is_local_runtime(kind) and kind not in others

    @staticmethod
    def requires_k8s_name_validation(kind: str) -> bool:
        """Whether its name is one of a cluster's objects."""
        return not RuntimeKinds.is_local_runtime(kind)

    @staticmethod
    def requires_absolute_artifacts_path(kind: str) -> bool:
        """Whether a relative artifact path would be another machine's."""
        return not RuntimeKinds.is_local_runtime(kind) and kind != "dask"

    @staticmethod
    def requires_image_name_for_execution(kind: str) -> bool:
        """Whether it needs an image to run."""
        return not RuntimeKinds.is_local_runtime(kind) and kind not in ("spark", "remote-spark")

    @staticmethod
    def supports_from_notebook(kind: str) -> bool:
        """Whether its code may be a notebook."""
        return kind != "application"

    @staticmethod
    def resolve_nuclio_sub_kind(kind: str) -> tuple[bool, str | None]:
        """Whether a kind is deployed by Nuclio, and what stands after its colon.

        >>> RuntimeKinds.resolve_nuclio_sub_kind("nuclio:serving")
        (True, 'serving')
        """
        if kind == "serving":
            return True, serving_subkind
        name, _, sub = kind.partition(":")
        return name in ("nuclio", "application"), sub or None


class RuntimeClassMode(Enum):
    """What a function is made for."""

    run = "run"
    build = "build"


class MPIJobCRDVersions:
    """The versions of MPIJob."""

    v1 = "v1"
    v1alpha1 = "v1alpha1"

    @staticmethod
    def all() -> list[str]:
        """All of them."""
        return ["v1", "v1alpha1"]

    @staticmethod
    def default() -> str:
        """The one that is made here."""
        return "v1"


class AutoMountType(str, Enum):
    """What the setting `auto_mount_type` may be."""

    none = "none"
    auto = "auto"
    v3io_credentials = "v3io_credentials"
    v3io_fuse = "v3io_fuse"
    pvc = "pvc"
    s3 = "s3"
    env = "env"

    @classmethod
    def all_mount_modifiers(cls) -> list[str]:
        """The names of the modifiers behind them."""
        return ["v3io_cred", "mount_v3io", "mount_pvc", "auto_mount", "mount_s3", "set_env"]

    @classmethod
    def is_auto_modifier(cls, modifier: object) -> bool:
        """Whether a modifier is one of these."""
        name = str(getattr(modifier, "__qualname__", "")).partition(".")[0]
        return name in cls.all_mount_modifiers()


class PreemptionModes(str, Enum):
    """What `with_preemption_mode` takes."""

    allow = "allow"
    constrain = "constrain"
    prevent = "prevent"
    none = "none"


class SecurityContextEnrichmentModes(str, Enum):
    """Whose rights a pod gets."""

    override = "override"
    retain = "retain"
    disabled = "disabled"


class ProbeType(Enum):
    """What is asked of a container."""

    READINESS = "readiness"
    LIVENESS = "liveness"
    STARTUP = "startup"

    @property
    def key(self) -> str:
        """The key in a container."""
        return f"{self.value}Probe"

    @classmethod
    def is_valid(cls, value: str, raise_on_error: bool = False) -> bool:
        """Whether there is such a one."""
        known = [one.value for one in cls]
        if value not in known and raise_on_error:
            raise InvalidArgumentError(f"{value!r} is no probe", fix=f"one of: {', '.join(known)}")
        return value in known


class ProbeTimeConfig(Enum):
    """How often and how long."""

    INITIAL_DELAY_SECONDS = "initialDelaySeconds"
    PERIOD_SECONDS = "periodSeconds"
    TIMEOUT_SECONDS = "timeoutSeconds"
    FAILURE_THRESHOLD = "failureThreshold"


class NuclioIngressAddTemplatedIngressModes:
    """When Nuclio adds its ingress."""

    always = "always"
    never = "never"
    on_cluster_ip = "onClusterIP"


class RemoteSparkProviders:
    """Where Spark is."""

    iguazio = "iguazio"
