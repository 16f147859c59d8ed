"""The remote side: execute a run that arrives as plain data.

Every runtime that leaves this process hands over a payload (by file or environment variable), and
`execute_payload` records the same things that a run in this process records.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MissingFileError,
    StoreUnavailableError,
)
from mlrun_like.registry import resolve
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job, Way
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc, RunMetadata
from mlrun_like.tracking.base import MetricPoint, Store
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.relay import RELAY, RelayStore, needed_objects

__all__ = [
    "UNWRITTEN",
    "as_payload",
    "build_payload",
    "execute_payload",
    "in_payload",
    "main",
    "payload_settings",
    "prepare",
    "run_payload",
    "sent_settings",
    "way_of",
]

UNWRITTEN = "unwritten"
"""In a result file: the run's record could be written nowhere else, and its reader has to do it."""


def build_payload(job: Job, result_file: str = "", relay: bool = False) -> dict[str, Any]:
    """What the other side needs, as plain data. It may hold secrets: keep it in private files.

    Args:
        job: What to run.
        result_file: Where the other side writes the final run document; empty: nowhere.
        relay: The other side cannot reach the store: it writes its records into its output, from
            where they are taken (`runtimes.relayed`), and gets the artifacts it reads with this.
    """
    way = Way(RELAY) if relay else way_of(job)
    return {
        "function": job.function.to_dict(),
        "run": job.run.to_dict(),
        "store": way.address,
        "access_key": way.token,
        "objects": needed_objects(job.store, job.run) if relay else [],
        "settings": sent_settings(),
        "secrets": job.secrets,
        "attempt": job.attempt,
        "last_attempt": job.last_attempt,
        "result_file": result_file,
    }


def way_of(job: Job) -> Way:
    """The way of a job's code to the store.

    Raises:
        AccessDeniedError: if it would get the address of the database, with which it may all.
    """
    if job.way is not None:
        return job.way
    if config.guarded and not job.store.url.startswith(("http:", "https:")):
        raise AccessDeniedError(
            "the run would get the address of the service's database",
            where="setting service_url is empty",
            fix="set service_url to the address at which runs reach the service",
        )
    return Way(job.store.url, job.store.token())


def sent_settings() -> dict[str, Any]:
    """The settings that go with a run. Where it runs is its own place: it is guarded no more, and
    has nothing to do with the database of a process that is."""
    settings = config.changed()
    if settings.pop("guarded", False):
        settings.pop("dbpath", None)
    return settings


def execute_payload(payload: dict[str, Any]) -> int:
    """Execute a payload's run here and record it.

    Returns:
        0 if the run completed, else 1.

    Raises:
        InvalidArgumentError: if the payload is malformed.
    """
    run = run_payload(payload)
    if payload.get("result_file"):
        document = run.to_dict()
        if payload.get("store") != RELAY:
            with config.override(**payload_settings(payload)):
                if open_store(payload.get("store", "")).unwritten():
                    document[UNWRITTEN] = True
        _write_atomically(Path(payload["result_file"]), json.dumps(document, default=str))
    return 0 if run.status.state == "completed" else 1


_in_payload: ContextVar[bool] = ContextVar("mlrun_like_in_payload", default=False)


def in_payload() -> bool:
    """Whether this code is executed for a run whose code is loaded for it."""
    return _in_payload.get()


@contextlib.contextmanager
def as_payload() -> Iterator[None]:
    """Execute a run: code that is loaded in the block must not start another one meanwhile."""
    mark = _in_payload.set(True)
    try:
        yield
    finally:
        _in_payload.reset(mark)


def run_payload(payload: dict[str, Any], wrap: Callable[[Store], Store] | None = None) -> RunDoc:
    """Execute a payload's run here and give its final document.

    Args:
        payload: What `build_payload` made.
        wrap: Puts something before the store, as ranks do: only one of them records.

    Raises:
        InvalidArgumentError: if the payload is malformed.
    """
    if not isinstance(payload, dict) or "run" not in payload or "function" not in payload:
        raise InvalidArgumentError("a run payload needs 'function' and 'run'")
    for name in ("settings", "secrets", "provide"):
        if not isinstance(payload.get(name, {}), dict):
            raise InvalidArgumentError(f"{name!r} of a run payload must be a mapping")
    with config.override(**payload_settings(payload)):
        store = _store_of(payload)
        if wrap is not None:
            store = wrap(store)
        job = Job(
            function=FunctionDoc.from_dict(payload["function"]),
            run=parse(RunDoc, payload["run"], "payload"),
            store=store,
            attempt=payload.get("attempt", 1),
            last_attempt=payload.get("last_attempt", True),
            secrets=payload.get("secrets", {}),
        )
        for name, target in payload.get("provide", {}).items():
            job.provide[name] = functools.partial(_provide, target, job)
        with as_payload():
            run = execute(job, capture_output=False)
        if isinstance(store, RelayStore):
            store.finish(run)
        else:
            store.flush()
    return run


def payload_settings(payload: dict[str, Any]) -> dict[str, Any]:
    """The submitter's settings; with a service as the store also its address and the key to it,
    which is a secret and therefore none of `config.changed()`."""
    settings = dict(payload.get("settings", {}))
    if str(payload.get("store", "")).startswith("http"):
        settings["dbpath"] = payload["store"]
        if payload.get("access_key"):
            settings["access_key"] = payload["access_key"]
    return settings


def _provide(target: str, job: Job) -> Any:
    return resolve(target)(job)


def _store_of(payload: dict[str, Any]) -> Store:
    if payload.get("store") != RELAY:
        store = open_store(payload.get("store", ""))
        with contextlib.suppress(StoreUnavailableError):
            store.check()  # an inherited connection may be to a file that is gone
        return store
    return RelayStore(payload.get("objects", []))


def prepare(url: str = "", home: str = "") -> None:
    """Do beforehand what every run needs; a warm server calls this once, before it forks.

    A run is recorded in a store that is thrown away: statements are compiled, validators built.

    Args:
        url: The store of most runs, which is opened, and checked, for all of them.
        home: The home folder of these runs.
    """
    with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
        store = open_store(folder)
        name = "prepare"
        meta = RunMetadata(name=name, uid=name, project=name, labels={"kind": "process"})
        run = RunDoc(metadata=meta)
        for state in ("running", "completed"):
            run.status.state = state
            store.store_run(parse(RunDoc, run.to_dict()).to_dict())
        store.append_log(name, name, b"prepare")
        store.log_metrics(name, name, 0, [MetricPoint("prepare", 0.0, 0, 0.0)])
        store.heartbeat(name, name)
        FunctionDoc.from_dict(FunctionDoc().to_dict())
        close_stores()
    if url:
        with config.override(home=home):
            open_store(url)


def _write_atomically(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".result-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(path)


def main(arguments: list[str]) -> int:
    """Execute the payload in the file named by the first argument, else by setting `exec_file` or
    `exec`."""
    file = arguments[0] if arguments else config.exec_file
    try:
        text = Path(file).read_text(encoding="utf-8") if file else config.exec
        payload = json.loads(text)
    except FileNotFoundError as exc:
        raise MissingFileError(f"the run payload {file!r} does not exist") from exc
    except ValueError as exc:  # also bytes that are no text
        raise InvalidArgumentError(
            f"the run payload is not JSON: {exc}",
            where=file or "MLRUN_LIKE_EXEC",
            fix="runtimes write it; to run a file by hand use `mlrun-like run FILE`",
        ) from exc
    return execute_payload(payload)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
