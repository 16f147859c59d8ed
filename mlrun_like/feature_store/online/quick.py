"""The shortest way from entities to their vectors: functions written for the vector.

Most requests are of a vector whose sets have the same entities and are in one store. For these the
loops over sets and columns are written out as Python code, once; whatever is unusual (a missing
entity, a damaged row) raises or gives NOTHING, and the general way answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from mlrun_like.errors import IntegrityError
from mlrun_like.feature_store.online.codec import HEAD, decode_columns
from mlrun_like.feature_store.online.keys import key_builder, prefix_of
from mlrun_like.feature_store.online.parts import SetPart

__all__ = ["NOTHING", "Quick", "quick_getters"]

NOTHING = object()
"""The general way has to answer."""


class Quick(NamedTuple):
    """The functions of a vector.

    Args:
        one: From a request's fields to the vector, None (no rows), or NOTHING.
        many: From the fields of many requests to a list of such vectors, or NOTHING.
    """

    one: Callable[[Mapping[str, Any]], Any]
    many: Callable[[Sequence[Mapping[str, Any]]], Any]


def quick_getters(
    parts: Sequence[SetPart], columns: Sequence[tuple[int, str, str]]
) -> Quick | None:
    """The functions of a vector; None: it is none of the usual ones.

    Args:
        parts: What the vector takes from its sets.
        columns: In the vector's order: the part, the column there, the name in the vector.
    """
    if not parts or not columns or not all(_is_usual(part, parts[0]) for part in parts):
        return None
    prefixes = [prefix_of(part.namespace) for part in parts]
    known: dict[str, Any] = {
        "build": key_builder(parts[0].namespace, parts[0].types),
        "read": parts[0].store.read,
        "grid": parts[0].store.grid,
        "prefixes": prefixes,
        "loads": orjson.loads,
        "decode": decode_columns,
        "NOTHING": NOTHING,
        "IntegrityError": IntegrityError,
        **{f"p{number}": prefix for number, prefix in enumerate(prefixes)},
        **{f"n{number}": dict.fromkeys(part.columns) for number, part in enumerate(parts)},
        **{f"c{number}": tuple(part.columns) for number, part in enumerate(parts)},
    }
    # names are put in as literals, so that no name can be code
    numbers = range(len(parts))
    fields = "".join(f"row[{name!r}], " for _, name in parts[0].keys)
    tail = f"build(({fields}))[{len(prefixes[0])}:]"
    blobs = "".join(f"b{number}, " for number in numbers)
    absent = " and ".join(f"b{number} is None" for number in numbers)
    decoded = [
        f"d{n} = n{n} if b{n} is None else loads(b{n}[{HEAD}:]) if b{n}[0] == 1 "
        f"else decode(b{n}, c{n})"
        for n in numbers
    ]
    vector = f"{{{', '.join(f'{name!r}: d{n}[{column!r}]' for n, column, name in columns)}}}"
    unusual = "except (KeyError, TypeError, ValueError, IndexError, IntegrityError):"
    lines = [
        "def one(row):",
        "  try:",
        f"    tail = {tail}",
        f"    {blobs}= read([{', '.join(f'p{number} + tail' for number in numbers)}])",
        f"    if {absent}: return None",
        *(f"    {line}" for line in decoded),
        f"    return {vector}",
        f"  {unusual} return NOTHING",
        "def many(rows):",
        "  try:",
        "    found = []",
        "    add = found.append",
        f"    for {blobs}in grid(prefixes, [{tail} for row in rows]):",
        f"      if {absent}:",
        "        add(None)",
        "        continue",
        *(f"      {line}" for line in decoded),
        f"      add({vector})",
        "    return found",
        f"  {unusual} return NOTHING",
    ]
    exec(compile("\n".join(lines), "<vector>", "exec"), known)
    return Quick(known["one"], known["many"])


def _is_usual(part: SetPart, first: SetPart) -> bool:
    return (
        (part.store, part.keys, part.types) == (first.store, first.keys, first.types)
        and all(number < 0 for number, _ in part.keys)
        and not part.needs
        and part.ttl_millis is None
    )
