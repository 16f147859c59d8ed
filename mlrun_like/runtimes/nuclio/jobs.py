"""Runs that are sent to a deployed function as requests.

`PUT <address>/<handler>` with a run as JSON (`{"metadata": ..., "spec": {"parameters": ...}}`, as
MLRun sends it) executes it and answers with the run as it was recorded.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config, environment
from mlrun_like.errors import MLRunLikeError
from mlrun_like.names import new_uid
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job
from mlrun_like.runs.secrets import resolve_sources
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store

__all__ = ["handle_job", "init_jobs"]


def init_jobs(context: Any, data: dict[str, Any], spec: str = "") -> None:
    """Prepare a worker; see `wrapper.nuclio_init_hook`."""
    context.mlrun_handler = handle_job
    context.globals = data
    context.mlrun_job = json.loads(spec) if spec else {}


def handle_job(context: Any, event: Any) -> Any:
    """Answer a request, or a batch of them."""
    if isinstance(event, list):
        return [_answered(context, one, _text(one.id)) for one in event]
    return _answered(context, event, None)


def _answered(context: Any, event: Any, event_id: Any) -> Any:
    status, kind = 200, "application/json"
    try:
        body = json.dumps(_executed(context, event), default=str)
    except MLRunLikeError as exc:
        status, kind, body = exc.status if exc.status < 500 else 400, "text/plain", str(exc)
    except _Refused as exc:
        status, kind, body = 400, "text/plain", str(exc)
    extra = {} if event_id is None else {"event_id": event_id}
    return context.Response(body=body, content_type=kind, status_code=status, **extra)


class _Refused(Exception):
    """A request that names no run."""


def _executed(context: Any, event: Any) -> dict[str, Any]:
    told = context.mlrun_job
    name = _text(event.path or "/").strip("/").split("/")[0] or str(told.get("handler") or "")
    handler = context.globals.get(name)
    if not name or name not in context.globals:
        raise _Refused(f"function name {name} does not exist")
    if name.startswith("_") or not _is_function(handler):
        raise _Refused(f"{name} is not a public function handler")
    run = _run_of(event.body)
    meta, spec = run.metadata, run.spec
    meta.project = meta.project or str(told.get("project") or "") or config.default_project
    meta.name = meta.name or f"{told.get('name') or 'function'}-{name}".replace("_", "-")
    meta.uid = meta.uid or new_uid()
    spec.handler = name
    spec.function = spec.function or f"{meta.project}/{told.get('name') or 'function'}"
    spec.returns = spec.returns or list(told.get("returns") or ())
    document = FunctionDoc(
        kind="local",
        metadata=FunctionMetadata(name=str(told.get("name") or name), project=meta.project),
        spec=FunctionSpec(default_handler=name),
    )
    secrets = resolve_sources([s for s in spec.secret_sources if s.get("kind") != "inline"])
    listed = environment("MLRUN_PROJECT_SECRETS_LIST", "")
    if listed:
        secrets = {**resolve_sources([{"kind": "env", "source": listed}]), **secrets}
    store = open_store()
    job = Job(
        function=document,
        run=run,
        store=store,
        handler=getattr(handler, "_handler", None) or handler,
        watch=True,
        secrets=secrets,
    )
    finished = execute(job)
    store.flush()
    return finished.to_dict()


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _is_function(value: Any) -> bool:
    return inspect.isfunction(value) or getattr(value, "_handler", None) is not None


def _run_of(body: Any) -> RunDoc:
    """The run in a request: a run document, or just its parameters."""
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body) if body else {}
        except ValueError as exc:
            raise _Refused(f"the body is not a run as JSON: {exc}") from exc
    if body is None:
        body = {}
    if not isinstance(body, Mapping):
        raise _Refused(f"the body is not a run as JSON but a {type(body).__name__}")
    if body and not {"metadata", "spec", "status", "kind"} & set(body):
        body = {"spec": {"parameters": dict(body)}}
    known, _ = split_foreign(RunDoc, body)
    known.pop("status", None)
    return parse(RunDoc, known, "the request's body")
