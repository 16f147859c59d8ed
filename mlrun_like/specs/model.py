"""The base of all documents.

Our own boundary refuses unknown keys and names the nearest known one. Documents of foreign origin
(an MLRun `function.yaml`) go through `split_foreign`, which keeps what the models do not know, so
that reading and writing such a file loses nothing.
"""

from __future__ import annotations

import types
import typing
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from mlrun_like.errors import SpecError, nearest

__all__ = ["Model", "merge_foreign", "parse", "split_foreign"]

M = TypeVar("M", bound="Model")


class Model(BaseModel):
    """A pydantic model that refuses unknown keys and checks assignments."""

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        arbitrary_types_allowed=False,
        ser_json_inf_nan="constants",  # a digest must tell NaN from None
    )

    def __setattr__(self, name: str, value: Any) -> None:
        other = name not in type(self).model_fields and not name.startswith("_")
        if other and not isinstance(getattr(type(self), name, None), property):
            raise SpecError(
                f"{type(self).__name__} has no field {name!r}."
                f"{nearest(name, type(self).model_fields)}",
                fix=f"fields: {', '.join(type(self).model_fields)}",
            )
        try:
            super().__setattr__(name, value)
        except ValidationError as exc:
            field = type(self).model_fields.get(name)
            if value is None and field is not None and not field.is_required():
                # as in documents: nothing is said, so the default counts
                super().__setattr__(name, field.get_default(call_default_factory=True))
                return
            raise _translate(exc, type(self), f"{type(self).__name__}.{name}") from exc

    @property
    def _dict_fields(self) -> tuple[str, ...]:
        """The names of its fields, for code that knows MLRun's objects."""
        return tuple(type(self).model_fields)

    def to_dict(self) -> dict[str, Any]:
        """Plain data with empty values left out."""
        document: dict[str, Any] = _prune(self.model_dump(mode="json"))
        return document


def parse(model: type[M], document: Any, where: str = "") -> M:
    """Validate plain data.

    Raises:
        SpecError: naming every key that is wrong.
    """
    try:
        return model.model_validate(document)
    except ValidationError as exc:
        raise _translate(exc, model, where) from exc


def _translate(exc: ValidationError, model: type[BaseModel], where: str) -> SpecError:
    problems = []
    for item in exc.errors():
        path = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            owner = _model_at(model, item["loc"][:-1])
            hint = nearest(str(item["loc"][-1]), owner.model_fields) if owner else ""
            problems.append(f"unknown key {path!r}.{hint}")
        else:
            problems.append(f"{path or 'document'}: {item['msg']} (got {_short(item['input'])})")
    return SpecError("; ".join(problems), where=where or model.__name__)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_of(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        for arg in get_args(annotation):
            found = _model_of(arg)
            if found is not None:
                return found
    return None


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    current: type[BaseModel] | None = model
    for part in loc:
        known = current.model_fields.get(str(part)) if current is not None else None
        if known is None:
            return None
        current = _model_of(known.annotation)
    return current


def split_foreign(
    model: type[Model], document: typing.Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split plain data into what `model` knows and the rest, nested in the same shape.

    A null in place of a known value means that it was not given.
    """
    known: dict[str, Any] = {}
    foreign: dict[str, Any] = {}
    for key, value in document.items():
        field = model.model_fields.get(key)
        if field is None:
            foreign[key] = value
            continue
        if value is None:
            continue
        inner = _model_of(field.annotation)
        if inner is not None and isinstance(value, typing.Mapping):
            known[key], rest = split_foreign(inner, value)
            if rest:
                foreign[key] = rest
        else:
            known[key] = value
    return known, foreign


def merge_foreign(document: dict[str, Any], foreign: typing.Mapping[str, Any]) -> dict[str, Any]:
    """Put the rest back; known values win over foreign ones of the same place."""
    merged = dict(document)
    for key, value in foreign.items():
        if key not in merged:
            merged[key] = value
        elif isinstance(merged[key], dict) and isinstance(value, typing.Mapping):
            merged[key] = merge_foreign(merged[key], value)
    return merged


def _prune(value: Any) -> Any:
    """Leave out None, empty text and empty containers of model fields, one level at a time."""
    if isinstance(value, dict):
        return {k: _prune(v) if k in _NESTED else v for k, v in value.items() if not _empty(v)}
    return value


_NESTED = frozenset({"metadata", "spec", "status", "build", "environment"})


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, dict)) and not value)
