"""The process that sees to one run: `python -m mlrun_like.api.execution.child`, told on its input.

It is a process of its own so that the service can stop, crash or be upgraded while the run goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import AccessDeniedError, MLRunLikeError, NotFoundError, RunError, StateError
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.function import Function
from mlrun_like.functions.placing import choose_runtime
from mlrun_like.functions.running import run_function
from mlrun_like.functions.strangers import check_for_strangers
from mlrun_like.tracking.connect import close_stores, open_store

__all__ = ["HERE", "check_allowed", "elsewhere", "main", "options_of", "prepared"]

HERE = ("", "local", "handler")
"""Kinds that would run inside of whoever starts them: they get a process of their own instead."""


def prepared(address: str, overrides: dict[str, Any]) -> Function[..., Any]:
    """The stored function with what this run wants otherwise.

    Raises:
        NotFoundError: if there is no such function.
    """
    function = import_function(address)
    if function.kind in HERE:
        function.kind = "process"
    if overrides.get("image"):
        function.spec.image = str(overrides["image"])
    for name in ("requests", "limits"):
        if overrides.get(name):
            change = getattr(function, f"with_{name}")
            change(**{str(key): value for key, value in dict(overrides[name]).items()})
    return function


def check_allowed(
    function: Function[..., Any],
    execution: str,
    spec: Mapping[str, Any] = MappingProxyType({}),
    project: str = "",
) -> None:
    """Whether the service may run this.

    Args:
        function: What is to run.
        execution: `process`, `engines` or `off`.
        spec: What else is asked for, as the run's `spec`.
        project: The run's project.

    Raises:
        AccessDeniedError: if it may not.
    """
    if execution == "off":
        raise AccessDeniedError(
            "this service starts no runs",
            where="setting service_execution",
            fix="run the function where you are, or let the service's setting be changed",
        )
    if execution != "process":
        check_for_strangers(function, spec, project)


def elsewhere(function: Function[..., Any]) -> bool:
    """Whether it runs on other machines, or in other containers, than the service's process."""
    return choose_runtime(function._doc(), None)[0].needs_image


def options_of(order: dict[str, Any]) -> dict[str, Any]:
    """The options of `Function.run` in an order."""
    given: dict[str, Any] = dict.fromkeys(RUN_OPTIONS)
    given.update(order["given"], uid=order["uid"], project=order["project"], watch=False)
    return given


def main() -> int:
    """Do what the input says; 0 if the run was completed."""
    order = json.load(sys.stdin)
    store, project, uid = open_store(), order["project"], order["uid"]
    try:
        function = prepared(order["function"], order["overrides"])
        check_allowed(function, order["execution"], order["given"], project)
        given = options_of(order)
        sources = [{"kind": "inline", "source": order.get("secrets") or {}}]
        given["runspec"] = {"spec": {"secret_sources": sources}}
        run_function(function, given)
    except RunError:
        return 1  # it is in the record
    except Exception as exc:  # noqa: BLE001 - the boundary of a process: it must be recorded
        what = str(exc) if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
        store.append_log(project, uid, f"mlrun-like: the run was not started: {what}\n".encode())
        try:
            store.set_run_state(project, uid, 0, "error", what)
        except (StateError, NotFoundError):
            return 1
        return 1
    finally:
        close_stores()
    return 0


if __name__ == "__main__":
    sys.exit(main())
