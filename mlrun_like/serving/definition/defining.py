"""What a serving function's graph is made of: topology, models, child functions, tracking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.registry import resolve
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import GraphStep, RouterStep

__all__ = ["Defining", "child_of"]

_TOPOLOGIES = ("flow", "router")
_CREATORS = "mlrun_like.functions.creators"


class Defining:
    """The part of a serving function that defines its graph."""

    spec: Any
    name: str

    # The graph -------------------------------------------------------------------------------

    def set_topology(
        self,
        topology: str = "",
        class_name: Any = None,
        engine: str = "",
        exist_ok: bool = False,
        allow_cyclic: bool = False,
        max_iterations: int | None = None,
        **class_args: Any,
    ) -> Any:
        """Start the function's graph.

        Args:
            topology: `router` (default): models behind one address; `flow`: steps.
            class_name: The router's class; by default the one that serves models by name.
            engine: Of a flow: `async` (default) or `sync`; see `Graph`.
            exist_ok: Replace the graph that is there.
            allow_cyclic: Whether steps of a flow may send events back to earlier ones
                (`step.cycle_to`).
            max_iterations: How often one event may then come to a step; by default 100.
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
                f"unsupported topology {topology!r}.{nearest(str(topology), _TOPOLOGIES)}",
                where=f"function {self.name!r}",
                fix=f"use one of: {', '.join(_TOPOLOGIES)}",
            )
        if topology == "flow" and (class_name or class_args):
            raise InvalidArgumentError(
                f"a flow has no class of its own: {class_name or sorted(class_args)!r:.80}",
                where=f"function {self.name!r}",
                fix='set_topology("router", class_name) or set_topology("flow").to(class_name)',
            )
        graph = Graph(
            engine=engine or "async",
            kind=topology,
            allow_cyclic=allow_cyclic,
            max_iterations=max_iterations,
        )
        if topology == "flow":
            self.spec.graph = graph
            return graph
        if isinstance(class_name, GraphStep) and not isinstance(class_name, RouterStep):
            raise InvalidArgumentError(
                f"step {class_name.name!r} is not a router", where=f"function {self.name!r}"
            )
        if isinstance(class_name, RouterStep):
            router = class_name
            router.graph = graph
        else:
            router = RouterStep(
                graph, "router", class_name=class_name or "", class_args=dict(class_args)
            )
        router.responder = True
        graph.steps.append(router)
        self.spec.graph = graph
        return router

    def add_model(
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
        if not (model_path or model_url or class_args.get("model") is not None or class_name):
            raise InvalidArgumentError(
                f"model {key!r} needs model_path or model_url",
                fix=f'fn.add_model("{key}", class_name="MyModel", model_path="store://models/...")',
            )
        if model_url:
            if class_args.get("model") is not None or model_path:
                raise InvalidArgumentError(f"model {key!r}: give model_path or model_url, not both")
            router = self._router(router_step)
            return router.add_route(key, class_name="$remote", url=model_url, **class_args)
        class_name = class_name or self.spec.default_class
        if not class_name:
            raise InvalidArgumentError(
                f"model {key!r} needs class_name", fix="name the class that serves it"
            )
        if model_path:
            class_args["model_path"] = str(model_path)
        return self._router(router_step).add_route(
            key, class_name=class_name, handler=handler or None, function=child_function,
            **class_args,
        )  # fmt: skip

    def remove_states(self, keys: Sequence[str] | None = None) -> None:
        """Remove routes or steps by name, without names all; unknown ones are ignored."""
        graph: Graph | None = self.spec.graph
        if graph is None:
            return
        router = graph.steps[0] if graph.kind == "router" else None
        (router if isinstance(router, RouterStep) else graph).clear_children(keys)

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

    # Functions beside it ---------------------------------------------------------------------

    def add_child_function(
        self,
        name: str,
        url: str = "",
        image: str = "",
        requirements: Sequence[str] | str | None = None,
        kind: str = "serving",
    ) -> Function[..., Any]:
        """Declare a function that runs the steps with `function=name`, in a process of its own.

        Args:
            name: The name that steps give.
            url: Its code: a `.py` or `.ipynb` file, or a function's document (`.yaml`, `db://`).
            image: Container image.
            requirements: Package specifiers, or a file of them.
            kind: Kind of the function.

        Returns:
            The function. Without a graph of its own, it serves its part of this one.

        Raises:
            InvalidArgumentError: if it has no name, or its kind is unknown.
            PackagingError: if there is no such code file.
            NotFoundError: if there is no such document.
        """
        if not name or not isinstance(name, str):
            raise InvalidArgumentError(
                f"a child function needs a name, not {name!r}",
                fix='fn.add_child_function("enrich", "enrich.py")',
            )
        wanted = [requirements] if isinstance(requirements, str) else list(requirements or ())
        reference = {"name": name, "url": str(url or ""), "image": image or "", "kind": kind}
        child = child_of({**reference, "requirements": wanted})
        if self.spec.track_models is not None and child.kind == "serving":
            child.spec.track_models = self.spec.track_models
        self.spec.add_child(name, {**reference, "requirements": wanted}, child)
        return child

    def set_tracking(
        self,
        stream_path: str = "",
        batch: int | None = None,
        sample: int | None = None,
        stream_args: Mapping[str, Any] | None = None,
        enable_tracking: bool = True,
        sampling_percentage: float | None = None,
    ) -> None:
        """Record each request and answer of the models to a stream.

        Args:
            stream_path: The stream's URL; `dummy://` keeps the records in memory for tests.
            batch: Collect this many requests into one record.
            sample: Record one of this many requests.
            stream_args: Options of the stream.
            enable_tracking: False: stop tracking.
            sampling_percentage: Record about this share of the requests, chosen by chance: more
                than 0, at most 100.

        Raises:
            InvalidArgumentError: if a number is out of its range.
        """
        for key, number in (("batch", batch), ("sample", sample)):
            if number is not None and (not isinstance(number, int) or number < 1):
                raise InvalidArgumentError(
                    f"{key} must be a whole number from 1, not {number!r}",
                    where=f"set_tracking of function {self.name!r}",
                )
        share = 100.0 if sampling_percentage is None else sampling_percentage
        if not 0 < share <= 100:
            raise InvalidArgumentError(
                f"sampling_percentage must be above 0 and at most 100, not {share!r}",
                where=f"set_tracking of function {self.name!r}",
            )
        self.spec.track_models = enable_tracking
        for child in self.spec.children.values():
            if child.kind == "serving":
                child.spec.track_models = enable_tracking
        values = {
            "log_stream": stream_path,
            "log_stream_batch": batch,
            "log_stream_sample": sample,
            "stream_args": dict(stream_args) if stream_args else None,
            "sampling_percentage": sampling_percentage,
            "enable_tracking": None if enable_tracking else False,
        }
        parameters = self.spec.parameters
        for key, value in values.items():
            parameters.pop(key, None)
            if value or value is False:
                parameters[key] = value


def child_of(reference: Mapping[str, Any]) -> Function[..., Any]:
    """The function that a reference in `spec.function_refs` stands for."""
    name, url = str(reference["name"]), str(reference.get("url") or "")
    document = reference.get("spec")
    found: Function[..., Any]
    if document:
        found = resolve("mlrun_like.functions.documents:from_document")(document)
        return found
    kind = reference.get("kind") or "serving"
    wanted = list(reference.get("requirements") or ())
    is_file = len(wanted) == 1 and Path(wanted[0]).suffix == ".txt"
    values: dict[str, Any] = {
        "requirements": None if is_file else wanted,
        "requirements_file": wanted[0] if is_file else "",
    }
    if url.endswith((".py", ".ipynb")):
        create = resolve(f"{_CREATORS}:code_to_function")
        found = create(name, filename=url, kind=kind, image=reference.get("image"), **values)
    elif url:
        found = resolve(f"{_CREATORS}:import_function")(url, new_name=name)
    else:
        create = resolve(f"{_CREATORS}:new_function")
        found = create(name, kind=kind, image=reference.get("image") or "", **values)
    return found
