"""One function in a container: `python -m mlrun_like.gateway.standalone FOLDER --port 8080`.

The same gateway as on one machine, with one function that has one replica, and nobody who could
deploy another one. It ends with a code other than 0 if the function does not start; its output is
the container's. `/-/health`, `/-/ready` and `/-/metrics` are the gateway's, all other paths the
function's. SIGTERM lets requests under way finish.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import MissingDependencyError, MissingFileError, MLRunLikeError, SpecError
from mlrun_like.gateway.control.following import size_of
from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.manifests.hiding import shown_options
from mlrun_like.gateway.manifests.workload import OPTIONS
from mlrun_like.gateway.places import control_socket, gateway_home, log_file, private_folder
from mlrun_like.gateway.process import Gateway
from mlrun_like.gateway.reading.options import ANNOTATION, options_of
from mlrun_like.registry import require
from mlrun_like.runtimes.kubernetes.code import FUNCTION, read_document
from mlrun_like.serving.web.sockets import listen

__all__ = ["OneFunction", "main", "read_function", "serve"]

_KEPT = frozenset({"PATH", "PWD", "OLDPWD", "SHLVL", "_"})
_EVERY = 0.1  # seconds between two looks at what the function printed
_LARGEST = 16 << 20
"""Bytes after which the file of what was printed is emptied: it was passed on already."""
_PACKET = 1 << 20
_LONGEST = 60  # characters of a folder for temporary files that a socket's path has room for


def read_function(place: Path, environ: Mapping[str, str]) -> tuple[dict[str, Any], Options]:
    """A function's document and options.

    Args:
        place: A folder with `function.yaml` (or its parts) and `options.json`, as a manifest's
            ConfigMap has them; or a function's file.
        environ: Variables with the values that were taken out of the options.

    Raises:
        MissingFileError: if there is no function.
        SpecError: if it cannot be read.
        ConfigError: if a variable is missing.
    """
    if place.is_dir():
        text = read_document(place, FUNCTION)
    elif place.is_file():
        text = read_document(place.parent, place.name)
    else:
        raise MissingFileError(
            f"there is no function at {str(place)!r}", fix="fn.export('function.yaml') writes one"
        )
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise SpecError(f"the function is no YAML: {exc!s:.300}", where=str(place)) from exc
    if not isinstance(document, dict):
        raise SpecError(f"the function is no mapping but {document!r:.60}", where=str(place))
    told = place / OPTIONS
    if not told.is_file():
        options = options_of(document)
        notes = (document.get("metadata") or {}).get("annotations") or {}
        notes.pop(ANNOTATION, None)
        return document, options
    try:
        data = json.loads(told.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise SpecError(f"the options are no JSON: {exc!s:.200}", where=str(told)) from exc
    if not isinstance(data, dict):
        raise SpecError(f"the options are no mapping but {data!r:.60}", where=str(told))
    return document, shown_options(data, environ)


def _alone(options: Options, environ: Mapping[str, str]) -> Options:
    """The options of one replica in a container, whose limits the kubelet keeps."""
    env = {name: value for name, value in environ.items() if name not in _KEPT}
    return dataclasses.replace(
        options,
        min_replicas=1,
        max_replicas=1,
        memory=0,
        cpu=0.0,
        hosts=(),
        paths=("/",),
        port=0,
        env={**options.env, **env},
        requirements=(),
        python="",
    )


class OneFunction(Gateway):
    """A gateway that has one function.

    Args:
        channel: To `serve`, which plays the holder.
        sockets: Listening ones.
        wanted: What to deploy; see `Functions.deploy`.
    """

    def __init__(
        self, channel: socket.socket, sockets: dict[str, socket.socket], wanted: dict[str, Any]
    ) -> None:
        super().__init__(channel, sockets)
        self._wanted = wanted

    async def begin(self, replicas: Mapping[str, Any]) -> None:
        """Start the function, and let it answer its warm-up and smoke requests.

        Raises:
            EngineError: with the function's own words if it does not start.
        """
        del replicas
        self.autoscaler.start()
        await self.deploy(self._wanted, _say)


async def serve(wanted: dict[str, Any], listening: socket.socket, home: Path) -> None:
    """Serve a function until SIGTERM or SIGINT.

    Args:
        wanted: See `OneFunction`.
        listening: The socket for requests.
        home: The gateway's folder, empty.

    Raises:
        EngineError: if it does not start.
    """
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for item in (here, there, listening):
        item.setblocking(False)
    private_folder(home)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(str(control_socket(home)))
    os.chmod(control_socket(home), 0o600)
    control.listen()
    gateway = OneFunction(there, {"tcp": listening, "control": control}, wanted)
    log = log_file(home, str(wanted["key"]))
    copier = loop.create_task(_copy(log, sys.stdout.buffer))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _send, here, {"drain": True})
    _send(here, {"begin": {"replicas": {}, "url": ""}})
    listener = loop.create_task(_hold(here))
    try:
        await gateway.run()
    finally:
        if gateway.state == "starting":
            await gateway.close(0.0)
        copier.cancel()
        listener.cancel()
        await asyncio.wait([copier, listener])
        for item in (here, there, control):
            item.close()


async def _hold(channel: socket.socket) -> None:
    """Answer the gateway as its holder would."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(channel, _PACKET):
        message = json.loads(data)
        if "ready" in message:
            _send(channel, {"active": True})
            _say("ready")
        elif "down" in message or "restart" in message:
            _send(channel, {"drain": True})
        elif "port" in message:
            _send(channel, {"port": message["port"], "error": "a container has one port"})


