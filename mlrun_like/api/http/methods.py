"""Which methods an address knows, for `OPTIONS` and the header `Allow`."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.routing import Match, Route

__all__ = ["methods_of"]


def methods_of(request: Request) -> list[str]:
    """The methods that the address of a request can be asked with, whatever its own is.

    Several routes may have one path, and a path with a name in it may fit where another one is
    meant: the one with the fewest names counts.
    """
    found = sorted(_fitting(request), key=lambda route: route.path.count("{"))
    if not found:
        return []
    names = {name for route in found if route.path == found[0].path for name in route.methods or ()}
    return sorted({*names, "OPTIONS", *(("HEAD",) if "GET" in names else ())})


def _fitting(request: Request) -> Iterator[Route]:
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            yield route
