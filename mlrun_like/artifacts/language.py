"""log_llm_prompt and log_document, for whoever logs artifacts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve

__all__ = ["LogsLanguage"]


class LogsLanguage:
    """The part of a context or project that logs prompts and documents."""

    def log_artifact(self, item: Any, *arguments: Any, **options: Any) -> Any:
        """Record something; what has this part does it."""
        raise NotImplementedError

    def log_llm_prompt(  # noqa: PLR0913 - MLRun's signature
        self,
        key: str,
        prompt_template: Sequence[Mapping[str, str]] | None = None,
        prompt_path: str | os.PathLike[str] | None = None,
        prompt_legend: Mapping[str, Mapping[str, Any]] | None = None,
        model_artifact: Any = None,
        invocation_config: Mapping[str, Any] | None = None,
        description: str | None = None,
        target_path: str | None = None,
        artifact_path: str | os.PathLike[str] | None = None,
        tag: str | None = None,
        labels: Mapping[str, Any] | None = None,
        upload: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Record the prompt of a language model; see `LLMPromptArtifact`.

        Args:
            key: Its name.
            prompt_template: Messages: `[{"role": "user", "content": "Is {name} up?"}]`.
            prompt_path: A JSON file of such messages, instead.
            prompt_legend: What placeholders mean.
            model_artifact: The model it is for, of the same project, or its URI.
            invocation_config: Arguments of the model for this prompt.
            description: A text for readers.
            target_path: Where it goes.
            artifact_path: The folder where it goes.
            tag: A tag.
            labels: Labels.
            upload: Whether to copy the file.
            kwargs: Fields of the record.

        Raises:
            InvalidArgumentError: if there is neither a template nor a file, or one is wrong.
        """
        if not prompt_template and not prompt_path:
            raise InvalidArgumentError(
                "Either 'prompt_template' or 'prompt_path' must be provided",
                where=f"prompt {key!r}",
            )
        prompt = resolve("mlrun_like.artifacts.prompt:LLMPromptArtifact")(
            key,
            prompt_template=prompt_template,
            prompt_path=os.fspath(prompt_path) if prompt_path else None,
            prompt_legend=prompt_legend,
            model_artifact=model_artifact,
            invocation_config=invocation_config,
            description=description,
            **kwargs,
        )
        return self.log_artifact(
            prompt,
            artifact_path=artifact_path,
            tag=tag or "",
            upload=upload,
            labels=labels,
            target_path=target_path or "",
        )

    def log_document(
        self,
        key: str = "",
        tag: str = "",
        local_path: str | os.PathLike[str] = "",
        artifact_path: str | os.PathLike[str] | None = None,
        document_loader_spec: Any = None,
        upload: bool | None = False,
        labels: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Record a document that language models read; see `DocumentArtifact`.

        Args:
            key: Its name; empty: made of its path.
            tag: A tag.
            local_path: Its path or URL.
            artifact_path: The folder where a copy goes.
            document_loader_spec: How it is loaded, a `DocumentLoaderSpec`.
            upload: Whether to copy it.
            labels: Labels.
            kwargs: `target_path`, `db_key`, `collections`, and fields of the record.

        Raises:
            InvalidArgumentError: if it has neither a key nor a path.
        """
        source = os.fspath(local_path or "")
        if not key and not source:
            raise InvalidArgumentError(
                "Must provide either 'key' or 'local_path' parameter",
                fix='log_document(local_path="manual.txt")',
            )
        made = resolve("mlrun_like.artifacts.document:DocumentArtifact")
        loader = resolve("mlrun_like.artifacts.document:DocumentLoaderSpec")
        named = ("target_path", "db_key", "format", "viewer")
        options = {name: kwargs.pop(name) for name in named if name in kwargs}
        document = made(
            source or options.get("target_path"),
            document_loader_spec or loader(),
            key=key or made.key_from_source(source),
            **kwargs,
        )
        return self.log_artifact(
            document,
            local_path=source,
            artifact_path=artifact_path,
            tag=tag,
            upload=upload,
            labels=labels,
            **options,
        )
