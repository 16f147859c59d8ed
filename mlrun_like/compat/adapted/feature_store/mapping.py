"""MapValues that judges its mapping when rows are about to come, as MLRun does."""

from __future__ import annotations

from typing import Any

from mlrun_like.feature_store.steps import map_values
from mlrun_like.feature_store.steps.base import SetFacts

__all__ = ["MapValues"]


class MapValues(map_values.MapValues):
    """Maps values to others; a mapping that cannot be used is an error of the ingestion.

    Args:
        mapping: See `mlrun_like.feature_store.steps.MapValues`, which judges it at once.
        with_original_features: The same.
        suffix: The same.
        options: The same.

    >>> MapValues({"n": {"A": 1, "B": False}}).mapping["n"]["A"]
    1
    """

    _prepared = False

    def _prepare(self) -> None:
        """Later: a graph may be built long before its data is known."""

    def attach(self, facts: SetFacts) -> None:
        self._ready()
        super().attach(facts)

    def do(self, event: Any) -> Any:
        self._ready()
        return super().do(event)

    def _ready(self) -> None:
        if not self._prepared:
            super()._prepare()
            self._prepared = True
