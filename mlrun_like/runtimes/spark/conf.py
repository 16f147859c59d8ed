"""What a function asks of Spark, as Spark properties.

Names and defaults are those of Spark's documentation, page "Spark Configuration".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.function import FunctionDoc, FunctionSpec
from mlrun_like.specs.values import parse_cpu

__all__ = [
    "core_count",
    "gpus_of",
    "jvm_memory",
    "jvm_memory_bytes",
    "master_of",
    "properties",
    "resource",
]

_JVM = re.compile(r"([0-9]+)([KkMmGgTt])[Bb]?\Z")
_BINARY = re.compile(r"([0-9]+)(Ki|Mi|Gi|Ti)\Z")
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4}
_DYNAMIC = ("enabled", "minExecutors", "maxExecutors", "initialExecutors")


def jvm_memory(text: Any) -> str:
    """A memory size in the JVM's notation, where `g` is 2**30 bytes.

    >>> jvm_memory("512m"), jvm_memory("2Gi")
    ('512m', '2g')

    Raises:
        InvalidArgumentError: if it is not a whole number with a unit.
    """
    match = _JVM.match(text) if isinstance(text, str) else None
    match = match or (_BINARY.match(text) if isinstance(text, str) else None)
    if match is None or int(match[1]) == 0:
        raise InvalidArgumentError(
            f"memory {text!r} is not in the JVM's notation, which Spark needs",
            fix='write a whole number and a unit, such as "512m" or "4g" (1.5 GiB is "1536m")',
        )
    return f"{int(match[1])}{match[2][0].lower()}"


def jvm_memory_bytes(text: Any) -> int:
    """The same in bytes.

    >>> jvm_memory_bytes("1g")
    1073741824
    """
    known = jvm_memory(text)
    size: int = int(known[:-1]) << 10 * _POWER[known[-1]]
    return size


def core_count(value: Any, what: str = "cores") -> int:
    """Whole cores; a fraction such as `"500m"` needs one, as a Spark task takes at least one.

    >>> core_count("1500m"), core_count(0.5), core_count(3)
    (2, 1, 3)

    Raises:
        InvalidArgumentError: if it is no number of cores.
    """
    try:
        return max(1, math.ceil(parse_cpu(value)))
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{what} {value!r} is no number of cores", fix=exc.fix) from exc


def resource(resources: Mapping[str, Any], part: str, name: str) -> Any:
    """One quantity of `{"requests": {...}, "limits": {...}}`; None if it is not given."""
    rows = resources.get(part)
    if not isinstance(rows, Mapping):
        return None
    found = rows.get(name)
    return rows.get("mem") if found is None and name == "memory" else found


def gpus_of(resources: Mapping[str, Any]) -> tuple[str, int]:
    """Kind and number of accelerators; `("", 0)` without.

    >>> gpus_of({"limits": {"nvidia.com/gpu": 2}})
    ('nvidia.com/gpu', 2)

    Raises:
        InvalidArgumentError: if more than one kind is asked for.
    """
    rows = resources.get("limits")
    kinds = [
        name
        for name, value in (rows.items() if isinstance(rows, Mapping) else ())
        if name not in ("cpu", "memory", "mem", "ephemeral-storage") and value
    ]
    if len(kinds) > 1:
        raise InvalidArgumentError(
            f"Spark takes one kind of accelerator, not {', '.join(kinds)}",
            fix="with_executor_limits(gpus=1, gpu_type=...) once",
        )
    return (kinds[0], int(rows[kinds[0]])) if kinds and isinstance(rows, Mapping) else ("", 0)


def master_of(document: FunctionDoc) -> str:
    """The master's URL that the function or the setting `spark_master` names; empty: none."""
    spec = document.spec
    return str(spec.spark_master or spec.spark_conf.get("spark.master") or config.spark_master)


