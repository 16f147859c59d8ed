"""Figures as artifacts: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

from mlrun_like import registry
from mlrun_like.artifacts.base import Artifact
from mlrun_like.errors import InvalidArgumentError

__all__ = ["BokehArtifact", "PlotArtifact", "PlotlyArtifact", "figure_artifact"]

_PNG = b"\x89PNG\r\n\x1a\n"


class PlotArtifact(Artifact):
    """A matplotlib figure or a PNG image, kept as an HTML page.

    Args:
        key: Its name.
        body: A figure (anything with `savefig`) or the bytes of a PNG.
        is_inline: Keep the page in the record.
        target_path: Where it is or shall be.
        title: The page's title.
        kwargs: As for Artifact.

    >>> PlotArtifact("loss", body=b"\\x89PNG\\r\\n\\x1a\\n", title="a < b").get_body()[:50]
    '<!DOCTYPE html><html><head><meta charset="utf-8"><'
    """

    kind = "plot"

    def __init__(
        self,
        key: str = "",
        body: Any = None,
        is_inline: bool = False,
        target_path: str = "",
        title: str = "",
        **kwargs: Any,
    ) -> None:
        page = None if body is None else _page(_png(key, body), title or key)
        super().__init__(key, page, "chart", is_inline, "html", target_path=target_path, **kwargs)


def _png(key: str, body: Any) -> bytes:
    figure = getattr(body, "figure", body) if not hasattr(body, "savefig") else body
    if hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
    if isinstance(body, (bytes, bytearray)) and bytes(body[:8]) == _PNG:
        return bytes(body)
    raise InvalidArgumentError(
        f"plot {key!r} cannot be made from a {type(body).__name__}",
        fix="give a matplotlib figure or the bytes of a PNG",
    )


def _page(png: bytes, title: str) -> str:
    image = base64.b64encode(png).decode()
    name = html.escape(title)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{name}</title></head>'
        f'<body><h3>{name}</h3><img title="{name}" src="data:image/png;base64,{image}">'
        "</body></html>"
    )


class PlotlyArtifact(Artifact):
    """A plotly figure, kept as an interactive HTML page.

    Args:
        figure: The figure.
        key: Its name.
        target_path: Where it is or shall be.
        kwargs: As for Artifact.

    Raises:
        MissingDependencyError: if plotly is not installed.
        InvalidArgumentError: if `figure` is no plotly figure.
    """

    kind = "plotly"

    def __init__(
        self, figure: Any = None, key: str = "", target_path: str = "", **kwargs: Any
    ) -> None:
        if isinstance(figure, str) and not isinstance(key, str):
            figure, key = key, figure
        page = None
        if figure is not None:
            registry.require("plotly", feature="PlotlyArtifact")
            if not hasattr(figure, "to_html"):
                raise InvalidArgumentError(
                    f"plotly artifact {key!r} cannot be made from a {type(figure).__name__}",
                    fix="give a plotly.graph_objects.Figure",
                )
            page = figure.to_html(full_html=True, include_plotlyjs=True)
        super().__init__(key, page, "plotly", format="html", target_path=target_path, **kwargs)


class BokehArtifact(Artifact):
    """A bokeh figure, kept as an interactive HTML page.

    Args:
        figure: The figure.
        key: Its name.
        target_path: Where it is or shall be.
        kwargs: As for Artifact.

    Raises:
        MissingDependencyError: if bokeh is not installed.
    """

    kind = "bokeh"

    def __init__(
        self, figure: Any = None, key: str = "", target_path: str = "", **kwargs: Any
    ) -> None:
        page = None
        if figure is not None:
            embed = registry.require("bokeh.embed", feature="BokehArtifact")
            resources = registry.require("bokeh.resources", feature="BokehArtifact")
            page = embed.file_html(figure, resources.INLINE, key)
        super().__init__(key, page, "bokeh", format="html", target_path=target_path, **kwargs)


def figure_artifact(key: str, body: Any) -> Artifact | None:
    """The artifact of a body that is a figure of a known package, else None."""
    root = type(body).__module__.partition(".")[0]
    if root in ("matplotlib", "seaborn") and (
        hasattr(body, "savefig") or hasattr(getattr(body, "figure", None), "savefig")
    ):
        return PlotArtifact(key, body)
    if root == "plotly" and hasattr(body, "to_html"):
        return PlotlyArtifact(body, key)
    if root == "bokeh":
        return BokehArtifact(body, key)
    return None
