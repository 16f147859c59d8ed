"""`%nuclio` (or `%mlrun`) magics: what a notebook says about the function it holds."""

from __future__ import annotations

import ast
import logging
import re
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import NotebookError, nearest
from mlrun_like.packaging.settings import expand, magic_lines, read_setting
from mlrun_like.parsing import parse

__all__ = ["MagicConfig", "parse_magic", "read_mount"]

_log = logging.getLogger(__name__)
_MAGIC = re.compile(r"%{1,2}(?:nuclio|mlrun)\b\s*(?P<command>\w*)\s*(?P<args>.*)$", re.DOTALL)
_RETURN = re.compile(r"#\s*(?:nuclio|mlrun):\s*return")
_V3IO = ("V3IO_FRAMESD", "V3IO_USERNAME", "V3IO_ACCESS_KEY", "V3IO_API")
# Commands that act on the notebook or a server and say nothing about the function.
_IGNORED = frozenset({"build", "deploy", "export", "help", "show", "verbose", "print"})


def parse_magic(text: str) -> tuple[str, str] | None:
    """Command and arguments of a `%nuclio` line, None for any other line.

    >>> parse_magic("%nuclio config a = 1")
    ('config', 'a = 1')
    """
    found = _MAGIC.match(text.strip())
    return (found["command"], found["args"].strip()) if found else None


class MagicConfig:
    """The function configuration that a notebook's magics build up.

    Args:
        enabled: Whether magics have an effect on `data`.
        folder: Where relative file names of magics start.
    """

    def __init__(self, enabled: bool = True, folder: Path | None = None) -> None:
        self.data: dict[str, Any] = (
            {"metadata": {}, "spec": {"env": [], "build": {"commands": []}}} if enabled else {}
        )
        self._enabled = enabled
        self._folder = folder or Path()
        self._unnamed = 0
        self._commands: dict[str, Callable[[list[str], str], None]] = {
            "cmd": self._cmd,
            "env": self._env,
            "env_file": self._env_file,
            "config": self._config,
            "mount": self._mount,
            "add": self._add,
        }

    def apply(self, command: str, args: str, body: list[str], where: str) -> list[str]:
        """Run one magic; returns the lines of code it stands for (only `handler` has some).

        Raises:
            NotebookError: if the command is unknown or its arguments cannot be read.
        """
        if command == "handler":
            return self._handler(args, body, where)
        action = self._commands.get(command)
        if action is None:
            if command in _IGNORED:
                return []
            known = [*self._commands, "handler", *_IGNORED]
            raise NotebookError(
                f"unknown magic command {command!r}.{nearest(command, known)}",
                where=where,
                fix=f"use one of: {', '.join(sorted(known))}",
            )
        if not self._enabled:
            return []
        lines = magic_lines(args, body, "-l")
        if lines is not None:
            action(lines, where)
        return []

    def _cmd(self, lines: list[str], where: str) -> None:
        self._update(["spec", "build", "commands"], [expand(line) for line in lines], True, where)

    def _env(self, lines: list[str], where: str) -> None:
        for line in lines:
            if line == "%v3io":
                for name in _V3IO:
                    if (found := environment(name)) is not None:
                        self._set_env(name, found)
                continue
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise NotebookError(
                    f"{line.partition(' ')[0]!r} does not set a variable",
                    where=where,
                    fix="write %nuclio env NAME=value",
                )
            self._set_env(name.strip(), expand(value.strip()))

    def _set_env(self, name: str, value: str) -> None:
        items: list[dict[str, Any]] = self.data["spec"]["env"]
        for item in items:
            if item.get("name") == name:
                item["value"] = value
                return
        items.append({"name": name, "value": value})

    def _env_file(self, lines: list[str], where: str) -> None:
        for name in lines:
            if name.startswith("$"):
                # IPython puts a variable of the notebook there, which only a running one has
                _log.warning("%s: %s is not read: it is known when the notebook runs", where, name)
                continue
            path = self._folder / name
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as exc:
                raise NotebookError(
                    f"environment file {name!r} cannot be read: {exc}",
                    where=where,
                    fix="put the file next to the notebook, with NAME=value lines",
                ) from exc
            rows = [row.strip() for row in text.splitlines()]
            self._env([row for row in rows if row and not row.startswith("#")], f"{where}, {name}")

    def _config(self, lines: list[str], where: str) -> None:
        for line in lines:
            keys, operator, value = read_setting(line, where)
            self._update(keys, value, operator == "+=", where)

    def _update(self, keys: list[str], value: Any, append: bool, where: str) -> None:
        place = self.data
        for key in keys[:-1]:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                raise NotebookError(f"{'.'.join(keys)!r}: {key!r} holds {inner!r}", where=where)
            place = inner
        last = keys[-1]
        if not append:
            place[last] = value
            return
        items = place.setdefault(last, [])
        if not isinstance(items, list):
            raise NotebookError(f"{'.'.join(keys)!r} is not a list: {items!r}", where=where)
        items.extend(value if isinstance(value, list) else [value])

    def _mount(self, lines: list[str], where: str) -> None:
        options, path, remote = read_mount(" ".join(lines), where)
        volume = _volume(options["-t"], options["-n"], remote, options["-k"], where)
        mount: dict[str, Any] = {"name": options["-n"], "mountPath": path}
        if options["-r"]:
            mount["readOnly"] = True
        item = {"volumeMount": mount, "volume": {"name": options["-n"], **volume}}
        self._update(["spec", "volumes"], [item], True, where)

    def _add(self, lines: list[str], where: str) -> None:
        words = [word for line in lines for word in _split(line, where)]
        files = [word for word in words if not word.startswith("-")]
        for name in files:
            if not (self._folder / name).is_file():
                raise NotebookError(f"file {name!r} does not exist", where=where)
        self.data["metadata"].setdefault("annotations", {})["nuclio.io/extra_files"] = ",".join(
            files
        )

    def _handler(self, args: str, body: list[str], where: str) -> list[str]:
        name = args.split("#")[0].strip()
        if not name:
            name = f"handler_{self._unnamed}" if self._unnamed else "handler"
            self._unnamed += 1
        if not name.isidentifier():
            raise NotebookError(f"{name!r} cannot name a handler", where=where)
        if self._enabled:
            self.data["spec"]["handler"] = f"handler:{name}"
        lines = textwrap.dedent("\n".join(body)).strip("\n").split("\n")
        lines = _with_returns([line.rstrip() if not line.strip() else line for line in lines])
        indented = textwrap.indent("\n".join(lines), "    ")
        if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
            indented += "\n    pass"
        return [f"def {name}(context, event):", *indented.split("\n")]


