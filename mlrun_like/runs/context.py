"""The context: what a handler reads from its run and writes to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from mlrun_like.artifacts.packers import to_result
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.names import check_label, new_uid
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.context_older import ContextOlder
from mlrun_like.runs.job import Job
from mlrun_like.runs.tracebacks import error_line, format_traceback
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import TERMINAL, RunDoc, RunMetadata, RunStatus, check_transition
from mlrun_like.tracking.connect import open_store, store_of

__all__ = ["MLClientCtx", "current_context", "iteration_table", "use_context"]

_current: ContextVar[MLClientCtx | None] = ContextVar("mlrun_like_context", default=None)


def current_context() -> MLClientCtx | None:
    """The context of the run that this code is part of, if any."""
    return _current.get()


@contextlib.contextmanager
def use_context(context: MLClientCtx) -> Iterator[MLClientCtx]:
    """Make `context` the current one in the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


class MLClientCtx(ContextOlder):
    """A run seen from inside.

    Handlers receive it by naming an argument `context`; other code gets it from
    `get_or_create_ctx`. Everything logged is recorded with the run.

    Args:
        job: The function, run and store; `execute` and `get_or_create_ctx` give it. None: a run of
            nobody, which is recorded once something is logged.
        parent: The context whose child iteration this is.
        ends_itself: Whether `commit(completed=True)` ends the run; False where a runtime does.

    >>> from mlrun_like.runs.session import get_or_create_ctx
    >>> with get_or_create_ctx("explore") as context:
    ...     context.log_result("rows", 3)
    >>> context.results
    {'rows': 3}
    """

    def __init__(
        self, job: Job | None = None, parent: MLClientCtx | None = None, *, ends_itself: bool = True
    ) -> None:
        if job is None:
            job = Job(FunctionDoc(), RunDoc(metadata=RunMetadata(uid=new_uid())), open_store())
        super().__init__(job, ends_itself=ends_itself)
        self._parent = parent
        self._children: list[MLClientCtx] = []

    @classmethod
    def from_dict(
        cls, attrs: Mapping[str, Any], rundb: Any = "", store_run: bool = True, **older: Any
    ) -> MLClientCtx:
        """A context for a run that is given as plain data.

        Args:
            attrs: The run; keys of other systems are left out.
            rundb: The store, or its address; by default the configured one.
            store_run: Record it now.
            older: MLRun's `autocommit`, `tmp`, `log_stream`, `is_api`, `include_status`; of these
                `host` is where it runs.
        """
        run = parse(RunDoc, split_foreign(RunDoc, attrs)[0], "MLClientCtx.from_dict")
        meta, status = run.metadata, run.status
        meta.uid = meta.uid or new_uid()
        meta.project = meta.project or config.default_project
        status.start_time = status.start_time or utc_now()
        status.host = older.get("host") or status.host
        if status.state == "created":
            status.state = "running"
        context = cls(Job(FunctionDoc(), run, store_of(rundb)))
        if store_run and not older.get("is_api"):
            context.store_run()
        return context

    # -- state ----------------------------------------------------------------------------

    def set_label(self, key: str, value: Any, replace: bool = True) -> None:
        """Set a label; with `replace=False` an existing one stays."""
        key, value = check_label(str(key), str(value))
        if replace or key not in self._run.metadata.labels:
            self._run.metadata.labels[key] = value

    def set_annotation(self, key: str, value: Any, replace: bool = True) -> None:
        """Set an annotation; with `replace=False` an existing one stays."""
        if replace or key not in self._run.metadata.annotations:
            self._run.metadata.annotations[str(key)] = str(value)

    def set_hostname(self, host: str) -> None:
        """Record on which machine the run is."""
        self._run.status.host = host

    def set_state(
        self, execution_state: str = "", error: str | None = None, commit: bool = True
    ) -> None:
        """Change the state; an error is final, and a later state is ignored then.

        Within a run that `fn.run` started, `completed` waits for the handler's end.

        Raises:
            StateError: if the state may not follow the present one.
        """
        status = self._run.status
        if status.state == "error":
            return
        state = "error" if error is not None else execution_state
        if error is not None:
            status.error = str(error)
        if state == "completed" and not self._ends_itself:
            state = ""
        if state:
            check_transition(status.state, state, self.uri)
            status.state = state
            if state in TERMINAL:
                status.end_time = utc_now()
        if commit:
            self.commit()

    # -- children -------------------------------------------------------------------------

    def get_child_context(self, with_parent_params: bool = False, **params: Any) -> MLClientCtx:
        """A child iteration, numbered from 1; use it in a `with` block.

        Args:
            with_parent_params: Start from this run's parameters.
            params: The child's parameters.

        Raises:
            ConflictError: in a child: children have no children.
        """
        if self.iteration:
            raise ConflictError(
                "a child iteration cannot have children",
                where=self.uri,
                fix="call get_child_context on the parent",
            )
        base = self.parameters if with_parent_params else {}
        live = self._job.live_parameters if with_parent_params else {}
        run = RunDoc(
            metadata=RunMetadata(
                **{
                    **self._run.metadata.model_dump(),
                    "iteration": len(self._children) + 1,
                    "labels": dict(self._run.metadata.labels),
                }
            ),
            spec=self._run.spec.model_copy(
                update={
                    "parameters": {**base, **{k: to_result(v) for k, v in params.items()}},
                    "inputs": dict(self._run.spec.inputs),
                    # these are the parent's own: they hold for the whole
                    "hyperparams": {},
                    "hyper_param_options": {},
                    "retry": {},
                    "timeout": None,
                }
            ),
            status=RunStatus(
                state="running",
                start_time=utc_now(),
                host=self._run.status.host,
                pid=self._run.status.pid,
                pid_started=self._run.status.pid_started,
            ),
        )
        child = MLClientCtx(
            Job(
                self._job.function,
                run,
                self.store,
                live_parameters={**live, **params},
                secrets=self._job.secrets,
                provide=self._job.provide,
            ),
            parent=self,
        )
        self._children.append(child)
        return child

    def mark_as_best(self) -> None:
        """Make this child the best: the parent takes over its results and artifacts.

        Raises:
            ConflictError: if this is not a child.
        """
        if self._parent is None:
            raise ConflictError("only a child iteration can be the best", where=self.uri)
        self._parent.promote(self._run)

    def update_child_iterations(
        self, best_run: int = 0, commit_children: bool = False, completed: bool = True
    ) -> None:
        """Write the table of iterations, and promote `best_run` if it is not 0.

        Args:
            best_run: The number of the best child.
            commit_children: Also write those that are still running.
            completed: With `commit_children`: they have ended successfully.

        Raises:
            InvalidArgumentError: if there is no such child.
        """
        rows = [child._run for child in self._children]
        if not 0 <= best_run <= len(rows):
            raise InvalidArgumentError(
                f"there is no child {best_run}; this run has {len(rows)}", where=self.uri
            )
        if commit_children:
            for child in self._children:
                child.commit(completed=completed)
        if best_run:
            self.promote(rows[best_run - 1])
        self._run.status.iterations = iteration_table(rows)
        self.store_run()

    def promote(self, child: RunDoc) -> None:
        """Take over a child's results, and link its artifacts."""
        results = self._run.status.results
        results.update({k: v for k, v in child.status.results.items()})
        results["best_iteration"] = child.metadata.iteration
        manager = self._artifact_manager()
        for key, uri in child.status.artifact_uris.items():
            self._logged(manager.link(key, uri, child.metadata.iteration))

    # -- whole ----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The run as plain data: kind, metadata, spec, status."""
        return self._run.to_dict()

    def __enter__(self) -> MLClientCtx:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.end(error)
        if self._parent is not None and self._parent.state == "running":
            if self._parent.results.get("best_iteration") == self.iteration:
                self.mark_as_best()  # with what was logged since
            self._parent.update_child_iterations()

    def end(self, error: BaseException | None = None) -> None:
        """End the run as the code it stands for did: well, by an error, or stopped by somebody."""
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.commit(completed=True)
        elif isinstance(error, (Exception, SystemExit)):
            if self.state not in TERMINAL:
                self._run.status.traceback = format_traceback(error)
            self.set_state(error=error_line(error))
        elif self.state not in TERMINAL:
            self._run.status.error = "the run was stopped"
            self.set_state("aborted")


def iteration_table(runs: list[RunDoc]) -> list[list[Any]]:
    """MLRun's table of iterations: a header and one row a child."""
    params = sorted({key for run in runs for key in run.spec.parameters})
    outputs = sorted({key for run in runs for key in run.status.results})
    header = ["state", "iter", *(f"param.{k}" for k in params), *(f"output.{k}" for k in outputs)]
    return [
        header,
        *(
            [
                run.status.state,
                run.metadata.iteration,
                *(run.spec.parameters.get(k) for k in params),
                *(run.status.results.get(k) for k in outputs),
            ]
            for run in runs
        ),
    ]
