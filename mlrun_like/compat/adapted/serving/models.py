"""Model and LLModel: what a ModelRunnerStep runs; and what chooses among them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.models import get_model
from mlrun_like.compat.adapted.failures.classes import ModelRunnerError
from mlrun_like.compat.adapted.serving.helpers import (
    get_data_from_path,
    set_data_by_path,
    split_path,
)
from mlrun_like.compat.adapted.serving.prompts import messages_for
from mlrun_like.compat.adapted.serving.providers import ModelProvider
from mlrun_like.errors import ExecutionError, InvalidArgumentError
from mlrun_like.serving.steps.runnables import ParallelExecutionRunnable

__all__ = ["LLModel", "Model", "ModelRunnerSelector", "ModelSelector"]


class Model(ParallelExecutionRunnable):
    """Base of models: define `predict(body)`, or `predict_async(body)` for "asyncio".

    Args:
        name: Its name.
        raise_exception: Whether its errors are raised; else they are its answer.
        artifact_uri: The model's artifact.
        options: `shared_runnable_name`, and values of subclasses.

    >>> class Double(Model):
    ...     def predict(self, body, **kwargs):
    ...         return body * 2
    >>> Double("m").run(4, "/")
    8
    """

    def __init__(
        self,
        name: str,
        raise_exception: bool = True,
        artifact_uri: str | None = None,
        shared_proxy_mapping: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(name, raise_exception, **options)
        if artifact_uri is not None and not isinstance(artifact_uri, str):
            raise InvalidArgumentError("'artifact_uri' argument must be a string")
        self.artifact_uri = artifact_uri
        self.shared_proxy_mapping = shared_proxy_mapping
        self.invocation_artifact: Any = None
        self.model_artifact: Any = None
        self.model_provider: Any = None
        self._artifact_were_loaded = False
        self._execution_mechanism: str | None = None

    def is_streaming(self) -> bool:
        return inspect.isgeneratorfunction(self.predict) or inspect.isasyncgenfunction(
            self.predict_async
        )

    def init(self) -> None:
        self.load()

    def load(self) -> None:
        """Load the model; called once.

        Raises:
            ModelRunnerError: if the method that its mechanism calls is not defined.
        """
        self._load_artifacts()
        name = "predict_async" if self._execution_mechanism == "asyncio" else "predict"
        if getattr(type(self), name) is getattr(Model, name):
            raise ModelRunnerError(
                {
                    self.name: f"is running with {self._execution_mechanism} execution_mechanism "
                    f"but {name}() is not implemented"
                }
            )

    def _load_artifacts(self) -> None:
        if self._artifact_were_loaded:
            return
        self._artifact_were_loaded = True
        found = get_artifact(self.artifact_uri) if self.artifact_uri else None
        self.model_artifact = getattr(found, "model_artifact", None) or found
        if hasattr(found, "read_prompt"):
            self.invocation_artifact = found

    def _get_invocation_artifact(self, origin_name: str | None = None) -> Any:
        """The prompt; of a shared model that of the model which it stands for; None: there is none.

        Args:
            origin_name: The name of that model.
        """
        if origin_name and self.shared_proxy_mapping:
            found = self.shared_proxy_mapping.get(origin_name)
            if isinstance(found, str):
                found = self.shared_proxy_mapping[origin_name] = get_artifact(found)
            return found if hasattr(found, "read_prompt") else None
        self._load_artifacts()
        return self.invocation_artifact

    def predict(self, body: Any, **kwargs: Any) -> Any:
        """The answer to a body."""
        raise NotImplementedError("predict() method not implemented")

    async def predict_async(self, body: Any, **kwargs: Any) -> Any:
        """The same as a coroutine."""
        raise NotImplementedError("predict_async() method not implemented")

    def run(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        return self.predict(self.format_batch(body) if isinstance(body, list) else body)

    def run_async(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        return self.predict_async(self.format_batch(body) if isinstance(body, list) else body)

    def get_local_model_path(self, suffix: str = "") -> tuple[Any, Any]:
        """The model's file on this machine, and its further files by name."""
        if not self.artifact_uri:
            return None, None
        file, _, extra = get_model(self.artifact_uri, suffix)
        return file, extra

    @staticmethod
    def format_batch(body: Any) -> Any:
        """What `predict` gets of a batch of bodies."""
        return body


