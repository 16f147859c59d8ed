"""podman or docker: which one there is, whether it works, and what it knows."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from typing import Any, NamedTuple

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import EngineError, InvalidArgumentError

__all__ = ["TOOLS", "Tool", "find_tool", "has_image", "tool_trouble"]

TOOLS = ("podman", "docker")
_FRESH = 60.0
"""Seconds for which an answer of the tool is believed."""
_lock = threading.Lock()
_seen: dict[tuple[str, ...], float] = {}


class Tool(NamedTuple):
    """A container tool on this machine.

    Args:
        name: `podman` or `docker`.
        path: Its program.
    """

    name: str
    path: str

    def ask(self, *arguments: str, timeout: float = 30.0) -> tuple[int, str, str]:
        """Run a short command: exit code, output, error output.

        Raises:
            EngineError: if it does not answer in time or cannot be started.
        """
        try:
            done = subprocess.run(
                [self.path, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                env=environment_copy(),
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise EngineError(
                f"{self.name} {arguments[0]} gave no answer within {timeout:g} s",
                fix=f"look at `{self.name} info`; restart it if it hangs",
            ) from exc
        except OSError as exc:
            raise EngineError(f"{self.path!r} cannot be started: {exc.strerror}") from exc
        return (
            done.returncode,
            done.stdout.decode("utf-8", "replace").strip(),
            done.stderr.decode("utf-8", "replace").strip(),
        )

    def inspect(self, name: str) -> dict[str, Any]:
        """`Id` and `State` of a container; empty if it is gone."""
        form = '{"Id": "{{.Id}}", "State": {{json .State}}}'
        code, output, _ = self.ask("inspect", "--type", "container", "-f", form, name)
        try:
            found = json.loads(output) if code == 0 else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def find_tool() -> Tool:
    """The tool that the setting `container_tool` names, or the one there is.

    Raises:
        EngineError: if it is not installed.
        InvalidArgumentError: if the setting names no tool.
    """
    wanted = str(config.container_tool or "auto")
    if wanted not in ("auto", *TOOLS):
        raise InvalidArgumentError(
            f"container_tool {wanted!r} is not known",
            where="setting 'container_tool'",
            fix=f"use auto, {' or '.join(TOOLS)}",
        )
    names = TOOLS if wanted == "auto" else (wanted,)
    path = environment_copy().get("PATH")
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Tool(name, found)
    raise EngineError(
        "no container tool is installed: neither podman nor docker is on PATH"
        if wanted == "auto"
        else f"{wanted} is not on PATH",
        where="setting 'container_tool'",
        fix="install podman (it needs no daemon) or docker; kind='process' runs without either",
    )


def tool_trouble(tool: Tool) -> str:
    """Why the tool cannot be used now; empty if it can, as far as a quick look tells."""
    if tool.name != "docker" or _is_fresh("daemon", tool.path):
        return ""
    try:
        code, _, error = tool.ask("version", "--format", "{{.Server.Version}}", timeout=5.0)
    except EngineError as exc:
        return str(exc)
    if code == 0:
        _note("daemon", tool.path)
        return ""
    if "permission denied" in error.lower():
        return (
            "docker's daemon may not be used by this user; "
            "add the user to the group 'docker' and log in again, or use podman"
        )
    return (
        "docker is installed, but its daemon does not answer "
        f"({_first_line(error)}); start it, or install podman, which needs none"
    )


def has_image(tool: Tool, image: str) -> bool:
    """Whether the image is on this machine.

    Raises:
        EngineError: if the tool gives no answer.
    """
    if _is_fresh("image", tool.path, image):
        return True
    code, _, _ = tool.ask("image", "inspect", "--format", "{{.Id}}", image)
    if code == 0:
        _note("image", tool.path, image)
    return code == 0


def _is_fresh(*key: str) -> bool:
    with _lock:
        return time.monotonic() - _seen.get(key, -_FRESH) < _FRESH


def _note(*key: str) -> None:
    with _lock:
        if len(_seen) > 1000:
            _seen.clear()
        _seen[key] = time.monotonic()


def _first_line(text: str) -> str:
    return text.splitlines()[0][:200].rstrip(".") if text else "no message"