def read_mount(line: str, where: str) -> tuple[dict[str, str], str, str]:
    """The options, the folder and the remote path of a `mount`.

    Raises:
        NotebookError: if there is no folder, or no remote path.

    >>> read_mount("-t pvc /data my-claim", "cell 1")[1:]
    ('/data', 'my-claim')
    """
    options = {"-t": "v3io", "-n": "fs", "-k": "", "-r": ""}
    words = [expand(word) for word in _split(line, where)]
    paths: list[str] = []
    long = {"--type": "-t", "--name": "-n", "--key": "-k", "--readonly": "-r"}
    while words:
        word = words.pop(0)
        name = long.get(word, word)
        if name == "-r":
            options[name] = "yes"
        elif name in options and words:
            options[name] = words.pop(0)
        else:
            paths.append(word)
    if len(paths) != 2 or any(path.startswith("-") for path in paths):
        raise NotebookError(
            f"mount needs a folder and a remote path, not {paths}",
            where=where,
            fix="write %nuclio mount -t pvc /data my-claim",
        )
    return options, paths[0], paths[1]


def _split(text: str, where: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as exc:
        raise NotebookError(f"{text!r} cannot be read: {exc}", where=where) from exc


def _volume(kind: str, name: str, remote: str, key: str, where: str) -> dict[str, Any]:
    if kind == "pvc":
        return {"persistentVolumeClaim": {"claimName": remote}}
    if kind == "secret":
        return {"secret": {"secretName": remote}}
    if kind.lower() == "configmap":
        return {"configMap": {"name": remote}}
    if kind != "v3io":
        raise NotebookError(
            f"unknown volume type {kind!r}", where=where, fix="use v3io, pvc, secret or configMap"
        )
    if remote.startswith("~/"):
        remote = f"users/{environment('V3IO_USERNAME', '')}{remote[1:]}"
    container, slash, inside = remote.lstrip("/").partition("/")
    options = {"container": container, "subPath": slash + inside}
    options["accessKey"] = key or environment("V3IO_ACCESS_KEY", "") or ""
    return {"flexVolume": {"driver": "v3io/fuse", "options": options}}


def _with_returns(lines: list[str]) -> list[str]:
    """Make the marked expressions, and the last one, the handler's result."""
    try:
        body = parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return lines  # compiling the whole notebook reports it with the cell's number
    marked = {number for number, line in enumerate(lines, 1) if _RETURN.search(line)}
    marked |= {n + 1 for n in marked if lines[n - 1].lstrip().startswith("#")}
    statements = [node for top in body for node in ast.walk(top) if isinstance(node, ast.stmt)]
    for node in statements:
        span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if isinstance(node, ast.Expr) and (node is body[-1] or marked.intersection(span)):
            row = lines[node.lineno - 1].encode()
            at = node.col_offset
            lines[node.lineno - 1] = (row[:at] + b"return " + row[at:]).decode()
    return lines
