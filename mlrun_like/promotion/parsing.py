"""Gates from text, plain data and functions, so that they can be written in a pipeline's YAML."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.promotion.behaviour import LatencyGate, SmokeGate
from mlrun_like.promotion.comparing import BetterGate
from mlrun_like.promotion.fairness_gate import FairnessGate
from mlrun_like.promotion.gates import CustomGate, Gate, MetricGate
from mlrun_like.promotion.slices import SliceGate
from mlrun_like.promotion.worst_slice import WorstSliceGate

__all__ = ["KINDS", "gate_of", "gates_of"]

KINDS: Mapping[str, type[Gate]] = MappingProxyType(
    {
        cls.kind: cls
        for cls in (
            MetricGate,
            BetterGate,
            SliceGate,
            WorstSliceGate,
            FairnessGate,
            LatencyGate,
            SmokeGate,
        )
    }
)
"""Word -> gate."""


def gates_of(given: Any) -> list[Gate]:
    """Gates of a list, or of one alone; None: no gates.

    Raises:
        InvalidArgumentError: if one cannot be understood.
    """
    if given is None:
        return []
    if isinstance(given, (str, Mapping, Gate)) or callable(given):
        given = [given]
    if not isinstance(given, Iterable):
        raise InvalidArgumentError(f"gates {given!r:.80} are no list", fix='gates=["auc >= 0.9"]')
    return [gate_of(one) for one in given]


def gate_of(given: Any) -> Gate:
    """One gate.

    Args:
        given: A gate; an expression such as `"auc >= 0.9"`; `"smoke"`; plain data such as
            `{"gate": "better", "metric": "auc", "gain": 0.01}`; or a function of a `Case`.

    Raises:
        InvalidArgumentError: if it cannot be understood; names the words there are.

    >>> gate_of({"gate": "latency", "p99": 20})
    LatencyGate(p50=None, p99=20, rows=1, calls=100, sample=None)
    >>> gate_of("auc >= 0.9")
    MetricGate(expression='auc >= 0.9', rows=30)
    """
    if isinstance(given, Gate):
        return given
    if isinstance(given, str):
        return SmokeGate() if given.strip() == SmokeGate.kind else MetricGate(given)
    if isinstance(given, Mapping):
        return _from_plain(dict(given))
    if callable(given):
        return CustomGate(given)
    raise InvalidArgumentError(
        f"{given!r:.80} is no gate", fix='"auc >= 0.9", {"gate": "better", ...}, or a function'
    )


def _from_plain(data: dict[str, Any]) -> Gate:
    word = data.pop("gate", None)
    cls = KINDS.get(str(word))
    if cls is None:
        raise InvalidArgumentError(
            f"there is no gate {word!r}.{nearest(str(word), KINDS)}",
            fix=f'{{"gate": <one of: {", ".join(KINDS)}>, ...}}',
        )
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in data:
        if name not in known:
            raise InvalidArgumentError(
                f"gate {word!r} has no option {name!r}.{nearest(str(name), known)}",
                fix=f"options: {', '.join(known)}",
            )
    for name in ("by", "column", "columns"):
        if isinstance(data.get(name), list):
            data[name] = tuple(data[name])
    try:
        return cls(**data)
    except TypeError as exc:
        missing = str(exc).partition("missing ")[2] or str(exc)
        raise InvalidArgumentError(
            f"gate {word!r} is not complete: {missing}", fix=f"options: {', '.join(known)}"
        ) from exc
