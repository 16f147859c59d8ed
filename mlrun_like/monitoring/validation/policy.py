"""Policy: which personal data may be in a data set, and what happens if there is other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.local import AtomicFile
from mlrun_like.errors import InvalidArgumentError, SchemaError, nearest
from mlrun_like.monitoring.validation.columns import Chunk, open_data
from mlrun_like.monitoring.validation.personal_kinds import check_kinds, mask
from mlrun_like.monitoring.validation.personal_scan import PersonalData

__all__ = ["ACTIONS", "Policy", "clean_data"]

Action = Literal["stop", "warn", "mask", "drop", "allow"]
ACTIONS: tuple[str, ...] = ("stop", "warn", "mask", "drop", "allow")
"""What may happen to a column: `mask` and `drop` change the data that `clean_data` gives."""


class Policy(BaseModel):
    """What to do about personal data.

    Args:
        forbid: Kinds, or groups ("all", "national_id", "financial", "contact"), that may not be.
        allow: Kinds that may be, although a group forbids them.
        action: What happens to forbidden ones: stop, warn, mask or drop.
        columns: Another action by column, such as `{"support_email": "allow"}`.
        min_confidence: Findings that are less sure are passed over, 0 to 1.

    Raises:
        InvalidArgumentError: for a kind that there is not.

    >>> policy = Policy(forbid=["contact"], action="mask", columns={"office": "allow"})
    >>> policy.action_for("office", "phone"), policy.action_for("x", "phone")
    ('allow', 'mask')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    forbid: tuple[str, ...] = ("all",)
    allow: tuple[str, ...] = ()
    action: Action = "stop"
    columns: dict[str, Action] = Field(default_factory=dict)
    min_confidence: float = Field(default=0.5, ge=0, le=1)

    @field_validator("forbid", "allow", mode="before")
    @classmethod
    def _kinds(cls, names: Any) -> Any:
        given = [names] if isinstance(names, str) else list(names or ())
        check_kinds(given, "policy")
        return tuple(given)

    @classmethod
    def make(cls, given: Any) -> Policy:
        """A policy from a policy, an action such as "stop", plain data, or a YAML file.

        Raises:
            InvalidArgumentError: if it is malformed.
            MissingFileError: if there is no such file.
        """
        if isinstance(given, Policy):
            return given
        if isinstance(given, str) and given in ACTIONS:
            given = {"action": given}
        where = "policy"
        if isinstance(given, (str, Path, DataItem)):
            item = given if isinstance(given, DataItem) else get_dataitem(given)
            where = item.url
            try:
                given = yaml.safe_load(item.get(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError) as exc:
                raise InvalidArgumentError(
                    f"the policy is not YAML: {str(exc)[:200]}", where=where
                ) from exc
        if not isinstance(given, Mapping):
            raise InvalidArgumentError(
                f"the policy is a {type(given).__name__}, not a mapping",
                where=where,
                fix="forbid: [all]\n  action: stop",
            )
        try:
            return cls(**given)
        except ValidationError as exc:
            first = exc.errors()[0]
            key = str(first["loc"][0])
            near = "" if key in cls.model_fields else nearest(key, cls.model_fields)
            raise InvalidArgumentError(
                f"{'.'.join(map(str, first['loc']))} of the policy is {first['input']!r:.60}: "
                f"{first['msg']}.{near}",
                where=where,
                fix=f"keys: {', '.join(cls.model_fields)}; actions: {', '.join(ACTIONS)}",
            ) from exc

    def action_for(self, column: str, kind: str) -> str:
        """What happens to a column with a kind of personal data."""
        if column in self.columns:
            return self.columns[column]
        forbidden = check_kinds(self.forbid, "policy") - check_kinds(self.allow, "policy")
        return self.action if kind in forbidden else "allow"

    def judge(self, found: Iterable[PersonalData]) -> list[tuple[PersonalData, str]]:
        """The findings that are sure enough, each with its action."""
        return [
            (one, self.action_for(one.column, one.kind))
            for one in found
            if one.confidence >= self.min_confidence
        ]

    def enforce(self, found: Iterable[PersonalData], where: str = "data") -> None:
        """Stop at forbidden personal data whose action is "stop".

        Raises:
            SchemaError: naming column, kind, share and what to do.
        """
        stopped = [one for one, action in self.judge(found) if action == "stop"]
        if not stopped:
            return
        worst = max(stopped, key=lambda one: one.confidence)
        rest = [one for one in stopped if one is not worst]
        others = ", ".join(f"{one.column!r} ({one.kind})" for one in rest[:9])
        example = f" such as {worst.examples[0]}" if worst.examples else ""
        raise SchemaError(
            f"column {worst.column!r:.80} has personal data: {worst.kind}, {worst.share:.1%} of "
            f"the values,{example}{'; also ' if rest else ''}{others}",
            where=where,
            fix=f"take the column out, use action: mask, or allow it in the policy: "
            f"columns: {{{worst.column}: allow}}",
        )


def clean_data(
    data: Any, found: Sequence[PersonalData], policy: Any, target: str | Path = ""
) -> Any:
    """The data without what the policy masks or drops.

    Args:
        data: As `validate` takes it.
        found: What the scan found: `report.personal_data`.
        policy: A `Policy`, or what `Policy.make` takes.
        target: A Parquet file to write, chunk by chunk; empty: a DataFrame is returned.

    Returns:
        A DataFrame, or the target's path.

    Raises:
        SchemaError: if the policy stops at something.
    """
    opened = open_data(data)
    rules = Policy.make(policy)
    rules.enforce(found, opened.name)
    judged = rules.judge(found)
    dropped = {one.column for one, action in judged if action == "drop"}
    masked = {one.column: one.kind for one, action in judged if action == "mask"}

    def tables() -> Iterator[pa.Table]:
        for chunk in opened.chunks():
            yield _cleaned(chunk, dropped, masked)

    if not target:
        parts = [part.to_pandas() for part in tables()]
        kept = [name for name in opened.names if name not in dropped]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=kept)
    with AtomicFile(target) as file:
        writer: Any = None
        try:
            for part in tables():
                writer = writer or pq.ParquetWriter(file, part.schema)
                writer.write_table(part)
            if writer is None:
                pq.write_table(pa.table({}), file)
        finally:
            if writer is not None:
                writer.close()
    return str(target)


def _cleaned(chunk: Chunk, dropped: set[str], masked: Mapping[str, str]) -> pa.Table:
    kept = {}
    for name, values in chunk.columns.items():
        if name in dropped:
            continue
        if name in masked:
            hidden = [None if v is None else mask(v, masked[name]) for v in values.to_pylist()]
            values = pa.array(hidden, pa.string())
        kept[name] = values
    return pa.table(kept)
