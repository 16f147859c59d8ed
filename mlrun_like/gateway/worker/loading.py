"""A function's document to something that answers requests."""

from __future__ import annotations

import json
import sys
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.gateway.worker.graphs import graph_program
from mlrun_like.gateway.worker.nuclio import HandlerProgram, make_context
from mlrun_like.gateway.worker.order import Order
from mlrun_like.gateway.worker.plain import FunctionProgram
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.gateway.worker.streaming import Program
from mlrun_like.packaging.loader import load_module, resolve_handler
from mlrun_like.packaging.source import plain_function
from mlrun_like.runtimes.nuclio.source import form_of
from mlrun_like.runtimes.nuclio.wrapper import nuclio_init_hook
from mlrun_like.specs.function import FunctionDoc

__all__ = ["load"]

_NO = frozenset({"0", "false", "no", "off"})


def load(order: Order, platform: WorkerPlatform) -> Program:
    """Import the function's code.

    Args:
        order: What the gateway wants.
        platform: For `context.platform`.

    Raises:
        MLRunLikeError: if the document, the code or the graph cannot be used.
        Exception: whatever the code raises while it is imported.
    """
    doc = FunctionDoc.from_dict(order.document, f"function {order.key}")
    if order.kind:
        doc.kind = order.kind
    form = form_of(doc)
    if form == "serving_v2":
        return graph_program(doc, order)
    context = make_context(order.replica, platform)
    if form == "mlrun":
        if doc.kind.partition(":")[0] in ("nuclio", "remote"):
            return _jobs(doc, context)
        return FunctionProgram(resolve_handler(doc), context)
    handler = _handler(doc)
    home = sys.modules.get(getattr(handler, "__module__", ""), None)
    decode = (environment("NUCLIO_PYTHON_DECODE_EVENT_STRINGS", "") or "").lower() not in _NO
    return HandlerProgram(
        handler, getattr(home, "init_context", None), context, decode_strings=decode
    )


def _handler(doc: FunctionDoc) -> Any:
    spec = doc.spec
    named = (spec.function_handler or "").rpartition(":")[2]
    return resolve_handler(doc, named or spec.default_handler or "handler")


def _jobs(doc: FunctionDoc, context: Any) -> HandlerProgram:
    """Runs that come as requests, for functions of kind `nuclio:mlrun`."""
    module = load_module(doc)
    told = {
        "name": doc.metadata.name,
        "project": doc.metadata.project,
        "handler": doc.spec.default_handler,
        "returns": doc.spec.returns,
    }
    space = {name: plain_function(value) for name, value in vars(module).items()}

    def init_context(context: Any) -> None:
        nuclio_init_hook(context, space, "mlrun", json.dumps(told))

    def handler(context: Any, event: Any) -> Any:
        return context.mlrun_handler(context, event)

    return HandlerProgram(handler, init_context, context)
