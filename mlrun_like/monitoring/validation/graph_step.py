"""ValidateData and ValidateRoute: serving graphs that check what passes against a schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError, SchemaError, nearest
from mlrun_like.monitoring.validation.checks import ColumnCheck
from mlrun_like.monitoring.validation.columns import open_data
from mlrun_like.monitoring.validation.event_checks import EventChecker
from mlrun_like.monitoring.validation.schema import Schema
from mlrun_like.serving.event import DROP
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["ValidateData", "ValidateRoute"]

_ACTIONS = ("raise", "tag", "drop")
_SHOWN = 5
Problem = dict[str, Any]


class _Validating(FlowStep):
    """What both steps share: the schema, read and compiled when the graph is."""

    def __init__(
        self, schema: Any, environment: str = "SERVING", tag: str = "validation", **options: Any
    ) -> None:
        super().__init__(**options)
        self.schema = Schema.make(schema)
        self.environment = environment if environment in self.schema.environments else ""
        self.tag = tag
        self._checker = EventChecker(self.schema, self.environment)

    def arguments(self) -> dict[str, Any]:
        """The arguments, a schema as plain data: it can be written into a document."""
        found = super().arguments()
        if isinstance(found.get("schema"), Schema):
            found["schema"] = found["schema"].to_dict()
        return found

    def problems(self, body: Any) -> list[Problem]:
        """What is wrong with a record, a list of them, a model's request or a frame."""
        if body.__class__ is dict and "inputs" not in body:
            return self._checker.record(body)
        if isinstance(body, pd.DataFrame):
            return [{"row": row, **one} for row, some in self._frame(body) for one in some]
        rows, _ = _rows(body)
        if rows is None:
            if isinstance(body, Mapping):
                return self._checker.record(body)
            return [{"column": "", "what": f"the body is a {type(body).__name__}, not a record"}]
        return [{"row": row, **one} for row, value in enumerate(rows) for one in self._one(value)]

    def _one(self, value: Any) -> list[Problem]:
        if isinstance(value, Mapping):
            return self._checker.record(value)
        if isinstance(value, (list, tuple)):
            return self._checker.row(value)
        if len(self._checker.names) == 1:
            return self._checker.row([value])
        return [{"column": "", "what": f"the row is a {type(value).__name__}, not a record"}]

    def _frame(self, frame: pd.DataFrame) -> list[tuple[int, list[Problem]]]:
        """The bad rows of a frame with what is wrong, column by column."""
        found: dict[int, list[Problem]] = {}
        rules = self.schema.expected(self.environment)
        for name, column in rules.items():
            if column.required and name not in frame.columns:
                for row in range(len(frame)):
                    found.setdefault(row, []).append({"column": name, "what": "is not there"})
        start = 0
        for chunk in open_data(frame).chunks():
            for name, values in chunk.columns.items():
                if name not in rules:
                    continue
                check = ColumnCheck(name, rules[name])
                mixed = chunk.mixed.get(name)
                masks = [(kind, mask) for kind, mask, _ in check.masks(values, mixed)]
                if rules[name].missing == 0:
                    masks.append(("missing_values", pc.is_null(values, nan_is_null=True)))
                for kind, mask in masks:
                    if kind == "order":
                        continue  # rows of several callers have none
                    for row in pc.indices_nonzero(mask).to_pylist():
                        what = f"breaks the rule of {kind.replace('_', ' ')}"
                        found.setdefault(start + row, []).append({"column": name, "what": what})
            start += chunk.rows
        return sorted(found.items())


