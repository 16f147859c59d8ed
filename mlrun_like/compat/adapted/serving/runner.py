"""ModelRunner: what a ModelRunnerStep becomes in a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.compat.adapted.failures.classes import ModelRunnerError
from mlrun_like.compat.adapted.serving.models import Model, ModelRunnerSelector, ModelSelector
from mlrun_like.serving.definition.lookup import resolve
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.parallel_execution import ParallelExecution

__all__ = ["ModelRunner"]


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

    @staticmethod
    def chooses(arguments: Mapping[str, Any]) -> bool:
        """Whether a step with these arguments says where its answers go."""
        return bool(arguments.get("model_runner_selector"))

    def select_outlets(self, body: Any) -> Any:
        """Where the answer goes: as the selector says, or everywhere."""
        return self._selector.select_outlets(body) or None

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
