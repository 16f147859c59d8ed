"""Numbers that other parts of this process count, for the metrics of its servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlrun_like.serving.observe.numbers import Key

__all__ = ["Source", "add_source", "numbers_of_sources"]

Source = Callable[[], Iterable[tuple[Key, float]]]
"""Gives totals of this process by key; called about once a second, so it must not wait."""

_sources: list[Source] = []


def add_source(source: Source) -> None:
    """Let the metrics of this process show what a source counts.

    The first word of its keys is a family of `families`; or `GAUGE`, and then the family.
    """
    _sources.append(source)


def numbers_of_sources() -> dict[Key, float]:
    """What all sources count now.

    >>> add_source(lambda: [(("recorded", "shop", "no-such-endpoint"), 2.0)])
    >>> numbers_of_sources()[("recorded", "shop", "no-such-endpoint")]
    2.0
    >>> del _sources[-1]
    """
    return {key: value for source in list(_sources) for key, value in source()}
