"""Keys of a document that are not ours, and so close to one of ours that they are misspelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import Build, FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.model import Model

__all__ = ["check_keys"]

_PARTS: Mapping[str, type[Model]] = {
    "": FunctionDoc,
    "metadata": FunctionMetadata,
    "spec": FunctionSpec,
    "spec.build": Build,
}
_THEIRS = frozenset(
    {
        *("default_image", "extra_pip_args", "function_name", "handler", "mode", "secrets"),
        *("source", "credentials", "namespace", "registry", "version"),
    }
)
"""Keys of MLRun and Nuclio that look like others of ours."""
_CLOSE = 0.8


def check_keys(document: FunctionDoc) -> Iterator[Finding]:
    """Keys that are kept and have no effect, where one of ours seems to be meant.

    Other systems' keys are kept on a round trip, so a misspelt one is no error.

    Args:
        document: The function.
    """
    yield from _check(document.foreign, "", document.metadata.name)


def _check(foreign: Mapping[Any, Any], part: str, name: str) -> Iterator[Finding]:
    fields = _PARTS[part].model_fields.keys() - {"foreign"}
    for key, value in foreign.items():
        path = f"{part}.{key}".lstrip(".")
        if key in fields:
            if path in _PARTS and isinstance(value, Mapping):
                yield from _check(value, path, name)
            continue
        text = str(key)
        if text in _THEIRS:
            continue
        near = nearest(text, sorted(field for field in fields if _is_close(text, field)))
        if near:
            fix = "correct it; a key of another system with that very name may stay"
        elif part == "spec" and text in Build.model_fields:
            near, fix = f" It is read under 'spec.build', as {f'spec.build.{text}'!r}.", "move it"
        else:
            continue
        yield Finding(
            "key-unknown",
            f"key {path!r} of the function's document is not known and has no effect.{near}",
            f"function {name!r}",
            fix,
            "warning",
        )


def _is_close(text: str, field: str) -> bool:
    if (text.lower() != text) != (field.lower() != field):
        return False  # Nuclio writes minReplicas, which is not our min_replicas
    if sorted(text) == sorted(field):
        return True
    matcher = SequenceMatcher(None, text[:200], field)
    return matcher.quick_ratio() >= _CLOSE and matcher.ratio() >= _CLOSE
