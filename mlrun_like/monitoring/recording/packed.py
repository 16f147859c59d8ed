"""Requests of one row of numbers, packed: nothing of theirs waits but one string of bytes.

Lists that wait are visited by the garbage collector of the serving process again and again, and
numbers that wait are memory that the next request cannot use again: together that cost a request
more than all the rest of recording.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

__all__ = ["PACKED", "Layout", "PackedItem", "Packer", "unpack"]

Layout: TypeAlias = tuple[int, int]
"""How many values a row has, and a prediction (-1: it is one number, and no list)."""

PackedItem: TypeAlias = tuple[Any, bytes, Layout, float, Any, str, bool]
"""Id, values, layout, microseconds, time, operation, whether it is kept.

A plain tuple of plain values: the garbage collector forgets it after one visit.
"""

PACKED: Final = 7
"""How many fields a packed request has; others have one more."""

_WIDEST = 256
_LAYOUTS = 16
_PAUSE = 1000
_NUMBERS = frozenset({float, int, bool})


class Packer:
    """Packs the requests of one endpoint, as long as they are numbers.

    One that cannot be packed ends it for a while: to try and fail costs more than not to try, and
    a column of texts and numbers shall be made of the values as they came.

    >>> packer = Packer()
    >>> packer.pack([[1.5, 2]], [0.25])[1], packer.pack([[1.5, "x"]], [0.25])
    ((2, -1), None)
    """

    def __init__(self) -> None:
        self._structs: dict[Layout, tuple[Callable[..., bytes], Layout]] = {}
        self._pause = 0

    def pack(self, inputs: Any, outputs: Any) -> tuple[bytes, Layout] | None:
        """The values and their layout; None if they are not one row of numbers."""
        if self._pause:
            self._pause -= 1
            return None
        if type(inputs) is not list or type(outputs) is not list:
            return None
        if len(inputs) != 1 or len(outputs) != 1:
            return None
        row, answer = inputs[0], outputs[0]
        kind = type(answer)
        if type(row) is not list or (kind is not list and kind not in _NUMBERS):
            return None
        layout = (len(row), len(answer) if kind is list else -1)
        found = self._structs.get(layout) or self._made(layout)
        if found is None:
            return None
        pack, layout = found  # the same layout for all requests, not one more tuple for each
        try:
            return pack(*row, *answer) if kind is list else pack(*row, answer), layout
        except (struct.error, TypeError, ValueError, OverflowError):
            self._pause = _PAUSE
            return None

    def _made(self, layout: Layout) -> tuple[Callable[..., bytes], Layout] | None:
        width, answers = layout
        if not 0 < width <= _WIDEST or not answers or answers > _WIDEST:
            return None
        if len(self._structs) >= _LAYOUTS:
            return None
        found = (struct.Struct(f"{width + abs(answers)}d").pack, layout)
        self._structs[layout] = found
        return found


def unpack(item: PackedItem) -> tuple[Any, Any, Any, float, Any, str, None, bool]:
    """The request as one that was not packed.

    >>> unpack(("a", struct.pack("3d", 1, 2, 0.5), (2, -1), 10.0, 5.0, "infer", True))
    ('a', [[1.0, 2.0]], [0.5], 10.0, 5.0, 'infer', None, True)
    """
    event_id, body, (width, answers), microseconds, moment, operation, kept = item
    values = list(struct.unpack(f"{len(body) // 8}d", body))
    answer = values[width:]
    outputs = answer if answers < 0 else [answer]
    return event_id, [values[:width]], outputs, microseconds, moment, operation, None, kept
