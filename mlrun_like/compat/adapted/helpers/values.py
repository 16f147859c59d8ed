"""Nested values: reading, changing and checking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError

__all__ = [
    "as_dict",
    "as_list",
    "as_number",
    "dict_to_list",
    "dict_to_str",
    "get_data_from_dict",
    "get_in",
    "get_in_artifact",
    "get_pretty_types_names",
    "iterate_list_by_chunks",
    "merge_dicts_with_precedence",
    "missing",
    "set_data_by_path",
    "str_to_bool",
    "to_non_empty_values_dict",
    "update_in",
    "verify_and_update_in",
    "verify_dict_items_type",
    "verify_field_list_of_type",
    "verify_field_of_type",
    "verify_list_and_update_in",
    "verify_list_items_type",
]

missing = object()


def get_in(obj: Any, keys: str | Sequence[str], default: Any = None) -> Any:
    """A value by its dotted path, through mappings and attributes.

    >>> get_in({"a": {"b": 1}}, "a.b")
    1
    """
    for key in keys.split(".") if isinstance(keys, str) else keys:
        if obj is None:
            return default
        if isinstance(obj, Mapping):
            if key not in obj:
                return default
            obj = obj[key]
        else:
            obj = getattr(obj, key, default)
    return obj


def update_in(
    obj: Any, key: str | Sequence[str], value: Any, append: bool = False, replace: bool = True
) -> None:
    r"""Set a value by its dotted path; groups that are missing are made.

    Args:
        obj: Nested mappings.
        key: The path; `a.\b.c\` is `a` and `b.c`.
        value: The value.
        append: Add it to the list that is there.
        replace: Whether a value that is there is replaced.

    >>> row = {}
    >>> update_in(row, "a.b", 1)
    >>> row
    {'a': {'b': 1}}
    """
    *groups, last = _parts(key) if isinstance(key, str) else key
    for group in groups:
        obj = obj.setdefault(group, {})
    if append:
        kept = obj.setdefault(last, [])
        kept.extend(value if isinstance(value, list) else [value])
    elif replace or not obj.get(last):
        obj[last] = value


def _parts(key: str) -> list[str]:
    parts, escaped = [""], False
    for sign in key:
        if sign == "\\":
            escaped = not escaped
        elif sign == "." and not escaped:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def set_data_by_path(path: str, data: Any, value: Any) -> None:
    """Set `a/b/c` in nested mappings; no path: all of it."""
    if not path:
        data.clear()
        data.update(value)
        return
    update_in(data, path.split("/"), value)


def get_data_from_dict(key: str | list[str], data: Any) -> Any:
    """`a.b` or `["a", "b"]` of nested mappings; None where there is nothing."""
    return get_in(data, key)


def get_in_artifact(
    artifact: Mapping[str, Any], key: str, default: Any = None, raise_on_missing: bool = False
) -> Any:
    """A value of an artifact's document, from whichever of its parts has it.

    Raises:
        InvalidArgumentError: if none has it, and that was asked for.
    """
    if key == "kind":
        return artifact.get(key, default)
    for block in ("metadata", "spec", "status"):
        part = artifact.get(block) or {}
        if key in part:
            return part[key]
    if raise_on_missing:
        raise InvalidArgumentError(f"the artifact has no {key!r}")
    return artifact.get(key, default)


def verify_field_of_type(field_name: str, field_value: Any, expected_type: type) -> None:
    """Raise InvalidArgumentError unless a value is of a type."""
    if not isinstance(field_value, expected_type):
        raise InvalidArgumentError(
            f"Field '{field_name}' should be of type '{expected_type.__name__}' "
            f"(got: {type(field_value).__name__} with value: {field_value})."
        )


def verify_field_list_of_type(
    field_name: str, field_value: Any, expected_element_type: type
) -> None:
    """Raise InvalidArgumentError unless a value is a list of a type."""
    verify_field_of_type(field_name, field_value, list)
    for element in field_value:
        verify_field_of_type(field_name, element, expected_element_type)


def verify_and_update_in(
    obj: Any, key: str, value: Any, expected_type: type, append: bool = False, replace: bool = True
) -> None:
    """`update_in` with a value of a type."""
    verify_field_of_type(key, value, expected_type)
    update_in(obj, key, value, append, replace)


def verify_list_and_update_in(
    obj: Any, key: str, value: Any, expected_element_type: type, append: bool = False,
    replace: bool = True,
) -> None:  # fmt: skip
    """`update_in` with a list of a type."""
    verify_field_list_of_type(key, value, expected_element_type)
    update_in(obj, key, value, append, replace)


def verify_list_items_type(list_: Any, expected_types: Iterable[type] | None = None) -> None:
    """Raise InvalidTypeError unless all items are of these types, and not of subclasses."""
    wanted = set(expected_types or ())
    found = {type(item) for item in list_ or ()}
    if wanted and not found <= wanted:
        raise InvalidTypeError(
            f"Found unexpected types in list items. expected: {wanted}, found: {found} in : {list_}"
        )


def verify_dict_items_type(
    name: str, dictionary: Any, expected_keys_types: Sequence[type] | None = None,
    expected_values_types: Sequence[type] | None = None,
) -> None:  # fmt: skip
    """Raise InvalidTypeError unless a mapping's keys and values are of these types."""
    if not dictionary:
        return
    if not isinstance(dictionary, dict):
        raise InvalidTypeError(f"'{name}' expected to be of type dict, got: {type(dictionary)}")
    try:
        verify_list_items_type(dictionary.keys(), expected_keys_types)
        verify_list_items_type(dictionary.values(), expected_values_types)
    except InvalidTypeError as exc:
        raise InvalidTypeError(
            f"'{name}' should be of type Dict[{get_pretty_types_names(expected_keys_types or ())}, "
            f"{get_pretty_types_names(expected_values_types or ())}]."
        ) from exc


def get_pretty_types_names(types: Sequence[type]) -> str:
    """`str`, or `Union[str,int]`.

    >>> get_pretty_types_names([str, int])
    'Union[str,int]'
    """
    names = [kind.__name__ for kind in types]
    return names[0] if len(names) == 1 else f"Union[{','.join(names)}]" if names else ""


def as_list(element: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return element if isinstance(element, list) else [element]


def as_dict(data: Any) -> Any:
    """An object as plain data; plain data as it is."""
    return data.to_dict() if hasattr(data, "to_dict") else data


def as_number(field_name: str, field_value: Any) -> int:
    """A whole number from itself or its digits.

    Raises:
        ValueError: for other texts.
    """
    if isinstance(field_value, str) and not field_value.isnumeric():
        raise ValueError(f"'{field_name}' must be numeric (str/int types)")
    return int(field_value)


def str_to_bool(value: str) -> bool:
    """True and False by their usual words.

    Raises:
        ValueError: for other texts.
    """
    text = value.lower()
    if text in ("true", "1", "t", "y", "yes", "on"):
        return True
    if text in ("false", "0", "f", "n", "no", "off"):
        return False
    raise ValueError(f"invalid boolean value: {text}")


def to_non_empty_values_dict(input_dict: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without what is empty."""
    return {key: value for key, value in (input_dict or {}).items() if value}


def merge_dicts_with_precedence(*dicts: Mapping[str, Any] | None) -> dict[str, Any]:
    """One mapping of several; the last that has a key wins."""
    merged: dict[str, Any] = {}
    for each in dicts:
        merged.update(each or {})
    return merged


def iterate_list_by_chunks(iterable_list: Iterable[Any], chunk_size: int) -> Iterable[list[Any]]:
    """Lists of at most so many items each."""
    if chunk_size <= 0:
        raise ValueError("chunk_size must be greater than 0")
    rest = list(iterable_list)
    while rest:
        yield rest[:chunk_size]
        rest = rest[chunk_size:]


def dict_to_list(struct: Mapping[str, Any] | None) -> list[str]:
    """`k=v` of each."""
    return [f"{key}={value}" for key, value in (struct or {}).items()]


def dict_to_str(struct: Mapping[str, Any] | None, sep: str = ",") -> str:
    """`k=v,k=v`."""
    return sep.join(dict_to_list(struct))
