"""Log hints: how a handler says under which key and as what a returned value is logged.

`"key"`, `"key:type"`, `"key:type[file_format='csv']"` or a dict with `key`, `artifact_type` and
further instructions; None skips the value. A key that begins with `*` logs every item of a
collection by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "ArtifactType",
    "LogHint",
    "parse_log_hint",
    "parse_log_hints",
    "plain_hint",
    "takes_all_apart",
]

_ALL_LEVELS = 100
_OPTIONAL = frozenset({"tag", "labels", "artifact_path"})
_EMPTY: tuple[Any, ...] = (None, "", {})
_FIX = 'write for example "accuracy", "model:model" or {"key": "table", "file_format": "csv"}'


class ArtifactType:
    """The artifact types that built-in packers know; custom packers may add their own."""

    OBJECT = "object"
    PATH = "path"
    FILE = "file"
    DATASET = "dataset"
    MODEL = "model"
    PLOT = "plot"
    RESULT = "result"


@dataclass(frozen=True)
class LogHint:
    """How one returned value is logged.

    Args:
        key: Name of the result or artifact, or the prefix when `levels` is not 0.
        artifact_type: One of `ArtifactType` or a custom packer's own; "": chosen by the value.
        instructions: Arguments for the packer, such as `file_format`.
        extra_data: Key -> value linked to the artifact; `...` stands for the run's output of
            that key.
        metrics: The same for the metrics of a model.
        levels: How many levels of a collection are taken apart, 0 for none.
        mapping: Whether the collection must be a mapping (prefix `**`).
    """

    key: str
    artifact_type: str = ""
    instructions: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra_data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    metrics: Mapping[str, Any] = field(default_factory=dict, hash=False)
    levels: int = 0
    mapping: bool = False


def parse_log_hint(hint: str | Mapping[str, Any] | LogHint | None) -> LogHint | None:
    """The hint as a value, or None for "do not log".

    Args:
        hint: `"key"`, `"key:type"`, `"key:type[instruction=1]"`, a dict with at least `key`, a
            `LogHint`, an object whose method `dict` gives such a dict, or None. The key may start
            with `*` (log each item of a collection as `<key>_<index or dict key>`), `**` (the same,
            mappings only) or `<n>*` (take n levels apart). A dict may say that with `itemized`
            (True: all levels, or their number), and have its instructions in `packing_kwargs`.

    Raises:
        InvalidArgumentError: if it is malformed.

    >>> parse_log_hint("scores : file")
    LogHint(key='scores', artifact_type='file', instructions={}, extra_data={}, metrics={}, \
levels=0, mapping=False)
    >>> parse_log_hint("*fold_").levels
    1
    """
    if hint is None or isinstance(hint, LogHint):
        return hint
    if isinstance(hint, str):
        return _from_text(hint)
    plain = plain_hint(hint)
    if isinstance(plain, Mapping):
        return _from_mapping(plain)
    raise InvalidArgumentError(
        f"log hint {hint!r} is a {type(hint).__name__}: text, a dict or None expected", fix=_FIX
    )


def takes_all_apart(hint: LogHint) -> bool:
    """Whether a collection is taken apart as far as it goes, not to a certain level."""
    return hint.levels > _ALL_LEVELS // 2


def plain_hint(hint: Any) -> Any:
    """A hint as plain data: a new dict for a mapping or an object that gives one."""
    as_dict = getattr(hint, "dict", None)
    found = as_dict() if callable(as_dict) and not isinstance(hint, type) else hint
    return dict(found) if isinstance(found, Mapping) else hint


def parse_log_hints(hints: Any) -> list[LogHint | None]:
    """All hints of a function's `returns`; one text or dict alone counts as a list of one.

    Raises:
        InvalidArgumentError: if one is malformed or two have the same key.
    """
    if hints is None:
        return []
    if isinstance(hints, (str, Mapping, LogHint)):
        hints = [hints]
    if not isinstance(hints, Iterable):
        raise InvalidArgumentError(f"log hints {hints!r} must be a list", fix=_FIX)
    parsed = [parse_log_hint(hint) for hint in hints]
    seen: set[str] = set()
    for hint in parsed:
        if hint is not None:
            if hint.key in seen:
                raise InvalidArgumentError(
                    f"two log hints have the key {hint.key!r}", fix="give every output its own key"
                )
            seen.add(hint.key)
    return parsed


def _from_text(text: str) -> LogHint:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 2:
        raise InvalidArgumentError(
            f"Incorrect log hint pattern. Log hints can have only a single ':' in them: {text!r}",
            fix=_FIX,
        )
    if len(parts) == 2 and not parts[1]:
        raise InvalidArgumentError(
            "Incorrect log hint pattern. The ':' in a log hint should specify an artifact type: "
            f"{text!r}",
            fix=f"write {parts[0]!r} or name a type, such as '{parts[0]}:file'",
        )
    key, levels, mapping = _split_prefix(parts[0], text)
    kind, instructions = _split_instructions(parts[1], text) if len(parts) == 2 else ("", {})
    return LogHint(key, kind, instructions, levels=levels, mapping=mapping)


def _split_instructions(text: str, shown: str) -> tuple[str, dict[str, Any]]:
    """`file[file_format="csv"]` as the type and its instructions."""
    kind, bracket, rest = text.partition("[")
    if not bracket:
        return text, {}
    fix = """write '<key> : <artifact type>[file_format="csv"]'"""
    if not rest.endswith("]") or "[" in rest:
        raise InvalidArgumentError(
            f"Incorrect log hint pattern for packing kwargs: {shown!r}", fix=fix
        )
    found: dict[str, Any] = {}
    for part in rest[:-1].split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (equals and name.isidentifier()):
            raise InvalidArgumentError(
                f"each packing kwarg should be given in the format <name>=<value>, not {part!r}",
                where=f"log hint {shown!r}",
                fix=fix,
            )
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as exc:
            raise InvalidArgumentError(
                f"the value of packing kwarg {name!r} is not a valid Python literal: {value!r}",
                where=f"log hint {shown!r}",
                fix=fix,
            ) from exc
    return kind.strip(), found


def _from_mapping(hint: Mapping[str, Any]) -> LogHint:
    rest = dict(hint)
    if "key" not in rest:
        raise InvalidArgumentError(
            f"A log hint dictionary must include the 'key': {dict(hint)!r}", fix=_FIX
        )
    key = rest.pop("key")
    if not isinstance(key, str):
        raise InvalidArgumentError(f"log hint key {key!r} must be text", fix=_FIX)
    artifact_type = rest.pop("artifact_type", None)
    if artifact_type is not None and not isinstance(artifact_type, str):
        raise InvalidArgumentError(
            f"artifact type {artifact_type!r} must be text", where=f"log hint {key!r}", fix=_FIX
        )
    extra_data = _links(rest.pop("extra_data", None), "extra_data", key)
    metrics = _links(rest.pop("metrics", None), "metrics", key)
    itemized = rest.pop("itemized", False)
    more = rest.pop("packing_kwargs", None) or {}
    rest = {k: v for k, v in rest.items() if k not in _OPTIONAL or v not in _EMPTY} | dict(more)
    wrong = [name for name in rest if not isinstance(name, str) or not name.isidentifier()]
    if wrong:
        raise InvalidArgumentError(
            f"{wrong[0]!r} cannot be an instruction", where=f"log hint {key!r}", fix=_FIX
        )
    name, levels, mapping = _split_prefix(key, key)
    if itemized:
        levels = _ALL_LEVELS if itemized is True else itemized
        if not isinstance(levels, int) or not 0 < levels <= _ALL_LEVELS:
            raise InvalidArgumentError(
                f"itemized must be true or a number of levels, not {itemized!r}",
                where=f"log hint {key!r}",
            )
    kind = (artifact_type or "").strip()
    return LogHint(name, kind, rest, extra_data, metrics, levels, mapping)


def _split_prefix(key: str, shown: str) -> tuple[str, int, bool]:
    key = key.strip()
    levels, mapping = 0, False
    if "*" in key:
        number, _, rest = key.partition("*")
        number = number.strip()
        mapping = rest.startswith("*")
        key = rest[1:].strip() if mapping else rest.strip()
        if number and not (number.isascii() and number.isdigit() and 0 < int(number) <= 100):
            raise InvalidArgumentError(
                f"Invalid unbundle level {number!r} in the log hint {shown!r}",
                fix="write '*key', '**key' or a whole number from 1 to 100, such as '2*key'",
            )
        levels = int(number) if number else 1
        if not key or "*" in key:
            raise InvalidArgumentError(
                f"Key is missing after the unbundle operator '*' in the log hint {shown!r}",
                fix="write '*fold' to log fold_0, fold_1, ...",
            )
    if not key:
        raise InvalidArgumentError(f"log hint {shown!r} has an empty key", fix=_FIX)
    return key, levels, mapping


def _links(value: Any, name: str, key: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Mapping):
        links = dict(value)
    elif isinstance(value, Iterable):
        links = dict.fromkeys(value, ...)
    else:
        links = {None: value}
    for link in links:
        if not isinstance(link, str) or not link:
            raise InvalidArgumentError(
                f"{name} {value!r} must be a list of keys or a dict",
                where=f"log hint {key!r}",
                fix=f'"{name}": ["plot", "accuracy"]',
            )
    return links
