"""Manifests as text, and the command line that calls a function in them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from mlrun_like.configuration import config
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Call", "Manifest", "arguments_of", "document_text", "to_yaml"]

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The fast one: embedded code may be megabytes."""


class Call(NamedTuple):
    """How a manifest without a run calls its function; empty: as the function says."""

    handler: str = ""
    params: Mapping[str, Any] = {}
    inputs: Mapping[str, str] = {}
    name: str = ""
    project: str = ""
    artifact_path: str = ""


def arguments_of(call: Call) -> list[str]:
    """The options of `mlrun-like run`."""
    found: list[str] = []
    for option, value in (
        ("--handler", call.handler),
        ("--name", call.name),
        ("--project", call.project),
        ("--artifact-path", call.artifact_path or _shared_path()),
    ):
        found += [option, value] if value else []
    for key, value in call.params.items():
        found += ["-p", f"{key}={_literal(value)}"]
    for key, value in call.inputs.items():
        found += ["-i", f"{key}={value}"]
    return found


def _shared_path() -> str:
    return str(config.artifact_path) if "://" in config.artifact_path else ""


def _literal(value: Any) -> str:
    """A value as the command line reads it: texts as they are where that is the same."""
    if isinstance(value, str):
        try:
            ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return repr(value)


def to_yaml(objects: Sequence[Mapping[str, Any]]) -> str:
    """Objects as one YAML text of several documents; long texts in it stay readable."""
    return str(
        yaml.dump_all(
            objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True
        )
    )


def document_text(document: FunctionDoc) -> str:
    """The function as it travels: without variables (the pod has them), state and times."""
    copy = document.model_copy(
        update={
            "status": {},
            "spec": document.spec.model_copy(update={"env": []}),
            "metadata": document.metadata.model_copy(update={"updated": None}),
        }
    )
    return str(yaml.dump(copy.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True))


class _Dumper(_BASE):  # type: ignore[misc]
    """Texts of several lines as blocks, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


class Manifest(list[dict[str, Any]]):
    """Kubernetes objects; `str()` gives them as YAML of several documents.

    Args:
        objects: They, in the order in which they are applied.
        first: A command that has to be given before; shown as a comment.
    """

    def __init__(self, objects: Sequence[dict[str, Any]], first: str = "") -> None:
        super().__init__(objects)
        self.first = first

    def __str__(self) -> str:
        return self.to_yaml()

    def to_yaml(self) -> str:
        """The text; values of secrets are never in it."""
        note = f"# once before: {self.first}\n" if self.first else ""
        return note + to_yaml(self)
