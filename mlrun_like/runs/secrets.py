"""Where `context.get_secret` looks.

Sources are `{"kind": ..., "source": ...}` as in MLRun's tasks: `inline` (a mapping), `file` (lines
of `KEY=value`), `env` (names separated by commas). Values are resolved where the run is submitted
and travel beside the run's document, never in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError, NotFoundError

__all__ = ["find_secret", "public_sources", "read_env_file", "resolve_sources"]


def read_env_file(path: str | Path) -> dict[str, str]:
    """The variables of a `.env` file: `KEY=value` lines, `#` comments, optional quotes, `export`.

    Raises:
        NotFoundError: if there is no such file.
        InvalidArgumentError: naming the first line that is not `KEY=value`.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise NotFoundError(f"env file {str(path)!r} does not exist", fix="check the path") from exc
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
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[key.strip()] = value
    return values


def resolve_sources(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """All values of the sources, later ones winning.

    Raises:
        InvalidArgumentError: if a source's kind is unknown or it has a wrong form.
    """
    found: dict[str, str] = {}
    if not isinstance(sources, Sequence) or not all(isinstance(item, Mapping) for item in sources):
        raise InvalidArgumentError(
            f"secret sources must be a list of kind and source, not {type(sources).__name__}",
            fix='[{"kind": "env", "source": "A,B"}]',
        )
    for item in sources:
        kind, source = item.get("kind"), item.get("source")
        if kind == "inline" and isinstance(source, Mapping):
            found.update({str(key): str(value) for key, value in source.items()})
        elif kind == "file" and isinstance(source, str):
            found.update(read_env_file(source))
        elif kind == "env" and isinstance(source, str):
            for name in filter(None, (part.strip() for part in source.split(","))):
                value = environment(name)
                if value is not None:
                    found[name] = value
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
