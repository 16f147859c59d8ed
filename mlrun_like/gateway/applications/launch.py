"""What an application is started with: command, environment, folder, port."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import EngineError
from mlrun_like.gateway.applications.users import User
from mlrun_like.gateway.deployment import Version

__all__ = ["Launch", "Place", "free_port", "keeps_prefix", "launch_of", "root_path_of"]

_KEPT = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("LD_LIBRARY_PATH", "JAVA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
        *("OMP_NUM_THREADS", "LC_ALL", "LC_CTYPE"),
    }
)
"""Variables of the gateway that applications get; its own settings and tokens are not theirs."""
_PYTHONS = ("python", "python3", f"python3.{sys.version_info.minor}")
_OPEN_FILES = 65536
_TASKS = 64
"""Threads that one process is reckoned with: the system counts them as processes."""


@dataclass(frozen=True)
class Place:
    """Where a replica runs.

    Args:
        key: `<project>/<name>`.
        number: Of the replica.
        port: It shall listen there.
        folder: Its working folder.
        home: Its home folder.
        python: The interpreter of its environment.
        user: Who it is.
    """

    key: str
    number: int
    port: int
    folder: Path
    home: Path
    python: str = sys.executable
    user: User = field(default_factory=User)


@dataclass(frozen=True)
class Launch:
    """The order for a keeper."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    user: User
    limits: dict[str, int]
    show: list[str] = field(default_factory=list)
    """Folders that its user shall reach."""
    after: list[list[str]] = field(default_factory=list)
    foreign: bool = False
    """Whether it listens in processes that are not its own: a container."""

    def to_dict(self) -> dict[str, Any]:
        """As the keeper reads it."""
        return {
            "argv": self.argv, "env": self.env, "cwd": self.cwd, "limits": self.limits,
            "uid": self.user.uid, "gid": self.user.gid, "alone": self.user.alone,
            "show": self.show, "after": self.after,
        }  # fmt: skip


def keeps_prefix(version: Version) -> bool:
    """Whether an application wants to see the whole path: Streamlit, told its base path."""
    words = [os.path.basename(word) for word in version.options.command[:4]]
    return "streamlit" in words and not _elsewhere(version)


def root_path_of(key: str, version: Version) -> str:
    """The path before the application's own, as browsers see it.

    Empty if it has hosts, paths or a port of its own: there is none before it then.
    """
    return "" if _elsewhere(version) else f"/{key}"


def launch_of(version: Version, place: Place) -> Launch:
    """How to start one replica.

    Raises:
        EngineError: if there is no command, or its program does not exist.
    """
    options = version.options
    root = root_path_of(place.key, version)
    env = _environment(place, root)
    env.update({str(name): str(value) for name, value in options.env.items()})
    argv = [
        word.replace("{port}", str(place.port)).replace("{root_path}", root)
        for word in options.command
    ]
    if not argv:
        raise EngineError(
            "the application has no command", where=f"function {place.key}",
            fix='new_function(..., kind="application", command="python app.py")',
        )  # fmt: skip
    argv = _program(argv, env["PATH"], place)
    limits = {"files": _OPEN_FILES, "core": 0}
    if place.user.alone and options.processes:
        limits["processes"] = options.processes * _TASKS
    return Launch(argv, env, str(place.folder), place.user, limits, _shown(argv[0], place))


def _shown(program: str, place: Place) -> list[str]:
    """Where the interpreter and the program are installed."""
    found = {sys.base_prefix, sys.prefix, os.path.dirname(os.path.dirname(place.python))}
    for path in (program, os.path.realpath(program), os.path.realpath(place.python)):
        folder = os.path.dirname(path)
        if os.path.basename(folder) in ("bin", "sbin"):
            found.add(os.path.dirname(folder))
    return sorted(found - {"/", "/usr", "/usr/local", ""})


def _program(argv: list[str], path: str, place: Place) -> list[str]:
    name = argv[0]
    if name in _PYTHONS:
        return [place.python, *argv[1:]]
    beside = place.folder / name
    if name.endswith(".py") and beside.is_file():
        return [place.python, *argv]
    if "/" in name:
        if os.access(beside, os.X_OK):
            return [str(beside), *argv[1:]]
        reason = "cannot be run" if beside.exists() else "does not exist"
    else:
        found = shutil.which(name, path=path)
        if found:
            return [found, *argv[1:]]
        reason = "is not installed"
    raise EngineError(
        f"the application's program {name!r} {reason}",
        where=f"command of {place.key}: {' '.join(argv)[:200]!r}",
        fix=f"install it, or fn.with_requirements([...]); searched: {path}",
    )


def _environment(place: Place, root: str) -> dict[str, str]:
    """What every application gets, and what common servers read their port and path from."""
    own = environment_copy()
    env = {name: value for name, value in own.items() if name in _KEPT}
    folder = os.path.dirname(place.python)
    env["PATH"] = os.pathsep.join([folder, env.get("PATH") or os.defpath])
    port = str(place.port)
    host = "127.0.0.1"
    env |= {"PORT": port, "HOST": host, "HOME": str(place.home), "PYTHONUNBUFFERED": "1"}
    env |= {"MLRUN_LIKE_FUNCTION": place.key, "MLRUN_LIKE_ROOT_PATH": root}
    env |= {"MLRUN_LIKE_REPLICA": str(place.number)}
    env |= {"UVICORN_PORT": port, "UVICORN_HOST": host}
    env |= {"FLASK_RUN_PORT": port, "FLASK_RUN_HOST": host}
    env |= {"GRADIO_SERVER_PORT": port, "GRADIO_SERVER_NAME": host}
    env |= {"GRADIO_ANALYTICS_ENABLED": "False"}
    env |= {"STREAMLIT_SERVER_PORT": port, "STREAMLIT_SERVER_ADDRESS": host}
    env |= {"STREAMLIT_SERVER_HEADLESS": "true", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    if root:
        env |= {"UVICORN_ROOT_PATH": root, "GRADIO_ROOT_PATH": root}
        env |= {"STREAMLIT_SERVER_BASE_URL_PATH": root.strip("/")}
        env |= {"DASH_REQUESTS_PATHNAME_PREFIX": f"{root}/"}
    if not os.path.samefile(folder, os.path.dirname(sys.executable)):
        env["VIRTUAL_ENV"] = os.path.dirname(folder)
    return env


def free_port(wanted: int = 0) -> int:
    """The port, if nobody listens there; else another free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EngineError("there is no free port on this machine")


def _elsewhere(version: Version) -> bool:
    options = version.options
    return bool(options.hosts or options.paths or options.port)
