"""Files that a browser may show in place: images, and pages that are kept from acting."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.content.heads import head_of
from mlrun_like.api.content.media import FILE, disposition, image_type, view_headers
from mlrun_like.api.content.places import Target
from mlrun_like.api.content.transfer import file_answer
from mlrun_like.artifacts.formats import suffix_of
from mlrun_like.errors import InvalidArgumentError

__all__ = ["download_answer", "view_answer"]

_PAGES = {"html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8"}
_MOST = 64 << 20


def view_answer(request: Request, target: Target) -> Response:
    """The bytes of an image, or of a page in an origin of its own, without network and cookies.

    Raises:
        InvalidArgumentError: if it is neither.
    """
    inline = None if target.inline is None else target.inline.encode("utf-8", "replace")
    head = inline[:64] if inline is not None else head_of(target.open(), 64)
    media = _media(target, head)
    headers = {**view_headers(media), "content-disposition": disposition(target.name, inline=True)}
    if inline is not None:
        # the type is given as a header, so that nothing is added to it
        return Response(inline, headers={**headers, "content-type": media})
    item = target.open()
    if (item.stat().size or 0) > _MOST:
        raise InvalidArgumentError(
            f"{target.name!r} is too large to be shown in place", fix="download it"
        )
    return file_answer(request, item, {**headers, "content-type": media})


def _media(target: Target, head: bytes) -> str:
    found = image_type(head)
    if found:
        return found
    spec = target.document.get("spec") or {}
    form = suffix_of(target.name) or str(spec.get("format") or "").lower().lstrip(".")
    if form == "svg":
        return "image/svg+xml"
    if form in _PAGES:
        return _PAGES[form]
    raise InvalidArgumentError(
        f"{target.name!r} is no image and no page, so it is not shown in place",
        fix="download it, or ask for its preview",
    )


def download_answer(request: Request, target: Target) -> Response:
    """The bytes of a target as a file to keep."""
    headers = {
        **FILE,
        "content-type": "application/octet-stream",
        "content-disposition": disposition(target.name),
    }
    if target.inline is not None:
        return Response(target.inline.encode("utf-8", "replace"), headers=headers)
    return file_answer(request, target.open(), headers)
