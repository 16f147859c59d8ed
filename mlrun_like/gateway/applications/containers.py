"""An application that is an image: run by podman or docker, its port published on this machine."""

from __future__ import annotations

import re
import shlex
from typing import Any

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.gateway.applications.launch import Launch, Place, root_path_of
from mlrun_like.gateway.applications.users import User
from mlrun_like.gateway.deployment import Version
from mlrun_like.runtimes.container.tool import Tool, find_tool, tool_trouble

__all__ = ["container_argv", "container_launch", "image_of"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def image_of(version: Version) -> str:
    """An application's image; empty: it has none."""
    spec = version.document.get("spec") or {}
    rows = (spec.get("config") or {}).get("spec.sidecars") or [{}]
    return str(spec.get("image") or rows[0].get("image") or "")


def container_launch(version: Version, place: Place, image: str) -> Launch:
    """How to start an image's container.

    Args:
        version: What runs; its variables are given by name, so that no value is in the list of
            processes.
        place: Its port is the one on this machine.
        image: The image; fetched if it is not here.

    Raises:
        EngineError: if there is no tool that runs containers.
    """
    try:
        tool = find_tool()
    except (EngineError, InvalidArgumentError) as exc:
        raise EngineError(
            f"the application {place.key} is an image, and nothing here can run it: {exc.what}",
            where=f"image {image!r}",
            fix='install podman, or give a command: fn.spec.command = "python app.py"; or '
            'fn.deploy(target="kubernetes")',
        ) from exc
    trouble = tool_trouble(tool)
    if trouble:
        raise EngineError(trouble, where=f"application {place.key}, image {image!r}")
    port = version.options.internal_port or 8050
    root = root_path_of(place.key, version)
    given = {str(name): str(value) for name, value in version.options.env.items()}
    env = {"PORT": str(port), "MLRUN_LIKE_FUNCTION": place.key, "MLRUN_LIKE_ROOT_PATH": root}
    if root:
        env |= {"UVICORN_ROOT_PATH": root, "GRADIO_ROOT_PATH": root}
    env |= {name: value for name, value in given.items() if _NAME.match(name)}
    name = f"mlrun-like-{place.key.replace('/', '.')}-{version.number}-{place.port}"
    argv = container_argv(tool, image, name, f"127.0.0.1:{place.port}:{port}", list(env), version)
    whole = {**environment_copy(), **env}
    # the tool's own settings must stay the gateway's
    whole |= {key: value for key, value in environment_copy().items() if key in ("PATH", "HOME")}
    return Launch(argv, whole, "/", User(), {}, after=[[tool.path, "rm", "-f", name]], foreign=True)


def container_argv(
    tool: Tool, image: str, name: str, published: str, variables: list[str], version: Version
) -> list[str]:
    """The command line.

    >>> from mlrun_like.gateway.deployment import Options
    >>> container_argv(Tool("podman", "podman"), "i:1", "n", "127.0.0.1:5:80", ["A"],
    ...     Version(1, "application", {}, Options(memory=1000, processes=9)))  # doctest: +ELLIPSIS
    ['podman', 'run', '--rm', '--name', 'n', ..., '--memory', '1000', 'i:1']
    """
    options = version.options
    argv = [tool.path, "run", "--rm", "--name", name, "--publish", published]
    argv += ["--security-opt", "no-new-privileges"]
    for variable in variables:
        argv += ["--env", variable]
    if options.processes:
        argv += ["--pids-limit", str(max(64, options.processes * 16))]
    if options.memory:
        argv += ["--memory", str(options.memory)]
    if options.cpu:
        argv += ["--cpus", f"{options.cpu:g}"]
    return [*argv, image, *_arguments(version.document.get("spec") or {})]


def _arguments(spec: dict[str, Any]) -> list[str]:
    command = spec.get("command") or ""
    words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    return words + [str(word) for word in spec.get("args") or ()]
