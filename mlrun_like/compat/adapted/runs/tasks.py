"""`run_local` and the other functions of `mlrun.run` that are methods or gone today."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.configuration import config
from mlrun_like.functions.creators import function_to_module, import_function, new_function
from mlrun_like.functions.function import Function
from mlrun_like.functions.hub import hub_address, parse_address
from mlrun_like.functions.kinds import class_of
from mlrun_like.marketplace.resolving import find_item, read_asset
from mlrun_like.names import parse_function_uri
from mlrun_like.runs.context import MLClientCtx, current_context
from mlrun_like.runs.object import RunObject
from mlrun_like.tracking.connect import open_store

__all__ = [
    "add_code_metadata",
    "download_object",
    "extend_hub_uri_if_needed",
    "get_runtime_class",
    "global_context",
    "import_function_to_dict",
    "load_func_code",
    "parse_versioned_object_uri",
    "run_local",
    "run_modes",
]


def run_local(  # noqa: PLR0913 - MLRun's signature
    task: Any = None,
    command: Any = "",
    name: str = "",
    args: Sequence[Any] | None = None,
    workdir: str | os.PathLike[str] | None = None,
    project: str = "",
    tag: str = "",
    secrets: Any = None,
    handler: Any = None,
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    artifact_path: str = "",
    mode: str | None = None,
    allow_empty_resources: bool | None = None,
    notifications: Sequence[Any] | None = None,
    returns: Sequence[Any] | None = None,
) -> RunObject:
    """Run a file, a function's document or a function in this process.

    Args:
        task: A task with defaults for what follows.
        command: A `.py`, `.ipynb` or `.yaml` file, a `db://` or `hub://` address, or a Function;
            empty: `handler` is a callable.
        name: The run's name.
        args: Arguments of the file's program.
        workdir: Folder of the run, and of a relative `command`.
        project: The run's project.
        tag: The function's tag.
        secrets: MLRun's; give them with the task.
        handler: The entry point.
        params: Values for the handler's arguments.
        inputs: URLs for the handler's data arguments.
        artifact_path: Where artifacts go.
        mode: `pass`: run the command as it is.
        allow_empty_resources: An input may be an artifact without bytes.
        notifications: Who is told about the run.
        returns: Log hints of what is returned.

    Raises:
        RunError: if it fails.
    """
    del secrets
    function: Any = command
    if not isinstance(command, Function):
        path = str(command or "")
        if workdir and path and "://" not in path and not os.path.isabs(path):
            path = str(Path(workdir) / path) if Path(workdir, path).is_file() else path
        if path.endswith((".yaml", ".yml")) or "://" in path:
            function = import_function(path)
        else:
            function = new_function(
                name,
                tag=tag,
                command=path,
                args=args,
                mode=mode or "",
                kind="" if path else "handler",
            )
    if allow_empty_resources:
        function = function.copy()
        function.spec.allow_empty_resources = True
    return function.run(  # type: ignore[no-any-return]
        task,
        handler,
        name,
        project,
        params,
        inputs,
        artifact_path=artifact_path,
        workdir=workdir or "",
        notifications=notifications,
        returns=returns,
        local=True,
    )


def download_object(url: str, target: str, secrets: Mapping[str, str] | None = None) -> None:
    """Copy what is at a URL into a local file."""
    get_dataitem(url, secrets=secrets).download(target)


def import_function_to_dict(url: str, secrets: Any = None) -> dict[str, Any]:
    """The document of a function, from a file, the store or a catalogue."""
    del secrets
    return import_function(url).to_dict()


def load_func_code(
    command: Any = "", workdir: str | None = None, secrets: Any = None, name: str = "name"
) -> Any:
    """The code of a file or function as a module, or None if there is none."""
    del secrets, name
    return function_to_module(command, workdir or "", silent=True)


def parse_versioned_object_uri(uri: str, default_project: str = "") -> tuple[str, str, str, str]:
    """The project, name, tag and hash of `[<project>/]<name>[:<tag>][@<hash>]`."""
    found = parse_function_uri(uri, default_project or config.default_project)
    return found.project, found.name, found.tag, found.hash


def extend_hub_uri_if_needed(
    uri: str, asset_type: Any = "functions", file: str = "function.yaml"
) -> tuple[str, bool]:
    """An address of a catalogue as that of a file of this machine, and whether it was one.

    Args:
        uri: `hub://[<source>/]<name>[:<tag>]`; anything else stays as it is.
        asset_type: Whether the item is one of its `functions`, `modules` or `steps`.
        file: Which of the item's files; by default the function's document.
    """
    if not uri.startswith("hub://"):
        return uri, False
    if file == "function.yaml":
        return hub_address(uri), True
    source, name, tag = parse_address(uri)
    store = open_store()
    kind = str(getattr(asset_type, "value", asset_type))
    item = find_item(store, source, name, tag, kind=kind)
    return read_asset(store, item, file).path, True


def get_runtime_class(kind: str) -> type[Function[..., Any]]:
    """The class of functions of a kind."""
    return class_of(kind)


def add_code_metadata(path: str = "") -> str | None:
    """The repository and commit that a folder belongs to; None: it belongs to none."""
    start = Path(path or ".").resolve()
    for folder in (start, *start.parents):
        head = folder / ".git" / "HEAD"
        if head.is_file():
            return f"{folder}#{_commit(head)}"
    return None


def _commit(head: Path) -> str:
    text = head.read_text("utf-8").strip()
    if not text.startswith("ref: "):
        return text
    place = head.parent / text[5:]
    return place.read_text("utf-8").strip() if place.is_file() else text[5:]


class _Global:
    """The context of the run that this code is part of."""

    def get(self) -> MLClientCtx | None:
        """The context, or None."""
        return current_context()

    def set(self, context: Any, is_global: bool = False) -> None:
        """MLRun's; a run's context ends with it."""


global_context = _Global()
run_modes = ("pass",)
"""How a command may be run."""
