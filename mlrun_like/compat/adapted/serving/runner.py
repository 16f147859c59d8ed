"""ModelRunnerStep: a step that runs several models for each event."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.failures.classes import ModelRunnerError
from mlrun_like.compat.adapted.serving.models import Model, ModelRunnerSelector, ModelSelector
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import import_name, resolve
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms
from mlrun_like.serving.steps.parallel_execution import ParallelExecution

__all__ = ["ModelRunner", "ModelRunnerStep"]

_MECHANISMS = "execution_mechanism_by_model_name"


class ModelRunner(ParallelExecution):
    """What a ModelRunnerStep becomes in a server.

    Args:
        models: Class and arguments of each model, by name.
        execution_mechanism_by_model_name: Where each runs.
        model_selector: Chooses models: an object, or its class and arguments.
        model_runner_selector: The same for one that also chooses following steps.
        raise_exception: Whether errors of models fail the event; else they are answers.
        context: The server's context (injected).
        options: See `ParallelExecution`.
    """

    def __init__(
        self,
        models: Mapping[str, Any],
        execution_mechanism_by_model_name: Mapping[str, str],
        model_selector: Any = None,
        model_runner_selector: Any = None,
        raise_exception: bool = True,
        context: Any = None,
        **options: Any,
    ) -> None:
        server = getattr(context, "server", None)
        self._namespaces = list(getattr(server, "namespaces", ()))
        made = [self._model(*models[name]) for name in models]
        for model in made:
            model._raise_exception = False
            model._execution_mechanism = execution_mechanism_by_model_name[model.name]
        super().__init__(made, execution_mechanism_by_model_name, context=context, **options)
        self._raises = raise_exception
        self._selector = self._selecting(model_selector, model_runner_selector)
        self.begin()

    def _model(self, found: Any, arguments: Mapping[str, Any]) -> Model:
        kind = resolve(found, self._namespaces) if isinstance(found, str) else found
        made: Model = kind(**arguments)
        return made

    def _selecting(self, selector: Any, runner_selector: Any) -> ModelRunnerSelector:
        made = [self._object(item) for item in (runner_selector, selector)]
        if isinstance(made[0], ModelRunnerSelector):
            return made[0]
        chosen = next((item for item in made if isinstance(item, ModelSelector)), None)
        if chosen is None:
            return ModelRunnerSelector()
        found = ModelRunnerSelector()
        found.select_models = chosen.select  # type: ignore[method-assign]
        return found

    def _object(self, given: Any) -> Any:
        if not isinstance(given, (list, tuple, str)):
            return given() if isinstance(given, type) else given
        name, arguments = (given, {}) if isinstance(given, str) else given
        kind = resolve(name, self._namespaces) if isinstance(name, str) else name
        return kind(**(arguments or {}))

    def preprocess_event(self, event: Event) -> Event:
        self.set_event_metadata(event, {"model_runner_name": self.name, "inputs": event.body})
        return event

    def select_runnables(self, event: Event) -> Sequence[Any] | None:
        found = self._selector.select_models(event, self.runnables)  # type: ignore[arg-type]
        return [found] if isinstance(found, str) else found

    def _joined(self, event: Event, outcomes: Any, batch: Any) -> Event:
        made = super()._joined(event, outcomes, batch)
        errors = {
            item.runnable_name: item.data["error"]
            for item in outcomes
            if isinstance(item.data, dict) and item.data.get("error") is not None
        }
        if errors and self._raises:
            raise ModelRunnerError(errors)
        return made


class ModelRunnerStep(GraphStep):
    """A step that runs models side by side; `add_model` adds them.

    Args:
        name: The step's name.
        model_selector: Chooses the models of an event: a ModelSelector, or its class's name.
        model_selector_parameters: Arguments of that class.
        model_runner_selector: The same for a ModelRunnerSelector.
        model_runner_selector_parameters: Arguments of that class.
        raise_exception: Whether errors of models fail the event; else they are answers.
        class_args: Further arguments.

    >>> step = ModelRunnerStep(name="runner")
    >>> step.add_model("m1", "MyModel", "naive", factor=2)
    >>> step.class_args["models"]["m1"]
    ['MyModel', {'factor': 2, 'name': 'm1'}]
    """

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        model_selector: Any = None,
        model_selector_parameters: Mapping[str, Any] | None = None,
        model_runner_selector: Any = None,
        model_runner_selector_parameters: Mapping[str, Any] | None = None,
        raise_exception: bool = True,
        **class_args: Any,
    ) -> None:
        del args
        super().__init__(Graph(), name or "ModelRunnerStep", import_name(ModelRunner))
        self.class_args = {
            "models": {},
            _MECHANISMS: {},
            "raise_exception": raise_exception,
            **class_args,
        }
        for key, given, values in (
            ("model_selector", model_selector, model_selector_parameters),
            ("model_runner_selector", model_runner_selector, model_runner_selector_parameters),
        ):
            if given is not None:
                self.class_args[key] = _written(given, values)

    def add_model(  # noqa: PLR0913 - MLRun's signature
        self,
        endpoint_name: str,
        model_class: Any,
        execution_mechanism: Any = "naive",
        model_artifact: Any = None,
        labels: Any = None,
        model_endpoint_creation_strategy: Any = None,
        inputs: Any = None,
        outputs: Any = None,
        input_path: str | None = None,
        result_path: str | None = None,
        override: bool = False,
        **model_parameters: Any,
    ) -> None:
        """Add a model.

        Args:
            endpoint_name: Its name.
            model_class: A class, its name, or an object.
            execution_mechanism: Where it runs; see `ParallelExecutionMechanisms`.
            model_artifact: Its artifact, or the URI.
            labels: MLRun's; not used, as those that follow.
            override: Replace a model of that name.
            model_parameters: Arguments of its class.

        Raises:
            InvalidArgumentError: if there is one of that name, or no such mechanism.
        """
        del labels, model_endpoint_creation_strategy, inputs, outputs
        models = self.class_args["models"]
        if endpoint_name in models and not override:
            raise InvalidArgumentError(
                f"Model with name {endpoint_name} already exists in this ModelRunnerStep."
            )
        if model_parameters.get("name", endpoint_name) != endpoint_name or (
            isinstance(model_class, Model) and model_class.name != endpoint_name
        ):
            raise InvalidArgumentError("Inconsistent name for model added to ModelRunnerStep.")
        ParallelExecutionMechanisms.validate(execution_mechanism)
        given: dict[str, Any] = {**model_parameters, "name": endpoint_name}
        if model_artifact is not None:
            given["artifact_uri"] = getattr(model_artifact, "uri", None) or str(model_artifact)
        for key, value in (("input_path", input_path), ("result_path", result_path)):
            if value is not None:
                given[key] = value
        if isinstance(model_class, Model):
            given = {**_arguments(model_class), **given}
            model_class = type(model_class)
        models[endpoint_name] = [model_class, given]
        self.class_args[_MECHANISMS][endpoint_name] = str(execution_mechanism)

    def configure_pool_resource(
        self,
        max_processes: int | None = None,
        max_threads: int | None = None,
        pool_factor: int | None = None,
    ) -> None:
        """How many processes and threads the models share."""
        self.class_args |= {
            "max_processes": max_processes,
            "max_threads": max_threads,
            "pool_factor": pool_factor,
        }


def _written(given: Any, values: Mapping[str, Any] | None) -> Any:
    return [given, dict(values or {})] if isinstance(given, (str, type)) else given


def _arguments(model: Model) -> dict[str, Any]:
    """The arguments that would make an equal model."""
    names = inspect.signature(type(model).__init__).parameters
    found = {name: getattr(model, name, None) for name in names if name != "self"}
    return {name: value for name, value in found.items() if value is not None}
