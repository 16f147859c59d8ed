"""MLRunStep: a step with one form for events, one for pandas and one for Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.serving.steps.map_class import MapClass

__all__ = ["FeatureStep", "MLRunStep", "SetFacts", "engine_of", "need_column", "need_mapping"]


@dataclass(frozen=True)
class SetFacts:
    """What steps may know of the feature set that they transform.

    Args:
        name: The set's name.
        entities: The names of its entities.
        timestamp_key: The column of the time, or an empty string.
        label_column: The column of the label, or an empty string.
        statistics: What is known of the columns from earlier ingestions: mean, min, ... by column.
        validators: What values must be, by column.
    """

    name: str = ""
    entities: tuple[str, ...] = ()
    timestamp_key: str = ""
    label_column: str = ""
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    validators: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns without which there is no feature set."""
        return tuple(n for n in (*self.entities, self.timestamp_key, self.label_column) if n)


class MLRunStep(MapClass):
    """Base of steps that have a form for each engine (MLRun's class).

    Override `_do_storey(event)`, which gets the body of one event, `_do_pandas(frame)` and
    `_do_spark(frame)`; those that are not overridden say so when they are needed.

    Args:
        options: The arguments that all steps share; see `FlowStep`.

    >>> class Twice(MLRunStep):
    ...     def _do_storey(self, event):
    ...         return {**event, "x": event["x"] * 2}
    >>> Twice().do({"x": 4})
    {'x': 8}
    """

    vectorised: ClassVar[bool] = False
    """True: `_do_pandas` gives for a chunk of any size exactly what `_do_storey` gives row by row,
    with the rows' index kept, so batches use it. Said by the class that has both."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    def do(self, event: Any) -> Any:
        """What the step makes of a body or of a frame."""
        if type(event) is dict:
            return self._do_storey(event)
        engine = engine_of(event)
        if engine == "pandas":
            return self._do_pandas(event)
        return self._do_spark(event) if engine == "spark" else self._do_storey(event)

    def attach(self, facts: SetFacts) -> None:
        """Learn which feature set the step belongs to; called before the first event."""

    def _do_storey(self, event: Any) -> Any:
        raise _no_form(self, "_do_storey(event)", "storey")

    def _do_pandas(self, event: Any) -> Any:
        raise _no_form(self, "_do_pandas(frame)", "pandas")

    def _do_spark(self, event: Any) -> Any:
        raise _no_form(self, "_do_spark(frame)", "spark")

    @classmethod
    def validate_args(cls, feature_set: Any, **kwargs: Any) -> None:
        """Refuse arguments that do not fit the feature set.

        Args:
            feature_set: The feature set.
            kwargs: The step's arguments.

        Raises:
            InvalidArgumentError: if one does not.
        """


class FeatureStep(MLRunStep):
    """Base of the built-in steps: their forms agree, and they count what they note."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.counts: dict[str, int] = {}
        """What was noted, by words such as the column."""

    def note(self, what: str, times: int = 1) -> bool:
        """Count something; True: for the first time."""
        before = self.counts.get(what, 0)
        self.counts[what] = before + times
        return before == 0


def engine_of(event: Any) -> str:
    """Which engine a body is of: "pandas", "spark" or "storey".

    >>> engine_of(pd.DataFrame()), engine_of({"x": 1})
    ('pandas', 'storey')
    """
    body = getattr(event, "body", event)
    if isinstance(body, pd.DataFrame):
        return "pandas"
    return "spark" if type(body).__module__.startswith("pyspark.") else "storey"


def need_column(columns: Iterable[Any], name: str, step: Any) -> None:
    """Refuse a frame or event without a column.

    Raises:
        InvalidArgumentError: naming the columns that there are.
    """
    if name not in columns:
        known = [str(column) for column in columns]
        raise InvalidArgumentError(
            f"The ingesting data doesn't contain a feature named '{name}'.{nearest(name, known)}",
            where=f"step {step.name!r}",
            fix=f"columns: {', '.join(known)[:200] or 'none'}",
        )


def need_mapping(value: Any, argument: str, step: str) -> dict[Any, Any]:
    """A copy of a mapping.

    Raises:
        InvalidTypeError: if it is none.
    """
    if not isinstance(value, Mapping):
        raise InvalidTypeError(
            f"{argument}={value!r:.80} is not a dictionary",
            where=f"step class {step}",
            fix=f"{step}({argument}={{'column': ...}})",
        )
    return dict(value)


def _no_form(step: MLRunStep, method: str, engine: str) -> Exception:
    return InvalidArgumentError(
        f"{type(step).__name__} has no form for engine {engine!r}",
        where=f"step {step.name!r}",
        fix=f"define {method} in the class, or use another engine= of the feature set",
    )
