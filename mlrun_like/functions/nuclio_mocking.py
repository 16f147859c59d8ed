"""Nuclio functions answered in this process, and requests to deployed ones."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import FunctionError, InvalidArgumentError, NotFoundError, RunError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.packaging.loader import load_module
from mlrun_like.packaging.source import plain_function
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.http import request
from mlrun_like.runtimes.nuclio.mock import MockFunction
from mlrun_like.runtimes.nuclio.names import nuclio_name, project_of
from mlrun_like.runtimes.nuclio.source import form_of, source_file
from mlrun_like.runtimes.nuclio.wrapper import nuclio_init_hook

__all__ = ["mock_server_of", "send_request"]

_OPTIONS = ("timeout", "verify", "json", "data")


def mock_server_of(function: Function[..., Any]) -> MockFunction:
    """A function's handler behind a mock of Nuclio.

    Raises:
        NotFoundError: if there is no code.
        PackagingError: if the handler is not in the code.
    """
    document = function._doc()
    live = function._handler
    if form_of(document) == "mlrun":
        space = live.__globals__ if live is not None else vars(load_module(document))
        hook = functools.partial(_job_hook, document=document, space=space)
        return MockFunction(_hooked, hook)
    if live is not None:
        handler = plain_function(live)
        return MockFunction(handler, getattr(handler, "__globals__", {}).get("init_context"))
    if not document.spec.build.functionSourceCode and not document.spec.command:
        raise NotFoundError(
            f"function {document.metadata.name!r} has no code that can be called here",
            fix="fn.with_code(from_file=...); an image or archive can only be deployed",
        )
    module = load_module(document)
    name = "handler"
    if document.spec.build.functionSourceCode:
        name = source_file(document).function
    elif document.spec.function_handler or document.spec.default_handler:
        name = (document.spec.function_handler or document.spec.default_handler).rpartition(":")[2]
    handler = getattr(module, name, None)
    if not callable(handler):
        raise FunctionError(
            f"there is no handler {name!r} in the code", where=document.metadata.name
        )
    home = sys.modules.get(handler.__module__, module)
    return MockFunction(handler, getattr(home, "init_context", None))


def _job_hook(context: Any, *, document: Any, space: dict[str, Any]) -> None:
    told = {
        "name": document.metadata.name,
        "project": document.metadata.project,
        "handler": document.spec.default_handler,
        "returns": document.spec.returns,
    }
    nuclio_init_hook(context, space, "mlrun", json.dumps(told))


def _hooked(context: Any, event: Any) -> Any:
    return context.mlrun_handler(context, event)


def send_request(
    function: Any,
    path: str,
    body: Any,
    method: str,
    headers: Mapping[str, str] | None,
    dashboard: str,
    force_external_address: bool,
    options: Mapping[str, Any],
) -> Any:
    """Do what `NuclioFunction.invoke` says for a deployed function."""
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise InvalidArgumentError(
            f"invoke has no option {unknown[0]!r}.{nearest(unknown[0], _OPTIONS)}",
            fix=f"options: {', '.join(_OPTIONS)}",
        )
    body = options.get("json", options.get("data")) if body is None else body
    document = function._doc()
    path = path or document.spec.default_handler
    url = path if "://" in path else ""
    if not url:
        _check_reachable(document)
        place = path if path.startswith("/") else f"/{path}"
        url = function.get_url(force_external_address).rstrip("/") + place
    name = nuclio_name(document.metadata.name, project_of(document), document.metadata.tag)
    sent = {str(key): str(value) for key, value in (headers or {}).items()}
    if not any(key.lower() == "x-nuclio-target" for key in sent):
        sent["x-nuclio-target"] = name  # wakes a function that is scaled to zero
    content: bytes | None
    if body is None or isinstance(body, bytes):
        content = body
    elif isinstance(body, str):
        content = body.encode()
    else:
        content = json.dumps(body, default=str).encode()
        if not any(key.lower() == "content-type" for key in sent):
            sent["Content-Type"] = "application/json"
    verb = method.upper() if method else "GET" if body is None else "POST"
    timeout = float(options.get("timeout") or 60.0)
    if dashboard:
        address = function.get_url(force_external_address).partition("://")[2]
        reply = Dashboard(dashboard).invoke(name, address, verb, path, content, sent, timeout)
    else:
        reply = request(
            verb, url, content, sent, timeout=timeout, verify=options.get("verify", True)
        )
    if not 200 <= reply.status < 300:
        raise RunError(
            f"bad function response {reply.status}: {reply.told()}",
            where=f"{verb} {url}",
            fix=_FIXES.get(reply.status, "see the function's log"),
        )
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        found = reply.json()
        return reply.body if found is None and reply.body != b"null" else found
    return reply.body


_FIXES = {
    503: "no worker was free in time: fn.with_http(workers=..., worker_timeout=...)",
    502: "the function's pods may be starting: try again",
    404: "check the path, and that the function is deployed",
    401: "sign in: headers={'Authorization': ...}",
}


def _check_reachable(document: Any) -> None:
    spec = document.spec
    has_http = any(
        isinstance(value, Mapping) and value.get("kind") == "http" for value in spec.config.values()
    )
    if spec.disable_default_http_trigger and not has_http and not document.status.get("address"):
        raise FunctionError(
            "the default HTTP trigger is disabled and there is no other one, so the function "
            "cannot be invoked",
            where=f"function {document.metadata.name!r}",
            fix="fn.enable_default_http_trigger() or fn.with_http(...), then fn.deploy()",
        )
