"""What shall be recorded with a model, collected until it is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.artifacts.lazy import preview
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.data import sample, to_frame

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

    def set_inputs(self, from_sample: Any = None, features: Sequence[Any] | None = None) -> None:
        """Set the model's inputs.

        Args:
            from_sample: Rows that it takes; their columns are the inputs. A list of mappings with
                `name` and `value_type` is taken for features.
            features: Names, or mappings with `name` and `value_type`, instead.

        Raises:
            InvalidArgumentError: if both are given, or neither, or if it is not plain whether
                texts are names or rows.
        """
        self.inputs = _features("inputs", from_sample, features)

    def set_outputs(self, from_sample: Any = None, features: Sequence[Any] | None = None) -> None:
        """Set the model's outputs; arguments as for `set_inputs`."""
        self.outputs = _features("outputs", from_sample, features)

    def take(self, more: dict[str, Any]) -> None:
        """Move what the handler keeps from `more` into it."""
        self.tag = more.pop("tag", None) or self.tag
        for name in ("labels", "parameters", "metrics", "extra_data"):
            _change(getattr(self, name), more.pop(name, None), None)
        self.extra_data.update(more.pop("artifacts", None) or {})
        self.inputs = more.pop("inputs", None) or self.inputs
        self.outputs = more.pop("outputs", None) or self.outputs


def _features(what: str, rows: Any, features: Sequence[Any] | None) -> list[Any]:
    if features is None and isinstance(rows, (list, tuple)):
        if _are_features(rows):
            rows, features = None, rows
        elif all(map(_is_unclear, rows)):  # rows taken for names would be in the model's record
            raise InvalidArgumentError(
                f"{'texts' if rows else 'nothing'} given as {what} may be names or rows",
                fix=f"names: set_{what}(features=[...]); rows: a DataFrame",
            )
    if (rows is None) == (features is None):
        raise InvalidArgumentError(
            f"the {what} of a model are read from a sample or given as features: one of both",
            fix=f"set_{what}(from_sample=rows), or set_{what}(features=[...])",
        )
    if features is not None:
        return list(features)
    named: list[Any] = preview().model_schema(sample(to_frame(rows)), ())[0]
    return named


def _are_features(items: Sequence[Any]) -> bool:
    """Whether all describe a column; a row may have a column `name`, too."""
    maps = [item for item in items if isinstance(item, Mapping)]
    named = all("name" in item and (len(item) == 1 or "value_type" in item) for item in maps)
    return len(maps) == len(items) and named and any("value_type" in item for item in maps)


def _is_unclear(item: Any) -> bool:
    return isinstance(item, str) or (isinstance(item, Mapping) and set(item) == {"name"})


def _change(
    values: dict[str, Any], add: Mapping[str, Any] | None, remove: Sequence[str] | None
) -> None:
    values.update(add or {})
    for name in remove or ():
        values.pop(name, None)
