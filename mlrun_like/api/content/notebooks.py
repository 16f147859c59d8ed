"""A notebook as plain cells: code and markdown, and of outputs what cannot act: text and images."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from mlrun_like.api.content.markdown import markdown
from mlrun_like.api.content.media import image_type

__all__ = ["notebook_cells"]

_CELLS = 500
_SOURCE = 20_000
_OUTPUT = 20_000
_IMAGE = 2 << 20
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def notebook_cells(data: bytes) -> list[dict[str, Any]] | None:
    """The cells; None: it is no notebook.

    >>> notebook_cells(b'{"cells": [{"cell_type": "code", "source": ["x = 1"], "outputs": []}]}')
    [{'type': 'code', 'source': 'x = 1', 'count': None, 'outputs': []}]
    """
    try:
        document = orjson.loads(data)
    except ValueError:
        return None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        return None
    left = [8 << 20]
    return [_cell(cell, left) for cell in cells[:_CELLS] if isinstance(cell, dict)]


def _cell(cell: dict[str, Any], left: list[int]) -> dict[str, Any]:
    source = _joined(cell.get("source"))[:_SOURCE]
    if cell.get("cell_type") == "markdown":
        return {"type": "markdown", "source": source, "html": markdown(source), "outputs": []}
    if cell.get("cell_type") != "code":
        return {"type": "raw", "source": source, "outputs": []}
    count = cell.get("execution_count")
    outputs = cell.get("outputs")
    found = [
        shown
        for one in (outputs[:100] if isinstance(outputs, list) else [])
        if isinstance(one, dict) and (shown := _output(one, left)) is not None
    ]
    number = count if isinstance(count, int) else None
    return {"type": "code", "source": source, "count": number, "outputs": found}


def _output(output: dict[str, Any], left: list[int]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        return {"kind": "text", "text": _plain(_joined(output.get("text")))}
    if kind == "error":
        lines = _joined(output.get("traceback"), "\n") or _joined(output.get("evalue"))
        return {"kind": "error", "text": _plain(lines)}
    bundle = output.get("data")
    if not isinstance(bundle, dict):
        return None
    for media in ("image/png", "image/jpeg", "image/gif"):
        uri = _image(_joined(bundle.get(media)), left)
        if uri:
            return {"kind": "image", "data_uri": uri}
    text = _plain(_joined(bundle.get("text/plain")))
    if not text and ("text/html" in bundle or "image/svg+xml" in bundle):
        text = "(HTML that is not shown here: download the notebook)"
    return {"kind": "text", "text": text} if text else None


def _image(text: str, left: list[int]) -> str:
    """A data URI of bytes that are an image; its type is what they are, not what is said."""
    if not text or len(text) > min(_IMAGE, left[0]):
        return ""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    media = image_type(data)
    if not media:
        return ""
    left[0] -= len(text)
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def _joined(value: Any, between: str = "") -> str:
    if isinstance(value, list):
        return between.join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _plain(text: str) -> str:
    return _ANSI.sub("", text[:_OUTPUT])
