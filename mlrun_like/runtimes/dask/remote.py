"""What a worker does: a whole run (`execute_whole`), or one trial of a sweep (`execute_trial`).

What is sent is pickled with cloudpickle and opened here only, never by the scheduler.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

import cloudpickle
import distributed

from mlrun_like.configuration import config, exchange_environment
from mlrun_like.packaging.loader import resolve_handler
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.entry import as_payload
from mlrun_like.runs.execute import call_handler, execute
from mlrun_like.runs.expression import compile_condition
from mlrun_like.runs.job import Job
from mlrun_like.runs.output import capture
from mlrun_like.runs.sweep import run_trial
from mlrun_like.runs.watch import watched
from mlrun_like.runtimes.dask.gathering import GatheringStore
from mlrun_like.runtimes.dask.outbox import Outbox
from mlrun_like.runtimes.dask.sharing import Shared, is_local, shared_with
from mlrun_like.runtimes.workplace import own_variables
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.values import HyperParamOptions
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.relay import RelayStore

__all__ = ["Sweep", "execute_trial", "execute_whole", "halt", "surroundings", "this_task"]

_OF_ONE_MACHINE = ("home", "config_file", "dbpath")
_lock = threading.Lock()
_active = 0
_undo = contextlib.ExitStack()


class Sweep:
    """What all trials of a sweep share; it is sent once, and kept by a worker that has it.

    Args:
        blob: The pickled shipment.
    """

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.shipment: dict[str, Any] = cloudpickle.loads(blob)
        self.function = FunctionDoc.from_dict(self.shipment["function"])
        self.shared = shared_with(self.shipment["mark"])
        self.reader = _reader(self.shipment, self.shared)
        self.halted = False
        options = HyperParamOptions(**self.shipment["run"]["spec"].get("hyper_param_options", {}))
        self._stop = compile_condition(options.stop_condition) if options.stop_condition else None
        self._lock = threading.Lock()
        self._handler: Callable[..., Any] | None = None
        _sweeps.add(self)

    def __reduce__(self) -> Any:
        return Sweep, (self.blob,)

    def handler(self) -> Callable[..., Any]:
        """The handler, loaded once."""
        with self._lock:
            if self._handler is None:
                self._handler = _handler(self.shipment, self.function)
            return self._handler

    def may_end(self, document: dict[str, Any]) -> bool:
        """Whether the parent may want no further trial after this one."""
        status = document["status"]
        if status["state"] != "completed":
            return True
        return self._stop is not None and self._stop(status.get("results", {}))


_sweeps: WeakSet[Sweep] = WeakSet()


def halt(uid: str) -> None:
    """Begin no further trial of a run's sweep on this worker."""
    for sweep in tuple(_sweeps):
        if sweep.shipment["run"]["metadata"]["uid"] == uid:
            sweep.halted = True


def execute_trial(sweep: Sweep, document: dict[str, Any], varied: list[str]) -> dict[str, Any]:
    """Run one trial.

    Args:
        sweep: What it shares with the others.
        document: The child run.
        varied: Parameters of the parent that have another value in this trial.

    Returns:
        `run`, the child's document at its end, `records` and `files`.
    """
    shipment, shared = sweep.shipment, sweep.shared
    run = parse(RunDoc, document, "trial")
    status = run.status
    status.host, status.pid = socket.gethostname(), os.getpid()
    with surroundings(sweep.function, shipment, shared), _outbox(run, shipment, shared) as box:
        store = GatheringStore(sweep.reader, shipment["objects"])
        live = {k: v for k, v in shipment["live"].items() if k not in varied}
        job = Job(sweep.function, run, store, secrets=shipment["secrets"], live_parameters=live)
        job.provide["dask_client"] = _own_client
        context = MLClientCtx(job, ends_itself=False)
        meta = run.metadata

        def log(data: bytes) -> None:
            store.append_log(meta.project, meta.uid, data)

        with capture(log, show=False), watched(None, this_task()):
            run_trial(context, functools.partial(_call, sweep))
        return _result(run, store, box)


def _call(sweep: Sweep, context: MLClientCtx) -> None:
    call_handler(sweep.handler(), context)


def _result(run: RunDoc, store: GatheringStore, box: Outbox | None) -> dict[str, Any]:
    records, document = store.records(), run.to_dict()
    if box is None:
        return {"run": document, "records": records, "files": {}}
    log = records.pop("log")
    records = {**box.translated(records), "log": log}
    return {"run": box.translated(document), "records": records, "files": box.files()}


