"""A function that is run many times with other values: the rest is found out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.functions.arguments import parse_inputs, parse_parameters
from mlrun_like.functions.function import Function
from mlrun_like.functions.running import concluded, prepared_job
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.run import RunDoc, RunStatus

__all__ = ["Repeater"]


class Repeater:
    """Runs of one function that differ in their names and values only, as the rounds of a loop do.

    Args:
        function: What runs.
        given: The arguments of `fn.run` for the first of them.

    Raises:
        FunctionError: as `Function.run` does.
    """

    def __init__(self, function: Function[..., Any], given: Mapping[str, Any]) -> None:
        self._runtime, self._first = prepared_job(function, dict(given))

    def run(self, given: Mapping[str, Any]) -> RunObject | None:
        """Execute one; None: its values cannot be sent where it runs, which `Function.run` tells.

        Args:
            given: The arguments of `fn.run`, of which only `name`, `uid`, `annotations`, the values
                of the same parameters and inputs, and `waits` differ from the first.

        Raises:
            RunError: if it failed.
        """
        values, live = parse_parameters(given["params"] or {})
        if live and self._runtime.packages_code:
            return None
        urls, hints = parse_inputs(given["inputs"] or {})
        first = self._first.run
        run = RunDoc(
            metadata=first.metadata.model_copy(
                update={
                    "name": given["name"],
                    "uid": given["uid"],
                    "labels": dict(first.metadata.labels),
                    "annotations": dict(given["annotations"]),
                }
            ),
            spec=first.spec.model_copy(
                update={"parameters": values, "inputs": urls, "inputs_type_hints": hints}
            ),
            status=RunStatus(state="created", start_time=utc_now()),
        )
        job = Job(
            function=self._first.function,
            run=run,
            store=self._first.store,
            handler=self._first.handler,
            live_parameters=live,
            secrets=self._first.secrets,
            waits=given["waits"],
            together=self._first.together,
        )
        return concluded(job, self._runtime.launch(job))
