"""The `dask` kind: the handler gets a client of a cluster; trials of a sweep spread over it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, ClassVar

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.names import parse_function_uri
from mlrun_like.registry import resolve
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.entry import as_payload
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job, TrialRunner
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.concluding import End, conclude, record
from mlrun_like.runtimes.dask.clusters import check_place, patience, place_of, size_of
from mlrun_like.runtimes.dask.probing import probe
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata
from mlrun_like.specs.run import RunDoc

__all__ = ["DaskRuntime"]

_PARTS = "mlrun_like.runtimes.dask"
_SIDES = ("", "client", "worker")


class DaskRuntime(Runtime):
    """Runs the handler here with a client of the function's cluster, or on one of its workers.

    The cluster is that of `spec.scheduler_address`, else what the setting `dask_cluster` says, else
    processes of this machine. It is kept warm between runs and closed with this process.
    """

    kind: ClassVar[str] = "dask"
    extra: ClassVar[str] = "dask"
    packages_code: ClassVar[bool] = False
    provides: ClassVar[frozenset[str]] = frozenset({"dask_client"})

    def unavailable(self, document: FunctionDoc) -> str:
        """See Runtime.unavailable."""
        del document
        if find_spec("distributed") is None:
            return "the package 'distributed' is not installed: pip install \"mlrun-like[dask]\""
        return ""

    def check(self, document: FunctionDoc, run: RunDoc) -> Iterable[Finding]:
        """See Runtime.check."""
        where = f"function {document.metadata.name!r}"
        reason = self.unavailable(document)
        if reason:
            what, _, fix = reason.partition(": ")
            yield Finding("tool-missing", what, where, fix)
            return
        side = document.spec.handler_on
        if side not in _SIDES:
            yield Finding(
                "dask-handler", f"handler_on {side!r} is unknown", where, "use client or worker"
            )
        uri = run.spec.hyper_param_options.get("dask_cluster_uri", "")
        checks: list[Callable[[], Any]] = [
            lambda: check_place(place_of(document)),
            lambda: size_of(document),
            lambda: patience(document),
        ]
        if uri and not uri.startswith("db://"):
            checks.append(lambda: check_place(uri))
        failed = False
        for attempt in checks:
            try:
                attempt()
            except InvalidArgumentError as exc:
                failed = True
                yield Finding("dask-cluster", exc.what, exc.where or where, exc.fix)
        if not failed:
            yield from probe(place_of(document), where)

    def attempt(self, job: Job) -> RunDoc:
        """See Runtime.attempt."""
        started = utc_now()
        open_session = resolve(f"{_PARTS}.session:open_session")
        prepared = replace(job, function=resolve(f"{_PARTS}.attempt:with_source")(job))
        with contextlib.ExitStack() as stack:
            try:
                session = stack.enter_context(open_session(prepared))
            except MLRunLikeError as exc:
                return conclude(job, None, End(str(exc), started=started))
            except KeyboardInterrupt:
                record(job, "aborted", "the run was interrupted from the keyboard")
                raise
            if job.function.spec.handler_on == "worker" and not _is_sweep(job):
                run: RunDoc = resolve(f"{_PARTS}.attempt:attempt_on_worker")(session, prepared)
                return run
            job.provide["dask_client"] = lambda: session.client
            job.trials = _with(prepared, resolve(f"{_PARTS}.trials:DaskTrials")(session))
            if job.handler is None:
                stack.enter_context(as_payload())
            return _explained(job, execute(job), session)

    def trials_on(self, uri: str, teardown: bool = False) -> TrialRunner:
        """What spreads the trials of any function's sweep over a cluster.

        Args:
            uri: A scheduler's address, or `db://<project>/<name>` of a function of kind dask.
            teardown: Close the cluster at the end.

        Raises:
            NotFoundError: if there is no such function.
            InvalidArgumentError: if the address is none.
        """
        return _TrialsOn(uri, teardown)


class _TrialsOn:
    def __init__(self, uri: str, teardown: bool) -> None:
        self._uri = uri
        self._teardown = teardown

    def __call__(self, job: Job, children: Iterator[Any], done: Callable[[RunDoc], bool]) -> None:
        owner = _owner(self._uri, job)
        prepared = replace(job, function=resolve(f"{_PARTS}.attempt:with_source")(job))
        try:
            with resolve(f"{_PARTS}.session:open_session")(prepared, owner) as session:
                resolve(f"{_PARTS}.trials:DaskTrials")(session)(prepared, children, done)
        finally:
            if self._teardown:
                resolve(f"{_PARTS}.links:close_link")(owner)


def _owner(uri: str, job: Job) -> FunctionDoc:
    """The function whose cluster a URI means; one of our own making for an address."""
    if not uri.startswith("db://"):
        doc = FunctionDoc(kind="dask", metadata=FunctionMetadata(name="cluster", project=uri))
        doc.spec.scheduler_address = check_place(uri)
        return doc
    found = parse_function_uri(uri, job.run.metadata.project or config.default_project)
    document = job.store.read_function(found.project, found.name, tag=found.tag, hash=found.hash)
    return FunctionDoc.from_dict(document, uri)


def _is_sweep(job: Job) -> bool:
    spec = job.run.spec
    return bool(spec.hyperparams or spec.hyper_param_options.get("param_file"))


def _with(prepared: Job, trials: TrialRunner) -> TrialRunner:
    """The trials get the function with its source, whoever asks."""

    def run(job: Job, children: Iterator[Any], done: Callable[[RunDoc], bool]) -> None:
        trials(replace(job, function=prepared.function), children, done)

    return run


def _explained(job: Job, run: RunDoc, session: Any) -> RunDoc:
    """The run, with an error of Dask's own in words."""
    error = run.status.error
    if not error or run.status.state not in ("error", "pending"):
        return run
    told = resolve(f"{_PARTS}.explain:explain")(error, session)
    if told != error:
        run.status.error = told
        if run.status.attempts:
            run.status.attempts[-1]["error"] = told
        session.note(told)
        job.store.store_run(run.to_dict())
    return run
