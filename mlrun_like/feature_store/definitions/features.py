"""Entities and features: the columns of a feature set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.feature_store.definitions.fields import Fields
from mlrun_like.feature_store.definitions.validators import Validator, read_validator
from mlrun_like.feature_store.definitions.value_types import canonical

__all__ = ["Entity", "Feature", "make_entity", "make_feature"]


class _Column(Fields):
    """What entities and features share: a name and a value type."""

    _texts = ("name", "description", "origin", "renamed_from")
    _mappings = ("labels",)
    name: str
    _value_type: str | None = None

    @property
    def value_type(self) -> str | None:
        """The type of its values, a name of ValueType; None: not known yet."""
        return self._value_type

    @value_type.setter
    def value_type(self, value_type: Any) -> None:
        try:
            self._value_type = canonical(value_type) or None
        except InvalidArgumentError as exc:
            name = getattr(self, "name", "") or "?"
            raise SpecError(exc.what, where=f"column {name!r}", fix=exc.fix) from exc


class Entity(_Column):
    """A column that says whose the features are.

    Args:
        name: The column.
        value_type: The type of its values, such as `ValueType.STRING`; None: as found in the
            first data.
        description: A text for readers.
        labels: Labels of the entity.

    >>> Entity("stock", "str").to_dict()
    {'name': 'stock', 'value_type': 'str'}
    """

    _fields = ("name", "value_type", "description", "labels")

    def __init__(
        self,
        name: str | None = None,
        value_type: Any = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.name = _name(name, "entity")
        self.value_type = value_type
        self.description = description
        self.labels = dict(labels or {})


class Feature(_Column):
    """A column of values.

    Args:
        value_type: The type of its values, such as `ValueType.FLOAT`; None: as found in the data.
        dims: Dimensions of a vector or tensor, such as `[2, 2]`.
        description: A text for readers.
        aggregate: Whether it is an aggregated value.
        name: The column; given by the feature set where it is added.
        validator: What its values must be.
        default: The value where one is missing.
        labels: Labels of the feature.
        renamed_from: The name that the column had before.

    >>> Feature("float", name="bid", description="an offer").value_type
    'float'
    """

    _fields = (
        "name", "description", "value_type", "dims", "default", "labels", "aggregate",
        "validator", "origin", "renamed_from",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - all but one are MLRun's
        self,
        value_type: Any = None,
        dims: Sequence[int] | None = None,
        description: str | None = None,
        aggregate: bool | None = None,
        name: str | None = None,
        validator: Validator | Mapping[str, Any] | None = None,
        default: Any = None,
        labels: Mapping[str, str] | None = None,
        renamed_from: str | None = None,
    ) -> None:
        self.name = _name(name, "feature")
        self._validator: Validator | None = None
        self.value_type = value_type
        self.dims = list(dims) if dims is not None else None
        self.description = description
        self.aggregate = aggregate
        self.default = default
        self.labels = dict(labels or {})
        self.origin: str | None = None
        """In a vector's status: the feature set and column it comes from."""
        self.renamed_from = renamed_from
        """The name that the column had before; see `schema.compare`."""
        self.validator = validator

    @property
    def validator(self) -> Validator | None:
        """What its values must be."""
        if self._validator is not None:
            self._validator.set_feature(self)
        return self._validator

    @validator.setter
    def validator(self, validator: Validator | Mapping[str, Any] | None) -> None:
        self._validator = read_validator(validator, f"validator of feature {self.name!r}")


def make_entity(value: Any) -> Entity:
    """An entity from its name, its document, or as it is."""
    if isinstance(value, Entity):
        return value
    if isinstance(value, str):
        return Entity(value)
    return Entity.from_dict(value, "entity")


def make_feature(value: Any) -> Feature:
    """A feature from its name, its document, an entity, or as it is."""
    if isinstance(value, Feature):
        return value
    if isinstance(value, str):
        return Feature(name=value)
    if isinstance(value, Entity):
        return Feature(value.value_type, name=value.name, description=value.description)
    return Feature.from_dict(value, "feature")


def _name(name: Any, noun: str) -> str:
    if name is None:
        return ""
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"the name of {'an' if noun[0] in 'aeiou' else 'a'} {noun} must be a text, not "
            f"{name!r:.60}",
            fix='Feature("float", name="bid"): the first argument is the value type'
            if noun == "feature"
            else 'Entity("stock")',
        )
    return name
