"""Handles of calls that were made already: what an eager pipeline's body works with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.runs.object import RunObject

__all__ = ["EagerStep", "Known", "plain"]

_SWEEP_OUTPUTS = ("best_iteration", "iteration_results")


class Known:
    """Stands for a value that is there; compared, counted or looped over it is that value."""

    def value(self) -> Any:
        """The value."""
        raise NotImplementedError

    def _ask(self, question: Callable[[Any, Any], Any], other: Any) -> Any:
        return question(self.value(), plain(other))

    def __eq__(self, other: object) -> Any:
        return self._ask(operator.eq, other)

    def __ne__(self, other: object) -> Any:
        return self._ask(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._ask(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._ask(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._ask(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._ask(operator.ge, other)

    def __hash__(self) -> int:
        return id(self)

    def __add__(self, other: Any) -> Any:
        return self._ask(operator.add, other)

    def __radd__(self, other: Any) -> Any:
        return plain(other) + self.value()

    def __sub__(self, other: Any) -> Any:
        return self._ask(operator.sub, other)

    def __rsub__(self, other: Any) -> Any:
        return plain(other) - self.value()

    def __mul__(self, other: Any) -> Any:
        return self._ask(operator.mul, other)

    def __rmul__(self, other: Any) -> Any:
        return plain(other) * self.value()

    def __truediv__(self, other: Any) -> Any:
        return self._ask(operator.truediv, other)

    def __bool__(self) -> bool:
        return bool(self.value())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value())

    def __len__(self) -> int:
        return len(self.value())

    def __getitem__(self, key: Any) -> Any:
        return self.value()[key]

    def __int__(self) -> int:
        return int(self.value())

    def __index__(self) -> int:
        return operator.index(self.value())

    def __float__(self) -> float:
        return float(self.value())

    def __str__(self) -> str:
        return str(self.value())

    def __format__(self, spec: str) -> str:
        return format(self.value(), spec)


class _Output(Known):
    """`step.output` as a value, and `step.output("key")`."""

    def __init__(self, step: EagerStep) -> None:
        self._step = step

    def value(self) -> Any:
        return self._step.value()

    def __call__(self, key: str) -> Any:
        return self._step.outputs.get(key)


class EagerStep(Known, RunObject):
    """The run of a call; used as a value it is its only output."""

    @property
    def name(self) -> str:
        """The step's name."""
        return self.metadata.name

    @property
    def output(self) -> Any:  # both forms: a value, and a call
        """Its only output; called with a key, that one."""
        return _Output(self)

    def value(self) -> Any:
        """Its only output, by default `return`.

        Raises:
            PipelineError: if there are several, or none.
        """
        found = self.outputs
        own = [key for key in found if key not in _SWEEP_OUTPUTS]
        if len(own) == 1:
            return found[own[0]]
        if "return" in found:
            return found["return"]
        raise PipelineError(
            f"step {self.name!r} gives {', '.join(own) or 'nothing'}, not one value",
            fix='take one of them: step.outputs["key"]',
        )

    def __bool__(self) -> bool:
        own = [key for key in self.outputs if key not in _SWEEP_OUTPUTS]
        return bool(self.value()) if len(own) == 1 else True  # a run is there

    def after(self, *steps: Any) -> EagerStep:
        """Nothing: the steps that were written before have ended."""
        del steps
        return self

    def __repr__(self) -> str:
        return RunObject.__repr__(self)


def plain(value: Any) -> Any:
    """A value with the handles in it replaced by what they stand for.

    >>> plain({"a": [1, (2,)]})
    {'a': [1, (2,)]}
    """
    if isinstance(value, Known):
        return value.value()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if type(value) is tuple:
        return tuple(plain(item) for item in value)
    return value
