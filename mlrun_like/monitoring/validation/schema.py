"""Schema: what a data set's columns must be, as a file that people edit.

    schema = Schema.load("schema.yaml")
    schema = infer_schema("customers.parquet", label="churned")
    schema.save("schema.yaml")

Every key of a column is optional; schema_text.py explains them in the file itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.local import AtomicFile
from mlrun_like.errors import SchemaError, nearest
from mlrun_like.monitoring.validation.column_schema import TYPES, ColumnSchema, check_column
from mlrun_like.monitoring.validation.schema_text import Lines, edit, read, write
from mlrun_like.registry import resolve

__all__ = ["TYPES", "ColumnSchema", "Schema"]

_RELAXED = "mlrun_like.monitoring.validation.inference:relaxed"


class Schema(BaseModel):
    """What a data set must be.

    Args:
        columns: The rules of each column.
        environments: Where data of this schema is used.
        unexpected_columns: What a column that is not listed is: "error", "warning" or "ignore".
        min_rows: The least number of rows.
        max_rows: The greatest; None: any.
        name: For people.

    >>> schema = Schema(columns={"age": {"type": "integer", "min": 0}})
    >>> schema.columns["age"].min
    0
    >>> Schema.from_text(schema.to_text()) == schema
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, ColumnSchema]
    environments: tuple[str, ...] = ("TRAINING", "SERVING")
    unexpected_columns: Literal["error", "warning", "ignore"] = "warning"
    min_rows: int = Field(default=1, ge=0)
    max_rows: int | None = Field(default=None, ge=0)
    name: str = ""

    _text: str = PrivateAttr("")
    _lines: Lines = PrivateAttr(default_factory=lambda: Lines({}, ""))
    _notes: dict[str, str] = PrivateAttr(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    # forms ---------------------------------------------------------------------------------------

    @classmethod
    def make(cls, given: Any) -> Schema:
        """A schema from a schema, a path or URL, or plain data.

        Raises:
            SchemaError: if it is malformed.
            MissingFileError: if there is no such file.
        """
        if isinstance(given, Schema):
            return given
        if isinstance(given, Mapping):
            return cls.from_dict(given)
        if isinstance(given, str) and "\n" in given:
            return cls.from_text(given)
        return cls.load(given)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], where: str = "schema") -> Schema:
        """A schema from plain data.

        Raises:
            SchemaError: if it is malformed; the message names the nearest key that exists.
        """
        body = {key: value for key, value in document.items() if key != "schema"}
        if document.get("schema", 1) != 1:
            raise SchemaError(
                f"schema: {document['schema']!r:.40} is a form that this version does not know",
                where=where,
                fix="write schema: 1",
            )
        columns = body.get("columns")
        if isinstance(columns, Mapping):  # `age:` alone is a column without rules
            body["columns"] = {str(k): {} if v is None else v for k, v in columns.items()}
        try:
            made = cls.model_validate(body)
        except ValidationError as exc:
            raise _malformed(exc, where) from exc
        for name, column in made.columns.items():
            check_column(name, column, where)
        return made

    @classmethod
    def from_text(cls, text: str, where: str = "schema") -> Schema:
        """A schema from YAML; the text is kept, so that changes keep comments and order.

        Raises:
            SchemaError: if it is malformed.
        """
        document, lines = read(text, where)
        made = cls.from_dict(document, where)
        made._text, made._lines = text, lines
        return made

    @classmethod
    def load(cls, path: str | Path | DataItem) -> Schema:
        """A schema from a file, a URL or an artifact.

        Raises:
            MissingFileError: if there is none.
            InvalidArgumentError: if it is no text.
            SchemaError: if it is malformed.
        """
        item = path if isinstance(path, DataItem) else get_dataitem(path)
        return cls.from_text(item.get(encoding="utf-8"), item.url)

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain data; defaults are left out."""
        head = self.model_dump(exclude_defaults=True, exclude={"columns"})
        if "environments" in head:
            head["environments"] = list(head["environments"])
        columns = {name: column.changed() for name, column in self.columns.items()}
        return {"schema": 1, **head, "columns": columns}

    def to_text(self) -> str:
        """The schema as YAML with comments that explain it."""
        return self._text or write(self.to_dict(), self._notes)

    def save(self, path: str | Path) -> None:
        """Write it; the file is complete or not there."""
        with AtomicFile(path) as file:
            file.write(self.to_text().encode("utf-8"))

    # use -----------------------------------------------------------------------------------------

    def line_of(self, column: str, key: str = "") -> str:
        """Where a rule is written, for messages: `"schema.yaml line 14"`, or its path."""
        return self._lines.place(column, key)

    def expected(self, environment: str = "") -> dict[str, ColumnSchema]:
        """The columns that matter in an environment.

        Raises:
            SchemaError: if the schema does not know the environment.
        """
        if environment and environment not in self.environments:
            raise SchemaError(
                f"the schema has no environment {environment!r:.60}."
                + nearest(environment, self.environments),
                fix=f"environments: [{', '.join(self.environments)}]",
            )
        return {k: c for k, c in self.columns.items() if environment not in c.not_in}

    def with_columns(
        self, changes: Mapping[str, Mapping[str, Any]], notes: Mapping[str, str] | None = None
    ) -> Schema:
        """The schema with some rules changed, and columns added; what is not named stays.

        Args:
            changes: New values by column and key; a value of None takes the rule away.
            notes: Comments for columns that are new.

        Raises:
            SchemaError: if a value does not fit.
        """
        document = self.to_dict()
        for name, rules in changes.items():
            column = document["columns"].setdefault(name, {})
            column.update(rules)
            document["columns"][name] = {k: v for k, v in column.items() if v is not None}
        made = Schema.from_dict(document)
        made._notes = {**self._notes, **(notes or {})}
        if self._text:
            text = edit(self._text, changes, set(self.columns), made._notes)
            made._text, made._lines = text, read(text, self._lines.where)[1]
        return made

    def update(self, stats: Any, relax: Iterable[str] = ("*",)) -> Schema:
        """The schema relaxed so that data passes, only where it is asked.

        Args:
            stats: What `describe(data)` gave, or the data.
            relax: Rules such as `"age.max"`, columns such as `"age"`, `"*.domain"` for a rule of
                all columns, `"*"` for everything, and the names of new columns.

        Raises:
            SchemaError: for a name that is neither.
        """
        made: Schema = resolve(_RELAXED)(self, stats, tuple(relax))
        return made

    def names(self, environment: str = "") -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.expected(environment))


def _malformed(exc: ValidationError, where: str) -> SchemaError:
    first = exc.errors()[0]
    path = [str(part) for part in first["loc"]]
    at = ".".join(path[:3])
    if first["type"] == "extra_forbidden":
        model: Iterable[str] = (
            ColumnSchema.model_fields if path[0] == "columns" else Schema.model_fields
        )
        return SchemaError(
            f"the schema has an unknown key {path[-1]!r:.60}.{nearest(path[-1], model)}",
            where=f"{where}: {at}",
            fix=f"keys: {', '.join(model)}",
        )
    return SchemaError(
        f"{at} of the schema is {first['input']!r:.60}: {first['msg']}",
        where=where,
        fix="see the comments at the head of a schema that `validate --infer` wrote",
    )
