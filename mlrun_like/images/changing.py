"""Changes of an image's config document (OCI image configuration)."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.platform import Platform

__all__ = ["changed", "empty_config", "environment_of", "timestamp", "with_history"]


def timestamp(seconds: int) -> str:
    """RFC 3339 text of a time.

    >>> timestamp(315_532_800)
    '1980-01-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def empty_config(platform: Platform, created: int) -> dict[str, Any]:
    """The config of an image without layers."""
    document: dict[str, Any] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": timestamp(created),
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [],
    }
    if platform.variant:
        document["variant"] = platform.variant
    return document


def environment_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables of an image."""
    lines = (document.get("config") or {}).get("Env") or []
    pairs = (str(line).partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def with_history(
    document: Mapping[str, Any], diff_ids: Sequence[str], comment: str, created: int
) -> dict[str, Any]:
    """The config with layers added, or with a line of history about a change of the config."""
    new = copy.deepcopy(dict(document))
    rootfs = new.setdefault("rootfs", {"type": "layers", "diff_ids": []})
    rootfs["diff_ids"] = [*rootfs["diff_ids"], *diff_ids]
    new["created"] = timestamp(created)
    line: dict[str, Any] = {"created": timestamp(created), "created_by": comment}
    lines = [line] * len(diff_ids) or [{**line, "empty_layer": True}]
    new["history"] = [*(new.get("history") or []), *lines]
    return new


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The config with some values changed; None means: as it is.

    Args:
        document: The config document.
        changes: `env` (merged; a value None removes), `user`, `workdir`, `entrypoint`, `cmd`,
            `labels` (merged; None removes), `ports` (added). As in a Dockerfile, a new entrypoint
            without `cmd` empties the command, which was meant for the old one.

    Raises:
        InvalidArgumentError: if a value cannot stand in an image.
    """
    new = copy.deepcopy(dict(document))
    inner = new["config"] = dict(new.get("config") or {})
    given = {key: value for key, value in changes.items() if value is not None}
    if "env" in given:
        merged = _merged("env", environment_of(document), given["env"])
        _put(inner, "Env", [f"{name}={value}" for name, value in merged.items()])
    if "labels" in given:
        _put(inner, "Labels", _merged("labels", inner.get("Labels") or {}, given["labels"]))
    if "entrypoint" in given:
        _put(inner, "Entrypoint", _words("entrypoint", given["entrypoint"]))
        given.setdefault("cmd", ())
    if "cmd" in given:
        _put(inner, "Cmd", _words("cmd", given["cmd"]))
    if "user" in given:
        _put(inner, "User", _text("user", given["user"]))
    if "workdir" in given:
        workdir = _text("workdir", given["workdir"])
        if workdir and not workdir.startswith("/"):
            raise InvalidArgumentError(
                f"workdir {workdir!r} is not absolute", fix=f"write {'/' + workdir!r}"
            )
        _put(inner, "WorkingDir", workdir)
    if "ports" in given:
        ports: dict[str, dict[str, str]] = {_port(port): {} for port in given["ports"]}
        _put(inner, "ExposedPorts", {**(inner.get("ExposedPorts") or {}), **ports})
    return new


def _put(inner: dict[str, Any], key: str, value: Any) -> None:
    if value:
        inner[key] = value
    else:
        inner.pop(key, None)


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidArgumentError(f"{what} of an image must be a text, not {value!r}")
    return value


def _words(what: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArgumentError(
            f"{what} must be a list of words, not {value!r}", fix='["python", "-u", "main.py"]'
        )
    return [_text(what, word) for word in value]


def _merged(what: str, old: Mapping[str, str], new: Any) -> dict[str, str]:
    if not isinstance(new, Mapping):
        raise InvalidArgumentError(f"{what} must be a mapping, not {type(new).__name__}")
    merged = dict(old)
    for name, value in new.items():
        if not _text(what, name) or (what == "env" and "=" in name):
            raise InvalidArgumentError(f"{what} cannot have the name {name!r}")
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _text(f"{what} {name!r}", value)
    return merged


def _port(value: Any) -> str:
    number, _, protocol = str(value).partition("/")
    if not number.isdecimal() or not 0 < int(number) < 65536:
        raise InvalidArgumentError(
            f"{value!r} is not a port", fix="write 8080 or '8080/tcp'", where="ports of an image"
        )
    return f"{number}/{protocol or 'tcp'}"
