"""Style and scripts: served from memory, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.routing import Needs, Routes
from mlrun_like.drawing.looks import STYLE, themed
from mlrun_like.errors import NotFoundError

__all__ = ["ROUTES", "Asset", "asset", "asset_address"]

ROUTES = Routes("static", page=True)
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
          "txt": "text/plain; charset=utf-8"}  # fmt: skip
_NAMES = ("service.css", "service.js", "live.js", "reading.js", "htmx.min.js",
          "htmx.LICENSE.txt")  # fmt: skip


class Asset(NamedTuple):
    """A file that pages load, plain and packed, and the hash of its content."""

    content: bytes
    packed: bytes
    kind: str
    hash: str


@cache
def asset(name: str) -> Asset:
    """A file by its name.

    Raises:
        NotFoundError: if there is none.

    >>> asset("service.js").kind
    'text/javascript; charset=utf-8'
    """
    if name not in _NAMES:
        raise NotFoundError(f"there is no file {name!r}", where="static files of pages")
    content = resources.files("mlrun_like.api.static").joinpath(name).read_bytes()
    if name == "service.css":
        content = (STYLE + themed()).encode() + b"\n" + content
    digest = hashlib.sha256(content).hexdigest()[:16]
    packed = gzip.compress(content, 9, mtime=0)
    return Asset(content, packed, _KINDS[name.rpartition(".")[2]], digest)


def asset_address(name: str) -> str:
    """Where a file is; another content has another address.

    >>> asset_address("service.css").startswith("/static/service.css?v=")
    True
    """
    return f"/static/{name}?v={asset(name).hash}"


@ROUTES.get(
    "/static/{name}",
    needs=Needs("setting", "read", scope="open"),
    summary="A file that pages load",
    name="static",
)
async def static(request: Request, name: str) -> Response:
    """Answer with a file; it may be kept for a year if its address has the hash."""
    found = asset(name)
    is_exact = request.query_params.get("v") == found.hash
    etag = f'"{found.hash}"'
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if is_exact else "no-cache",
        "etag": etag,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(found.packed, headers=headers, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)
