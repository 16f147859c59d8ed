"""ChoiceByField with MLRun's errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, StepError
from mlrun_like.serving.steps.choosing import ChoiceByField as OurChoiceByField

__all__ = ["ChoiceByField"]


class ChoiceByField(OurChoiceByField):
    """Sends each event to the following steps that a field of its body names.

    >>> ChoiceByField("kind").select_outlets({"kind": "cat"})
    ['cat']
    """

    def select_outlets(self, event: Any) -> Iterable[str]:
        name = self.field_name
        if name not in event:
            raise StepError(f"Field '{name}' is not contained in the event keys {list(event)}.")
        value = event[name]
        if value is None:
            raise InvalidArgumentError(f"Field '{name}' exists but its value is None.")
        if not isinstance(value, (str, list, tuple)):
            raise InvalidTypeError(
                f"Field '{name}' must be a string or list of strings "
                f"but is instead of type '{type(value).__name__}'."
            )
        if not value:
            raise StepError(f"The value of the key '{name}' cannot be an empty {_kind(value)}.")
        return [value] if isinstance(value, str) else value


def _kind(value: Any) -> str:
    return "string" if isinstance(value, str) else type(value).__name__
