"""ModelRunnerStep: a step that runs several models for each event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.artifacts.prompt import LLMPromptArtifact
from mlrun_like.compat.adapted.serving.models import Model
from mlrun_like.compat.adapted.serving.runner import ModelRunner
from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import import_name
from mlrun_like.serving.definition.sharing import arguments_of, artifact_uri, proxies
from mlrun_like.serving.definition.step import GraphStep
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms

__all__ = ["ModelRunnerStep"]

_PROMPTS = "store://llm-prompts/"
_MECHANISMS = "execution_mechanism_by_model_name"


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
        self._in_graph = False
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
            given["artifact_uri"] = artifact_uri(model_artifact)
        for key, value in (("input_path", input_path), ("result_path", result_path)):
            if value is not None:
                given[key] = value
        if isinstance(model_class, Model):
            given = {**arguments_of(model_class), **given}
            model_class = type(model_class)
        models[endpoint_name] = [model_class, given]
        self.class_args[_MECHANISMS][endpoint_name] = str(execution_mechanism)

    def add_shared_model_proxy(
        self,
        endpoint_name: str,
        model_artifact: Any,
        shared_model_name: str | None = None,
        labels: Any = None,
        model_endpoint_creation_strategy: Any = None,
        override: bool = False,
    ) -> None:
        """Add a model that is one of the graph's shared models, or a prompt for it.

        Args:
            endpoint_name: Its name in this step.
            model_artifact: The shared model's artifact, or a prompt that is for it, or the URI.
            shared_model_name: The shared model; by default the one of this artifact.
            labels: MLRun's; not used, as the strategy.
            override: Replace a model of that name.

        Raises:
            InvalidArgumentError: if there is one of that name, or the artifact is none.
            GraphError: if the step is in a graph that has no such shared model.
        """
        if not isinstance(model_artifact, (str, ModelArtifact, LLMPromptArtifact)):
            raise InvalidArgumentError(
                "model_artifact must be a string, ModelArtifact or LLMPromptArtifact"
            )
        shared: dict[str, Any] = {}
        if self._in_graph:
            found, _, shared = self.graph.get_shared_model_by_artifact_uri(
                _model_uri(model_artifact)
            )
            if not found or shared_model_name not in (None, "", found):
                raise GraphError(
                    "ModelRunnerStep can only add proxy models that were added to the root flow "
                    f"step, model {shared_model_name} is not in the shared models.",
                    where=f"step {self.name!r}",
                    fix="graph.add_shared_model(...) with the same model_artifact adds it",
                )
            shared_model_name = found
        self.add_model(
            endpoint_name,
            Model,
            ParallelExecutionMechanisms.shared_executor,
            model_artifact,
            labels,
            model_endpoint_creation_strategy,
            input_path=shared.get("input_path"),
            result_path=shared.get("result_path"),
            override=override,
            shared_runnable_name=shared_model_name,
        )

    def join(self, graph: Graph) -> None:
        """Become a step of a graph.

        Raises:
            GraphError: if its models are in the graph already, or it stands for a shared model
                that is not there.
        """
        models = self.class_args["models"]
        taken = [
            name
            for step in graph.steps
            if isinstance(step, ModelRunnerStep) and step is not self
            for name in step.class_args["models"]
            if name in models
        ]
        if taken:
            raise GraphError(f"The graph already contains the model endpoints named - {taken}.")
        for shared, name, uri in list(proxies([self])):
            found, _, arguments = graph.get_shared_model_by_artifact_uri(_model_uri(uri))
            if not found:
                raise GraphError(
                    f"Can't find shared model named {shared or None}",
                    where=f"step {self.name!r}, model {name!r}",
                    fix="graph.add_shared_model(...) with the same model_artifact adds it",
                )
            if shared not in ("", found):
                raise GraphError(
                    f"Model endpoint {name} shared runnable name mismatch: "
                    f"expected {found}, got {shared}"
                )
            paths = {key: arguments.get(key) for key in ("input_path", "result_path")}
            models[name][1].update(
                {"shared_runnable_name": found, **{k: v for k, v in paths.items() if v}}
            )
        super().join(graph)
        self._in_graph = True

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


def _model_uri(artifact: Any) -> str:
    """The URI of a model's artifact; of a prompt: of the model that it is for."""
    uri = artifact_uri(artifact) or ""
    if isinstance(artifact, str) and uri.startswith(_PROMPTS):
        artifact = get_artifact(uri)
    return artifact.spec.parent_uri if isinstance(artifact, LLMPromptArtifact) else uri
