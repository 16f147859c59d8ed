"""How the schema of a feature set may change: compare two, decide by the set's policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import SchemaError
from mlrun_like.feature_store.definitions.value_types import canonical, is_list

__all__ = [
    "SchemaChange",
    "check_schema",
    "compare",
    "decide",
    "declared_renames",
    "schema_of",
    "wider",
]

_SIGNED = ("int8", "int16", "int32", "int64", "int128")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64", "uint128")
_FLOATS = ("float16", "float32", "float")


@dataclass(frozen=True)
class SchemaChange:
    """What differs between two schemas.

    Args:
        added: New columns with their types.
        widened: Columns whose new type holds all values of the old one: (old, new).
        narrowed: Columns whose old type holds all values of the new one: data of the new type
            fits as it is.
        renamed: Old names -> new names, as declared.
        incompatible: Columns whose types do not fit: (old, new).
        missing: Columns that the new schema does not have.
    """

    added: Mapping[str, str] = field(default_factory=dict)
    widened: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    narrowed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    incompatible: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.widened or self.renamed or self.breaking)

    @property
    def breaking(self) -> bool:
        """Whether readers of the old schema cannot read the new one."""
        return bool(self.incompatible or self.missing)

    def lines(self) -> list[str]:
        """The change in words, a line for each column."""
        return [
            *(f"column {name!r} ({kind}) is new" for name, kind in self.added.items()),
            *(f"column {n!r} is {b}, was {a}" for n, (a, b) in self.widened.items()),
            *(f"column {a!r} is now {b!r}" for a, b in self.renamed.items()),
            *(
                f"column {n!r} is {b}, which does not fit {a}"
                for n, (a, b) in self.incompatible.items()
            ),
            *(f"column {name!r} is missing" for name in self.missing),
        ]


def wider(old: str, new: str) -> bool:
    """Whether every value of type `old` is one of type `new` too (floats may lose digits beyond
    2**53).

    >>> wider("int8", "int64"), wider("int64", "float"), wider("float", "int64")
    (True, True, False)
    """
    old, new = canonical(old), canonical(new)
    if old == new or not old:
        return True
    if is_list(old) and is_list(new):
        items = {"int": "int64", "string": "str"}
        a, b = old[5:-1], new[5:-1]
        return wider(items.get(a, a), items.get(b, b))
    for row in (_SIGNED, _UNSIGNED, _FLOATS):
        if old in row and new in row:
            return row.index(old) < row.index(new)
    if old in _UNSIGNED and new in _SIGNED:
        return _UNSIGNED.index(old) < _SIGNED.index(new)
    if old == "bfloat16":
        return new in ("float32", "float")
    if new == "float":
        return old in (*_SIGNED, *_UNSIGNED)
    if new in ("float32", "float16"):
        fits = {"float32": ("int8", "uint8", "int16", "uint16"), "float16": ("int8", "uint8")}
        return old in fits[new]
    return False


def compare(
    old: Mapping[str, str], new: Mapping[str, str], renamed: Mapping[str, str] | None = None
) -> SchemaChange:
    """What differs between two schemas (column -> value type).

    A type that is not known (empty) fits every other.

    Args:
        old: The schema so far.
        new: The schema that comes.
        renamed: Declared new names: old name -> new name; what Feature.renamed_from says.

    >>> change = compare({"a": "int8", "b": "str"}, {"a": "int64", "c": "float"})
    >>> dict(change.widened), dict(change.added), change.missing
    ({'a': ('int8', 'int64')}, {'c': 'float'}, ('b',))
    """
    moves = {a: b for a, b in (renamed or {}).items() if a in old and a not in new and b in new}
    back = {b: a for a, b in moves.items()}
    widened: dict[str, tuple[str, str]] = {}
    narrowed: dict[str, tuple[str, str]] = {}
    bad: dict[str, tuple[str, str]] = {}
    added: dict[str, str] = {}
    for name, kind in new.items():
        before_name = back.get(name, name)
        if before_name not in old:
            added[name] = canonical(kind)
            continue
        before, after = canonical(old[before_name]), canonical(kind)
        if before == after or not before or not after:
            continue
        pair = (before, after)
        if wider(before, after):
            widened[name] = pair
        elif wider(after, before):
            narrowed[name] = pair
        else:
            bad[name] = pair
    missing = tuple(name for name in old if name not in new and name not in moves)
    return SchemaChange(added, widened, narrowed, moves, bad, missing)


def schema_of(feature_set: Any, *, with_entities: bool = True) -> dict[str, str]:
    """The declared schema of a feature set: column -> value type, empty where not known."""
    spec = feature_set.spec
    columns = [*(spec.entities if with_entities else ()), *spec.features]
    return {column.name: column.value_type or "" for column in columns}


def declared_renames(feature_set: Any) -> dict[str, str]:
    """Old name -> new name of features that say what they were called before."""
    return {
        feature.renamed_from: feature.name
        for feature in feature_set.spec.features
        if feature.renamed_from
    }


def decide(change: SchemaChange, policy: str, where: str = "") -> str:
    """What becomes of a change: `same` (nothing to do), `evolve` (take the new schema), `version`
    (start a version).

    Args:
        change: The change.
        policy: The set's schema_policy: `evolve` takes columns that are new, wider or renamed;
            `strict` nothing; `new-version` starts a version where the change is breaking.
        where: The feature set, for the message.

    Raises:
        SchemaError: if the policy does not allow it; the message names columns and types.
    """
    if not change:
        return "same"
    if policy == "strict":
        raise _refused(change.lines(), where, 'FeatureSet(..., schema_policy="evolve")')
    if not change.breaking:
        return "evolve"
    if policy == "new-version":
        return "version"
    lines = SchemaChange(incompatible=change.incompatible, missing=change.missing).lines()
    fix = (
        'declare Feature(renamed_from="old name"), or FeatureSet(..., schema_policy="new-version")'
    )
    raise _refused(lines, where, fix)


def check_schema(feature_set: Any, found: Mapping[str, str]) -> str:
    """Compare the schema of data with a feature set's, and decide by its policy.

    Columns that the set has and the data has not are missing; those of the data that the set does
    not have are new. See `decide`.

    Raises:
        SchemaError: if the set's policy does not allow the change.
    """
    declared = schema_of(feature_set)
    change = compare(declared, found, declared_renames(feature_set))
    return decide(change, feature_set.spec.schema_policy, f"feature set {feature_set.name!r}")


def _refused(lines: list[str], where: str, fix: str) -> SchemaError:
    more = f" (and {len(lines) - 10} more)" if len(lines) > 10 else ""
    return SchemaError("; ".join(lines[:10]) + more, where=where, fix=fix)
