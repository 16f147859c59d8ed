"""DropFeatures: columns that are not wanted any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.steps.base import FeatureStep, need_column
from mlrun_like.serving.steps.checks import check_strings

__all__ = ["DropFeatures"]


class DropFeatures(FeatureStep):
    """Removes features (MLRun's step); entities, label and time cannot be removed.

    Args:
        features: The name of a column, or several.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: for an event or frame without such a column.

    >>> DropFeatures(["b"]).do({"a": 1, "b": 2})
    {'a': 1}
    """

    vectorised: ClassVar[bool] = True

    def __init__(self, features: str | Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self.features = check_strings(features, "features", "DropFeatures")
        self._dropped = frozenset(self.features)

    def _do_storey(self, event: Any) -> dict[str, Any]:
        for name in self.features:
            if name not in event:
                need_column(list(event), name, self)
        return {name: value for name, value in event.items() if name not in self._dropped}

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        for name in self.features:
            need_column(frame.columns, name, self)
        return frame[[name for name in frame.columns if name not in self._dropped]]

    def _do_spark(self, event: Any) -> Any:
        for name in self.features:
            need_column(event.columns, name, self)
        return event.drop(*self.features)

    @classmethod
    def validate_args(cls, feature_set: Any, **kwargs: Any) -> None:
        features = set(check_strings(kwargs.get("features") or [], "features", "DropFeatures"))
        spec = feature_set.spec
        entities = sorted(features & set(spec.entities.keys()))
        if entities:
            raise InvalidArgumentError(
                f"DropFeatures can only drop features, not entities: {', '.join(entities)}"
            )
        for word in ("label_column", "timestamp_key"):
            name = getattr(spec, word, None)
            if name and name in features:
                raise InvalidArgumentError(f"DropFeatures can not drop {word}: {name}")
