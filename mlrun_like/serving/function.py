"""Functions of kind `serving`: a graph with the code it needs (MLRun's serving runtime)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import GraphError, InvalidArgumentError, NotFoundError
from mlrun_like.functions.function import Function
from mlrun_like.functions.nuclio import NuclioFunction
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition import lookup
from mlrun_like.serving.definition.defining import Defining, child_of
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.parts import part_for
from mlrun_like.serving.definition.spec import ServingSpec
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.mocking import Mocking
from mlrun_like.serving.plot import Picture
from mlrun_like.serving.server import GraphServer

__all__ = ["ServingFunction", "graph_of"]

_SECRETS = "mlrun_like.runs.secrets"


class ServingFunction(Defining, Mocking, NuclioFunction):  # type: ignore[misc] # as there
    """What `new_function(kind="serving")` and `code_to_function(kind="serving")` give.

    >>> import mlrun_like as ml
    >>> fn = ml.new_function("double", kind="serving")
    >>> graph = fn.set_topology("flow", engine="sync")
    >>> step = graph.to(name="twice", handler="(event * 2)")
    >>> fn.to_mock_server().test(body=4)
    8
    """

    def __init__(
        self,
        handler: Callable[..., Any] | None,
        options: Mapping[str, Any] | None = None,
        document: Any = None,
    ) -> None:
        super().__init__(handler, options, document)
        self._serving_spec: ServingSpec | None = None
        self._secret_sources: list[dict[str, Any]] = []
        self._mock: GraphServer | None = None

    # The document ----------------------------------------------------------------------------

    @property
    def metadata(self) -> Any:
        """Name, project, tag, hash, labels, categories; may be assigned to."""
        return super()._doc().metadata

    @property
    def spec(self) -> Any:
        """The document's spec, with the live graph in `spec.graph`; may be assigned to."""
        if self._serving_spec is None:
            self._serving_spec = ServingSpec(super()._doc().spec, child_of)
        return self._serving_spec

    @property
    def verbose(self) -> bool:
        """Whether the server tells more in its log; may be assigned to."""
        return bool(super()._doc().verbose)

    @verbose.setter
    def verbose(self, value: bool) -> None:
        super()._doc().verbose = bool(value)

    def with_secrets(self, kind: str, source: Any) -> ServingFunction:
        """Give the steps secrets: `context.get_secret(key)`.

        Args:
            kind: `inline` (source: a mapping), `file` (a file of `KEY=value` lines), `env` (names
                of environment variables, separated by commas).
            source: See `kind`. Values given inline never enter the function's document.

        Raises:
            InvalidArgumentError: if the kind is unknown, or the source has a wrong form.
            NotFoundError: if there is no such file.
        """
        added = {"kind": kind, "source": source}
        resolve(f"{_SECRETS}:resolve_sources")([added])
        self._secret_sources.append(added)
        self.spec.secret_sources += resolve(f"{_SECRETS}:public_sources")([added])
        return self

    def _secrets(self) -> dict[str, str]:
        given, written = self._secret_sources, self.spec.secret_sources
        read = written[: len(written) - len(given)]  # the document's own; inline values are lost
        kept = [source for source in read if source.get("kind") != "inline"]
        found: dict[str, str] = resolve(f"{_SECRETS}:resolve_sources")([*kept, *given])
        return found

    def _doc(self) -> Any:
        document = super()._doc()
        if self._serving_spec is not None:
            self._serving_spec.write()
        return document

    # Nuclio ----------------------------------------------------------------------------------

    def serving_spec(self) -> str:
        """The JSON that travels in `SERVING_SPEC_ENV`: graph, parameters, load mode and the rest.

        Raises:
            GraphError: if a step has no importable name, or there is no graph.
        """
        self._served()
        return str(resolve("mlrun_like.serving.nuclio.spec:serving_text")(self))

    _get_serving_spec = serving_spec  # MLRun's name of it

    def nuclio_parts(
        self, builder_env: Mapping[str, Any] | None = None
    ) -> dict[str, tuple[dict[str, Any], Any]]:
        """Configuration and code of the function (`""`) and of each of its child functions."""
        found: dict[str, tuple[dict[str, Any], Any]] = resolve(
            "mlrun_like.serving.nuclio.parts:parts_of_function"
        )(self, builder_env)
        return found

    # Using it --------------------------------------------------------------------------------

    def to_mock_server(
        self,
        namespace: Any = None,
        current_function: str = "*",
        track_models: bool = False,
        workdir: str | None = None,
        **parameters: Any,
    ) -> GraphServer:
        """Check and compile the graph, create its steps, and return a server to call here.

        Args:
            namespace: Module, dictionary or list of them in which names of classes and functions
                are looked up first; then in the code of the function and its child functions, then
                in the calling module.
            current_function: `"*"`: the whole graph in this process; else only the steps of this
                child function, which receives the events.
            track_models: Whether models record requests as deployed ones do.
            workdir: Folder that relative paths of the function's code start from.
            parameters: Further parameters of the graph.

        Raises:
            GraphError: naming every mistake of the graph.
        """
        given = [] if namespace is None else [namespace]
        return self.server(
            given, sys._getframe(1).f_globals, current_function=current_function, is_mock=True,
            track_models=track_models, workdir=workdir or "", parameters=parameters,
        )  # fmt: skip

    def server(
        self,
        namespaces: Sequence[Any] = (),
        calling: Mapping[str, Any] | None = None,
        *,
        current_function: str = "*",
        is_mock: bool = False,
        track_models: bool = True,
        workdir: str = "",
        parameters: Mapping[str, Any] | None = None,
    ) -> GraphServer:
        """A GraphServer of this function's graph, with its parameters and code.

        Args:
            namespaces: Where names are looked up first; then in the code of the function and its
                child functions.
            calling: Where names are looked up last.
            current_function: See `to_mock_server`.
            is_mock: Whether steps are told that events come from tests only.
            track_models: See `to_mock_server`.
            workdir: See `to_mock_server`.
            parameters: Further parameters of the graph.

        Raises:
            GraphError: naming every mistake of the graph, or if there is none.
        """
        spec = self.spec
        graph = part_for(self._served(), current_function, self.name)
        given = {**graph.parameters, **spec.parameters, **(parameters or {})}
        if is_mock and not track_models and not _is_dummy(given.get("log_stream")):
            given = {k: v for k, v in given.items() if not k.startswith("log_stream")}
        context = GraphContext(given, is_mock, self.metadata.project, self.uri_without_graph())
        context.verbose = self.verbose
        context.tracked = track_models and bool(spec.track_models)
        context.current_function = current_function
        context.load_mode = spec.load_mode or "sync"
        context.secrets = self._secrets()
        context.spread = self._endpoints.spread if self._endpoints is not None else None
        spaces = [*namespaces, *self._own_code(workdir), *([calling] if calling else [])]
        initializer = spec.graph_initializer or None
        if isinstance(initializer, str):
            initializer = lookup.resolve(initializer, lookup.namespaces_of(spaces))
        server = GraphServer(
            graph, spaces, is_mock=is_mock, context=context, initializer=initializer
        )
        server.default_content_type = spec.default_content_type
        if spec.error_stream:
            server.error_stream = spec.error_stream
        if self._endpoints is not None:
            server.check_by(self._endpoints)
        return server

    def _served(self) -> Graph:
        graph: Graph | None = self.spec.graph
        if graph is None or not graph.steps:
            raise GraphError(
                "the function has no graph, so there is nothing to serve",
                where=f"function {self.name!r}",
                fix='fn.set_topology("flow").to(...) or fn.add_model(...)',
            )
        return graph

    def uri_without_graph(self) -> str:
        """`<project>/<name>`: how tracking records name the function."""
        return f"{self.metadata.project or 'default'}/{self.metadata.name}"

    def plot(
        self, filename: str | Path | None = None, format: str | None = None, **options: Any
    ) -> Picture:
        """A picture of the function's graph; see `Graph.plot`."""
        graph: Graph | None = self.spec.graph
        if graph is None:
            raise GraphError("the function has no graph to plot", where=f"function {self.name!r}")
        return graph.plot(filename, format, **options)

    def _own_code(self, workdir: str) -> list[Any]:
        """The modules of the function and of its children."""
        children = [c for c in self.spec.child_functions().values() if c.kind == self.kind]
        documents = [Function._doc(function) for function in (self, *children)]
        load = resolve("mlrun_like.packaging.loader:load_module")
        found = []
        for document in documents:
            spec = document.spec
            if not (spec.build.functionSourceCode or spec.command):
                continue
            if workdir and not spec.build.functionSourceCode:
                moved = spec.model_copy(update={"workdir": workdir})
                document = document.model_copy(update={"spec": moved})
            try:
                found.append(load(document))
            except NotFoundError as exc:
                raise GraphError(
                    f"the code of function {document.metadata.name!r} cannot be loaded: {exc.what}",
                    where=exc.where,
                    fix=exc.fix,
                ) from exc
        return found


def _is_dummy(url: Any) -> bool:
    return str(url or "").startswith("dummy://")


def graph_of(target: Any) -> Graph:
    """The graph of a Graph, a step of one, or a serving function.

    Raises:
        InvalidArgumentError: if it is something else.
    """
    if isinstance(target, Graph):
        return target
    if isinstance(target, GraphStep):
        return target.graph
    if isinstance(target, ServingFunction) and target.spec.graph is not None:
        found: Graph = target.spec.graph
        return found
    raise InvalidArgumentError(
        f"{target!r:.80} is no graph",
        fix="give a Graph, a step of one, or a function of kind serving with a topology",
    )
