"""LocalEngine: runs a plan here, steps in threads as soon as what they need is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from rich.console import Console

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, PipelineError, RunError, nearest
from mlrun_like.names import new_uid, parse_run_uri
from mlrun_like.pipelines.plan import REQUIRED, Plan, Step
from mlrun_like.pipelines.refs import OutputRef, ParamRef, Ref, substitute
from mlrun_like.pipelines.run import PipelineRun, StepRun

__all__ = ["LocalEngine"]


def _print(line: str) -> None:
    Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)


class LocalEngine:
    """The reference engine.

    Args:
        workers: Steps at a time.
        report: Receives a line of progress at each start and end; None: silent.

    Raises:
        InvalidArgumentError: if workers is not 1 or more.
    """

    def __init__(self, workers: int = 4, report: Callable[[str], None] | None = _print) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise InvalidArgumentError(f"workers {workers!r} must be a whole number, 1 or more")
        self.workers = workers
        self.report = report or (lambda line: None)

    def run(self, plan: Plan, arguments: Mapping[str, Any] | None = None) -> PipelineRun:
        """Run all steps whose gates are open; a failed step skips only what needs it.

        Args:
            plan: The pipeline.
            arguments: Values of its parameters.

        Returns:
            The finished run, also when steps failed; `.check()` raises then.

        Raises:
            PipelineError: if arguments are missing or unknown; nothing has run then.
        """
        return _Execution(plan, _arguments(plan, arguments or {}), self).run()


def _arguments(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    known = plan.parameters
    problems = [
        f"it has no parameter {name!r}.{nearest(name, known)}"
        for name in given
        if name not in known
    ]
    values = {**known, **given}
    problems += [f"it needs {name!r}" for name, value in values.items() if value is REQUIRED]
    if problems:
        raise PipelineError(
            "; ".join(problems),
            where=f"pipeline {plan.name!r}",
            fix=f"parameters: {', '.join(known) or 'none'}",
        )
    return values


class _Execution:
    def __init__(self, plan: Plan, arguments: Mapping[str, Any], engine: LocalEngine) -> None:
        self.plan = plan
        self.arguments = arguments
        self.engine = engine
        self.uid = new_uid()
        self.done: dict[str, StepRun] = {}

    def run(self) -> PipelineRun:
        waiting = self.plan.order()
        running: dict[Future[StepRun], str] = {}
        with ThreadPoolExecutor(self.engine.workers, thread_name_prefix="pipeline") as pool:
            try:
                while waiting or running:
                    started = self._start_ready(waiting, running, pool)
                    if running and not started:
                        ended, _ = wait(running, return_when=FIRST_COMPLETED)
                        for future in ended:
                            self._finish(running.pop(future), future.result())
            except BaseException:  # Ctrl-C: let started steps end, start no further ones
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        steps = {step.name: self.done[step.name] for step in self.plan.steps}
        return PipelineRun(self.plan.name, self.uid, steps, self._outputs())

    def _start_ready(
        self, waiting: list[str], running: dict[Future[StepRun], str], pool: ThreadPoolExecutor
    ) -> bool:
        """Decide every step whose parents have ended; whether a skip may have freed others."""
        skipped = False
        for name in list(waiting):
            step = self.plan[name]
            if any(parent not in self.done for parent in step.parents()):
                continue
            waiting.remove(name)
            verdict = self._verdict(step)
            if verdict is None:
                self._say(f"{name} started")
                running[pool.submit(self._execute, step)] = name
            else:
                self._finish(name, verdict)
                skipped = True
        return skipped

    def _verdict(self, step: Step) -> StepRun | None:
        """Why the step does not run; None: it runs."""
        used = step.needs()
        for parent in step.parents():
            before = self.done[parent]
            if before.state == "error" or before.blocked:
                word = "failed" if before.state == "error" else "was skipped"
                return StepRun("skipped", reason=f"step {parent!r} {word}", blocked=True)
            if before.state == "skipped" and parent in used:
                return StepRun("skipped", reason=f"step {parent!r} was skipped ({before.reason})")
        try:
            for condition in step.conditions:
                is_open, why = condition.decide(self._value)
                if not is_open:
                    return StepRun("skipped", reason=f"gate: {why}")
        except PipelineError as exc:
            return StepRun("error", reason=exc.what, error=exc)
        return None

    def _execute(self, step: Step) -> StepRun:
        start = time.monotonic()
        try:
            params = substitute(dict(step.params), self._value)
            inputs = substitute(dict(step.inputs), self._value)
            if step.plain_call:
                uris = [key for key, value in params.items() if _is_uri(value)]
                inputs.update({key: params.pop(key) for key in uris})
            options = substitute(dict(step.options), self._value)
            labels = {"workflow": self.uid, **(options.pop("labels", None) or {})}
            options.setdefault("watch", False)
            run = step.function.run(
                params=params, inputs=inputs, name=step.name, labels=labels, **options
            )
        except Exception as exc:  # noqa: BLE001  the boundary of a step: its failure is recorded
            reason = exc.what if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
            seconds = time.monotonic() - start
            return StepRun("error", _uid_of(exc), reason, error=exc, seconds=seconds)
        return StepRun(
            run.state(),
            run.metadata.uid,
            outputs=dict(run.outputs),
            seconds=time.monotonic() - start,
        )

    def _value(self, ref: Ref) -> Any:
        if isinstance(ref, ParamRef):
            return self.arguments[ref.name]
        if not isinstance(ref, OutputRef):
            raise PipelineError(f"{ref!r} has no value")
        outputs = self.done[ref.step].outputs
        if ref.key not in outputs:
            raise PipelineError(
                f"step {ref.step!r} gave no output {ref.key!r}.{nearest(ref.key, outputs)} "
                f"It gave: {', '.join(outputs) or 'nothing'}",
                where=f"pipeline {self.plan.name!r}",
            )
        return outputs[ref.key]

    def _finish(self, name: str, result: StepRun) -> None:
        self.done[name] = result
        after = f" in {result.seconds:.1f} s" if result.uid else ""
        self._say(f"{name} {result.state}{after}{': ' if result.reason else ''}{result.reason}")

    def _say(self, text: str) -> None:
        self.engine.report(f"{self.plan.name}: {text}")

    def _outputs(self) -> dict[str, Any]:
        if self.plan.outputs is None:
            return {
                f"{name}.{key}": value
                for name, step in self.done.items()
                for key, value in step.outputs.items()
            }
        return {
            key: substitute(
                value,
                lambda ref: (
                    self.done[ref.step].outputs.get(ref.key)
                    if isinstance(ref, OutputRef)
                    else self._value(ref)
                ),
            )
            for key, value in self.plan.outputs.items()
        }


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
