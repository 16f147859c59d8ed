"""A graph whose boxes have states and are links: pipelines, serving graphs, lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlrun_like.drawing.arrows import TIP, curve, head
from mlrun_like.drawing.layout import Box, Layout, arrange
from mlrun_like.drawing.looks import colour
from mlrun_like.drawing.markup import Html, text
from mlrun_like.drawing.shapes import outline, shape_of
from mlrun_like.drawing.svg import INK, LINE, MUTED
from mlrun_like.drawing.text import shortened, width

__all__ = ["Link", "Part", "network"]

_MARGIN = 12.0
_WIDEST = 230.0  # of a text
_LEAST = 96.0  # width of a box
_MOST = 600  # boxes; more are no picture any more
_FONT = "font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums"
_CARD = "var(--card,#f6f8fa)"


@dataclass(frozen=True)
class Part:
    """A box.

    Args:
        id: Unique in the picture.
        label: What it is called.
        note: A second line, such as its state in words and how long it took.
        level: Colour of its outline: "ok", "warn", "bad" or "none"; empty: as a link.
        href: Where it leads; empty: nowhere.
        group: Name of the frame it stands in; empty: none.
        kind: Decides the shape: `task`, `router`, `queue`, `start`.
        hint: What is said of it when it is pointed at; empty: label and note.
        is_running: Whether it moves.
        is_chosen: Whether it is the one that is looked at.
        attributes: Further attributes of its link, such as `hx-get`.
    """

    id: str
    label: str
    note: str = ""
    level: str = ""
    href: str = ""
    group: str = ""
    kind: str = "task"
    hint: str = ""
    is_running: bool = False
    is_chosen: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """An arrow between two boxes, by their ids; `words` stand at it when it is pointed at."""

    source: str
    target: str
    words: str = ""
    is_dashed: bool = False


def network(
    parts: Sequence[Part], links: Iterable[Link], *, title: str = "graph", down: bool = False
) -> Html:
    """The picture. Arrows to boxes that do not exist are left out.

    Args:
        parts: The boxes; at most 600 are drawn.
        links: The arrows.
        title: What it shows.
        down: Whether it flows from top to bottom instead of left to right.

    >>> one = network([Part("a", "<a>", href="?a=1"), Part("b", "b")], [Link("a", "b")])
    >>> one.count("<path"), "&lt;a&gt;" in one, one.count("<a ")
    (3, True, 1)
    >>> network([], [])
    ''
    """
    drawn = list({part.id: part for part in parts}.values())[:_MOST]
    if not drawn:
        return Html()
    numbers = {part.id: number for number, part in enumerate(drawn)}
    arrows = list(
        {
            (link.source, link.target): link
            for link in links
            if link.source in numbers and link.target in numbers and link.source != link.target
        }.values()
    )
    sizes = [_size(part) for part in drawn]
    boxes = [
        Box(high if down else wide, wide if down else high, part.group)
        for part, (wide, high) in zip(drawn, sizes, strict=True)
    ]
    layout = arrange(boxes, [(numbers[link.source], numbers[link.target]) for link in arrows])
    wide, high = layout.length + 2 * _MARGIN, layout.breadth + 2 * _MARGIN
    if down:
        wide, high = high, wide
    body = [
        *_frames(layout, down),
        *(
            _arrow(link, boxes[numbers[link.source]], boxes[numbers[link.target]], bends, down)
            for link, bends in zip(arrows, layout.bends, strict=True)
        ),
        *(
            _box(part, (box.v, box.u) if down else (box.u, box.v), size)
            for part, box, size in zip(drawn, boxes, sizes, strict=True)
        ),
    ]
    if len(parts) > len(drawn):
        title = f"{title}; {len(parts) - len(drawn)} boxes are left out"
    # With links inside it is a group: what is within an image cannot be reached.
    role = "group" if any(part.href for part in drawn) else "img"
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net" role="{role}" '
        f'aria-label="{text(title)}" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {wide:.1f} {high:.1f}" style="{_FONT}">'
        f"{''.join(body)}</svg>"
    )


def _size(part: Part) -> tuple[float, float]:
    if part.kind == "start":
        return width(part.label, 11.5) + 28, 26.0
    wide = max(
        width(shortened(part.label, 13, _WIDEST), 14.6) + 30,
        width(shortened(part.note, 11, _WIDEST), 11.4) + 28,
        _LEAST,
    )
    return wide, 50.0 if part.note else 38.0


def _frames(layout: Layout, down: bool) -> list[str]:
    found = []
    for frame in layout.frames:
        x, y, right, low = frame.u0, frame.v0, frame.u1, frame.v1
        if down:
            x, y, right, low = y, x, low, right
        found.append(
            f'<g><title>{text(frame.group)}</title><rect x="{x:.1f}" y="{y:.1f}" rx="9" '
            f'width="{right - x:.1f}" height="{low - y:.1f}" '
            f'style="fill:{LINE};fill-opacity:.25;stroke:{LINE}"/>'
            f'<text x="{x + 11:.1f}" y="{y + 16:.1f}" font-size="11" font-weight="600" '
            f'style="fill:{MUTED}">{text(shortened(frame.group, 11, right - x - 20))}</text></g>'
        )
    return found


def _arrow(
    link: Link,
    source: Box,
    target: Box,
    bends: Sequence[tuple[float, float, float]],
    down: bool,
) -> str:
    sign = 1.0 if target.u > source.u else -1.0
    points = [(source.u + sign * source.length / 2, source.v)]
    for first, last, v in bends:
        points += [(first, v), (last, v)] if sign > 0 else [(last, v), (first, v)]
    tip = target.u - sign * target.length / 2
    points.append((tip - sign * TIP, target.v))
    dashes = ";stroke-dasharray:5 4" if link.is_dashed else ""
    hint = f"<title>{text(link.words)}</title>" if link.words else ""
    return (
        f'<g>{hint}<path d="{curve(points, down)}" '
        f'style="fill:none;stroke:{MUTED};stroke-width:1.5{dashes}"/>'
        f'<polygon points="{head(tip, target.v, sign, down)}" style="fill:{MUTED}"/></g>'
    )


def _box(part: Part, place: tuple[float, float], size: tuple[float, float]) -> str:
    (middle, centre), (wide, high) = place, size
    x, y = middle - wide / 2, centre - high / 2
    tone = colour(part.level) if part.level else "var(--c0,#2f6fb0)"
    is_start = part.kind == "start"
    thick = 2.6 if part.is_chosen else 1.5
    shape = outline(shape_of(part.kind), x, y, wide, high)
    fill = MUTED if is_start else _CARD
    name = shortened(part.label, 13, _WIDEST)
    base = centre + (4.0 if is_start else 4.5 if not part.note else -3)
    kind = "part" + " running" * part.is_running + " chosen" * part.is_chosen
    ink = "var(--paper,#fff)" if is_start else INK
    words = [
        f"<title>{text(part.hint or f'{part.label}. {part.note}'.removesuffix('. '))}</title>",
        f'<path class="box" d="{shape}" '
        f'style="fill:{fill};stroke:{"none" if is_start else tone};stroke-width:{thick}"/>',
        f'<text x="{middle:.1f}" y="{base:.1f}" text-anchor="middle" font-weight="600" '
        f'font-size="{11.5 if is_start else 13}" style="fill:{ink}">{text(name)}</text>',
    ]
    if part.note and not is_start:
        tint = tone if part.level not in ("", "none") else MUTED
        note = text(shortened(part.note, 11, _WIDEST))
        words.append(
            f'<text x="{middle:.1f}" y="{base + 17:.1f}" text-anchor="middle" font-size="11" '
            f'style="fill:{tint}">{note}</text>'
        )
    inside = "".join(words)
    if not part.href:
        return f'<g class="{kind}">{inside}</g>'
    more = "".join(f' {key}="{text(value)}"' for key, value in part.attributes.items())
    label = text(f"{part.label}, {part.note}" if part.note else part.label)
    current = ' aria-current="true"' if part.is_chosen else ""
    opening = f'<a href="{text(part.href)}" aria-label="{label}" class="{kind}"{current}{more}>'
    return f"{opening}{inside}</a>"
