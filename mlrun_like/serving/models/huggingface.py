"""HuggingFaceModelServer: pipelines of the transformers package."""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.registry import require
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.models.framework import local_folder
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["HuggingFaceModelServer"]


class HuggingFaceModelServer(V2ModelServer):
    """Serves a pipeline of Hugging Face's transformers.

    `inputs` holds texts (or what the task takes), or mappings with the pipeline's arguments.
    `parameters` in the request are given to the pipeline, such as `{"top_k": 2}`.

    Args:
        context: The server's context (injected).
        name: The step's name (injected).
        task: The pipeline's task, such as `text-classification`; by default the model's own.
        model_path: The model's folder, if there is no `model_name`.
        model_name: The model's name on the hub, or its folder.
        model_class: Class of transformers that loads the model, such as
            `AutoModelForSequenceClassification`; by default the one of the task.
        tokenizer_name: The tokenizer's name or folder; by default the model's.
        tokenizer_class: Class of transformers that loads the tokenizer.
        framework: `pt`; kept for MLRun's callers.
        class_args: `device` (such as `cpu` or `cuda:0`), `batch_size` (rows computed together),
            and those of V2ModelServer.

    Raises:
        InvalidArgumentError: if there is neither a name nor a path, or no such class.
    """

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        context: GraphContext | None = None,
        name: str = "",
        task: str = "",
        model_path: str = "",
        model_name: str = "",
        model_class: str = "",
        tokenizer_name: str = "",
        tokenizer_class: str = "",
        framework: str = "",
        **class_args: Any,
    ) -> None:
        super().__init__(context, name, model_path, **class_args)
        if framework not in ("", None, "pt"):
            raise InvalidArgumentError(
                f"framework {framework!r} is not supported: transformers computes with PyTorch",
                where=f"model {name!r}",
            )
        self.task = task or None
        self.model_name = model_name or self.model_path
        self.model_class = model_class
        self.tokenizer_name = tokenizer_name or self.model_name
        self.tokenizer_class = tokenizer_class
        self.tokenizer: Any = None
        self.pipe: Any = None

    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Load the pipeline, even if a model object was given."""
        self.loading.start(self._load, mode, self.context.logger)

    def load(self) -> None:
        """Make the pipeline."""
        if not self.model_name:
            super().load()
        transformers = require("transformers", extra="huggingface", feature=type(self).__name__)
        source = self.model_name
        if "://" in source:
            source, _ = local_folder(self, source)
            self.tokenizer_name = self.tokenizer_name.replace(self.model_name, source)
        if self.model_class:
            self.model = self._class(transformers, self.model_class).from_pretrained(source)
        if self.tokenizer_class:
            kind = self._class(transformers, self.tokenizer_class)
            self.tokenizer = kind.from_pretrained(self.tokenizer_name)
        options = {
            key: self.get_param(key)
            for key in ("device", "batch_size")
            if self.get_param(key) is not None
        }
        if self.tokenizer is None and self.tokenizer_name != source:
            options["tokenizer"] = self.tokenizer_name
        elif self.tokenizer is not None:
            options["tokenizer"] = self.tokenizer
        self.pipe = transformers.pipeline(
            task=self.task, model=self.model if self.model is not None else source, **options
        )
        self.model = self.pipe.model

    def predict(self, request: dict[str, Any]) -> Any:
        """One result per input; of several results for one input, the first (as MLRun does).

        With `{"parameters": {"top_k": 2}}` all results are given.
        """
        inputs = request["inputs"]
        if not inputs:
            return []
        given = request.get("parameters") or {}
        if not isinstance(given, dict):
            raise self._misfit(f"'parameters' is a {type(given).__name__}, not a mapping")
        try:
            if all(isinstance(item, dict) for item in inputs):
                found = [self.pipe(**{**item, **given}) for item in inputs]
            else:
                found = self.pipe(list(inputs), **given)
        except MLRunLikeError:
            raise
        except (ValueError, TypeError) as exc:  # the pipeline refuses inputs in its own words
            raise self._misfit(f"the pipeline refused the inputs: {exc!s:.300}") from exc
        if isinstance(found, dict):
            found = [found]
        if not given and all(isinstance(item, list) and item for item in found):
            found = [item[0] for item in found]
        return _plain(found)

    def _class(self, transformers: Any, name: str) -> Any:
        found = getattr(transformers, name, None)
        if found is None:
            raise InvalidArgumentError(
                f"transformers has no class {name!r}", where=f"model {self.name!r}"
            )
        return found

    def _misfit(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            what, where=f"model {self.name!r}", fix='send {"inputs": ["a text", ...]}'
        )


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy and torch as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    tolist = getattr(value, "tolist", None)
    return value if tolist is None else tolist()
