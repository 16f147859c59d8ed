"""HTML answers, fragments and redirects, with the headers that keep pages safe."""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.drawing.markup import Html

__all__ = ["SECURITY", "fragment", "html_answer", "moved", "seen"]

_AGO = re.compile(r'(data-ago="">)[^<]*')

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Headers of every page: only our own scripts run, nobody may frame us."""


def html_answer(body: Html | str, status: int = 200) -> Response:
    """A page as an answer. What it shows depends on who asks, so nothing in between keeps it.

    >>> html_answer(Html("<p>x</p>")).headers["content-type"]
    'text/html; charset=utf-8'
    """
    headers = {**SECURITY, "cache-control": "no-store"}
    return Response(body.encode(), status, headers=headers, media_type="text/html")


def fragment(request: Request, body: Html) -> Response:
    """A live part of a page; 204 (keep what is there) if the browser has it already.

    A part made by `words.live` carries the hash of its content in the address it is asked by.
    """
    asked = request.query_params.get("seen", "")
    if asked and f'seen={asked}"' in body.partition(">")[0]:
        return Response(status_code=204, headers={"cache-control": "no-store"})
    return html_answer(body)


def seen(body: str) -> str:
    """A short name of a content. How long ago something was is not part of it, for the browser
    counts that on by itself.

    >>> seen("x")
    '2d711642b726'
    >>> seen('<time data-ago="">1 s ago</time>') == seen('<time data-ago="">2 s ago</time>')
    True
    """
    return hashlib.sha256(_AGO.sub(r"\1", body).encode()).hexdigest()[:12]


def moved(address: str, told: str = "") -> Response:
    """Go on to a page of ours after a form was done.

    Args:
        address: A path of this service.
        told: A key of `frame.NOTICES`, shown at the top of that page.

    >>> moved("/projects/a?x=1", "saved").headers["location"]
    '/projects/a?x=1&told=saved'
    """
    if not address.startswith("/") or address.startswith(("//", "/\\")):
        address = "/"
    if told:
        address += ("&" if "?" in address else "?") + f"told={told}"
    return Response(status_code=303, headers={"location": address, "cache-control": "no-store"})
