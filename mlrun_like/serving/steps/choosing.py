"""ChoiceByField: the body names the following steps it goes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.choice import Choice

__all__ = ["ChoiceByField"]

_FIX = "send the name, or names, of steps that follow this one"


class ChoiceByField(Choice):
    """Sends each event to the following steps that a field of its body names.

    Args:
        field_name: The field: the name of a step, or a list of names.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: for an event whose field is missing, None or empty.
        InvalidTypeError: for an event whose field holds something else; also a `TypeError`.

    >>> ChoiceByField("kind").select_outlets({"kind": "cat", "x": 1})
    ['cat']
    """

    def __init__(self, field_name: str, **options: Any) -> None:
        super().__init__(**options)
        self.field_name = field_name

    def select_outlets(self, event: Any) -> Iterable[str]:
        field = self.field_name
        if not isinstance(event, Mapping) or field not in event:
            held = f"keys {list(event)}" if isinstance(event, Mapping) else type(event).__name__
            raise self._wrong(f"Field {field!r} is not in the body ({held:.200})")
        names = event[field]
        if names is None:
            raise self._wrong(f"Field {field!r} is there, but it is None")
        if not isinstance(names, (str, list, tuple)):
            raise InvalidTypeError(
                f"Field {field!r} must be a text or a list of texts, not {type(names).__name__}",
                where=f"step {self.name!r}",
                fix=_FIX,
            )
        if not names:
            raise self._wrong(f"Field {field!r} is empty, so the event would go nowhere")
        return [names] if isinstance(names, str) else names

    def _wrong(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(what, where=f"step {self.name!r}", fix=_FIX)
