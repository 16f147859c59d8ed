"""JoinWithTable: adds a table's attributes to bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.aggregate_keys import table_of
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.checks import check_callable
from mlrun_like.serving.steps.drivers import Driver
from mlrun_like.serving.steps.tables import Table

__all__ = ["JoinWithTable", "JoinWithV3IOTable"]


class JoinWithTable(FlowStep):
    """Joins each body with the attributes that a table holds of its key.

    Args:
        table: The table, or its name or URL in the context.
        key_extractor: The field of the body that is the key, or a function that gives it.
        attributes: The attributes to join, as a list or a text with commas; all by default.
        inner_join: Whether events without a row are dropped.
        join_function: Called with the body (with `full_event`: the event) and the attributes
            (empty if there is no row); gives the joined body, or None to drop the event. By
            default the body with the attributes over it.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.

    >>> table = Table("users")
    >>> table["ann"] = {"age": 31}
    >>> JoinWithTable(table, "user").do({"user": "ann"})
    {'user': 'ann', 'age': 31}
    """

    kind: ClassVar[Kind] = "maybe"

    def __init__(
        self,
        table: Table | str,
        key_extractor: str | Callable[[Any], Any],
        attributes: list[str] | str | None = None,
        inner_join: bool = False,
        join_function: Callable[[Any, dict[str, Any]], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        step = type(self).__name__
        self.table = table_of(table, self.context, step)
        if not callable(key_extractor) and (
            not isinstance(key_extractor, str) or not key_extractor
        ):
            raise InvalidTypeError(
                f"key is expected to be either a callable or string but got {type(key_extractor)}",
                where=f"step class {step}",
            )
        if join_function is not None:
            check_callable(join_function, "join_function", step)
        self._key = key_extractor if callable(key_extractor) else _key_reader(key_extractor)
        if isinstance(attributes, str):
            attributes = [name.strip() for name in attributes.split(",") if name.strip()]
        self._attributes = None if not attributes or attributes == ["*"] else list(attributes)
        self._inner = inner_join
        self._join = join_function or _update
        vars(self)["blocking"] = self.table.storage.blocking

    def do(self, body: Any) -> Any:
        """The joined body, or DROP."""
        found = self.table.get(self._key(body), self._attributes)
        if self._inner and not found:
            return DROP
        joined = self._join(body, found)
        return DROP if joined is None else joined

    def close(self) -> None:
        self.table.close()


class JoinWithV3IOTable(JoinWithTable):
    """Joins with a table that is given by driver and path; events without a row are dropped.

    Args:
        storage: The driver.
        key_extractor: A function that gives the key, or the field of the body that is the key.
        join_function: Called with body and attributes; gives the joined body, or None to drop the
            event.
        table_path: The table's name.
        attributes: The attributes to join; all by default.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
    """

    def __init__(
        self,
        storage: Driver,
        key_extractor: str | Callable[[Any], Any],
        join_function: Callable[[Any, dict[str, Any]], Any],
        table_path: str,
        attributes: list[str] | str = "*",
        **options: Any,
    ) -> None:
        table = Table(table_path, storage)
        super().__init__(table, key_extractor, attributes, True, join_function, **options)


def _key_reader(field: str) -> Callable[[Any], Any]:
    def read(body: Any) -> Any:
        if isinstance(body, Event):
            body = body.body
        try:
            return body[field]
        except (KeyError, TypeError, IndexError) as exc:
            raise InvalidArgumentError(
                f"the body has no {field!r}, which is the key to join by: {body!r:.80}",
                fix="send it, or change key_extractor",
            ) from exc

    return read


def _update(body: Any, found: dict[str, Any]) -> Any:
    target = body.body if isinstance(body, Event) else body
    try:
        target.update(found)
    except (AttributeError, TypeError, ValueError) as exc:
        raise InvalidTypeError(
            f"attributes are joined with dictionaries, not with a {type(target).__name__}",
            fix="give join_function=lambda body, attributes: ...",
        ) from exc
    return body
