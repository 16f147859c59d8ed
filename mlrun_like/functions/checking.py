"""Looking for mistakes before anything is started."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.runtimes.finding import Finding

__all__ = ["RUN_OPTIONS", "Checking"]

RUN_OPTIONS = (
    *("params", "inputs", "runspec", "handler", "name", "project", "returns", "hyperparams"),
    *("hyper_param_options", "artifact_path", "local", "watch", "labels", "timeout", "retry"),
    *("verbose", "notifications"),
)
"""The arguments of `run`, all None where nothing is given."""


class Checking(ABC):  # noqa: B024 - a part of Function
    """The check of a function."""

    def check(
        self,
        handler: str | Callable[..., Any] | None = None,
        params: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        runspec: Any = None,
        local: bool | None = None,
    ) -> list[Finding]:
        """What would make a run fail, found without starting it; `run` checks the same.

        Args:
            handler: Another entry point than the default one.
            params: The run's parameters.
            inputs: The run's inputs.
            runspec: A task with the rest.
            local: As for `run`.

        Returns:
            Findings, errors first; each has a code, what is wrong, where, the fix and a severity.
            Empty: nothing was found.
        """
        given = dict.fromkeys(RUN_OPTIONS)
        given.update(runspec=runspec, handler=handler, params=params, inputs=inputs, local=local)
        given.update(name="", project="", artifact_path="", watch=False)
        found: list[Finding] = resolve("mlrun_like.functions.running:check_function")(self, given)
        return found
