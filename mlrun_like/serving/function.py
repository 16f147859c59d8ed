"""Functions of kind `serving`: a graph with the code it needs (MLRun's serving runtime)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import GraphError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.graph import Graph
from mlrun_like.serving.plot import Picture
from mlrun_like.serving.server import GraphServer
from mlrun_like.serving.spec import ServingSpec
from mlrun_like.serving.step import GraphStep, RouterStep

__all__ = ["ServingFunction", "graph_of"]

_TOPOLOGIES = ("flow", "router")


class ServingFunction(Function[..., Any]):
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
        self.verbose = False

    # The document ----------------------------------------------------------------------------

    @property
    def metadata(self) -> Any:
        """Name, project, tag, hash, labels, categories; may be assigned to."""
        return super()._doc().metadata

    @property
    def spec(self) -> Any:
        """The document's spec, with the live graph in `spec.graph`; may be assigned to."""
        if self._serving_spec is None:
            self._serving_spec = ServingSpec(super()._doc().spec)
        return self._serving_spec

    def _doc(self) -> Any:
        document = super()._doc()
        if self._serving_spec is not None:
            self._serving_spec.write()
        return document

    # The graph -------------------------------------------------------------------------------

    def set_topology(
        self,
        topology: str = "",
        class_name: Any = None,
        engine: str = "",
        exist_ok: bool = False,
        **class_args: Any,
    ) -> Any:
        """Start the function's graph.

        Args:
            topology: `router` (default): models behind one address; `flow`: steps.
            class_name: The router's class; by default the one that serves models by name.
            engine: Of a flow: `async` (default) or `sync`; see `Graph`.
            exist_ok: Replace the graph that is there.
            class_args: Arguments of the router's class.

        Returns:
            The Graph of a flow, the RouterStep of a router.

        Raises:
            InvalidArgumentError: if there is a graph already, or the topology is unknown.
        """
        topology = topology or "router"
        if self.spec.graph is not None and not exist_ok:
            raise InvalidArgumentError(
                "graph topology is already set",
                where=f"function {self.name!r}",
                fix="set_topology(..., exist_ok=True) replaces the graph",
            )
        if topology not in _TOPOLOGIES:
            raise InvalidArgumentError(
                f"unsupported topology {topology!r}.{nearest(topology, _TOPOLOGIES)}",
                where=f"function {self.name!r}",
                fix=f"use one of: {', '.join(_TOPOLOGIES)}",
            )
        graph = Graph(engine=engine or "async", kind=topology)
        self.spec.graph = graph
        if topology == "flow":
            return graph
        if isinstance(class_name, RouterStep):
            router = class_name
            router.graph = graph
        else:
            router = RouterStep(
                graph, "router", class_name=class_name or "", class_args=dict(class_args)
            )
        router.responder = True
        graph.steps.append(router)
        return router

    def add_model(  # noqa: PLR0913 - MLRun's signature
        self,
        key: str,
        model_path: Any = None,
        class_name: Any = None,
        model_url: str = "",
        handler: str = "",
        router_step: str = "",
        child_function: str = "",
        **class_args: Any,
    ) -> GraphStep:
        """Add a model to the function's router; without a graph, a router is made.

        Args:
            key: The model's name; `name:version` names a version.
            model_path: Where the model is: `store://models/...`, a folder or a file.
            class_name: The model's class; by default the spec's `default_class`.
            model_url: Instead of a path: the URL of a model served elsewhere.
            handler: The method to call instead of the class's own.
            router_step: In a flow with several routers: the name of one.
            child_function: The child function that runs it.
            class_args: Further arguments of the class.

        Raises:
            InvalidArgumentError: if there is no router, or neither path nor URL nor class.
        """
        router = self._router(router_step)
        if not (model_path or model_url or class_args.get("model") is not None or class_name):
            raise InvalidArgumentError(
                f"model {key!r} needs model_path or model_url",
                fix=f'fn.add_model("{key}", class_name="MyModel", model_path="store://models/...")',
            )
        if model_url:
            if class_args.get("model") is not None or model_path:
                raise InvalidArgumentError(f"model {key!r}: give model_path or model_url, not both")
            return router.add_route(key, class_name="$remote", url=model_url, **class_args)
        class_name = class_name or self.spec.default_class
        if not class_name:
            raise InvalidArgumentError(
                f"model {key!r} needs class_name", fix="name the class that serves it"
            )
        if model_path:
            class_args["model_path"] = str(model_path)
        return router.add_route(
            key, class_name=class_name, handler=handler or None, function=child_function,
            **class_args,
        )  # fmt: skip

    def remove_states(self, keys: Sequence[str]) -> None:
        """Remove routes or steps by name; unknown names are ignored."""
        graph = self.spec.graph
        if graph is not None and graph.kind == "router":
            graph.steps[0].clear_children(keys)
        elif graph is not None:
            graph.remove_steps(keys)

    def add_child_function(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str,
        url: str = "",
        image: str = "",
        requirements: Sequence[str] | str | None = None,
        kind: str = "serving",
    ) -> Mapping[str, Any]:
        """Declare a function that runs the steps with `function=name`, in a process of its own."""
        reference = {"name": name, "url": url, "image": image, "kind": kind}
        wanted = [requirements] if isinstance(requirements, str) else list(requirements or ())
        self.spec.function_refs[name] = {**reference, "requirements": wanted}
        found: Mapping[str, Any] = self.spec.function_refs[name]
        return found

    def set_tracking(
        self,
        stream_path: str = "",
        batch: int | None = None,
        sample: int | None = None,
        stream_args: Mapping[str, Any] | None = None,
        enable_tracking: bool = True,
    ) -> None:
        """Record each request and answer of the models to a stream.

        Args:
            stream_path: The stream's URL; `dummy://` keeps the records in memory for tests.
            batch: Collect this many requests into one record.
            sample: Record one of this many requests.
            stream_args: Options of the stream.
            enable_tracking: False: stop tracking.
        """
        self.spec.track_models = enable_tracking
        parameters = self.spec.parameters
        values = {
            "log_stream": stream_path,
            "log_stream_batch": batch,
            "log_stream_sample": sample,
            "stream_args": dict(stream_args) if stream_args else None,
        }
        for key, value in values.items():
            parameters.pop(key, None)
            if value and enable_tracking:
                parameters[key] = value

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
            namespace: Where names of classes and functions are looked up, besides the function's
                own code; by default the calling module.
            current_function: `"*"`: the whole graph in this process.
            track_models: Whether models record requests as deployed ones do.
            workdir: Folder that relative paths of the function's code start from.
            parameters: Further parameters of the graph.

        Raises:
            GraphError: naming every mistake of the graph.
        """
        if namespace is None:
            namespace = sys._getframe(1).f_globals
        return self.server(
            [namespace], current_function=current_function, is_mock=True,
            track_models=track_models, workdir=workdir or "", parameters=parameters,
        )  # fmt: skip

    def server(
        self,
        namespaces: Sequence[Any] = (),
        *,
        current_function: str = "*",
        is_mock: bool = False,
        track_models: bool = True,
        workdir: str = "",
        parameters: Mapping[str, Any] | None = None,
    ) -> GraphServer:
        """A GraphServer of this function's graph, with its parameters and code.

        Raises:
            GraphError: naming every mistake of the graph, or if there is none.
        """
        graph: Graph | None = self.spec.graph
        if graph is None or not graph.steps:
            raise GraphError(
                "the function has no graph, so there is nothing to serve",
                where=f"function {self.name!r}",
                fix='fn.set_topology("flow").to(...) or fn.add_model(...)',
            )
        spec = self.spec
        given = {**graph.parameters, **spec.parameters, **(parameters or {})}
        if is_mock and not track_models:
            given = {k: v for k, v in given.items() if not k.startswith("log_stream")} | {
                k: v for k, v in given.items() if str(v).startswith("dummy://")
            }
        context = GraphContext(given, is_mock, self.metadata.project, self.uri_without_graph())
        context.verbose = self.verbose
        context.current_function = current_function
        graph.error_stream = spec.error_stream or graph.error_stream
        spaces = [*namespaces, *self._own_code(workdir)]
        server = GraphServer(graph, spaces, is_mock=is_mock, context=context)
        if spec.graph_initializer:
            resolve(_path_of(spec.graph_initializer))(server)
        return server

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

    def _router(self, name: str) -> RouterStep:
        graph: Graph | None = self.spec.graph
        if graph is None:
            made: RouterStep = self.set_topology("router")
            return made
        routers = [step for step in graph.steps if isinstance(step, RouterStep)]
        if name:
            routers = [router for router in routers if router.name == name]
        if len(routers) == 1:
            return routers[0]
        names = ", ".join(router.name for router in routers)
        raise InvalidArgumentError(
            f"the graph has several routers ({names}); please specify the router_step"
            if routers
            else f"the graph has no router{f' named {name!r}' if name else ''} to add models to",
            where=f"function {self.name!r}",
            fix='graph.to("*", "models"), then fn.add_model(..., router_step="models")',
        )

    def _own_code(self, workdir: str) -> list[Any]:
        spec = super()._doc().spec
        if not (spec.build.functionSourceCode or spec.command):
            return []
        load = resolve("mlrun_like.packaging.loader:load_module")
        try:
            return [load(super()._doc())]
        except NotFoundError as exc:
            raise GraphError(f"the function's code cannot be loaded: {exc}") from exc


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


def _path_of(name: str) -> str:
    module, _, attribute = name.rpartition(".")
    return f"{module}:{attribute}"