def execute_whole(blob: bytes) -> dict[str, Any]:
    """Execute a run and record it: in the store if it can be reached, else by events.

    Returns:
        `run`, the document at its end (None: it came by event), and `files`.
    """
    shipment = cloudpickle.loads(blob)
    function = FunctionDoc.from_dict(shipment["function"])
    shared = shared_with(shipment["mark"])
    run = parse(RunDoc, shipment["run"], "payload")
    worker = distributed.get_worker()
    topic = shipment["topic"]
    worker.log_event(topic, "started")
    with surroundings(function, shipment, shared), _outbox(run, shipment, shared) as box:
        direct = _reader(shipment, shared)
        store: Store = direct or _EventStore(shipment, box, functools.partial(_send, worker, topic))
        try:
            job = Job(
                function=function,
                run=run,
                store=store,
                attempt=shipment["attempt"],
                last_attempt=shipment["last_attempt"],
                secrets=shipment["secrets"],
                live_parameters=shipment["live"],
            )
            if shipment["handler"] is not None:
                job.handler = cloudpickle.loads(shipment["handler"])
            job.provide["dask_client"] = _own_client
            with as_payload():
                done = execute(job)
            store.flush()
            if isinstance(store, _EventStore):
                store.finish(done)
            document = done.to_dict() if box is None else box.translated(done.to_dict())
            return {"run": document, "files": box.files() if box is not None else {}}
        finally:
            if isinstance(store, _EventStore):
                store.close()


class _EventStore(RelayStore):
    """Records go to the submitting process as events; a cancelled task is an aborted run."""

    def __init__(
        self, shipment: dict[str, Any], box: Outbox | None, write: Callable[[bytes], None]
    ) -> None:
        super().__init__(shipment["objects"], write)
        self._box = box
        self._wish = this_task()

    def _send(self, kind: str, *values: Any) -> None:
        if self._box is not None:
            values = tuple(self._box.translated(list(values)))
        super()._send(kind, *values)

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        """See Store.heartbeat."""
        return self._wish() or super().heartbeat(project, uid, iteration)


def _send(worker: Any, topic: str, data: bytes) -> None:
    worker.log_event(topic, data)


def _wish(worker: Any, key: Any) -> str:
    """`aborting` if nobody waits for a task of this worker any more; else empty."""
    task = worker.state.tasks.get(key)
    gone = task is None or task.state in ("cancelled", "released", "forgotten")
    return "aborting" if gone else ""


def this_task() -> Callable[[], str]:
    """Asks what is wished of the task of this thread; may be called from any thread."""
    worker = distributed.get_worker()
    return functools.partial(_wish, worker, worker.get_current_task())


def _own_client() -> Any:
    """A client of this worker's cluster for the handler; it gives up its place among the tasks."""
    client = distributed.get_client()
    with contextlib.suppress(ValueError):  # not in a task, or given up before
        distributed.secede()
    return client


def _handler(shipment: dict[str, Any], function: FunctionDoc) -> Callable[..., Any]:
    if shipment["handler"] is not None:
        found: Callable[..., Any] = cloudpickle.loads(shipment["handler"])
        return found
    init = shipment["run"]["spec"].get("parameters", {}).get("_init_args") or {}
    with as_payload():
        return resolve_handler(function, shipment["run"]["spec"].get("handler", ""), init)


def _reader(shipment: dict[str, Any], shared: Shared) -> Store | None:
    """The submitter's store, if it is one that both sides may use."""
    url = shipment["store"]
    if url.startswith("sqlite:") and shared.machine:
        return open_store(url)
    return None


@contextlib.contextmanager
def _outbox(run: RunDoc, shipment: dict[str, Any], shared: Shared) -> Iterator[Outbox | None]:
    """Send artifacts along if their folder is on a disk that is not seen from here."""
    target = shipment["artifacts"]
    if shared.disk or not is_local(target):
        yield None
        return
    box = Outbox(target)
    before, run.spec.output_path = run.spec.output_path, box.folder
    try:
        yield box
    finally:
        run.spec.output_path = before
        box.close()


@contextlib.contextmanager
def surroundings(function: FunctionDoc, shipment: dict[str, Any], shared: Shared) -> Iterator[None]:
    """The submitter's settings and the function's variables, as long as a task of it runs here.

    They belong to the process: tasks of two functions on threads of one worker share the first's.
    """
    global _active
    with _lock:
        _active += 1
        if _active == 1:
            left_out = () if shared.disk else _OF_ONE_MACHINE
            settings = {k: v for k, v in shipment["settings"].items() if k not in left_out}
            _undo.enter_context(config.override(**settings))
            _undo.callback(exchange_environment, exchange_environment(own_variables(function)[0]))
    try:
        yield
    finally:
        with _lock:
            _active -= 1
            if _active == 0:
                _undo.close()
