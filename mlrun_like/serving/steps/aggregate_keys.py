"""What the steps with tables share: reading keys and numbers, looking up the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.aggregate_user import hashed
from mlrun_like.serving.steps.tables import Table

__all__ = ["body_updater", "key_of", "number", "table_of"]


def key_of(key_field: Any, step: str) -> Callable[[Any], Any] | None:
    """What gives the key of a body; None: the event has it.

    Raises:
        InvalidTypeError: if it is neither a field, nor a list of fields, nor a function.

    >>> key_of(["a", "b"], "AggregateByKey")({"a": 1, "b": 2})
    [1, 2]
    """
    if key_field is None or key_field == "" or key_field == []:
        return None
    if callable(key_field):
        found: Callable[[Any], Any] = key_field
        return found
    if isinstance(key_field, str):
        return lambda body: _field(body, key_field)
    if isinstance(key_field, list) and all(isinstance(name, str) for name in key_field):
        return lambda body: [_field(body, name) for name in key_field]
    raise InvalidTypeError(
        "key_field is expected to be either a callable or string or list of strings but got "
        f"{type(key_field)}",
        where=f"step class {step}",
    )


def _field(body: Any, name: str) -> Any:
    try:
        return body.get(name)
    except AttributeError as exc:
        raise InvalidTypeError(
            f"the body must be a dictionary to have the key {name!r}, not a {type(body).__name__}"
        ) from exc


def number(value: Any, feature: str, texts: bool = False) -> float | None:
    """A value to aggregate; None stays.

    Args:
        value: The value.
        feature: The feature, for errors.
        texts: Whether it may be a text, which counts by its hash (see `hashed`).

    Raises:
        InvalidArgumentError: if it is not a number.

    >>> number(3, "x"), number(None, "x")
    (3.0, None)
    """
    if value is None:
        return None
    try:
        if isinstance(value, (str, bytes)):
            if texts:
                return hashed(value)
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"{value!r:.80} cannot be aggregated: it is a {type(value).__name__}, not a number",
            where=f"feature {feature!r}",
            fix="send a number, or leave the field out",
        ) from exc


def table_of(table: Any, context: Any, step: str) -> Table:
    """A table, or the one that the context has under a name or URL.

    Raises:
        InvalidTypeError: if it is neither.
    """
    if isinstance(table, str):
        if context is None or not hasattr(context, "get_table"):
            raise InvalidTypeError(
                "Table can not be string if no context was provided to the step",
                where=f"step class {step}",
                fix=f"pass context=, or open_table({table!r:.120})",
            )
        table = context.get_table(table)
    if not isinstance(table, Table):
        raise InvalidTypeError(
            f"table={table!r:.80} is a {type(table).__name__}, not a Table",
            where=f"step class {step}",
            fix="such as Table('users', NoopDriver()) or 'sqlite:///tables.db#users'",
        )
    return table


def body_updater(body: Any, found: dict[str, Any]) -> Any:
    """What was found, with the body's fields over it.

    Raises:
        InvalidTypeError: if the body is not a dictionary.

    >>> body_updater({"x": 1}, {"y": 2})
    {'y': 2, 'x': 1}
    """
    try:
        found.update(body)
    except (TypeError, ValueError) as exc:
        raise InvalidTypeError(
            f"aggregates are added to dictionaries, not to a {type(body).__name__}",
            fix="give augmentation_fn=lambda body, features: ...",
        ) from exc
    return found
