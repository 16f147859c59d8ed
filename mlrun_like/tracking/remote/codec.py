"""Values of the store's interface as JSON, by their types: nothing in a value says how to read it.

    dataclass            {field: value}, without fields that have their default
    NamedTuple           [values], without defaults at the end
    bytes                base64
    set, tuple, Sequence [values]
    Mapping              {key: value}; if keys are no texts, [[key, value], ...]
    Any, a document      as it is

Requests are read strictly: a field or argument that is not known is an error, for it may restrict
what is deleted. Answers are read tolerantly: what a newer service adds is left out. Numbers that
JSON has no word for (NaN, infinite) are written as Python's `json` does, at both ends.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from mlrun_like.errors import IncompatibleVersionError, InvalidArgumentError

__all__ = ["Codec", "codec_of"]

_LARGEST = 2**63 - 1
_UPDATE = "use one release of mlrun-like at both ends, or leave the option out"
_SIMPLE: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
}


class Codec(NamedTuple):
    """How values of one type are written and read; `fits` tells such a value in Python."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    fits: Callable[[Any], bool]
    same: bool = False
    """Whether both leave a value as it is."""


def _as_it_is(value: Any) -> Any:
    return value


def _wrong(value: Any, wanted: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{wanted} expected, not {type(value).__name__} {value!r:.60}")


@lru_cache(maxsize=1024)
def codec_of(kind: Any, strict: bool) -> Codec:
    """How values of a type are written and read.

    Args:
        kind: An annotation.
        strict: Refuse what does not fit; else leave out what is not known.

    >>> codec_of(tuple[bytes, float], True).write((b"a", 1.5))
    ['YQ==', 1.5]
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SIMPLE:
        return _simple(kind, strict)
    if kind is None or kind is type(None):
        return Codec(_as_it_is, _nothing, lambda value: value is None)
    if kind is bytes:
        return Codec(_from_bytes, _to_bytes, lambda value: isinstance(value, (bytes, bytearray)))
    if origin in (Union, types.UnionType):
        return _union([codec_of(one, strict) for one in arguments])
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass(kind, strict)
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _named_tuple(kind, strict)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return _mapping(codec_of(arguments[0], strict), codec_of(arguments[1], strict), strict)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _fixed([codec_of(one, strict) for one in arguments], strict)
    if inspect.isclass(origin) and issubclass(origin, (Sequence, Set)):
        return _sequence(origin, codec_of(arguments[0], strict))
    return Codec(_as_it_is, _as_it_is, lambda value: True, same=True)


def _simple(kind: type, strict: bool) -> Codec:
    allowed = _SIMPLE[kind]

    def fits(value: Any) -> bool:
        return isinstance(value, allowed) and (kind is bool or not isinstance(value, bool))

    def read(value: Any) -> Any:
        if not fits(value) or (isinstance(value, int) and not -_LARGEST <= value <= _LARGEST):
            raise _wrong(value, f"a value of type {kind.__name__}")
        return float(value) if kind is float else value

    return Codec(_as_it_is, read if strict else _as_it_is, fits, same=not strict)


def _nothing(value: Any) -> None:
    if value is not None:
        raise _wrong(value, "null")


def _from_bytes(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


def _to_bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _wrong(value, "base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(value, "base64") from None


def _union(options: list[Codec]) -> Codec:
    def write(value: Any) -> Any:
        for option in options:
            if option.fits(value):
                return option.write(value)
        raise _wrong(value, "another value")

    def read(value: Any) -> Any:
        problem: Exception | None = None
        for option in options:
            try:
                return option.read(value)
            except InvalidArgumentError as exc:
                problem = problem or exc
        raise problem or _wrong(value, "another value")

    def fits(value: Any) -> bool:
        return any(option.fits(value) for option in options)

    if all(option.same for option in options):
        return Codec(_as_it_is, _as_it_is, fits, same=True)
    # a tolerant simple type takes anything, so the more telling types come first
    options.sort(key=lambda option: option.same)
    return Codec(write, read, fits)


def _dataclass(kind: Any, strict: bool) -> Codec:
    hints = get_type_hints(kind)
    fields = {field.name: codec_of(hints[field.name], strict) for field in dataclasses.fields(kind)}
    defaults = {field.name: _default(field) for field in dataclasses.fields(kind)}

    def write(value: Any) -> Any:
        return {
            name: codec.write(item)
            for name, codec in fields.items()
            for item in (getattr(value, name),)
            if not (type(item) is type(defaults[name]) and item == defaults[name])
        }

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong(value, f"an object ({kind.__name__})")
        unknown = value.keys() - fields.keys()
        if unknown and strict:
            raise IncompatibleVersionError(
                f"{kind.__name__} has no field {sorted(unknown)[0]!r:.60} here", fix=_UPDATE
            )
        given = {name: fields[name].read(item) for name, item in value.items() if name in fields}
        try:
            return kind(**given)
        except TypeError as exc:
            raise InvalidArgumentError(f"{kind.__name__} is incomplete: {exc}") from None

    return Codec(write, read, lambda value: isinstance(value, kind))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


def _named_tuple(kind: Any, strict: bool) -> Codec:
    hints, defaults = get_type_hints(kind), kind._field_defaults
    codecs = [codec_of(hints[name], strict) for name in kind._fields]
    size, least = len(codecs), len(codecs) - len(defaults)
    tail = [defaults[name] for name in kind._fields[least:]]
    writes_same, reads_same = (all(c.same or c.write is _as_it_is for c in codecs), not strict)

    def write(value: Any) -> Any:
        end = size
        while end > least and value[end - 1] == tail[end - 1 - least]:
            end -= 1
        if writes_same:
            return list(value[:end])
        return [codec.write(item) for codec, item in zip(codecs[:end], value, strict=False)]

    def read(value: Any) -> Any:
        if not isinstance(value, list) or len(value) < least:
            raise _wrong(value, f"a list ({kind.__name__})")
        if len(value) > size:
            if strict:
                raise IncompatibleVersionError(
                    f"{kind.__name__} has {len(value)} parts, {size} are known here", fix=_UPDATE
                )
            value = value[:size]
        if reads_same and all(codec.same for codec in codecs):
            return kind(*value)
        return kind(*(codec.read(item) for codec, item in zip(codecs, value, strict=False)))

    return Codec(write, read, lambda value: isinstance(value, tuple))


def _mapping(keys: Codec, values: Codec, strict: bool) -> Codec:
    texts = keys.fits("") and keys.write is _as_it_is

    def fits(value: Any) -> bool:
        return isinstance(value, Mapping)

    if texts:

        def read_texts(value: Any) -> Any:
            if not isinstance(value, dict):
                raise _wrong(value, "an object")
            return {name: values.read(item) for name, item in value.items()}

        def read_same(value: Any) -> Any:
            if not isinstance(value, dict):
                raise _wrong(value, "an object")
            return value

        if values.same:
            return Codec(_as_it_is, read_same, fits)
        return Codec(
            lambda value: {name: values.write(item) for name, item in value.items()},
            read_texts,
            fits,
        )

    pair = _fixed([keys, values], strict)
    return Codec(
        lambda value: [[keys.write(key), values.write(item)] for key, item in value.items()],
        lambda value: dict(pair.read(item) for item in _listed(value)),
        fits,
    )


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, "a list")
    return value


def _fixed(codecs: list[Codec], strict: bool) -> Codec:
    def read(value: Any) -> Any:
        parts = _listed(value)
        if len(parts) < len(codecs) or (strict and len(parts) > len(codecs)):
            raise _wrong(value, f"a list of {len(codecs)}")
        return tuple(codec.read(item) for codec, item in zip(codecs, parts, strict=False))

    def write(value: Any) -> Any:
        return [codec.write(item) for codec, item in zip(codecs, value, strict=True)]

    return Codec(write, read, lambda value: isinstance(value, tuple))


def _sequence(origin: Any, item: Codec) -> Codec:
    make: Callable[[Any], Any] = list
    if issubclass(origin, (tuple, set, frozenset)):
        make = origin
    elif issubclass(origin, Set):
        make = set

    def write(value: Any) -> Any:
        return list(value) if item.write is _as_it_is else [item.write(one) for one in value]

    def read(value: Any) -> Any:
        parts = _listed(value)
        try:
            return make(parts if item.same else map(item.read, parts))
        except TypeError:
            raise _wrong(value, "a list of other values") from None

    def fits(value: Any) -> bool:
        return isinstance(value, (Sequence, Set)) and not isinstance(value, (str, bytes))

    same = make is list and item.same
    return Codec(write, _listed if same else read, fits)
