"""From an input to the Python object that a handler's type hint asks for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.artifacts import packer_table, pickles, typehints
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packager import Packager
from mlrun_like.artifacts.ports import Item, PackingWarning
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError

__all__ = ["unpack_input"]

_PATHS = (str, Path)
_CASTS: Mapping[type, tuple[type, ...]] = {
    float: (int,),
    list: (tuple, set, frozenset),
    tuple: (list,),
    set: (list, tuple, frozenset),
    frozenset: (list, tuple, set),
    bytes: (bytearray,),
    bytearray: (bytes,),
}


def unpack_input(item: Any, annotation: Any = None, *, trust: bool = False) -> Any:
    """The object an input stands for.

    Args:
        item: A DataItem, or a list or dict of them.
        annotation: A type, a generic or union of types, or text such as `"pandas.DataFrame"`.
            `DataItem` leaves the input as it is. None: an input that a packer logged comes back
            as the type it had, any other one stays a DataItem.
        trust: Open pickles that are not artifacts of the store.

    Raises:
        InvalidArgumentError: if it cannot be made into that; names the type, address and cause.
        UntrustedFormatError: if only executing code from elsewhere would do.

    Warns:
        PackingWarning: if it was logged as another type than asked for.
    """
    options = typehints.options(annotation) if annotation is not None else []
    if isinstance(item, (list, dict)):
        return _unpack_all(item, options, trust)
    if any(typehints.is_data_item(option) or _is_exactly(item, option) for option in options):
        return item
    stored = _stored_instructions(item)
    with pickles.trusting(trust):
        if not options:
            return _restore(item, stored) if stored and config.auto_unpack_inputs else item
        return _first_that_works(item, options, stored)


def _is_exactly(item: object, option: object) -> bool:
    return type(item) is option


def _stored_instructions(item: Item) -> Mapping[str, Any]:
    spec = getattr(getattr(item, "meta", None), "spec", None)
    stored = getattr(spec, "unpackaging_instructions", None) or {}
    return stored if isinstance(stored, Mapping) and stored.get("packager_name") else {}


def _first_that_works(item: Item, options: list[Any], stored: Mapping[str, Any]) -> Any:
    """Try what the input was logged as first, then the hint's types in their order."""
    if stored:
        options = sorted(options, key=lambda option: not _stored_as(stored, option))
    causes: list[Exception] = []
    for option in options:
        if option is type(None) and causes:
            continue
        try:
            return _convert(item, option, stored)
        except Exception as exc:  # noqa: BLE001 - packers are plug-ins and may raise anything
            causes.append(exc)
    for cause in causes:  # refusals for a reason of their own are not conversion errors
        if isinstance(cause, MLRunLikeError) and not isinstance(cause, InvalidArgumentError):
            raise cause
    if not item.exists():
        raise MissingFileError(f"input {item.key!r} does not exist", where=str(item.url))
    wanted = " | ".join(typehints.describe(option) for option in options)
    text = "; ".join(
        cause.what if isinstance(cause, MLRunLikeError) else f"{type(cause).__name__}: {cause}"
        for cause in causes
    )
    raise InvalidArgumentError(
        f"input {item.key!r} cannot be read as {wanted}: {text}",
        where=str(item.url),
        fix="correct the type hint, or take the input as DataItem and read it yourself",
    ) from causes[0]


def _convert(item: Item, option: Any, stored: Mapping[str, Any]) -> Any:
    if option is type(None):
        raise InvalidArgumentError("it is not None")
    base = typehints.origin(option)
    packer = packer_table.for_unpacking(item, option)
    if stored:
        if _stored_as(stored, option):
            return _restore(item, stored)
        if base in _PATHS:
            if stored.get("artifact_type") == ArtifactType.PATH:  # a folder comes back as one
                return packer.unpack(item, ArtifactType.PATH, stored.get("instructions") or {})
        elif stored.get("artifact_type") == ArtifactType.OBJECT:
            return _cast(packer.fit(_restore(item, stored), base), base)
        elif not (stored.get("artifact_type") == ArtifactType.DATASET and _is_frame_type(base)):
            warnings.warn(
                f"input {item.key!r} was logged as {stored.get('object_type')} and is read as "
                f"{typehints.describe(option)}",
                PackingWarning,
                stacklevel=5,
            )
    return _checked(packer.fit(packer.unpack(item), base), base)


_TABLES = ("DataFrame", "Iterator", "Generator", "Dataset", "RecordBatchReader")


def _is_frame_type(base: Any) -> bool:
    """Whether it is some package's table: any of them reads a data set, whoever wrote it."""
    return getattr(base, "__name__", "") in _TABLES


def _checked(value: Any, base: Any) -> Any:
    if isinstance(base, type) and not isinstance(value, base):
        raise InvalidArgumentError(f"it holds {typehints.describe(type(value))}")
    return value


def _cast(value: Any, base: Any) -> Any:
    if isinstance(value, _CASTS.get(base, ())) and not isinstance(value, bool):
        return base(value)
    return _checked(value, base)


def _stored_as(stored: Mapping[str, Any], option: Any) -> bool:
    """Whether the logged type is the option or one of its subclasses."""
    base = typehints.origin(option)
    name = str(stored.get("object_type") or "")
    if name == typehints.describe(base):
        return True
    try:
        kind = typehints.find_type(name) if name else None
    except InvalidArgumentError:
        return False
    return isinstance(kind, type) and isinstance(base, type) and issubclass(kind, base)


def _restore(item: Item, stored: Mapping[str, Any]) -> Any:
    """Undo what the packer did that logged the input."""
    name = str(stored["packager_name"])
    object_type = str(stored.get("object_type") or "")
    artifact_type = str(stored.get("artifact_type") or "")
    packer = packer_table.named(name, object_type)
    if packer is None:
        packer = _replacement(item, name, object_type, artifact_type)
    notes = stored.get("instructions")
    return packer.unpack(item, artifact_type or None, notes if isinstance(notes, Mapping) else {})


def _replacement(item: Item, name: str, object_type: str, artifact_type: str) -> Packager:
    try:
        kind = typehints.find_type(object_type)
    except InvalidArgumentError:
        kind = object
    packer = packer_table.for_unpacking(item, kind, artifact_type)
    warnings.warn(
        f"input {item.key!r} was logged by the packer {name!r}, which is not registered here; "
        f"{type(packer).__name__} is used instead",
        PackingWarning,
        stacklevel=6,
    )
    return packer


def _unpack_all(items: list[Any] | dict[str, Any], options: list[Any], trust: bool) -> Any:
    """A collection of inputs: every one is unpacked by the element type of the hint."""
    option = next((one for one in options if typehints.origin(one) in _BUNDLES[type(items)]), None)
    if options and option is None:
        wanted = " | ".join(typehints.describe(one) for one in options)
        raise InvalidArgumentError(
            f"a {type(items).__name__} of {len(items)} inputs cannot be read as {wanted}",
            fix=f"hint it as {type(items).__name__}",
        )
    base = typehints.origin(option) if option is not None else type(items)
    arguments = [one for one in typehints.arguments(option) if one is not ...]
    element = arguments[-1] if arguments else None
    if isinstance(items, dict):
        return {key: unpack_input(item, element, trust=trust) for key, item in items.items()}
    return base([unpack_input(item, element, trust=trust) for item in items])


_BUNDLES: Mapping[type, tuple[type, ...]] = {list: (list, tuple, set, frozenset), dict: (dict,)}
