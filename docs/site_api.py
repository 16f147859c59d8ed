"""Pages of the Python API: one for each public package, from its `__all__` and the docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["PACKAGES", "api_pages"]

PACKAGES = {
    "mlrun_like": "The front door",
    "mlrun_like.artifacts": "Artifacts and data items",
    "mlrun_like.projects": "Projects",
    "mlrun_like.pipelines": "Pipelines",
    "mlrun_like.schedules": "Schedules",
    "mlrun_like.serving": "Serving",
    "mlrun_like.streams": "Streams",
    "mlrun_like.feature_store": "Feature store",
    "mlrun_like.feature_store.sources": "Feature store: sources",
    "mlrun_like.feature_store.targets": "Feature store: targets",
    "mlrun_like.feature_store.steps": "Feature store: steps",
    "mlrun_like.monitoring": "Monitoring",
    "mlrun_like.notifications": "Notifications",
    "mlrun_like.compat": "Code written for MLRun",
}
"""Packages whose names are promised to stay, and their titles."""


def api_pages() -> Iterator[tuple[str, str]]:
    """The path and text of each page, an overview first."""
    rows = [
        f"| [`{name}`]({_uri(name).rpartition('/')[2]}) | {title} |"
        for name, title in PACKAGES.items()
    ]
    head = "# Python API\n\nWhat is not listed here may change in any release.\n"
    yield "reference/api.md", "\n".join([head, "| package | |", "|---|---|", *rows, ""])
    for name, title in PACKAGES.items():
        yield _uri(name), _page(import_module(name), title)


def _uri(package: str) -> str:
    return f"reference/{package.replace('.', '-')}.md"


def _page(package: ModuleType, title: str) -> str:
    name = package.__name__
    lines = [f"# {title}", "", f"`import {name}`" if "." in name else f"`import {name} as ml`", ""]
    for each in package.__all__:
        value = getattr(package, each)
        if inspect.ismodule(value):
            known = value.__name__ in PACKAGES
            link = f"[`{value.__name__}`]({_uri(value.__name__).rpartition('/')[2]})"
            text = (value.__doc__ or "").partition("\n")[0]
            lines += [f"### {each}", "", f"{link if known else f'`{value.__name__}`'}: {text}", ""]
        else:
            lines += [f"### {each}", "", *_described(package, each, value), ""]
    return "\n".join(lines)


def _described(package: ModuleType, name: str, value: Any) -> list[str]:
    if inspect.isclass(value) or inspect.isroutine(value):
        return [
            f"::: {value.__module__}.{value.__qualname__}",
            "    options: {show_root_heading: false, show_root_toc_entry: false, heading_level: 4}",
        ]
    text = inspect.getdoc(type(value)) or ""
    return [f"`{package.__name__}.{name}`: {text.partition(chr(10))[0]}"]
