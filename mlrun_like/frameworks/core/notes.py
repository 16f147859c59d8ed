"""What shall be recorded with a model, collected until it is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Notes"]


class Notes:
    """Tag, labels, parameters, metrics, files, inputs and outputs of a model.

    >>> notes = Notes()
    >>> notes.set_labels({"team": "fraud"})
    >>> notes.labels
    {'team': 'fraud'}
    """

    def __init__(self) -> None:
        self.tag = ""
        self.labels: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.extra_data: dict[str, Any] = {}
        self.inputs: list[Any] | None = None
        self.outputs: list[Any] | None = None

    def set_tag(self, tag: str) -> None:
        """Set the tag that the model is logged with."""
        self.tag = tag or ""

    def set_labels(
        self, to_add: Mapping[str, Any] | None = None, to_remove: Sequence[str] | None = None
    ) -> None:
        """Add and remove labels."""
        _change(self.labels, to_add, to_remove)

    def set_parameters(
        self, to_add: Mapping[str, Any] | None = None, to_remove: Sequence[str] | None = None
    ) -> None:
        """Add and remove parameters."""
        _change(self.parameters, to_add, to_remove)

    def set_metrics(
        self, to_add: Mapping[str, Any] | None = None, to_remove: Sequence[str] | None = None
    ) -> None:
        """Add and remove metrics."""
        _change(self.metrics, to_add, to_remove)

    def set_extra_data(
        self, to_add: Mapping[str, Any] | None = None, to_remove: Sequence[str] | None = None
    ) -> None:
        """Add and remove further files, artifacts and values."""
        _change(self.extra_data, to_add, to_remove)

    def set_inputs(self, features: list[Any]) -> None:
        """Set the model's inputs: names, or mappings with `name` and `value_type`."""
        self.inputs = list(features)

    def set_outputs(self, features: list[Any]) -> None:
        """Set the model's outputs, likewise."""
        self.outputs = list(features)

    def take(self, more: dict[str, Any]) -> None:
        """Move what the handler keeps from `more` into it."""
        self.tag = more.pop("tag", None) or self.tag
        for name in ("labels", "parameters", "metrics", "extra_data"):
            _change(getattr(self, name), more.pop(name, None), None)
        self.extra_data.update(more.pop("artifacts", None) or {})
        self.inputs = more.pop("inputs", None) or self.inputs
        self.outputs = more.pop("outputs", None) or self.outputs


def _change(
    values: dict[str, Any], add: Mapping[str, Any] | None, remove: Sequence[str] | None
) -> None:
    values.update(add or {})
    for name in remove or ():
        values.pop(name, None)