class ValidateData(_Validating):
    """Checks events against a schema: a record, a list of records, a request of a model, a frame.

    The schema is read and compiled when the graph is; an event of 20 features takes microseconds.
    Rows of a request (`{"inputs": [[...]]}`) are in the order of the schema's columns.

    Args:
        schema: A schema's file or URL, plain data, or a `Schema`.
        action: "raise": the event fails (a client gets 422; `error_handler` can take it up);
            "tag": `validation` in the body says what is wrong, `[]` if nothing is; "drop": bad
            records end here, bad rows of lists and frames are taken out.
        environment: Columns that are `not_in` it are not expected.
        tag: The field that "tag" writes.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        SchemaError: for a malformed schema, and for bad events if action is "raise".
        InvalidArgumentError: for an unknown action.

    >>> step = ValidateData({"columns": {"age": {"type": "integer", "min": 0}}}, action="tag")
    >>> step.do({"age": -1})
    {'age': -1, 'validation': [{'column': 'age', 'what': 'is -1, min is 0'}]}
    """

    kind: ClassVar[Kind] = "maybe"

    def __init__(
        self,
        schema: Any,
        action: str = "raise",
        environment: str = "SERVING",
        tag: str = "validation",
        **options: Any,
    ) -> None:
        if action not in _ACTIONS:
            raise InvalidArgumentError(
                f"action={action!r:.40} is not one of: {', '.join(_ACTIONS)}."
                + nearest(str(action), _ACTIONS),
                where="step class ValidateData",
                fix='action="tag"; to send bad events elsewhere, use ValidateRoute',
            )
        super().__init__(schema, environment, tag, **options)
        self.action = action

    def do(self, body: Any) -> Any:
        found = self.problems(body)
        if self.action == "tag":
            return self._tagged(body, found)
        if not found:
            return body
        if self.action == "raise":
            raise self._error(found)
        return self._kept(body, found)

    def _error(self, found: list[Problem]) -> SchemaError:
        texts = [
            f"row {one['row']}: {one['column']} {one['what']}"
            if "row" in one
            else f"{one['column']} {one['what']}".strip()
            for one in found[:_SHOWN]
        ]
        more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
        column = found[0]["column"]
        return SchemaError(
            f"the event is not valid: {'; '.join(texts)}{more}",
            where=f"step {self.name!r}",
            fix="send a record"
            if not column
            else f"correct it, or change {self.schema.line_of(column)}",
        )

    def _tagged(self, body: Any, found: list[Problem]) -> Any:
        if isinstance(body, dict):
            body[self.tag] = found
        elif isinstance(body, pd.DataFrame):
            said: dict[int, list[str]] = {}
            for one in found:
                said.setdefault(one["row"], []).append(f"{one['column']} {one['what']}")
            texts = ["; ".join(said.get(row, [])) for row in range(len(body))]
            body = body.assign(**{self.tag: texts})
        elif isinstance(body, list):
            bad = {row: [] for row in range(len(body))}  # type: dict[int, list[Problem]]
            for one in found:
                if "row" in one:
                    bad[one["row"]].append({key: one[key] for key in ("column", "what")})
            for row, value in enumerate(body):
                if isinstance(value, dict):
                    value[self.tag] = bad[row]
        return body

    def _kept(self, body: Any, found: list[Problem]) -> Any:
        bad = {one["row"] for one in found if "row" in one}
        if isinstance(body, pd.DataFrame):
            kept = body.iloc[[row for row in range(len(body)) if row not in bad]]
            return kept if len(kept) else DROP
        if isinstance(body, list) and bad:
            left = [value for row, value in enumerate(body) if row not in bad]
            return left if left else DROP
        return DROP  # a record, or a request whose answer must have all its rows


class ValidateRoute(_Validating):
    """Sends events that fit a schema to one step, and the others to another.

    Args:
        schema: As `ValidateData` takes it.
        valid: Name of the following step for events that fit.
        invalid: Name of the following step for the others; their body then says why.
        environment: Columns that are `not_in` it are not expected.
        tag: The field of the body that says what is wrong.
        options: The arguments that all steps share; see `FlowStep`.

    >>> rules = {"columns": {"age": {"min": 0, "type": "integer"}}}
    >>> step = ValidateRoute(rules, valid="model", invalid="quarantine")
    >>> step.select_outlets({"age": 3}), step.select_outlets({"age": -3})
    (('model',), ('quarantine',))
    """

    kind: ClassVar[Kind] = "choice"

    def __init__(
        self,
        schema: Any,
        valid: str,
        invalid: str,
        environment: str = "SERVING",
        tag: str = "validation",
        **options: Any,
    ) -> None:
        super().__init__(schema, environment, tag, **options)
        self.valid, self.invalid = (valid,), (invalid,)

    def select_outlets(self, body: Any) -> Iterable[str]:
        found = self.problems(body)
        if not found:
            return self.valid
        if isinstance(body, dict):
            body[self.tag] = found
        return self.invalid


def _rows(body: Any) -> tuple[Any, bool]:
    """The rows of a body, and whether they are a model's request."""
    if isinstance(body, Mapping):
        rows = body.get("inputs")
        return (rows, True) if isinstance(rows, (list, tuple)) else (None, False)
    if isinstance(body, (list, tuple)):
        return body, False
    if isinstance(body, pa.Table):
        return body.to_pylist(), False
    return None, False
