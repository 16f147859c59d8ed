"""What gates look at: a candidate, what is recorded of it, a test set and its predictions."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.artifact import ModelArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.promotion.scores import SCORES, USES_SCORES, positive_class, score
from mlrun_like.tracking.abilities import ModelVersion
from mlrun_like.tracking.base import Store

__all__ = ["Case"]


class Case:
    """A model version before its judges.

    Args:
        version: The version.
        model: Its record.
        test_set: Rows with features and label; None: only recorded metrics are known.
        label: The label's column; empty: the model's recorded output, if there is one.
        rival: The version that holds the alias now, judged on the same rows.
        store: The tracking store; None: the configured one.
        loaded: The model itself, if it is loaded already.
    """

    def __init__(
        self,
        version: ModelVersion,
        model: ModelArtifact,
        test_set: pd.DataFrame | None = None,
        label: str = "",
        rival: Case | None = None,
        *,
        store: Store | None = None,
        loaded: Any = None,
    ) -> None:
        self.version, self.model, self.test_set, self.rival = version, model, test_set, rival
        self._store, self._loaded, self._label = store, loaded, label
        self._computed: dict[str, float] = {}

    @property
    def name(self) -> str:
        """The version, for messages."""
        return f"{self.version.key} version {self.version.number}"

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers that were recorded with the model."""
        return {
            name: float(value)
            for name, value in self.model.spec.metrics.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }

    @cached_property
    def predictor(self) -> Predictor:
        """The model as a function of a table."""
        drop = (self._label,) if self._label else ()
        return Predictor(self.model, store=self._store, drop=drop, loaded=self._loaded)

    @property
    def label(self) -> str:
        """The label's column in the test set.

        Raises:
            InvalidArgumentError: if it is not known or not there.
        """
        names = [self._label] if self._label else self.predictor.outputs
        columns = [] if self.test_set is None else list(self.test_set.columns)
        if len(names) != 1 or names[0] not in columns:
            raise InvalidArgumentError(
                f"the label {names[0]!r} is no column of the test set"
                if len(names) == 1
                else f"{self.name} records {len(names)} outputs: which column is the label?",
                fix=f"label= one of: {', '.join(map(str, columns[:20]))}",
            )
        return names[0]

    def rows(self, what: str) -> pd.DataFrame:
        """The test set.

        Raises:
            InvalidArgumentError: if there is none; `what` needs it.
        """
        if self.test_set is None or self.test_set.empty:
            raise InvalidArgumentError(
                f"{what} needs a test set, and there is none"
                if self.test_set is None
                else f"{what} needs rows, and the test set is empty",
                fix="promote(..., test_set=frame_or_url, label='...')",
            )
        return self.test_set

    @cached_property
    def predictions(self) -> Any:
        """The predictions for the test set.

        Raises:
            InvalidArgumentError: if one is missing, or a row has several: no metric could count
                them.
        """
        found = self.predictor.predict(self.rows("a prediction"))
        if found.ndim != 1:
            raise InvalidArgumentError(
                f"{self.name} gives {found[0].size} values a row; metrics of a test set need one",
                fix="a gate of recorded metrics, or a function of the case",
            )
        return _complete(found, f"predictions of {self.name}", "a smoke test shows what it gives")

    @cached_property
    def truth(self) -> Any:
        """The label of each row of the test set.

        Raises:
            InvalidArgumentError: if one is missing.
        """
        found = self.rows("a metric")[self.label].to_numpy()
        return _complete(found, f"labels {self.label!r}", "leave rows without a label out")

    @cached_property
    def positive(self) -> Any:
        """The class that counts as positive."""
        return positive_class(self.truth)

    @cached_property
    def scores(self) -> Any:
        """The scores of the positive class."""
        found = self.predictor.scores(self.rows("a score"), self.positive)
        return _complete(found, f"scores of {self.name}", "a smoke test shows what it gives")

    def measured(self, metric: str, least: int = 1) -> float:
        """A metric on the test set.

        Raises:
            InvalidArgumentError: if it has fewer rows than `least`, or cannot be computed.
        """
        count = len(self.rows(f"metric {metric!r}"))
        if count < least:
            raise InvalidArgumentError(
                f"the test set has {count} rows: {metric} of fewer than {least} tells nothing",
                fix=f'more rows, or accept it: {{"gate": ..., "rows": {count}}}',
            )
        if metric not in self._computed:
            said = self.scores if metric in USES_SCORES else self.predictions
            self._computed[metric] = score(metric, self.truth, said, self.positive)
        return self._computed[metric]

    def value(self, metric: str, least: int = 1) -> tuple[float | None, str]:
        """A metric and where it is from: the test set if there is one, else the model's record."""
        if self.test_set is not None and metric in SCORES:
            return self.measured(metric, least), "test set"
        return self.metrics.get(metric), "record"


def _complete(found: Any, what: str, fix: str) -> Any:
    missing = int(np.asarray(pd.isna(found)).sum())
    if missing:
        raise InvalidArgumentError(f"{missing} of {len(found)} {what} are missing (NaN)", fix=fix)
    return found
