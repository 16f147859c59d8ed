"""ColumnSchema: what one column of a data set must be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlrun_like.errors import SchemaError
from mlrun_like.monitoring.validation.patterns import check_pattern

__all__ = ["TYPES", "ColumnSchema", "check_column"]

Kind = Literal["integer", "number", "boolean", "text", "datetime", "bytes", "list", "object", "any"]
TYPES: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]
Value = bool | int | float | str


class ColumnSchema(BaseModel):
    """What one column must be.

    Args:
        type: integer, number, boolean, text, datetime, bytes, list, object or any.
        required: Whether the column must be there.
        not_in: Environments in which it may be absent, such as `["SERVING"]` for a label.
        missing: The largest share of missing values, 0 to 1.
        min: The least number, or the earliest time as ISO text.
        max: The greatest.
        min_length: The least number of characters, or of elements of a list.
        max_length: The greatest.
        domain: The values there may be.
        pattern: A pattern (RE2) that each text must match as a whole.
        unique: Whether no value may occur twice.
        order: "increasing" or "strictly increasing", row by row.
        shares: Least and greatest share of rows by value: the balance of classes.
        tolerance: Share of values that may break a rule before it is an anomaly, 0 to 1.
        drift: Greatest Jensen-Shannon divergence to a reference; None: by statistical tests.
        skew: The same between training and serving.
        severity: "error" or "warning": what an anomaly of this column is.
        description: For people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Kind = "any"
    required: bool = True
    not_in: tuple[str, ...] = ()
    missing: float = Field(default=1.0, ge=0, le=1)
    min: float | int | str | None = None
    max: float | int | str | None = None
    min_length: int | None = Field(default=None, ge=0)
    max_length: int | None = Field(default=None, ge=0)
    domain: tuple[Value, ...] | None = None
    pattern: str | None = None
    unique: bool = False
    order: Literal["increasing", "strictly increasing"] | None = None
    shares: dict[Value, tuple[float, float]] | None = None
    tolerance: float = Field(default=0.0, ge=0, le=1)
    drift: float | None = Field(default=None, ge=0, le=1)
    skew: float | None = Field(default=None, ge=0, le=1)
    severity: Literal["error", "warning"] = "error"
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _times_are_text(cls, given: Any) -> Any:
        """YAML reads 2024-01-02 as a date."""
        if not isinstance(given, dict):
            return given
        return {
            key: value.isoformat() if hasattr(value, "isoformat") else value
            for key, value in given.items()
        }

    def changed(self) -> dict[str, Any]:
        """The rules that are not the default, as plain data."""
        found = self.model_dump(exclude_defaults=True)
        for key in ("domain", "not_in"):
            if found.get(key) is not None:
                found[key] = list(found[key])
        if found.get("shares"):
            found["shares"] = {key: list(bounds) for key, bounds in found["shares"].items()}
        return found


def check_column(name: str, column: ColumnSchema, where: str) -> None:
    """Whether the rules of a column agree with each other.

    Raises:
        SchemaError: if they do not, or a pattern cannot be matched.
    """
    at = f"{where}: columns.{name}"
    if column.pattern is not None:
        check_pattern(column.pattern, at)
    for least, most in (("min", "max"), ("min_length", "max_length")):
        low, high = getattr(column, least), getattr(column, most)
        if low is None or high is None:
            continue
        if isinstance(low, str) != isinstance(high, str):
            raise SchemaError(f"{least}: {low!r} and {most}: {high!r} are of two types", where=at)
        if low > high:
            raise SchemaError(
                f"{least}: {low!r} is greater than {most}: {high!r}", where=at, fix="swap them"
            )
