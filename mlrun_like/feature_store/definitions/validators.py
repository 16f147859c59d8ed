"""What values of a feature must be; one value and a column are judged alike.

Missing values (None, NaN, NaT, NA) are judged by `nulls` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, SpecError, nearest
from mlrun_like.feature_store.definitions.fields import mapping_of
from mlrun_like.feature_store.definitions.validator import FIELDS, Answer, Validator, shown
from mlrun_like.feature_store.definitions.validators_limits import (
    MinMaxLenValidator,
    MinMaxValidator,
)

__all__ = [
    "VALIDATORS",
    "MinMaxLenValidator",
    "MinMaxValidator",
    "RegexValidator",
    "Validator",
    "read_validator",
]


class RegexValidator(Validator):
    """Texts must match a regular expression as a whole.

    Args:
        check_type: See Validator.
        severity: See Validator.
        regex: The expression, as of Python's `re`.
        nulls: See Validator.

    Raises:
        InvalidArgumentError: if it is no regular expression.

    >>> RegexValidator(regex="[A-Z][0-9]{2}").check("A12")
    (True, {})
    """

    kind: ClassVar[str] = "regex"
    _fields = (*FIELDS, "regex")

    def __init__(
        self,
        check_type: bool | None = None,
        severity: str | None = None,
        regex: str | None = None,
        nulls: str | None = None,
    ) -> None:
        super().__init__(check_type, severity, nulls)
        self.regex = regex

    @property
    def regex(self) -> str | None:
        """The expression."""
        return self._regex

    @regex.setter
    def regex(self, regex: str | None) -> None:
        try:
            self._compiled = re.compile(regex) if regex else None
        except (re.error, TypeError, RecursionError, OverflowError) as exc:
            raise InvalidArgumentError(
                f"{regex!r:.80} is no regular expression: {exc}", where="RegexValidator"
            ) from exc
        self._regex = regex

    def _check(self, value: Any) -> Answer:
        if self._compiled is None or (
            isinstance(value, str) and self._compiled.fullmatch(value) is not None
        ):
            return True, {}
        return False, {
            "message": "Value is not valid with regular expression",
            "regexp": self.regex,
            "value": shown(value),
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> RegexValidator:
        made = RegexValidator(self.check_type, self.severity, self.regex, self.nulls)
        made._value_type = self._value_type
        return made


VALIDATORS: Mapping[str, type[Validator]] = MappingProxyType(
    {
        "": Validator,
        "minmax": MinMaxValidator,
        "minmaxlen": MinMaxLenValidator,
        "regex": RegexValidator,
    }
)
"""Kinds of validators in documents."""


def read_validator(document: Any, where: str = "validator") -> Validator | None:
    """A validator from its document, or as it is.

    Raises:
        SpecError: if the kind is unknown or a value cannot be used.
    """
    if document is None or isinstance(document, Validator):
        return document
    values = dict(mapping_of(document, where))
    kind = values.pop("kind", "") or ""
    cls = VALIDATORS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise SpecError(
            f"there is no validator {kind!r}", where=where, fix=f"kinds: {', '.join(VALIDATORS)}"
        )
    unknown = [str(key) for key in values if key not in cls._fields]
    if unknown:
        raise SpecError(
            f"a validator of kind {kind!r} has no {unknown[0]!r:.60}."
            f"{nearest(unknown[0], cls._fields)}",
            where=where,
        )
    try:
        return cls(**{str(key): value for key, value in values.items()})
    except InvalidArgumentError as exc:
        raise SpecError(exc.what, where=where, fix=exc.fix) from exc
