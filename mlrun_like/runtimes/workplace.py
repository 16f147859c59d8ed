"""Where a run works, taken from its function: variables, folder, module path, memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from mlrun_like.configuration import environment, environment_copy
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.folder import folder_here
from mlrun_like.runtimes.limits import memory_limit
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Workplace", "own_variables", "workplace_of"]


class Workplace(NamedTuple):
    """What surrounds a run.

    Args:
        own: The function's own environment variables.
        env: All variables: the inherited ones and the function's.
        cwd: Absolute working folder.
        path: Further folders for `sys.path`.
        memory: Limit in bytes; None: no limit.
        missing: Variables that only a cluster could fill.
        note: What else is another way here.
    """

    own: dict[str, str]
    env: dict[str, str]
    cwd: str
    path: tuple[str, ...]
    memory: int | None
    missing: tuple[str, ...]
    note: str = ""


def workplace_of(doc: FunctionDoc, moved: bool = False) -> Workplace:
    """Read and check a function's surroundings.

    Args:
        doc: The function.
        moved: It runs here though its kind has images: their folder need not be here.

    Raises:
        InvalidArgumentError: if one of them cannot be had on this machine.
    """
    spec = doc.spec
    own, missing = own_variables(doc)
    fetched = spec.build.source and spec.build.load_source_on_run  # then workdir is in there
    here, note = "" if fetched else spec.workdir, ""
    if moved and here:
        here, note = folder_here(here, doc.kind)
    cwd = Path(here).expanduser().absolute() if here else Path.cwd()
    if not cwd.is_dir():
        raise InvalidArgumentError(
            f"working folder {str(cwd)!r} does not exist",
            where=f"function {doc.metadata.name!r}, spec.workdir",
            fix="create it, or leave workdir out to run in the current folder",
        )
    path = tuple(
        str(cwd / Path(part).expanduser()) for part in spec.pythonpath.split(os.pathsep) if part
    )
    return Workplace(
        own=own,
        env={**environment_copy(), **own},
        cwd=str(cwd),
        path=path,
        memory=memory_limit(spec.resources),
        missing=missing,
        note=note,
    )


def own_variables(doc: FunctionDoc) -> tuple[dict[str, str], tuple[str, ...]]:
    """The function's variables, and the names of those that refer to a cluster's secret.

    Raises:
        InvalidArgumentError: if one has no usable name or value.
    """
    own: dict[str, str] = {}
    missing = []
    for item in doc.spec.env:
        name = item.get("name")
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise InvalidArgumentError(
                f"environment variable name {name!r} cannot be used",
                where=f"function {doc.metadata.name!r}, spec.env",
                fix='fn.set_env("NAME", "value")',
            )
        if item.get("value") is None and (item.get("value_from") or item.get("valueFrom")):
            if environment(name) is None:
                missing.append(name)
            continue
        value = "" if item.get("value") is None else str(item["value"])
        if "\0" in value:  # the value itself may be a secret
            raise InvalidArgumentError(
                f"the value of environment variable {name!r} holds a zero byte",
                where=f"function {doc.metadata.name!r}, spec.env",
            )
        own[name] = value
    return own, tuple(missing)
