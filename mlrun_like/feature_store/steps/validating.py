"""FeaturesetValidator: counts values that are not as the feature set says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps.base import FeatureStep, SetFacts
from mlrun_like.registry import resolve
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.checks import check_strings

__all__ = ["FeaturesetValidator"]

_logger = logging.getLogger("mlrun_like.feature_store")
_RECORDS = "mlrun_like.feature_store.definitions.records:get_feature_set"


class FeaturesetValidator(FeatureStep):
    """Checks values by the validators of a feature set's features (MLRun's step).

    Bad values are counted by column in `counts`, and the first of each column is logged. Those of
    a validator with severity "error" are refused.

    Args:
        featureset: URI of the feature set; by default, or ".", the one that the step belongs to.
        columns: The columns to check; by default all that have a validator.
        name: The step's name.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: for a value that is refused.
    """

    vectorised: ClassVar[bool] = True

    def __init__(
        self,
        featureset: str | None = None,
        columns: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self.featureset = featureset or "."
        self.columns = None if columns is None else check_strings(columns, "columns", self.name)
        self._validators: dict[str, Any] = {}
        if self.featureset != ".":
            features = resolve(_RECORDS)(self.featureset).spec.features
            for feature in features:
                if feature.validator is not None:
                    feature.validator.set_feature(feature)
            found = {f.name: f.validator for f in features if f.validator is not None}
            self._use(found)

    def attach(self, facts: SetFacts) -> None:
        if self.featureset == ".":
            self._use(facts.validators)

    def _use(self, validators: Mapping[str, Any]) -> None:
        for name in self.columns or ():
            if name not in validators:
                raise InvalidArgumentError(
                    f"feature {name!r} has no validator.{nearest(name, validators)}",
                    where=f"step {self.name!r}",
                    fix=f'feature_set["{name}"] = Feature(validator=MinMaxValidator(min=0))',
                )
        wanted = self.columns if self.columns is not None else list(validators)
        self._validators = {name: validators[name] for name in wanted}

    def do_event(self, event: Event) -> Event:
        """The event as it is, its values checked."""
        body = event.body
        for column, validator in self._validators.items():
            if column in body:
                good, said = validator.check(body[column])
                if not good:
                    self._bad(column, validator, said, 1)
        return event

    def _do_storey(self, event: Any) -> Any:
        return self.do_event(event if isinstance(event, Event) else Event(event)).body

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        for column, validator in self._validators.items():
            if column in frame.columns:
                places = validator.mask(frame[column]).nonzero()[0]
                if len(places):
                    _, said = validator.check(frame[column].iloc[places[0]])
                    self._bad(column, validator, said, len(places))
        return frame

    def _do_spark(self, event: Any) -> Any:
        raise InvalidArgumentError(
            "FeaturesetValidator has no form for Spark: its checks are Python code",
            where=f"step {self.name!r}",
            fix='use engine="storey" or "pandas", or check after the ingestion',
        )

    def _bad(self, column: str, validator: Any, said: Mapping[str, Any], times: int) -> None:
        details = ", ".join(
            f"{key}={value!r:.80}" for key, value in said.items() if key != "message"
        )
        text = f"{column} {said.get('message', 'is not valid')}"
        if validator.severity == "error":
            raise InvalidArgumentError(
                f"{text} ({details})" if details else text,
                where=f"feature {column!r}",
                fix='correct the data, or give the validator severity="info"',
            )
        if self.note(f"invalid {column}", times):
            _logger.warning(
                "%s! %s, %s; further ones are counted", validator.severity or "info", text, details
            )
