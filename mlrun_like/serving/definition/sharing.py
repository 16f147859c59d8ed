"""Models that several steps of a graph share: declared once, loaded once."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.serving.definition.document import plain_value
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms

__all__ = [
    "POOL",
    "Sharing",
    "arguments_of",
    "artifact_uri",
    "proxies",
    "read_shared",
    "shared_document",
]

POOL = ("shared_max_processes", "shared_max_threads", "pool_factor")
"""How many processes and threads the shared models have, as documents name them."""

_SHARED = ParallelExecutionMechanisms.shared_executor


class Sharing:
    """The part of a graph that knows its shared models."""

    shared_max_processes: int | None = None
    shared_max_threads: int | None = None
    pool_factor: int | None = None

    @property
    def shared_models(self) -> dict[str, Any]:
        """Class and arguments of each shared model, by name."""
        found: dict[str, Any] = self.__dict__.setdefault("_shared_models", {})
        return found

    @shared_models.setter
    def shared_models(self, models: Mapping[str, Any]) -> None:
        self.__dict__["_shared_models"] = dict(models)

    @property
    def shared_models_mechanism(self) -> dict[str, str]:
        """Where each shared model runs, by name."""
        found: dict[str, str] = self.__dict__.setdefault("_shared_mechanisms", {})
        return found

    @shared_models_mechanism.setter
    def shared_models_mechanism(self, mechanisms: Mapping[str, str]) -> None:
        self.__dict__["_shared_mechanisms"] = dict(mechanisms)

    def add_shared_model(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str,
        model_class: Any,
        execution_mechanism: Any,
        model_artifact: Any,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
        input_path: str | None = None,
        result_path: str | None = None,
        override: bool = False,
        **model_parameters: Any,
    ) -> None:
        """Add a model that steps share; they name it by `add_shared_model_proxy`.

        Args:
            name: Its name.
            model_class: A class, its name, or an object.
            execution_mechanism: Where it runs; see `ParallelExecutionMechanisms`.
            model_artifact: Its artifact, or the URI; proxies find it by this.
            inputs: The names of its inputs.
            outputs: The names of its outputs.
            input_path: Where a request is in the body.
            result_path: Where the answer is put.
            override: Replace a shared model of that name.
            model_parameters: Arguments of its class.

        Raises:
            InvalidArgumentError: if there is one of that name, no such mechanism, or an object is
                given with arguments or under another name.
        """
        is_object = not isinstance(model_class, (str, type))
        if is_object and model_parameters:
            raise InvalidArgumentError(
                "Cannot provide a model object as argument to `model_class` and also provide "
                "`model_parameters`.",
                fix="give the parameters to the object, or its class as model_class",
            )
        if execution_mechanism == _SHARED:
            raise InvalidArgumentError(
                "Cannot add a shared model with execution mechanism 'shared_executor'",
                fix="name where it runs: naive, asyncio, thread_pool, process_pool, ...",
            )
        ParallelExecutionMechanisms.validate(execution_mechanism)
        given = arguments_of(model_class) if is_object else dict(model_parameters)
        if given.get("name", name) != name:
            raise InvalidArgumentError(
                "Inconsistent name for the added model.", fix=f"name={given['name']!r}"
            )
        if name in self.shared_models and not override:
            raise InvalidArgumentError(
                f"Model with name {name} already exists in this graph.",
                fix="another name, or override=True",
            )
        given["artifact_uri"] = given.get("artifact_uri") or artifact_uri(model_artifact)
        given |= {
            "name": name,
            "inputs": list(inputs or given.get("inputs") or ()),
            "outputs": list(outputs or given.get("outputs") or ()),
            "input_path": input_path or given.get("input_path"),
            "result_path": result_path or given.get("result_path"),
        }
        kind = type(model_class) if is_object else model_class
        self.shared_models[name] = [kind, given]
        self.shared_models_mechanism[name] = str(execution_mechanism)

    def get_shared_model_by_artifact_uri(self, artifact_uri: str) -> tuple[Any, Any, Any]:
        """Name, class and arguments of the shared model of an artifact; else three None."""
        wanted = _without_tag(artifact_uri)
        for name, (kind, arguments) in self.shared_models.items():
            if _without_tag(arguments.get("artifact_uri") or "") == wanted:
                return name, kind, arguments
        return None, None, None

    def share(self, other: Sharing) -> None:
        """Have the shared models of another graph, too.

        Raises:
            GraphError: if it has another model of the same name.
        """
        for name in self.shared_models.keys() & other.shared_models.keys():
            if not _same(_whole(self, name), _whole(other, name)):
                raise GraphError(
                    f"two graphs have different shared models named {name!r:.80}",
                    where="the shared models of an inserted graph",
                    fix="add one of them by another name",
                )
        self.shared_models |= other.shared_models
        self.shared_models_mechanism |= other.shared_models_mechanism
        for key in POOL:
            setattr(self, key, getattr(self, key) or getattr(other, key))

    def configure_shared_pool_resource(
        self,
        max_processes: int | None = None,
        max_threads: int | None = None,
        pool_factor: int | None = None,
    ) -> None:
        """How many processes and threads the shared models have; see `RunnableExecutor`."""
        self.shared_max_processes = max_processes
        self.shared_max_threads = max_threads
        self.pool_factor = pool_factor


def proxies(steps: Any) -> Iterator[tuple[str, str, str]]:
    """Shared model, name and artifact of each proxy that the steps have.

    Raises:
        GraphError: if one is no pair of a class and its arguments.
    """
    for step in steps:
        models = step.class_args.get("models")
        mechanisms = step.class_args.get("execution_mechanism_by_model_name")
        if not isinstance(models, Mapping) or not isinstance(mechanisms, Mapping):
            continue
        for name, model in models.items():
            if mechanisms.get(name) != _SHARED:
                continue
            arguments = model[1] if isinstance(model, (list, tuple)) and len(model) == 2 else None
            if not isinstance(arguments, Mapping):
                raise GraphError(
                    f"model {name!r:.80} is no pair of a class and its arguments: {model!r:.80}",
                    where=f"step {step.name!r}",
                    fix="add it by add_shared_model_proxy",
                )
            shared = arguments.get("shared_runnable_name") or ""
            yield shared, name, arguments.get("artifact_uri") or ""


def _whole(graph: Sharing, name: str) -> tuple[Any, Any]:
    return graph.shared_models[name], graph.shared_models_mechanism.get(name)


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except ValueError:  # an array has no single answer
        return False


def arguments_of(model: Any) -> dict[str, Any]:
    """The arguments that would make an equal model."""
    names = inspect.signature(type(model).__init__).parameters
    names_too = ("name", *(name for name in names if name != "self"))
    found = {name: getattr(model, name, None) for name in names_too}
    return {name: value for name, value in found.items() if value is not None}


def artifact_uri(artifact: Any) -> str | None:
    """The URI of an artifact, without its tag."""
    if artifact is None:
        return None
    return _without_tag(str(getattr(artifact, "uri", None) or artifact))


def _without_tag(uri: str) -> str:
    return str(parse_artifact_uri(uri)._replace(tag="")) if uri.startswith("store://") else uri


def shared_document(graph: Sharing) -> dict[str, Any]:
    """The shared models of a graph as plain data; nothing without any."""
    if not graph.shared_models:
        return {}
    pool = {key: getattr(graph, key) for key in POOL if getattr(graph, key)}
    return {
        "shared_models": {
            name: plain_value(f"shared model {name}", "arguments", model)
            for name, model in graph.shared_models.items()
        },
        "shared_models_mechanism": dict(graph.shared_models_mechanism),
        **pool,
    }


def read_shared(graph: Sharing, document: Mapping[str, Any]) -> None:
    """Give a graph the shared models of its document.

    Raises:
        GraphError: if one has no class and arguments, or no mechanism.
    """
    mechanisms = document.get("shared_models_mechanism") or {}
    for name, model in (document.get("shared_models") or {}).items():
        problem = _problem(model, mechanisms.get(name))
        if problem:
            raise GraphError(f"shared model {name!r:.80} {problem}", where="graph document")
        graph.shared_models[name] = [model[0], {**model[1], "name": name}]
        graph.shared_models_mechanism[name] = mechanisms[name]
    for key in POOL:
        setattr(graph, key, document.get(key))


def _problem(model: Any, mechanism: Any) -> str:
    if not isinstance(model, (list, tuple)) or [type(item) for item in model] != [str, dict]:
        return f"is no list of a class's name and its arguments: {model!r:.80}"
    if not all(isinstance(key, str) for key in model[1]):
        return "has arguments whose names are no texts"
    known = [item for item in ParallelExecutionMechanisms.all() if item != _SHARED]
    return "" if mechanism in known else f"runs in none of {', '.join(known)}: {mechanism!r:.80}"
