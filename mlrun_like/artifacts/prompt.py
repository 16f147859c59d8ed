"""LLMPromptArtifact: the prompt of a language model, and which model it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.registry import resolve

__all__ = ["MAX_PROMPT_LENGTH", "LLMPromptArtifact", "PlaceholderDict"]

MAX_PROMPT_LENGTH = 1024
"""Characters of a prompt that its record keeps; longer ones go to a file."""

_MESSAGE = {"content", "role"}
_LEGEND = {"field", "description"}


class LLMPromptArtifact(Artifact):
    """A prompt: messages with `{placeholders}`, what those mean, and the model it is for.

    Args:
        key: Its name.
        project: Its project.
        model_artifact: The model, or its URI.
        prompt_template: Messages: `[{"role": "user", "content": "Is {name} up?"}]`.
        prompt_path: A JSON file of such messages, instead.
        prompt_legend: By placeholder: `{"field": ..., "description": ...}`, the field of the
            request that fills it.
        invocation_config: Arguments of the model for this prompt.
        description: A text for readers.
        target_path: Where it is or shall be.
        kwargs: As for Artifact.

    Raises:
        InvalidArgumentError: if both a template and a path are given, or one has another form.

    >>> LLMPromptArtifact("ask", prompt_template=[{"role": "user", "content": "{q}"}]).read_prompt()
    [{'role': 'user', 'content': '{q}'}]
    """

    kind = "llm-prompt"
    category = "llm-prompts"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        key: str = "",
        project: str = "",
        model_artifact: ModelArtifact | str | None = None,
        prompt_template: Sequence[Mapping[str, str]] | None = None,
        prompt_path: str | None = None,
        prompt_legend: Mapping[str, Mapping[str, Any]] | None = None,
        invocation_config: Mapping[str, Any] | None = None,
        description: str | None = None,
        target_path: str = "",
        **kwargs: Any,
    ) -> None:
        if prompt_template and prompt_path:
            raise InvalidArgumentError(
                "Cannot specify both 'prompt_template' and 'prompt_path'",
                where=f"artifact {key!r}",
            )
        if invocation_config is not None and not isinstance(invocation_config, Mapping):
            raise InvalidArgumentError(
                "LLMPromptArtifact invocation_config must be a dictionary or None",
                where=f"artifact {key!r}",
            )
        messages = _messages(prompt_template) if prompt_template else []
        if prompt_path:
            _read(str(prompt_path))
        super().__init__(
            key,
            json.dumps(messages) if messages else None,
            format="json",
            target_path=target_path,
            project=project,
            src_path=str(prompt_path or ""),
            **kwargs,
        )
        spec = self.doc.spec
        if messages and len(str(messages)) <= MAX_PROMPT_LENGTH:
            spec.prompt_template = messages
        spec.prompt_legend = _legend(prompt_legend or {})
        spec.invocation_config = dict(invocation_config or {})
        self.doc.metadata.description = description or ""
        model = model_artifact
        spec.parent_uri = model.uri if isinstance(model, ModelArtifact) else str(model or "")
        self._model = model if isinstance(model, ModelArtifact) else None

    @property
    def model_artifact(self) -> ModelArtifact | None:
        """The model it is for; None: it names none."""
        if self.__dict__.get("_model") is None and self.doc.spec.parent_uri:
            self._model = resolve("mlrun_like.artifacts.item:get_artifact")(
                self.doc.spec.parent_uri
            )
        found: ModelArtifact | None = self.__dict__.get("_model")
        return found

    def before_log(self) -> None:
        """See that its model is one of the same project, when it is logged."""
        parent, project = self.doc.spec.parent_uri, self.doc.metadata.project
        if parent and parse_artifact_uri(parent).project != project:
            raise InvalidArgumentError(
                f"parent_uri ({parent}) must be under the same project ({project})",
                where=f"artifact {self.key!r}",
            )

    def read_prompt(self) -> list[dict[str, str]] | None:
        """The messages, from the record or its file; None: it has none.

        Raises:
            InvalidArgumentError: if the file is broken.
        """
        spec = self.doc.spec
        if spec.prompt_template:
            return [dict(message) for message in spec.prompt_template]
        if self.get_body():
            return _read_text(self.get_body(), self.key)
        return _read(spec.target_path) if spec.target_path else None


def _read(path: str) -> list[dict[str, str]]:
    return _read_text(open_url(path).get(encoding="utf-8"), path)


def _read_text(text: str, where: str) -> list[dict[str, str]]:
    try:
        return _messages(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"the prompt in {where!r} is no JSON: {exc}",
            fix='write [{"role": "user", "content": "..."}]',
        ) from exc


def _messages(given: Any) -> list[dict[str, str]]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(m, Mapping) for m in given):
        raise InvalidArgumentError("Expected prompt_template to be a list of dicts")
    found = []
    for message in given:
        lowered = {str(name).lower(): value for name, value in message.items()}
        if set(lowered) != _MESSAGE:
            raise InvalidArgumentError(
                "Expected prompt_template to contain dicts with keys ('content', 'role'), "
                f"got {list(message)!r:.200}"
            )
        found.append(lowered)
    return found


def _legend(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for place, meaning in given.items():
        if not isinstance(meaning, Mapping):
            raise InvalidArgumentError(f"Wrong prompt_legend format, {place} is not mapped to dict")
        extra = set(meaning) - _LEGEND
        if extra:
            raise InvalidArgumentError(
                "prompt_legend values must contain only 'field' and 'description' keys, "
                f"got extra fields: {sorted(map(str, extra))}"
            )
        found[str(place)] = {
            "field": meaning.get("field") or place,
            "description": meaning.get("description"),
        }
    return found


class PlaceholderDict(dict[str, Any]):
    """Values for placeholders; those without a value stay as they are.

    >>> "{a} and {b}".format_map(PlaceholderDict(a=1))
    '1 and {b}'
    """

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
