"""Small helpers of `mlrun.runtimes`: resources, named items, hashes, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.functions.pod_editing import amounts

__all__ = [
    "calc_hash",
    "generate_resources",
    "get_func_selector",
    "get_gpu_from_resource_requirement",
    "get_item_name",
    "log_std",
    "mlrun_footer",
    "resolve_node_selectors",
    "resolve_owner",
    "resolve_run_user_template",
    "resolve_spark_operator_version",
    "results_to_iter",
    "sanitize_attribute",
    "set_named_item",
    "spec_fields",
    "verify_limits",
    "verify_requests",
]

mlrun_footer = ""
"""What stands below code that a notebook became; here nothing."""
spec_fields = (
    "command",
    "args",
    "image",
    "mode",
    "build",
    "entry_points",
    "description",
    "workdir",
)


def calc_hash(func: Any, tag: str = "") -> str:
    """The digest of a function; it becomes the one in its metadata."""
    document = func._doc()
    document.metadata.tag = tag or document.metadata.tag
    document.metadata.hash = document.digest()
    return str(document.metadata.hash)


def generate_resources(
    mem: Any = None, cpu: Any = None, gpus: int | None = None, gpu_type: str = "nvidia.com/gpu"
) -> dict[str, Any]:
    """Amounts by the names that Kubernetes has for them.

    >>> generate_resources(mem="1Gi", cpu=2)
    {'memory': '1Gi', 'cpu': 2}
    """
    return amounts(mem, cpu, gpus, gpu_type)


def verify_limits(
    resources_field_name: str,
    mem: Any = None,
    cpu: Any = None,
    gpus: Any = None,
    gpu_type: str = "nvidia.com/gpu",
) -> None:
    """Refuse amounts that Kubernetes does not take."""
    del resources_field_name
    amounts(mem, cpu, gpus, gpu_type)


def verify_requests(resources_field_name: str, mem: Any = None, cpu: Any = None) -> None:
    """Refuse amounts that Kubernetes does not take."""
    verify_limits(resources_field_name, mem, cpu)


def get_gpu_from_resource_requirement(requirement: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """The name and number of accelerators in limits or requests; two Nones: there are none."""
    for name, number in (requirement or {}).items():
        if name not in ("cpu", "memory") and "/" in name:
            return name, number
    return None, None


def get_item_name(item: Any, attr: str = "name") -> Any:
    """The name of an object or of plain data."""
    return item.get(attr) if isinstance(item, Mapping) else getattr(item, attr, None)


def set_named_item(obj: dict[Any, Any], item: Any) -> None:
    """Put an item, or each of a list, under its name."""
    for one in item if isinstance(item, list) else [item]:
        obj[get_item_name(one)] = one


def sanitize_attribute(attribute: Any) -> Any:
    """Plain data of a Kubernetes object."""
    return attribute.to_dict() if hasattr(attribute, "to_dict") else attribute


def get_func_selector(project: str, name: str | None = None, tag: str | None = None) -> list[str]:
    """The labels of a function's objects in a cluster."""
    found = [f"mlrun/project={project}"]
    if name:
        found += [f"mlrun/function={name}", f"mlrun/tag={tag or 'latest'}"]
    return found


def resolve_owner(labels: Mapping[str, str], owner_to_enrich: str | None = None) -> Any:
    """Who a run belongs to."""
    return labels.get("owner") or owner_to_enrich


def resolve_run_user_template(output_path: str, owner: str) -> str:
    """A path with its user filled in."""
    return re.sub(r"\{\{\s*run\.user\s*\}\}", owner or "", output_path or "")


def resolve_node_selectors(
    project_node_selector: Mapping[str, str], instance_node_selector: Mapping[str, str]
) -> dict[str, str]:
    """A project's labels of nodes with a function's, of which empty ones take away."""
    found = {**project_node_selector, **instance_node_selector}
    return {name: value for name, value in found.items() if value}


def resolve_spark_operator_version() -> int:
    """The version of Spark's operator that is made for."""
    return 3


def results_to_iter(results: Sequence[Mapping[str, Any]], runspec: Any, execution: Any) -> None:
    """Write the table of iterations of trials that other code made.

    Args:
        results: The trials as plain data.
        runspec: The sweep.
        execution: Its context.
    """
    del runspec
    params = sorted(
        {key for run in results for key in (run.get("spec") or {}).get("parameters", {})}
    )
    outputs = sorted(
        {key for run in results for key in (run.get("status") or {}).get("results", {})}
    )
    header = [
        "state",
        "iter",
        *(f"param.{key}" for key in params),
        *(f"output.{key}" for key in outputs),
    ]
    rows = [
        [
            (run.get("status") or {}).get("state"),
            (run.get("metadata") or {}).get("iteration"),
            *((run.get("spec") or {}).get("parameters", {}).get(key) for key in params),
            *((run.get("status") or {}).get("results", {}).get(key) for key in outputs),
        ]
        for run in results
    ]
    execution.log_iteration_results(None, [header, *rows], {}, commit=True)


def log_std(
    db: Any,
    runobj: Any,
    out: Any,
    err: Any = "",
    skip: bool = False,
    show: bool = True,
    silent: bool = False,
) -> None:
    """Add output to a run's log."""
    del skip, show, silent
    meta = runobj.metadata
    for text in (out, err):
        if text:
            db.store_log(meta.uid, meta.project, str(text).encode())
