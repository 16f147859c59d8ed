"""Rows that are about to be written: entities, the schema of the feature set, validators.

Columns whose values the declared type holds exactly become of that type. Others are a change of the
schema, which the set's `schema_policy` allows or not; what it allows becomes part of the definition
when the ingestion succeeds.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pandas.api.types import is_object_dtype

from mlrun_like.errors import InvalidArgumentError, SchemaError, nearest
from mlrun_like.feature_store.definitions.schema import (
    compare,
    decide,
    declared_renames,
    schema_of,
    wider,
)
from mlrun_like.feature_store.ingestion.fitting import first_misfit, fitted, type_of
from mlrun_like.feature_store.ingestion.inspection import Validation

if TYPE_CHECKING:
    import pandas as pd

    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["Checking"]


class Checking:
    """Checks the frames of one ingestion.

    Args:
        feature_set: What they are checked against; changed by `remember` only.
        learn: Whether columns that it does not have become features.
    """

    def __init__(self, feature_set: FeatureSet, learn: bool = True) -> None:
        self.feature_set = feature_set
        self._learn = learn
        self._declared = schema_of(feature_set)
        self._types = dict(self._declared)
        self._versions: list[dict[str, str]] = []
        self._validation = Validation(feature_set)
        self._plain: tuple[Any, ...] = ()

    @property
    def total(self) -> int:
        """Values that validators refused."""
        return self._validation.total

    @property
    def counts(self) -> dict[str, int]:
        """Column -> values that its validator refused."""
        return self._validation.counts

    def problems(self, body: Mapping[str, Any]) -> list[str]:
        """Why an event cannot be taken: entities that are missing, and what validators say."""
        spec = self.feature_set.spec
        gone = [item.name for item in spec.entities if item.name not in body]
        if gone and not spec.require_processing():
            return [f"it has no {name!r}, an entity" for name in gone]
        return self._validation.problems(body)

    def check(self, frame: pd.DataFrame, rows_before: int) -> pd.DataFrame:
        """Check rows; gives them with the columns' declared types.

        Args:
            frame: The rows.
            rows_before: How many came before, for messages.

        Raises:
            SchemaError: naming column, both types, and the first row that does not fit.
            InvalidArgumentError: if an entity is no column, or a validator refuses the data.
        """
        dtypes = tuple(zip(frame.columns, frame.dtypes, strict=True))
        if dtypes != self._plain:
            frame = self._checked(frame, rows_before)
            # of objects the dtype says nothing: they are looked at in each chunk
            known = not any(is_object_dtype(dtype) for _, dtype in dtypes)
            same = all(a is b for a, b in zip(frame.dtypes, (d for _, d in dtypes), strict=True))
            self._plain = dtypes if known and same else ()
        self._validation.check(frame, rows_before)
        return frame

    def _checked(self, frame: pd.DataFrame, rows_before: int) -> pd.DataFrame:
        spec, where = self.feature_set.spec, f"feature set {self.feature_set.name!r}"
        for name in [item.name for item in spec.entities]:
            if name not in frame.columns:
                raise SchemaError(
                    f"there is no column {name!r}, an entity"
                    f".{nearest(name, map(str, frame.columns))}",
                    where=where,
                    fix=f"columns: {', '.join(map(str, frame.columns))}"[:200],
                )
        found: dict[str, str] = {}
        changed: dict[str, Any] = {}
        for at, name in enumerate(map(str, frame.columns)):
            values, declared = frame.iloc[:, at], self._types.get(name, "")
            kind = type_of(values)
            if declared and kind and kind != declared:
                made = fitted(values, declared)
                if made is not None:
                    changed[name], kind = made, declared
            found[name] = kind or declared
        if changed:
            frame = frame.assign(**changed)
        self._decide(frame, found, rows_before)
        return frame

    def _decide(self, frame: pd.DataFrame, found: dict[str, str], rows_before: int) -> None:
        feature_set = self.feature_set
        known = {n: t for n, t in self._types.items() if n != feature_set.spec.timestamp_key}
        seen = {n: t for n, t in found.items() if n != feature_set.spec.timestamp_key}
        if not self._learn:
            seen = {name: kind for name, kind in seen.items() if name in known}
        change = compare(known, seen, declared_renames(feature_set))
        where = f"feature set {feature_set.name!r}"
        try:
            verdict = decide(change, feature_set.spec.schema_policy, where)
        except SchemaError as exc:
            bad = {**change.incompatible, **change.widened}
            if not bad:
                raise
            name, (old, new) = next(iter(bad.items()))
            row, value = first_misfit(frame[name], old)
            raise SchemaError(
                f"column {name!r} is {old}, and the data has {new}: row {rows_before + row} is "
                f"{value!r:.80}{_others(list(bad)[1:])}",
                where=where,
                fix=exc.fix,
            ) from exc
        if verdict == "version" and self._types not in self._versions:
            self._versions.append(dict(self._types))
        for name, kind in seen.items():
            old = self._types.get(name, "")
            if kind and not (old and wider(kind, old)):
                self._types[name] = kind
        for name in change.missing:
            del self._types[name]

    def dump(self) -> dict[str, Any]:
        """What it found so far, as plain data."""
        return {"types": self._types, "versions": self._versions, "counts": self.counts}

    def load(self, document: Mapping[str, Any]) -> None:
        """Go on where another one was."""
        if document:
            self._types = dict(document["types"])
            self._versions = list(document["versions"])
            self._validation.counts.update(document["counts"])

    def remember(self) -> None:
        """Make what was found part of the feature set."""
        spec = self.feature_set.spec
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        for schema in self._versions:
            self.feature_set.status.schema_versions.append({"schema": schema, "until": now})
        for name, kind in self._types.items():
            if name in spec.entities:
                spec.entities[name].value_type = kind
            elif name in spec.features:
                spec.features[name].value_type = kind
            elif self._learn and name != spec.timestamp_key:
                spec.features[name] = {"name": name, "value_type": kind}
        if self._versions:
            gone = [item.name for item in spec.features if item.name not in self._types]
            for name in gone:
                del spec.features[name]

    def require_entities(self) -> None:
        """Raise InvalidArgumentError if the feature set has no entities."""
        if not len(self.feature_set.spec.entities):
            raise InvalidArgumentError(
                f"feature set {self.feature_set.name!r} has no entities",
                fix='FeatureSet("name", entities=["user"]), or give the frame a named index',
            )


def _others(names: list[str]) -> str:
    return f"; also {', '.join(map(repr, names[:5]))}" if names else ""
