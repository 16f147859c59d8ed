"""The gateway's own pages under `/-/`: health, readiness, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.gateway.http.answers import Refusal, refusal
from mlrun_like.gateway.http.metrics import CONTENT_TYPE, render

if TYPE_CHECKING:
    from mlrun_like.gateway.http.front import Front

__all__ = ["page"]


def page(front: Front, method: bytes, target: bytes) -> Refusal | None:
    """The page at a target, or None: it is the control API's affair."""
    path = target.partition(b"?")[0].rstrip(b"/")
    if path not in (b"/-/health", b"/-/ready", b"/-/metrics"):
        return None
    if method not in (b"GET", b"HEAD"):
        return refusal(405, "method", "this page is read only", headers=b"allow: GET, HEAD\r\n")
    if path == b"/-/metrics":
        return _page(200, CONTENT_TYPE, render(front.router.gates))
    if path == b"/-/health":
        return _page(200, b"application/json", b'{"status":"ok"}')
    if front.draining or not front.ready():
        why = "the gateway is ending" if front.draining else "the gateway is starting"
        return refusal(503, "not_ready", why, headers=b"retry-after: 1\r\n")
    return _page(200, b"application/json", b'{"status":"ready"}')


def _page(status: int, kind: bytes, body: bytes) -> Refusal:
    start = b"content-type: %b\r\ncache-control: no-store\r\ncontent-length: %d\r\n\r\n"
    return Refusal(status, start % (kind, len(body)) + body)
