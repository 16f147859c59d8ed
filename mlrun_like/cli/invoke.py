"""`mlrun-like invoke`: a request to a deployed function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.deployed import find_deployed
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.control.client import GatewayClient

__all__ = ["invoke"]


def invoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as shop/scorer, or scorer.")],
    data: Annotated[str | None, typer.Option("--data", "-d", help="The body.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="File with the body; -: stdin.")
    ] = None,
    path: Annotated[str, typer.Option("--path", help="Path, and query.")] = "/",
    method: Annotated[str, typer.Option("--method", "-X", help="By default POST or GET.")] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="A header, 'Name: value'.")
    ] = None,
    include: Annotated[
        bool, typer.Option("--include", "-i", help="Also print status and headers.")
    ] = False,
) -> int:
    """Send a deployed function one request and print the answer's body.

    It goes by the gateway's private socket, so it needs no token. Exit code 1: the answer is no
    2xx.

    mlrun-like invoke scorer -d '{"inputs": [[1, 2]]}'

    mlrun-like invoke shop/scorer --path /v2/models -i

    mlrun-like invoke resize -f photo.jpg -H 'Content-Type: image/jpeg' > small.jpg
    """
    client = GatewayClient()
    key = find_deployed(client, name)
    headers = _headers(header or ())
    body = _body(data, file)
    if data is not None and "content-type" not in headers and data.lstrip()[:1] in ("{", "["):
        headers["content-type"] = "application/json"
    status, found, content = client.invoke(key, path, body, method.upper(), headers)
    if include:
        typer.echo(f"HTTP {status}")
        for label, value in found.items():
            typer.echo(f"{label}: {value}")
        typer.echo("")
    typer.echo(content, nl=sys.stdout.isatty() and not content.endswith(b"\n"))
    if not 200 <= status < 300:
        typer.echo(f"error: {key} answered {status}; mlrun-like logs {key}", err=True)
        return 1
    return 0


def _headers(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        label, mark, value = text.partition(":")
        if not mark or not label.strip() or "\n" in text or "\r" in text:
            raise InvalidArgumentError(f"--header {text!r:.80} is not of the form 'Name: value'")
        found[label.strip().lower()] = value.strip()
    return found


def _body(data: str | None, file: Path | None) -> bytes:
    if data is not None and file is not None:
        raise InvalidArgumentError("--data and --file exclude each other")
    if data is not None:
        return data.encode()
    if file is None:
        return b""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as exc:
        raise InvalidArgumentError(f"the body cannot be read: {exc}", where=str(file)) from exc
