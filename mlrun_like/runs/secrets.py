"""Where `context.get_secret` looks.

Sources are `{"kind": ..., "source": ...}` as in MLRun's tasks: `inline` (a mapping), `file` (lines
of `KEY=value`), `env` (names separated by commas), `project` (a project's name).
Values are resolved where the run is submitted and travel beside the run's document, never in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlrun_like.configuration import config, environment
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError, NotFoundError
from mlrun_like.registry import load

__all__ = [
    "StreamMask",
    "find_secret",
    "mask",
    "mask_bytes",
    "public_sources",
    "read_env_file",
    "resolve_sources",
]

_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?\Z""")
_COMMENT = re.compile(r"\s+#")
_MASK = "***"
_SHORT = 4
"""A shorter value occurs in texts that have nothing to do with it."""


def mask(text: str, secrets: Mapping[str, str]) -> str:
    """A text with the values of secrets hidden, also as they stand in URLs.

    >>> mask("login ann:pa ss1 https://pa%20ss1@host", {"PASSWORD": "pa ss1"})
    'login ann:*** https://***@host'
    """
    if text in secrets.values() and text:
        return _MASK
    for value in sorted({*secrets.values()}, key=len, reverse=True):
        if len(value) >= _SHORT:
            text = text.replace(value, _MASK).replace(quote(value, safe=""), _MASK)
    return text


def mask_bytes(data: bytes, secrets: Mapping[str, str]) -> bytes:
    """Output of a program with the values of secrets hidden."""
    if not secrets:
        return data
    text = data.decode("utf-8", "surrogateescape")
    return mask(text, secrets).encode("utf-8", "surrogateescape")


class StreamMask:
    """Hides the values of secrets in output that comes in pieces, also where a piece ends in one.

    Args:
        secrets: The values by name.

    >>> hide = StreamMask({"TOKEN": "abcdef"})
    >>> hide.feed(b"x=abc"), hide.feed(b"def y"), hide.end()
    (b'x=', b'*** y', b'')
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        values = {value for value in secrets.values() if len(value) >= _SHORT}
        forms = values | {quote(value, safe="") for value in values}
        self._forms = [form.encode("utf-8", "surrogateescape") for form in forms]
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be shown by now; what may be the beginning of a secret waits."""
        if not self._forms:
            return data
        data = self._held + data
        held = max((_begun(data, form) for form in self._forms), default=0)
        shown, self._held = data[: len(data) - held], data[len(data) - held :]
        return mask_bytes(shown, self._secrets)

    def end(self) -> bytes:
        """What waited."""
        data, self._held = self._held, b""
        return data


def _begun(data: bytes, form: bytes) -> int:
    """How many bytes at the end of the data are the beginning of a text, not the whole of it."""
    for size in range(min(len(form) - 1, len(data)), 0, -1):
        if data.endswith(form[:size]):
            return size
    return 0


def read_env_file(path: str | os.PathLike[str]) -> dict[str, str]:
    """The variables of a `.env` file: `KEY=value` lines, `#` comments (behind a value
    too, after a blank), optional quotes, `export`.

    Raises:
        NotFoundError: if there is no such file.
        InvalidArgumentError: naming the first line that is not `KEY=value`.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise NotFoundError(f"env file {path} does not exist", fix="check the path") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"env file cannot be read: {exc}", where=str(path)) from exc
    values: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        key, mark, value = line.partition("=")
        if not mark or not key.strip().isidentifier():
            raise InvalidArgumentError(
                f"line {number} is not KEY=value",
                where=str(path),
                fix="write for example TOKEN=abc",
            )
        values[key.strip()] = _value(value.strip())
    return values


def _value(text: str) -> str:
    """A value without its quotes, and without a comment behind it."""
    found = _QUOTED.match(text)
    if found is not None:
        return found[2]
    return text if text.startswith("#") else _COMMENT.split(text, maxsplit=1)[0]


def resolve_sources(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """All values of the sources, later ones winning.

    Raises:
        InvalidArgumentError: if a source's kind is unknown or it has a wrong form.
        AccessDeniedError: if this process is guarded, and a source is its own files or variables.
    """
    found: dict[str, str] = {}
    if not isinstance(sources, Sequence) or not all(isinstance(item, Mapping) for item in sources):
        raise InvalidArgumentError(
            f"secret sources must be a list of kind and source, not {type(sources).__name__}",
            fix='[{"kind": "env", "source": "A,B"}]',
        )
    for item in sources:
        kind, source = item.get("kind"), item.get("source")
        if config.guarded and kind in ("file", "env"):
            raise AccessDeniedError(
                f"a secret source of kind {kind!r} is not read here: it would be the service's own",
                fix="set the values as secrets of the project",
            )
        if kind == "inline" and isinstance(source, Mapping):
            found.update({str(key): str(value) for key, value in source.items()})
        elif kind == "file" and isinstance(source, str):
            found.update(read_env_file(source))
        elif kind == "env" and isinstance(source, str):
            for name in filter(None, (part.strip() for part in source.split(","))):
                value = environment(name)
                if value is not None:
                    found[name] = value
        elif kind == "project" and isinstance(source, str):
            found.update(load("secret_providers", config.secret_provider)().read(source))
        else:
            raise InvalidArgumentError(
                f"secret source of kind {kind!r} cannot be used",
                fix='with_secrets("env", "A,B"), with_secrets("file", "x.env") or '
                'with_secrets("inline", {"A": "..."})',
            )
    return found


def public_sources(sources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sources as they may be recorded: inline values replaced by their names."""
    return [
        {"kind": item["kind"], "source": sorted(item["source"])}
        if item.get("kind") == "inline"
        else dict(item)
        for item in sources
    ]


def find_secret(key: str, given: Mapping[str, str]) -> str | None:
    """A secret given with the run, else environment `KEY`, else `MLRUN_K8S_SECRET__KEY`."""
    if key in given:
        return given[key]
    value = environment(key)
    return value if value is not None else environment(f"MLRUN_K8S_SECRET__{key}")
