"""Rows of old names: what each is here, or why it is not.

A file in `symbols/` has `ROWS`: by module, by name, either `"module:attribute"` (`"module"` for a
module of ours) or `Missing`. A file is read when something of its area is first asked for, and what
it names is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import NamedTuple, TypeAlias

from mlrun_like.compat.known import known_names

__all__ = ["AREAS", "Missing", "Rows", "area_of", "row_of", "rows_of"]


class Missing(NamedTuple):
    """A name that does not exist here.

    Args:
        purpose: What it was for, as the end of "… was for <purpose>".
        nearest: What to use instead, as a sentence; empty: there is nothing.
    """

    purpose: str
    nearest: str = ""


Rows: TypeAlias = Mapping[str, Mapping[str, "str | Missing"]]

AREAS: Mapping[str, str] = {
    "kfp": "projects",
    "mlrun": "root",
    "mlrun.alerts": "monitoring",
    "mlrun.artifacts": "artifacts",
    "mlrun.auth": "client",
    "mlrun.client": "client",
    "mlrun.common": "common",
    "mlrun.config": "client",
    "mlrun.data_types": "feature_store",
    "mlrun.datastore": "datastore",
    "mlrun.db": "client",
    "mlrun.errors": "failures",
    "mlrun.execution": "runs",
    "mlrun.feature_store": "feature_store",
    "mlrun.features": "feature_store",
    "mlrun.frameworks": "frameworks",
    "mlrun.hub": "client",
    "mlrun.launcher": "runs",
    "mlrun.lists": "runs",
    "mlrun.mlutils": "frameworks",
    "mlrun.model": "runs",
    "mlrun.model_monitoring": "monitoring",
    "mlrun.package": "packagers",
    "mlrun.platforms": "deployed",
    "mlrun.projects": "projects",
    "mlrun.render": "runs",
    "mlrun.run": "runs",
    "mlrun.runtimes": "runtimes",
    "mlrun.runtimes.nuclio": "deployed",
    "mlrun.runtimes.nuclio.serving": "serving",
    "mlrun.runtimes.serving": "serving",
    "mlrun.secrets": "client",
    "mlrun.serving": "serving",
    "mlrun.track": "frameworks",
    "mlrun.utils": "helpers",
    "mlrun_pipelines": "projects",
    "nuclio": "nuclio",
    "nuclio_sdk": "nuclio",
    "storey": "storey",
}
"""By module, with all below it: the file in `symbols/` that has its rows; the longest wins."""


_SCHEMAS = "mlrun.common."


def area_of(module: str) -> str:
    """The file in `symbols/` that speaks for a module.

    >>> area_of("mlrun.serving.states")
    'serving'
    """
    name = module
    while name not in AREAS:
        name = name.rpartition(".")[0]
        if not name:
            return ""
    return AREAS[name]


@cache
def _area(name: str) -> Rows:
    rows: Rows = import_module(f"mlrun_like.compat.symbols.{name}").ROWS
    return rows


def rows_of(module: str) -> Mapping[str, str | Missing] | None:
    """What is known of a module's names; None: it has no rows."""
    name = area_of(module)
    return _area(name).get(module) if name else None


def row_of(module: str, name: str) -> str | Missing | None:
    """What a name of a module is here, or why it is not; None: nothing is known of it.

    >>> row_of("mlrun.projects.project", "new_function") == row_of("mlrun", "new_function")
    True
    """
    rows = rows_of(module) or {}
    if name in rows:
        return rows[name]
    if name in (known_names(module) or ()):
        found = _nearest(module, _named(module.partition(".")[0]).get(name, {}))
        if found:
            return found
    return rows.get("*")


def _nearest(module: str, found: Mapping[str, str]) -> str:
    """The row in the smallest package around the module that has the name, if it is one."""
    if not module.startswith(_SCHEMAS):  # what others call so comes before records of the service
        found = {name: row for name, row in found.items() if not name.startswith(_SCHEMAS)} or found
    package = module
    while package:
        if package in found:
            return found[package]
        near = {row for name, row in found.items() if f"{name}.".startswith(f"{package}.")}
        if near:
            return near.pop() if len(near) == 1 else ""
        package = package.rpartition(".")[0]
    return ""


@cache
def _named(package: str) -> Mapping[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for area in sorted({area for name, area in AREAS.items() if name.startswith(package)}):
        for module, rows in _area(area).items():
            if module.partition(".")[0] == package:
                for name, row in rows.items():
                    if isinstance(row, str):
                        found.setdefault(name, {})[module] = row
    return found
