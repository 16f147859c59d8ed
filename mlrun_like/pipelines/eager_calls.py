"""Calls in the body of an eager pipeline: each is made at once, as a recorded step."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    PipelineError,
    RunError,
    nearest,
)
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.function import Function
from mlrun_like.functions.running import run_function
from mlrun_like.functions.tracing import TRACER
from mlrun_like.names import parse_run_uri
from mlrun_like.pipelines.acting import act
from mlrun_like.pipelines.engine.calls import STEP, step_uid
from mlrun_like.pipelines.known import EagerStep, plain
from mlrun_like.pipelines.run import StepRun, StepRuns
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.abilities import StepRow, WorkflowStore

__all__ = ["EagerTracer"]

_KEY = "mlrun-like/call"
"""Annotation of a step's run: the digest of what was called with what."""
_POLICY = ("cache", "max_age", "even_after_failure", "display_name", "after", "outputs", "action")
"""Options of steps that mean nothing where a call is made at once."""


class EagerTracer:
    """Makes calls instead of recording them for later; set as `functions.tracing.TRACER`.

    Args:
        job: The pipeline's run.
        report: Receives a line at each start and end.
    """

    def __init__(self, job: Job, report: Callable[[str], None]) -> None:
        meta = job.run.metadata
        self._job = job
        self.workflow, self._project = meta.uid, meta.project
        self._report = report
        self._names: dict[str, int] = {}
        self.runs: dict[str, EagerStep] = {}
        """The runs of its steps, by uid."""
        self.steps = StepRuns(lambda uid: self._read(uid).outputs)

    def record(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Any:
        """Run the function as a step, and give its run."""
        mark = TRACER.set(None)  # what the function calls is its own affair
        try:
            return self._record(function, args, kwargs, plain(dict(options)))
        finally:
            TRACER.reset(mark)

    def outputs(self) -> dict[str, Any]:
        """All outputs as `step.key`."""
        return {
            f"{name}.{key}": value
            for name, step in self.steps.items()
            for key, value in step.outputs.items()
        }

    def _record(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: dict[str, Any],
    ) -> Any:
        action = str(options.get("action") or "run")
        if action != "run":
            return self._act(function, action, options)
        options = {k: v for k, v in options.items() if k not in _POLICY}
        if args or kwargs:
            options.update(_plain_call(function, args, kwargs))
        _check_options(function, options)
        name = self._free_name(str(options.get("name") or function.name))
        key = _call_key(function, options)
        uid, finished = self._attempt(name, key)
        began = time.time()
        if finished is not None:
            self._end(name, began, StepRun("completed", uid, outputs=finished.outputs, reused=True))
            self.runs[uid] = finished
            return finished
        self._put(StepRow(name, "running", started=began))
        self._report(f"{name} started")
        options["name"] = options.get("name") or name
        options["labels"] = {"workflow": self.workflow, **(options.get("labels") or {})}
        options["project"] = options.get("project") or self._project
        options["watch"] = options.get("watch") or False
        try:
            run = self._run(function, options, uid, {STEP: name, _KEY: key})
        except RunError as exc:
            seconds = time.time() - began
            failed = StepRun("error", _uid_of(exc), exc.what, error=exc, seconds=seconds)
            self._end(name, began, failed)
            raise
        seconds = time.time() - began
        done = StepRun(run.state(), run.metadata.uid, outputs=run.outputs, seconds=seconds)
        self._end(name, began, done)
        step = self.runs[run.metadata.uid] = EagerStep(run._run, run._store)
        return step

    def _act(self, function: Any, action: str, options: Mapping[str, Any]) -> Any:
        """Build or deploy a function, as a step without a run."""
        name = self._free_name(str(options.get("name") or f"{action}-{function.name}"))
        given = {k: v for k, v in options.items() if k not in (*_POLICY, "name")}
        began = time.time()
        self._put(StepRow(name, "running", started=began))
        try:
            done = act(action, function, given)
        except MLRunLikeError as exc:
            seconds = time.time() - began
            self._end(name, began, StepRun("error", reason=exc.what, error=exc, seconds=seconds))
            raise
        self._end(name, began, StepRun("completed", seconds=time.time() - began))
        return done

    def _run(
        self, function: Any, options: dict[str, Any], uid: str, notes: dict[str, str]
    ) -> RunObject:
        if not isinstance(function, Function):
            found: RunObject = function.run(**options)
            return found
        given: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), **options}
        place = str(options.get("artifact_path") or "")
        given["artifact_path"] = place.replace("{{workflow.uid}}", self.workflow)
        given.update(uid=uid, annotations=notes)
        return run_function(function, given)

    def _attempt(self, name: str, key: str) -> tuple[str, EagerStep | None]:
        """The id of the next run of a step, and its completed run if there is an equal one."""
        attempt = 1
        while True:
            uid = step_uid(self.workflow, name, attempt)
            try:
                run = self._read(uid)
            except NotFoundError:
                return uid, None
            same = run.metadata.annotations.get(_KEY) == key
            if run.status.state == "completed" and same:
                return uid, run
            attempt += 1

    def _read(self, uid: str) -> EagerStep:
        document = self._job.store.read_run(self._project, uid)
        return EagerStep(parse(RunDoc, document, uid), self._job.store)

    def _end(self, name: str, began: float, run: StepRun) -> None:
        kept = {k: v for k, v in {"reason": run.reason, "reused": run.reused}.items() if v}
        self._put(StepRow(name, run.state, run.uid, began, time.time(), kept))
        self.steps.put(name, run)
        after = "" if run.reused else f" in {run.seconds:.1f} s"
        self._report(f"{name} {run.state}{after}{': ' if run.reason else ''}{run.reason}")

    def _put(self, row: StepRow) -> None:
        if isinstance(self._job.store, WorkflowStore):
            self._job.store.store_step(self._project, self.workflow, row)

    def _free_name(self, name: str) -> str:
        self._names[name] = number = self._names.get(name, 0) + 1
        return name if number == 1 else f"{name}-{number}"


def _plain_call(
    function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The run options of a plain call; artifacts are inputs."""
    signature = inspect.signature(function)
    kept = [item for item in signature.parameters.values() if item.name != "context"]
    try:
        bound = signature.replace(parameters=kept).bind_partial(*args, **kwargs).arguments
    except TypeError as exc:
        raise PipelineError(
            f"{function.name}{signature} cannot be called so: {exc}",
            where=f"step of {function.name!r}",
        ) from exc
    given = plain(dict(bound))
    for item in kept:
        if item.kind is item.VAR_KEYWORD:
            given.update(given.pop(item.name, {}))
    inputs = {
        key: value
        for key, value in given.items()
        if isinstance(value, str) and value.startswith("store://")
    }
    return {"params": {k: v for k, v in given.items() if k not in inputs}, "inputs": inputs}


def _check_options(function: Any, options: Mapping[str, Any]) -> None:
    known = inspect.signature(function.run).parameters
    for name in options:
        if name not in known:
            raise PipelineError(
                f"{name!r} is not an option of run().{nearest(name, known)}",
                where=f"step of {function.name!r}",
            )


def _call_key(function: Any, options: Mapping[str, Any]) -> str:
    """What makes two calls equal: the function's name and what it is given.

    Its code is left out: what has finished is kept, also when code was mended since.
    """
    kept = {key: value for key, value in options.items() if key not in ("labels", "watch")}
    text = f"{function.name} {sorted(kept.items())!r}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _uid_of(exc: RunError) -> str:
    try:
        return parse_run_uri(exc.where.rpartition(" ")[2]).uid
    except InvalidArgumentError:
        return ""
