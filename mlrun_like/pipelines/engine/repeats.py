"""What the rounds of a loop, and the steps of one function, have in common is found out once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from mlrun_like.functions.repeating import Repeater
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.values import refs_in
from mlrun_like.runs.object import RunObject

__all__ = ["Repeats"]

_OWN = ("hyperparams", "hyper_param_options", "runspec", "schedule", "notifications", "auto_build")
"""Options with which each run is prepared for itself."""
_PLAIN = frozenset({"name", "project"})
"""Options with which steps of one function have all else in common."""


class Repeats:
    """The steps that were prepared, by step and by which of its arguments are inputs."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Repeater] = {}
        self._lock = threading.Lock()

    def run(self, step: Step, given: Mapping[str, Any], is_round: bool) -> RunObject | None:
        """Run a step, prepared with what it has in common with others; None: it has to be prepared
        for itself.

        Records of rounds of loops are written soon, not waited for: a crash can lose those of the
        last fraction of a second, which are then made again.

        Args:
            step: The step, of a `Function`.
            given: The arguments of `fn.run`, with `uid` and `annotations`.
            is_round: Whether it is a round of a loop.

        Raises:
            FunctionError: as `Function.run` does.
            RunError: if it failed.
        """
        if any(given.get(name) is not None for name in _OWN) or any(refs_in(dict(step.options))):
            return None
        values = frozenset(given["params"] or ()), frozenset(given["inputs"] or ())
        if is_round:
            key: tuple[Any, ...] = (step.name, *values)
        elif step.options.keys() <= _PLAIN:
            key = (id(step.function), given["project"], *values)
        else:
            return None
        with self._lock:
            repeater = self._known.get(key)
            if repeater is None:
                function: Any = step.function
                repeater = self._known[key] = Repeater(function, given)
        return repeater.run({**given, "waits": "none" if is_round else "last"})
