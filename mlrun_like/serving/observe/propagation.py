"""Trace headers (W3C Trace Context) for requests that a step sends."""

from __future__ import annotations

from typing import Any

from mlrun_like.serving.event import Event

__all__ = ["SPAN", "trace_headers"]

SPAN = "_trace_span"
"""The attribute of an event that holds the span it is in."""

_NAMES = ("traceparent", "tracestate", "baggage")


def trace_headers(event: Event) -> dict[str, str]:
    """The headers that make another server's spans children of what this event is doing.

    Without tracing they are the caller's own, so a chain of servers is not broken here. Needs no
    package.

    >>> trace_headers(Event(headers={"traceparent": "00-...-01", "cookie": "x"}))
    {'traceparent': '00-...-01'}
    """
    headers = event.headers
    found = {name: headers[name] for name in _NAMES if name in headers}
    span: Any = event.__dict__.get(SPAN)
    context = span.get_span_context() if span is not None else None
    if context is not None and context.is_valid:
        found["traceparent"] = (
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )
        state = context.trace_state.to_header() if context.trace_state else ""
        if state:
            found["tracestate"] = state
        else:
            found.pop("tracestate", None)
    return found
