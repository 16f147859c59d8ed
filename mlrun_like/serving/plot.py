"""Pictures of graphs: SVG for notebooks and pages, Mermaid for Markdown; nothing to install."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mlrun_like.errors import InvalidArgumentError, MissingDependencyError
from mlrun_like.registry import require
from mlrun_like.serving.definition.lookup import local_name
from mlrun_like.serving.drawing.mermaid import mermaid
from mlrun_like.serving.drawing.node import Network, Node
from mlrun_like.serving.drawing.svg import draw

__all__ = ["Picture", "Plottable", "plot_graph"]

_ENDINGS = {
    "svg": "svg",
    "html": "html",
    "htm": "html",
    "mmd": "mermaid",
    "mermaid": "mermaid",
    "md": "markdown",
    "markdown": "markdown",
    "png": "png",
    "pdf": "pdf",
}
_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="color-scheme" content="light dark"><title>graph</title></head>\n'
    "<body>\n{}</body></html>\n"
)


class Plottable(Protocol):
    """What a picture reads of a step; `routes`, `before`, `shape`, `class_name` may be missing."""

    name: str
    kind: str
    responder: bool
    function: str
    on_error: str

    @property
    def after(self) -> Sequence[str]:
        """The steps before it."""


class Picture:
    """A drawn graph: shown by notebooks, and as text in `.svg` and `.mermaid`.

    Args:
        network: The boxes and arrows.
        down: Whether the flow runs from top to bottom.

    >>> picture = Picture(Network.of([Node("a")]))
    >>> str(picture) == picture.mermaid, picture.svg[:5]
    (True, '<svg ')
    """

    def __init__(self, network: Network, *, down: bool = False) -> None:
        self._network = network
        self._down = down

    @property
    def svg(self) -> str:
        """The picture as an SVG document."""
        return draw(self._network, down=self._down)

    @property
    def mermaid(self) -> str:
        """The picture as Mermaid text."""
        return mermaid(self._network, down=self._down)

    def __str__(self) -> str:
        return self.mermaid

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg}</div>'

    def write(self, filename: str | Path, format: str | None = None) -> Path:
        """Write the picture to a file and return the file's path.

        PNG and PDF need the package cairosvg. Without it the SVG is written next to the name that
        was asked for, with a warning: a missing picture should not stop a program.

        Args:
            filename: Its ending chooses the format: .svg, .html, .mmd, .md, .png or .pdf; without
                an ending the format's is added.
            format: One of these endings, without the point, when the name has none or another.

        Raises:
            InvalidArgumentError: if the format is none of these.
        """
        path = Path(filename)
        wanted = (format or path.suffix or "svg").lower().lstrip(".")
        kind = _ENDINGS.get(wanted)
        if kind is None:
            raise InvalidArgumentError(
                f"a graph cannot be drawn as {wanted!r:.40}",
                where=str(filename),
                fix="use .svg, .html, .mmd or .md (or .png or .pdf: pip install cairosvg)",
            )
        if not path.suffix:
            path = path.with_name(f"{path.name}.{wanted}")
        if kind in ("png", "pdf"):
            return self._convert(path, kind)
        text = {
            "svg": lambda: self.svg,
            "html": lambda: _PAGE.format(self.svg),
            "mermaid": lambda: self.mermaid + "\n",
            "markdown": lambda: f"```mermaid\n{self.mermaid}\n```\n",
        }[kind]()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _convert(self, path: Path, kind: str) -> Path:
        try:
            cairosvg = require("cairosvg", feature=f"a graph as {kind.upper()}")
        except (MissingDependencyError, OSError) as exc:  # OSError: cairo's own library is missing
            other = self.write(path.with_suffix(".svg"))
            warnings.warn(f"wrote {other} instead of {path.name}: {exc}", stacklevel=4)
            return other
        path.parent.mkdir(parents=True, exist_ok=True)
        convert = cairosvg.svg2png if kind == "png" else cairosvg.svg2pdf
        extra: dict[str, Any] = {"background_color": "white", "scale": 2} if kind == "png" else {}
        convert(bytestring=self.svg.encode(), write_to=str(path), **extra)
        return path


def plot_graph(
    steps: Iterable[Plottable | Node],
    *,
    on_error: str = "",
    source: str = "start",
    rankdir: str = "LR",
    filename: str | Path | None = None,
    format: str | None = None,
) -> Picture:
    """Draw steps; a graph with mistakes (cycles, unknown names) is drawn as it is.

    Args:
        steps: The steps of a graph, or nodes.
        on_error: The step that receives errors of all steps without a handler.
        source: The word at the place where events come in; empty: no mark.
        rankdir: `"LR"`: from left to right, `"TB"`: from top to bottom.
        filename: Also write the picture here; see `Picture.write`.
        format: The format, when the name's ending does not say it.

    Raises:
        InvalidArgumentError: if the direction or format is unknown, or two steps have one name.

    >>> print(plot_graph([Node("a"), Node("b", after=["a"], on_error="c"), Node("c")]))
    flowchart LR
        n0["a"]
        n1["b"]
        n2["c"]
        n0 --> n1
        n1 -. error .-> n2
    """
    if rankdir not in ("LR", "TB"):
        raise InvalidArgumentError(
            f"rankdir cannot be {rankdir!r}", fix='use "LR" (to the right) or "TB" (down)'
        )
    nodes = [step if isinstance(step, Node) else _node(step) for step in steps]
    picture = Picture(Network.of(nodes, source=source, on_error=on_error), down=rankdir == "TB")
    if filename is not None or format is not None:
        picture.write(filename or "graph", format)
    return picture


def _node(step: Plottable) -> Node:
    called = getattr(step, "class_name", "") or getattr(step, "handler", "")
    note = local_name(called) if called else ""
    back = tuple(getattr(step, "cycle_from", ()))
    return Node(
        name=step.name,
        kind=step.kind,
        after=tuple(name for name in step.after if name not in back),
        back=back,
        routes=tuple(_routes(step)),
        responder=step.responder,
        function="" if step.function == "*" else step.function,
        on_error=step.on_error,
        before=tuple(getattr(step, "before", ())),
        note="" if note.lower() == step.name.lower() else note,
        shape=getattr(step, "shape", ""),
    )


def _routes(router: Any, above: str = "") -> Iterator[str]:
    """The names of a router's routes, and of those of routers among them: `ensemble/first`."""
    routes: Any = getattr(router, "routes", ())
    for name in routes:
        yield above + name
        if isinstance(routes, Mapping):
            yield from _routes(routes[name], f"{above}{name}/")