def properties(document: FunctionDoc, master: str) -> dict[str, str]:
    """The Spark properties of a function for a master.

    What the user wrote into `spec.spark_conf` wins over what follows from anything else.

    Args:
        document: The function.
        master: `local[...]`, `spark://host:port` or `k8s://...`.

    Raises:
        InvalidArgumentError: if a quantity or a name cannot be used.
    """
    spec = document.spec
    found: dict[str, str] = {}
    _add_resources(found, spec, master)
    _add_dynamic(found, spec.dynamic_allocation)
    for name, value in spec.hadoop_conf.items():
        found[f"spark.hadoop.{name}"] = _text(value)
    for role, options in (("driver", spec.driver_java_options),
                          ("executor", spec.executor_java_options)):  # fmt: skip
        if options:
            found[f"spark.{role}.extraJavaOptions"] = options
    for name, value in spec.spark_conf.items():
        if not isinstance(name, str) or not name.startswith("spark."):
            raise InvalidArgumentError(
                f"Spark property {name!r} does not begin with 'spark.', so Spark would ignore it",
                where=f"function {document.metadata.name!r}, spec.spark_conf",
                fix="Hadoop's own properties go into fn.spec.hadoop_conf",
            )
        if name != "spark.master":
            found[name] = _text(value)
    return found


def _add_resources(found: dict[str, str], spec: FunctionSpec, master: str) -> None:
    for role, resources, cores in (
        ("driver", spec.driver_resources, spec.driver_cores),
        ("executor", spec.executor_resources, spec.executor_cores),
    ):
        memory = resource(resources, "requests", "memory")
        if memory is not None:
            found[f"spark.{role}.memory"] = jvm_memory(memory)
        cpu = resource(resources, "requests", "cpu")
        if cores is not None or cpu is not None:
            count = core_count(cpu if cores is None else cores, f"{role} cores")
            found[f"spark.{role}.cores"] = str(count)
    if master.startswith("k8s://"):
        if spec.replicas:
            found["spark.executor.instances"] = str(spec.replicas)
        _add_pods(found, spec)
    elif spec.replicas and master.startswith("spark://"):
        # A standalone master counts cores, not executors.
        each = int(found.setdefault("spark.executor.cores", "1"))
        found["spark.cores.max"] = str(each * spec.replicas)


def _add_pods(found: dict[str, str], spec: FunctionSpec) -> None:
    """Properties of pods, from Spark's page "Running Spark on Kubernetes"."""
    for role, resources in (("driver", spec.driver_resources),
                            ("executor", spec.executor_resources)):  # fmt: skip
        request, limit = (resource(resources, part, "cpu") for part in ("requests", "limits"))
        if request is not None:
            found[f"spark.kubernetes.{role}.request.cores"] = str(request)
        if limit is not None:
            found[f"spark.kubernetes.{role}.limit.cores"] = str(limit)
        kind, count = gpus_of(resources)
        if count:
            vendor, _, name = kind.rpartition("/")
            found[f"spark.{role}.resource.{name}.amount"] = str(count)
            found[f"spark.{role}.resource.{name}.vendor"] = vendor
    selectors = (("", spec.node_selector), ("driver.", spec.driver_node_selector),
                 ("executor.", spec.executor_node_selector))  # fmt: skip
    for role, rows in selectors:
        for name, value in rows.items():
            found[f"spark.kubernetes.{role}node.selector.{name}"] = str(value)
    if spec.service_account:
        found["spark.kubernetes.authenticate.driver.serviceAccountName"] = spec.service_account
    if spec.image:
        found["spark.kubernetes.container.image"] = spec.image
    if spec.image_pull_policy:
        found["spark.kubernetes.container.image.pullPolicy"] = spec.image_pull_policy
    if spec.image_pull_secret:
        found["spark.kubernetes.container.image.pullSecrets"] = spec.image_pull_secret


def _add_dynamic(found: dict[str, str], dynamic: Mapping[str, Any]) -> None:
    unknown = [name for name in dynamic if name not in _DYNAMIC]
    if unknown:
        raise InvalidArgumentError(
            f"dynamic_allocation has no {unknown[0]!r}", fix=f"it has: {', '.join(_DYNAMIC)}"
        )
    if not dynamic or dynamic.get("enabled") is False:
        return
    found["spark.dynamicAllocation.enabled"] = "true"
    # Without an external shuffle service an executor that holds shuffle files must stay.
    found["spark.dynamicAllocation.shuffleTracking.enabled"] = "true"
    for name in _DYNAMIC[1:]:
        if dynamic.get(name) is not None:
            found[f"spark.dynamicAllocation.{name}"] = str(dynamic[name])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
