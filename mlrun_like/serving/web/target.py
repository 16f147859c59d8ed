"""What can be served, and where it is found by name."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError, nearest
from mlrun_like.registry import resolve
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.server import GraphServer

__all__ = ["find_target", "server_of", "watched_folder"]

_CODE = (".py", ".ipynb")
_DOCUMENTS = (".yaml", ".yml", ".json")


def server_of(target: Any, namespace: Any = None) -> GraphServer:
    """The server of a graph, of a step of one, or of a serving function; a server is its own.

    Args:
        target: What to serve.
        namespace: Where names of classes and functions are looked up.

    Raises:
        GraphError: naming every mistake of the graph.
        InvalidArgumentError: if it is something else.
    """
    if isinstance(target, GraphServer):
        return target
    if isinstance(target, (Graph, GraphStep)):
        return GraphServer(target.graph if isinstance(target, GraphStep) else target, namespace)
    make = getattr(target, "server", None)
    if callable(make) and hasattr(target, "set_topology"):
        found: GraphServer = make([] if namespace is None else [namespace])
        return found
    raise InvalidArgumentError(
        f"{target!r:.80} cannot be served",
        fix="give a Graph, a step of one, or a function of kind serving with a graph",
    )


def find_target(text: str) -> tuple[Any, Any]:
    """What a command line names, and the namespace of its steps.

    Args:
        text: `graph.yaml`, `function.yaml`, `file.py:name` or `package.module:name`; the name is
            of a graph, a serving function, an ASGI application, or a function that gives one
            (`graph` if there is none).

    Raises:
        MissingFileError: if there is no such file.
        NotFoundError: if there is no such module or name.
        InvalidArgumentError: if the name is of a function that needs arguments.
        GraphError: if a document is not a graph.

    >>> find_target("mlrun_like.serving.definition.graph:flow")[0].steps
    []
    """
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if text.endswith(_DOCUMENTS):
        return _document(Path(text)), None
    place, colon, name = text.rpartition(":")
    if not colon or name.endswith(_CODE):
        place, name = text, "graph"
    try:
        space = vars(_module(place))
    except ModuleNotFoundError as exc:
        if not exc.name:
            raise
        brings = resolve("mlrun_like.packaging.providers:provider_of")(exc.name)
        raise NotFoundError(
            f"{place} imports {exc.name!r}, which is not here",
            fix=f"pip install {brings}; a module of yours must lie beside the file",
        ) from exc
    found = space.get(name)
    if found is None:
        raise NotFoundError(
            f"there is no {name!r} in {place}.{nearest(name, space)}",
            fix=f"name the graph: {place}:<name>",
        )
    if inspect.isfunction(found) and not inspect.iscoroutinefunction(found):
        found = _made_by(found, f"{place}:{name}")
    return found, space


def watched_folder(text: str) -> Path:
    """The folder whose changes mean that a target has changed."""
    place = text.rpartition(":")[0] or text
    path = Path(text if text.endswith((*_CODE, *_DOCUMENTS)) else place)
    return path.parent.absolute() if path.suffix in (*_CODE, *_DOCUMENTS) else Path.cwd()


def _made_by(function: Any, target: str) -> Any:
    """What a function without arguments gives; one that needs some makes no graph."""
    needed = [
        item.name
        for item in inspect.signature(function).parameters.values()
        if item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]
    if needed:
        name = target.rpartition(":")[2]
        raise InvalidArgumentError(
            f"{target} is a function of {', '.join(needed)}, and no graph: what is named is a "
            "Graph, a serving function, an ASGI application, or a function without arguments that "
            "gives one",
            fix=f"graph = flow(); graph.to({name}).respond()   beside it (from mlrun_like.serving "
            "import flow), and name that graph",
        )
    return function()


def _document(path: Path) -> Any:
    if not path.is_file():
        raise MissingFileError(f"there is no file {str(path)!r}", where=str(Path.cwd()))
    folder = str(path.parent.absolute())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return Graph.from_yaml(path)  # says what is wrong
    if isinstance(document, dict) and "spec" in document and "steps" not in document:
        return resolve("mlrun_like.functions.creators:import_function")(str(path))
    return Graph.from_dict(document)


def _module(place: str) -> Any:
    if place.endswith(_CODE):
        if not Path(place).is_file():
            raise MissingFileError(f"there is no file {place!r}", where=str(Path.cwd()))
        return resolve("mlrun_like.packaging.loader:module_from_path")(place)
    if not all(part.isidentifier() for part in place.split(".")):
        raise InvalidArgumentError(
            f"{place!r:.80} is neither a module nor a file",
            fix="mlrun-like serve graph.yaml | file.py:graph | package.module:graph",
        )
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (place == exc.name or place.startswith(exc.name + ".")):
            raise NotFoundError(
                f"there is no module {place!r}", fix="is its folder the current one, or installed?"
            ) from exc
        raise