def _send(channel: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        channel.send(json.dumps(message).encode())


async def _copy(path: Path, target: BinaryIO) -> None:
    """Pass on what the function prints."""
    at = 0
    try:
        while True:
            at = await asyncio.to_thread(_pass_on, path, at, target)
            await asyncio.sleep(_EVERY)
    finally:
        _pass_on(path, at, target)


def _pass_on(path: Path, at: int, target: BinaryIO) -> int:
    size = size_of(path)
    if size < at:
        at = 0
    if size == at:
        return at
    with open(path, "rb") as file:
        file.seek(at)
        data = file.read()
    target.write(data)
    target.flush()
    at += len(data)
    if at > _LARGEST and size_of(path) == at:
        os.truncate(path, 0)  # writers append, so they go on at the beginning
        return 0
    return at


def _say(line: str) -> None:
    if line.startswith("  | "):
        return  # the function's own words are passed on as they are
    sys.stderr.write(f"mlrun-like: {line}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one function; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mlrun_like.gateway.standalone")
    parser.add_argument("place", type=Path, help="function.yaml, or a folder with it")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port; 0: a free one")
    given = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    environ = environment_copy()
    # the path of a socket has 107 bytes at most
    short = None if len(tempfile.gettempdir()) < _LONGEST else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="mlrun-like-", dir=short))
    config.home = str(folder)  # the gateway's own; the function has the container's
    config.gateway_access_log = False
    try:
        document, options = read_function(given.place, environ)
        meta = document.get("metadata") or {}
        wanted = {
            "key": f"{meta.get('project') or 'default'}/{meta.get('name') or 'function'}",
            "kind": str(document.get("kind") or "nuclio").partition(":")[0],
            "document": document,
            "options": _alone(options, environ).to_dict(),
            "by": "container",
        }
        listening = listen(given.host, given.port)
        _say(f"listening on {given.host}:{listening.getsockname()[1]}")
        _runner()(serve(wanted, listening, gateway_home()))
    except MLRunLikeError as exc:
        sys.stderr.write(f"mlrun-like: {exc}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _runner() -> Any:
    """What runs the loop: uvloop where it is installed."""
    try:
        return require("uvloop", extra="serving", feature="a faster gateway").run
    except MissingDependencyError:
        return asyncio.run


if __name__ == "__main__":
    sys.exit(main())
