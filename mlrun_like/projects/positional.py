"""Arguments of a project's `log_...` calls by position, in MLRun's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["LOGGED", "MODEL", "TABLE", "by_name"]

LOGGED = ("local_path", "artifact_path", "format", "upload", "labels", "target_path")
TABLE = (
    "local_path", "artifact_path", "upload", "labels", "format", "preview", "stats", "target_path",
    "extra_data", "label_column",
)  # fmt: skip
MODEL = (
    "model_dir", "model_file", "algorithm", "metrics", "parameters", "artifact_path", "upload",
    "labels", "inputs", "outputs", "feature_vector", "feature_weights", "training_set",
    "label_column", "extra_data",
)  # fmt: skip


def by_name(
    call: str, names: tuple[str, ...], arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Options with those that were given by position; their order is MLRun's."""
    given = dict(zip(names, arguments, strict=False))
    if len(arguments) > len(names) or set(given) & set(options):
        raise InvalidArgumentError(
            f"{call}() got too many arguments, or one twice", fix="name them: local_path=..."
        )
    return {**options, **given}
