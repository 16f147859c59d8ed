"""A server for a pipeline of Hugging Face's transformers."""

from __future__ import annotations

from mlrun_like.serving.models.huggingface import HuggingFaceModelServer as _Server

__all__ = ["HuggingFaceModelServer"]


class HuggingFaceModelServer(_Server):
    """Serves a pipeline: texts in (or what its task takes), one answer for each out.

    `inputs` may hold mappings with arguments of the pipeline; `parameters` in a request, such as
    `{"top_k": 2}`, hold for all of its inputs.

    Class arguments: `task`, `model_name` (a name on the hub or a folder), `model_class`,
    `tokenizer_name`, `tokenizer_class`, `device`, `batch_size`.
    """