class LLModel(Model):
    """A language model: fills a prompt with the body and asks its provider.

    Args:
        name: Its name.
        input_path: Where the request is in the body.
        result_path: Where the answer is put.
        options: See `Model`.
    """

    def __init__(
        self, name: str, input_path: Any = None, result_path: Any = None, **options: Any
    ) -> None:
        super().__init__(name, **options)
        self._input_path = split_path(input_path)
        self._result_path = split_path(result_path)
        self._streaming_enabled = False

    def is_streaming(self) -> bool:
        provider = self.model_provider
        return bool(
            self._streaming_enabled
            and isinstance(provider, ModelProvider)
            and provider.supports_streaming
        )

    def init(self) -> None:
        self._load_artifacts()
        name = "predict_async" if self._execution_mechanism == "asyncio" else "predict"
        if self.model_provider is None:
            if getattr(type(self), name) is getattr(LLModel, name):
                raise ExecutionError(
                    f"Model provider could not be determined for model '{self.name}', and the "
                    f"{name} function was not overridden."
                )
        elif self._streaming_enabled and not self.model_provider.supports_streaming:
            raise InvalidArgumentError(
                "Streaming is enabled but model provider "
                f"'{type(self.model_provider).__name__}' does not support streaming"
            )

    def run(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        prompt = self._get_invocation_artifact(origin_name)
        messages, config = self._prompt(body, origin_name, prompt)
        return self.predict(body, messages, config, llm_prompt_artifact=prompt)

    def run_async(self, body: Any, path: str, origin_name: str | None = None) -> Any:
        prompt = self._get_invocation_artifact(origin_name)
        messages, config = self._prompt(body, origin_name, prompt)
        if self.is_streaming():
            return self.model_provider.async_invoke_stream(messages=messages, **config)
        return self.predict_async(body, messages, config, llm_prompt_artifact=prompt)

    def _prompt(
        self, body: Any, origin_name: str | None, prompt: Any
    ) -> tuple[Any, dict[str, Any]]:
        messages, config = self.enrich_prompt(body, origin_name, prompt)
        return messages, dict(config or {})

    def predict(
        self, body: Any, messages: Any = None, invocation_config: Any = None, **kwargs: Any
    ) -> Any:
        """The body with the provider's answer."""
        if kwargs.get("llm_prompt_artifact") is None or self.model_provider is None:
            return body
        config = dict(invocation_config or {})
        if self.is_streaming():
            return self.model_provider.invoke_stream(messages=messages, **config)
        found = self.model_provider.invoke(
            messages=messages, invoke_response_format="usage", **config
        )
        set_data_by_path(self._result_path, body, found)
        return body

    async def predict_async(
        self, body: Any, messages: Any = None, invocation_config: Any = None, **kwargs: Any
    ) -> Any:
        """The same for an event loop."""
        if kwargs.get("llm_prompt_artifact") is None or self.model_provider is None:
            return body
        found = await self.model_provider.async_invoke(
            messages=messages, invoke_response_format="usage", **dict(invocation_config or {})
        )
        set_data_by_path(self._result_path, body, found)
        return body

    def enrich_prompt(
        self, body: Any, origin_name: str | None = None, llm_prompt_artifact: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """The messages of the prompt, with `{field}` filled from the body, and its options.

        Fields are those of `str.format`: `{score:.2f}`, and `{{` for a brace. A list of bodies
        gives a list of messages for each.
        """
        values = get_data_from_path(self._input_path, body) if isinstance(body, dict) else body
        template: list[Any] = []
        legend: dict[str, Any] = {}
        options: dict[str, Any] = {}
        if llm_prompt_artifact is not None:
            spec = llm_prompt_artifact.spec
            template = llm_prompt_artifact.read_prompt() or []
            legend = getattr(spec, "prompt_legend", None) or {}
            options = dict(getattr(spec, "invocation_config", None) or {})
        if isinstance(values, list):
            return [messages_for(each, template, legend) for each in values], options
        return messages_for(values, template, legend), options


class ModelSelector:
    """Chooses which models an event gets: define `select(event, available_models)`."""

    def __init__(self, **options: Any) -> None:
        del options

    def select(self, event: Any, available_models: Sequence[Model]) -> Any:
        """Names or models; None: all of them."""
        return None


class ModelRunnerSelector:
    """Chooses models, and the steps that follow."""

    def __init__(self, **options: Any) -> None:
        del options

    def select_models(self, event: Any, available_models: Sequence[Model]) -> Any:
        """Names or models; None: all of them."""
        return None

    def select_outlets(self, event: Any) -> Any:
        """Names of following steps; None: all of them."""
        return None
