"""What GRAPH means on the command line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MissingFileError, nearest
from mlrun_like.serving.function import ServingFunction, graph_of
from mlrun_like.serving.graph import Graph

__all__ = ["load_graph"]

_DOCUMENTS = (".yaml", ".yml", ".json")


def load_graph(target: str) -> tuple[Graph, list[Any]]:
    """The graph that a command line names, and where its names are looked up.

    Args:
        target: `graph.yaml`, `package.module:graph` or
            `file.py:graph`; what is named there is a graph, a step of one, a serving function, or
            a function without arguments that gives one of these.

    Raises:
        MissingFileError: if the file or module does not exist.
        InvalidArgumentError: if it is not a graph.
        GraphError: if the document is wrong.
    """
    if target.endswith(_DOCUMENTS):
        path = Path(target)
        if not path.is_file():
            raise MissingFileError(f"there is no file {target!r}", where=str(Path.cwd()))
        return Graph.from_yaml(path), []
    name, _, attribute = target.rpartition(":")
    if not name or not attribute:
        raise InvalidArgumentError(
            f"{target!r} does not name a graph",
            fix="give graph.yaml, package.module:graph or file.py:graph",
        )
    module = _module(name)
    if not hasattr(module, attribute):
        raise InvalidArgumentError(
            f"{name!r} has no {attribute!r}.{nearest(attribute, vars(module))}", where=target
        )
    found = getattr(module, attribute)
    if callable(found) and not isinstance(found, ServingFunction):
        found = found()
    if isinstance(found, ServingFunction):
        return _of_function(found), [module]
    return graph_of(found), [module]


def _of_function(function: ServingFunction) -> Graph:
    graph = graph_of(function)
    graph.parameters = {**graph.parameters, **function.spec.parameters}
    graph.error_stream = function.spec.error_stream or graph.error_stream
    return graph


def _module(name: str) -> Any:
    try:
        if not name.endswith(".py"):
            return importlib.import_module(name)
        path = Path(name)
        if not path.is_file():
            raise MissingFileError(f"there is no file {name!r}", where=str(Path.cwd()))
        sys.path.insert(0, str(path.parent.resolve()))
        return importlib.import_module(path.stem)
    except ModuleNotFoundError as exc:
        if exc.name and not name.startswith(exc.name):
            raise
        raise MissingFileError(f"there is no module {name!r}", where=str(Path.cwd())) from exc
