"""What a feature's validators find in the rows that are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["Validation"]


class Validation:
    """Counts values that validators refuse; severity `error` ends the ingestion.

    Args:
        feature_set: Its features and entities may have validators.
    """

    def __init__(self, feature_set: FeatureSet) -> None:
        self.name = feature_set.metadata.name
        self.counts: dict[str, int] = {}
        self.first: dict[str, str] = {}
        self._validators: dict[str, Any] = {}
        for feature in feature_set.spec.features:
            validator: Any = getattr(feature, "validator", None)
            if validator is not None:
                validator.set_feature(feature)
                self._validators[feature.name] = validator

    @property
    def total(self) -> int:
        """All values that were refused."""
        return sum(self.counts.values())

    def check(self, frame: pd.DataFrame, rows_before: int) -> None:
        """Look at rows that are about to be written.

        Args:
            frame: The rows.
            rows_before: How many came before, for messages.

        Raises:
            InvalidArgumentError: if a validator of severity `error` refuses a value.
        """
        for name, validator in self._validators.items():
            if name not in frame.columns:
                continue
            column = frame[name]
            bad = np.flatnonzero(np.asarray(validator.mask(column), dtype=bool))
            if not len(bad):
                continue
            _, why = validator.check(column.iloc[int(bad[0])])
            about = ", ".join(f"{key}: {value}" for key, value in why.items())
            text = f"row {rows_before + int(bad[0])}: {about}"
            if validator.severity == "error":
                raise InvalidArgumentError(
                    f"column {name!r} has {len(bad)} values that its validator refuses; {text}",
                    where=f"feature set {self.name!r}",
                    fix="correct the data, or count such values only: severity='info'",
                )
            self.counts[name] = self.counts.get(name, 0) + len(bad)
            self.first.setdefault(name, text)

    def problems(self, body: Any) -> list[str]:
        """What validators of severity `error` say about one event's fields."""
        found = []
        for name, validator in self._validators.items():
            good, why = validator.check(body.get(name))
            if good:
                continue
            if validator.severity == "error":
                found.append(f"{name}: {why.get('message')}")
            else:
                self.counts[name] = self.counts.get(name, 0) + 1
        return found
