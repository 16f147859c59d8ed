"""Resources as options of a container tool: memory, cpus, shares, GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.values import parse_cpu, parse_memory

__all__ = ["gpu_count", "limit_options"]

_SMALLEST = 6 << 20
"""Bytes below which docker refuses a limit and no process starts."""


def limit_options(resources: Mapping[str, Any], tool: str) -> list[str]:
    """The options for a function's `resources`.

    Args:
        resources: `{"limits": {...}, "requests": {...}}` with Kubernetes' quantities.
        tool: `podman` or `docker`: they take GPUs in different forms.

    >>> limit_options({"limits": {"memory": "1Gi", "cpu": "500m"}}, "podman")
    ['--memory', '1073741824', '--memory-swap', '1073741824', '--cpus', '0.5']

    Raises:
        InvalidArgumentError: if a quantity is malformed or cannot work.
    """
    limits, requests = _part(resources, "limits"), _part(resources, "requests")
    options: list[str] = []
    memory = _memory(limits)
    if memory is not None:
        if memory < _SMALLEST:
            raise InvalidArgumentError(
                f"memory limit {_first(limits)!r} is {memory} bytes, too little for any program",
                where="spec.resources.limits.memory",
                fix='fn.with_limits(mem="512Mi"); mind the suffix: "m" is a thousandth',
            )
        # without the second one the container may use as much swap again
        options += ["--memory", str(memory), "--memory-swap", str(memory)]
    reserved = _memory(requests)
    if reserved is not None and reserved >= _SMALLEST and (memory is None or reserved <= memory):
        options += ["--memory-reservation", str(reserved)]
    if limits.get("cpu") is not None:
        options += ["--cpus", f"{max(parse_cpu(limits['cpu']), 0.01):g}"]
    if requests.get("cpu") is not None:
        options += ["--cpu-shares", str(max(2, int(parse_cpu(requests["cpu"]) * 1024)))]
    gpus = gpu_count(resources)
    if gpus and tool == "docker":
        options += ["--gpus", str(gpus)]
    elif gpus:
        options += [part for n in range(gpus) for part in ("--device", f"nvidia.com/gpu={n}")]
    return options


def gpu_count(resources: Mapping[str, Any]) -> int:
    """How many accelerators are asked for.

    >>> gpu_count({"limits": {"nvidia.com/gpu": 2}})
    2

    Raises:
        InvalidArgumentError: if that is not a whole number.
    """
    limits = _part(resources, "limits")
    for name, amount in limits.items():
        if "gpu" not in str(name).lower():
            continue
        try:
            count = int(str(amount))
        except ValueError:
            count = -1
        if count < 0:
            raise InvalidArgumentError(
                f"{name} {amount!r} is not a whole number of GPUs",
                where="spec.resources.limits",
                fix="fn.with_limits(gpus=1)",
            )
        return count
    return 0


def _part(resources: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = resources.get(name) or {}
    if not isinstance(part, Mapping):
        raise InvalidArgumentError(
            f"resources.{name} must hold 'name: quantity', not {part!r}",
            fix='resources={"limits": {"memory": "1Gi"}}',
        )
    return part


def _first(part: Mapping[str, Any]) -> Any:
    return part.get("memory") or part.get("mem")


def _memory(part: Mapping[str, Any]) -> int | None:
    amount = _first(part)
    return None if amount is None else parse_memory(amount)
