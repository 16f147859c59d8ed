"""Providers of language models for LLModel: the base, and one that answers without a model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from mlrun_like.errors import EngineError

__all__ = ["MockModelProvider", "ModelProvider"]

_ANSWER = "You are using a mock model provider, no actual inference is performed."


class ModelProvider:
    """Base of what an LLModel asks.

    Args:
        parent: MLRun's; not used.
        kind: The provider's kind, such as "openai".
        name: Its name.
        endpoint: The model's name there.
        secrets: Its keys.
        default_invoke_kwargs: Arguments of every call.
    """

    support_async = False
    supports_streaming = False

    def __init__(
        self,
        parent: Any = None,
        kind: str = "",
        name: str = "",
        endpoint: str = "",
        secrets: Mapping[str, Any] | None = None,
        default_invoke_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind, self.name, self.endpoint = kind, name, endpoint
        self.secrets = dict(secrets or {})
        self.default_invoke_kwargs = dict(default_invoke_kwargs or {})

    def load_client(self) -> None:
        """Make the client; called once."""

    def invoke(self, messages: Any = None, **options: Any) -> Any:
        """The answer to messages."""
        raise EngineError(f"{type(self).__name__} has no invoke()")

    async def async_invoke(self, messages: Any = None, **options: Any) -> Any:
        """The same for an event loop."""
        return self.invoke(messages, **options)

    def invoke_stream(self, messages: Any = None, **options: Any) -> Iterator[str]:
        """The answer in parts."""
        raise EngineError(f"{type(self).__name__} has no invoke_stream()")

    async def async_invoke_stream(self, messages: Any = None, **options: Any) -> AsyncIterator[str]:
        """The same for an event loop."""
        for part in self.invoke_stream(messages, **options):
            yield part


class MockModelProvider(ModelProvider):
    """Answers the same to everything.

    >>> MockModelProvider().invoke("hello")
    'You are using a mock model provider, no actual inference is performed.'
    """

    support_async = True
    supports_streaming = True

    def invoke(self, messages: Any = None, **options: Any) -> Any:
        if options.get("invoke_response_format") == "usage":
            return {"answer": _ANSWER, "usage": {"prompt_tokens": 0, "completion_tokens": 0}}
        return _ANSWER

    def invoke_stream(self, messages: Any = None, **options: Any) -> Iterator[str]:
        for word in _ANSWER.split():
            yield f"{word} "
