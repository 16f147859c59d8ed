"""Outlines of boxes as SVG paths, by shape; the names are Graphviz's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

__all__ = ["SLANT", "outline", "shape_of"]

SLANT = 12.0
"""How far the sides of a parallelogram lean, in pixels."""
_CORNER = 10.0  # cut off from an octagon
_RADIUS = 7.0  # of rounded corners
_BY_KIND = MappingProxyType(
    {"router": "octagon", "queue": "parallelogram", "start": "pill", "missing": "box"}
)
_ALIASES = MappingProxyType(
    {
        "cds": "parallelogram",
        "doubleoctagon": "octagon",
        "tripleoctagon": "octagon",
        "egg": "ellipse",
        "oval": "ellipse",
        "circle": "ellipse",
        "doublecircle": "ellipse",
        "Mdiamond": "diamond",
    }
)


def shape_of(kind: str, wanted: str = "") -> str:
    """The shape that is drawn for a kind of step, or for a shape asked for.

    >>> shape_of("queue"), shape_of("task", "egg"), shape_of("task", "star")
    ('parallelogram', 'ellipse', 'box')
    """
    name = _ALIASES.get(wanted, wanted) or _BY_KIND.get(kind, "box")
    return name if name in _PATHS else "box"


def outline(shape: str, x: float, y: float, width: float, height: float) -> str:
    """The path of a shape whose left upper corner is (x, y).

    >>> outline("diamond", 0, 0, 10, 6)
    'M0 3L5 0L10 3L5 6Z'
    """
    return _PATHS[shape](x, y, width, height)


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _rounded(x: float, y: float, width: float, height: float, radius: float = _RADIUS) -> str:
    r = min(radius, width / 2, height / 2)
    turn = f"a{_n(r)} {_n(r)} 0 0 1"
    return (
        f"M{_n(x + r)} {_n(y)}h{_n(width - 2 * r)}{turn} {_n(r)} {_n(r)}v{_n(height - 2 * r)}"
        f"{turn} {_n(-r)} {_n(r)}h{_n(2 * r - width)}{turn} {_n(-r)} {_n(-r)}v{_n(2 * r - height)}"
        f"{turn} {_n(r)} {_n(-r)}Z"
    )


def _pill(x: float, y: float, width: float, height: float) -> str:
    return _rounded(x, y, width, height, height / 2)


def _octagon(x: float, y: float, width: float, height: float) -> str:
    c, right, low = _CORNER, x + width, y + height
    return _polygon(
        (x + c, y), (right - c, y), (right, y + c), (right, low - c),
        (right - c, low), (x + c, low), (x, low - c), (x, y + c),
    )  # fmt: skip


def _parallelogram(x: float, y: float, width: float, height: float) -> str:
    right, low = x + width, y + height
    return _polygon((x + SLANT, y), (right, y), (right - SLANT, low), (x, low))


def _diamond(x: float, y: float, width: float, height: float) -> str:
    right, low = x + width, y + height
    middle, centre = x + width / 2, y + height / 2
    return _polygon((x, centre), (middle, y), (right, centre), (middle, low))


def _hexagon(x: float, y: float, width: float, height: float) -> str:
    c, right, low, centre = _CORNER, x + width, y + height, y + height / 2
    return _polygon(
        (x + c, y), (right - c, y), (right, centre), (right - c, low), (x + c, low), (x, centre)
    )


def _ellipse(x: float, y: float, width: float, height: float) -> str:
    rx, ry = width / 2, height / 2
    arc = f"a{_n(rx)} {_n(ry)} 0 1 1"
    return f"M{_n(x)} {_n(y + ry)}{arc} {_n(width)} 0{arc} {_n(-width)} 0Z"


def _cylinder(x: float, y: float, width: float, height: float) -> str:
    rx, ry = width / 2, 5.0
    side = height - 2 * ry
    lid = f"a{_n(rx)} {ry} 0 0"
    return (
        f"M{_n(x)} {_n(y + ry)}{lid} 1 {_n(width)} 0v{_n(side)}{lid} 1 {_n(-width)} 0v{_n(-side)}Z"
        f"M{_n(x)} {_n(y + ry)}{lid} 0 {_n(width)} 0"
    )


_PATHS: Mapping[str, Callable[[float, float, float, float], str]] = MappingProxyType(
    {
        "box": _rounded,
        "pill": _pill,
        "octagon": _octagon,
        "parallelogram": _parallelogram,
        "diamond": _diamond,
        "hexagon": _hexagon,
        "ellipse": _ellipse,
        "cylinder": _cylinder,
    }
)
