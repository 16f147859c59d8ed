"""Makes the run of a step: a recorded run of its function, with the values it needs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, RunError
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.function import Function
from mlrun_like.functions.running import run_function
from mlrun_like.names import parse_run_uri
from mlrun_like.pipelines.acting import act
from mlrun_like.pipelines.cache import Cache, Lookup
from mlrun_like.pipelines.engine.instances import Index, shown_path
from mlrun_like.pipelines.engine.repeats import Repeats
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.progress import Listener
from mlrun_like.pipelines.run import StepRun
from mlrun_like.tracking.base import Store

__all__ = ["STEP", "StepCaller", "step_uid"]

STEP = "mlrun-like/step"
"""Annotation of a run: which step of a pipeline it is, with the rounds of the loops around it."""


def step_uid(workflow: str, path: str, attempt: int) -> str:
    """The id of a step's run: the same again when a pipeline is resumed, so that a run whose end
    was recorded is found, whatever happened to the engine."""
    digest = hashlib.sha256(f"{workflow}/{path}/{attempt}".encode()).hexdigest()
    return workflow[:12] + digest[:20]


class StepCaller:
    """A `Worker` that runs the functions of steps.

    Args:
        workflow: The id of the pipeline's run.
        project: The runs' project.
        store: Where they are recorded.
        listener: Is told what happens.
    """

    def __init__(self, workflow: str, project: str, store: Store, listener: Listener) -> None:
        self._workflow = workflow
        self._project = project
        self._store = store
        self._running: dict[str, str] = {}
        self._repeats = Repeats()
        self._listener = listener
        self.cache: Cache | None = None
        """Where equal earlier steps are looked up; None: all steps run."""

    def execute(self, step: Step, index: Index, values: Values) -> StepRun:
        """See Worker."""
        path = shown_path(step.name, index)
        before = self.finished(path)
        if before is not None:
            return before
        start = time.monotonic()
        options = values.of_step(step, index, dict(step.options))
        if step.action != "run":
            return self._act(step, options, start)
        params, inputs = self.given(step, index, values)
        options["labels"] = {"workflow": self._workflow, **(options.get("labels") or {})}
        options["project"] = options.get("project") or self._project
        options.setdefault("watch", False)
        options.setdefault("name", step.name)
        options = {"params": params, "inputs": inputs, **options}
        known = self.lookup(step, path, options)
        if known is not None and known.run is not None:
            return known.run
        try:
            run = self.run_function(step, path, options)
        except MLRunLikeError as exc:
            seconds = time.monotonic() - start
            return StepRun("error", _uid_of(exc), exc.what, error=exc, seconds=seconds)
        seconds = time.monotonic() - start
        if self.cache is not None and known is not None and run.state() == "completed":
            self.cache.remember(known, self._workflow, path, run.metadata.uid)
        why = known.reason if known is not None and not known.off else ""
        outputs = dict(run.outputs)
        return StepRun(run.state(), run.metadata.uid, why, outputs, seconds=seconds)

    @staticmethod
    def _act(step: Step, options: Mapping[str, Any], start: float) -> StepRun:
        """Build or deploy the function: a step without a run, done again by a resumed pipeline,
        since it changes nothing that is as it should be."""
        try:
            done = act(step.action, step.function, options)
        except MLRunLikeError as exc:
            return StepRun("error", "", exc.what, error=exc, seconds=time.monotonic() - start)
        outputs = dict(done.outputs)
        return StepRun("completed", outputs=outputs, seconds=time.monotonic() - start)

    def run_function(self, step: Step, path: str, options: Mapping[str, Any]) -> Any:
        """Run the step's function; gives its run."""
        if not isinstance(step.function, Function):
            return step.function.run(**options)
        given: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), **options}
        given["name"] = options["name"]
        place = str(options.get("artifact_path") or "")
        given["artifact_path"] = place.replace("{{workflow.uid}}", self._workflow)
        given["uid"] = step_uid(self._workflow, path, self.attempt(path))
        given["annotations"] = {STEP: path}
        given["together"] = self._workflow if config.reuse_processes else ""
        given["waits"] = "last"  # a step that had only begun is begun again
        self._running[path] = given["uid"]
        try:
            run = self._repeats.run(step, given, is_round=path.endswith("]"))
            return run if run is not None else run_function(step.function, given)
        finally:
            del self._running[path]

    def lookup(self, step: Step, path: str, options: Mapping[str, Any]) -> Lookup | None:
        """Whether an equal earlier step can stand in."""
        return self.cache.lookup(step, path, options) if self.cache is not None else None

    def finished(self, path: str) -> StepRun | None:
        """The step, if it need not run again."""
        del path
        return None

    def attempt(self, path: str) -> int:
        """The number of this run of a step, from 1."""
        del path
        return 1

    def stop(self) -> None:
        """See Worker."""
        for uid in list(self._running.values()):
            with suppress(MLRunLikeError):  # it may have ended in this moment
                self._store.set_run_state(self._project, uid, 0, "aborting", "")

    def started(self, path: str, step: Step) -> None:
        """See Worker."""
        del step
        self._listener.started(path)

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker."""
        del index
        self._listener.ended(path, run)

    def rounds(self, loop: str, count: int) -> None:
        """See Worker."""
        self._listener.rounds(loop, count)

    @staticmethod
    def given(step: Step, index: Index, values: Values) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters and inputs, references replaced; artifacts of a plain call are inputs."""
        params, inputs = dict(step.params), dict(step.inputs)
        if step.policy.even_after_failure:
            params = {k: v for k, v in params.items() if not values.missing(step, index, v)}
            inputs = {k: v for k, v in inputs.items() if not values.missing(step, index, v)}
        params, inputs = values.of_step(step, index, params), values.of_step(step, index, inputs)
        if step.plain_call:
            uris = [key for key, value in params.items() if _is_uri(value)]
            inputs.update({key: params.pop(key) for key in uris})
        return params, inputs


def _is_uri(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("store://")


def _uid_of(exc: Exception) -> str:
    """The id of the run that failed, from the error that names it."""
    if not isinstance(exc, RunError):
        return ""
    try:
        return parse_run_uri(exc.where.rpartition(" ")[2]).uid
    except InvalidArgumentError:
        return ""
