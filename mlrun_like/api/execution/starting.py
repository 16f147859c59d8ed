"""Start a run for a caller: may it, its record, the process that sees to it.

Code that runs with kind `process` (and `local`) runs on the machine of the service, as the user of
the service: whoever may start runs can read what that user can read. So the setting
`service_execution` is `auto` by default: `process` as long as nobody need log in (the service
belongs to whoever runs it), else `engines`, which lets only kinds run that have a place of their
own, such as Kubernetes jobs. Those get the service's address and a token for their project and for
a week, never the address of its database.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import threading

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.tokens import revoke_token, run_token, split_token
from mlrun_like.api.execution.child import check_allowed, elsewhere, options_of, prepared
from mlrun_like.api.execution.request import RunRequest
from mlrun_like.api.secrets.vault import secrets_of
from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import (
    ConfigError,
    ConflictError,
    MLRunLikeError,
    NotFoundError,
    OverloadedError,
)
from mlrun_like.functions.running import run_function
from mlrun_like.names import check_run_name, parse_artifact_uri, parse_function_uri
from mlrun_like.runs.context_base import utc_now
from mlrun_like.settings.table import SECRETS
from mlrun_like.tracking.process import process_start_time
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["execution_mode", "guarded", "start_run"]

_MODES = ("auto", "process", "engines", "off")
_LABEL = re.compile(r"[^A-Za-z0-9._-]+")
_OWN = ("service_", "oidc_", "gateway_admin")
_going: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()


def execution_mode(login: bool) -> str:
    """What the service may run: `process`, `engines` or `off`.

    Args:
        login: Whether its callers must log in.

    Raises:
        ConfigError: if the setting is not known.
    """
    mode = str(config.service_execution)
    if mode not in _MODES:
        raise ConfigError(
            f"service_execution cannot be {mode!r}", fix=f"use one of {', '.join(_MODES)}"
        )
    if mode != "auto":
        return mode
    return "engines" if login else "process"


def guarded(login: bool) -> bool:
    """Whether a service works for people who have no rights on its machine; see the setting.

    Args:
        login: Whether its callers must log in.
    """
    return login and execution_mode(login) != "process"


def start_run(
    store: SqlStore, caller: Caller, request: RunRequest, login: bool, address: str = ""
) -> Document:
    """Start a run, or schedule it; gives its document at once.

    Args:
        store: The store.
        caller: Who wants it.
        request: What.
        login: Whether callers must log in.
        address: Where the service is, for runs elsewhere; see `access.origin.own_address`.

    Raises:
        AccessDeniedError: if the service may not run this.
        NotFoundError: if there is no such function, as far as the caller can see.
        ConflictError: if the uid is taken.
        OverloadedError: if this process has started as many as it may.
    """
    place = parse_function_uri(request.function.removeprefix("db://"), request.project)
    if not caller.may(place.project, "function", "read"):
        raise NotFoundError(f"there is no function {place.name!r} in project {place.project!r}")
    mode = execution_mode(login)
    function = prepared(request.function, request.overrides)
    check_allowed(function, mode, request.given, request.project)
    _check_inputs(caller, request)
    secrets: dict[str, str] = {}
    if caller.may(request.project, "secret", "run"):
        secrets = dict(secrets_of(store, request.project))
    order: Document = {
        "function": request.function,
        "project": request.project,
        "uid": request.uid,
        "given": _owned(request, caller),
        "overrides": request.overrides,
        "execution": mode,
        "secrets": secrets,
    }
    if request.schedule is not None:
        given = {**options_of(order), "schedule": request.schedule, "uid": ""}
        return run_function(function, given).to_dict()
    document = _record(request, order, function.kind, function.metadata.name)
    _refuse_taken(store, request)
    _make_room()
    where, token = store.url, ""
    if login and address and elsewhere(function):
        where, token = address, run_token(store, caller, request.project)
    process = _spawn(where, token)
    try:
        # with the process that sees to it: if that one dies before it begins, the run is lost
        status = document["status"]
        status.update(pid=process.pid, pid_started=process_start_time(process.pid))
        store.store_run(document)
        _tell(process, order)
    except BaseException:
        process.kill()
        raise
    finally:
        threading.Thread(
            target=_wait, args=(store, process, token), daemon=True, name="mlrun-like-run"
        ).start()
    return document


def _check_inputs(caller: Caller, request: RunRequest) -> None:
    """Artifacts of others are as if they were not there, before anything looks for them."""
    for url in request.given["inputs"].values():
        if url.startswith("store://"):
            uri = parse_artifact_uri(url, request.project)
            if not caller.may(uri.project, "artifact", "read"):
                raise NotFoundError(f"there is no artifact {url[:200]!r}")


def _owned(request: RunRequest, caller: Caller) -> Document:
    owner = _LABEL.sub("-", caller.name)[:63].strip("-._") or "unknown"
    labels = {"owner": owner, **(request.given.get("labels") or {})}
    return {**request.given, "labels": labels}


def _record(request: RunRequest, order: Document, kind: str, name: str) -> Document:
    given, now = order["given"], utc_now()
    return {
        "kind": "run",
        "metadata": {
            "name": check_run_name(given["name"] or name[:63].rstrip("-._")),
            "uid": request.uid,
            "iteration": 0,
            "project": request.project,
            "labels": {**given["labels"], "kind": kind},
        },
        "spec": {
            "function": request.function.removeprefix("db://"),
            "handler": given["handler"] or "",
            "parameters": given["params"],
            "inputs": given["inputs"],
        },
        "status": {
            "state": "pending",
            "status_text": "the service starts it",
            "start_time": now,
            "last_update": now,
            "host": socket.gethostname(),
        },
    }


def _refuse_taken(store: SqlStore, request: RunRequest) -> None:
    try:
        store.read_run(request.project, request.uid)
    except NotFoundError:
        return
    raise ConflictError(f"there is a run {request.uid!r} already", fix="leave uid out")


def _make_room() -> None:
    with _lock:
        for process in list(_going):
            if process.poll() is not None:
                _going.discard(process)
        if len(_going) >= config.service_runs:
            raise OverloadedError(
                f"{len(_going)} runs that this service started go on",
                where=f"setting service_runs is {config.service_runs}",
                fix="wait for one to end, or raise the setting",
            )


def _wait(store: SqlStore, process: subprocess.Popen[bytes], token: str) -> None:
    """Ask for its exit code, so that nothing is left of it; its token has then done its work."""
    code = process.wait()
    parts = split_token(token)
    # killed from outside: what it started elsewhere may go on, and must be able to record that
    if parts is not None and code >= 0:
        with contextlib.suppress(MLRunLikeError):
            revoke_token(store, parts[0])


def _spawn(where: str, token: str) -> subprocess.Popen[bytes]:
    """A process that waits to be told; it works with the store at that address."""
    environment = environment_copy()
    # what only the service needs is not for the code of its callers
    for name in SECRETS:
        if name.startswith(_OWN):
            environment.pop(f"MLRUN_LIKE_{name.upper()}", None)
    environment["MLRUN_LIKE_DBPATH"] = where
    if token:
        environment["MLRUN_LIKE_ACCESS_KEY"] = token
    environment["MLRUN_LIKE_HOME"] = str(config.home)
    environment["MLRUN_LIKE_GUARDED"] = str(bool(config.guarded)).lower()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlrun_like.api.execution.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,  # it goes on when the service is stopped
        close_fds=True,
    )
    with _lock:
        _going.add(process)
    return process


def _tell(process: subprocess.Popen[bytes], order: Document) -> None:
    # the order holds secrets: it goes neither into the command line nor into a file
    stream = process.stdin
    if stream is not None:
        with contextlib.suppress(BrokenPipeError), stream:  # it died: the run is found to be lost
            stream.write(json.dumps(order).encode())
