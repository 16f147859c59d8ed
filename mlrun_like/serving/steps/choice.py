"""Choice: each event goes to some of the following steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.protocol import Kind
from mlrun_like.serving.steps.base import FlowStep

__all__ = ["Choice"]

Outlet = Any  # a step, or the name of one


class Choice(FlowStep):
    """Sends each event to some of the steps that follow it.

    Override `select_outlets(body)` to give the names of those steps (none: the event ends here),
    or give conditions.

    Args:
        choice_array: Pairs of a following step (or its name) and a condition of the body; the
            first condition that holds decides.
        default: The step, or its name, if no condition holds; none: the event ends here.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if `choice_array` is not made of such pairs, or if there is nothing to
            choose by.

    >>> size = Choice([("big", lambda body: body > 9)], default="small")
    >>> size.select_outlets(10), size.select_outlets(1)
    (('big',), ('small',))
    """

    kind: ClassVar[Kind] = "choice"

    def __init__(
        self,
        choice_array: Sequence[tuple[Outlet, Callable[[Any], Any]]] | None = None,
        default: Outlet = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._conditions: list[tuple[Outlet, Callable[[Any], Any]]] = []
        for pair in _pairs(choice_array):
            outlet, condition = pair
            if not callable(condition):
                raise InvalidTypeError(
                    f"the condition of choice_array is not a function: {condition!r:.80}",
                    where="step class Choice",
                    fix="in a graph document, override Choice.select_outlets, or use ChoiceByField",
                )
            self._conditions.append((self._follow(outlet), condition))
        self._default = None if default is None else self._follow(default)
        chooses = type(self).select_outlets is not Choice.select_outlets
        if not (chooses or self._conditions or default is not None):
            raise InvalidArgumentError(
                "Choice has nothing to choose by, so it would drop every event",
                where=f"step class {type(self).__name__}",
                fix="override select_outlets(body), give choice_array, or use ChoiceByField",
            )

    def _follow(self, outlet: Outlet) -> Outlet:
        if isinstance(outlet, FlowStep):
            return self.to(outlet)
        if isinstance(outlet, str) and outlet:
            return outlet
        raise InvalidTypeError(
            f"{outlet!r:.80} is neither a step nor the name of one",
            where="step class Choice",
            fix='Choice([("big", lambda body: body > 9)], default="small")',
        )

    def select_outlets(self, event: Any) -> Iterable[str]:
        for outlet, condition in self._conditions:
            if condition(event):
                return (_name(outlet),)
        return () if self._default is None else (_name(self._default),)


def _name(outlet: Outlet) -> str:
    return outlet if isinstance(outlet, str) else str(outlet.name)


def _pairs(choice_array: Any) -> list[tuple[Any, Any]]:
    pairs = list(choice_array or ())
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InvalidArgumentError(
                f"choice_array holds {pair!r:.80}, which is not a pair of step and condition",
                where="step class Choice",
                fix='Choice([("big", lambda body: body > 9)])',
            )
    return [(outlet, condition) for outlet, condition in pairs]
