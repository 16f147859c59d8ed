"""Packers of figures: matplotlib and plotly figures become plot artifacts."""

from __future__ import annotations

from typing import Any, ClassVar

from mlrun_like.artifacts.artifact import PlotArtifact, PlotlyArtifact
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Packed

__all__ = ["PACKERS", "MatplotlibPackager", "PlotlyPackager"]


class _FigurePackager(Packer):
    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.PLOT
    LIBRARY: ClassVar[str]
    NAMES: ClassVar[frozenset[str]]

    def is_type(self, kind: Any) -> bool:
        """By name, so that the library need not be installed to know its figures."""
        return any(
            base.__name__ in self.NAMES and base.__module__.partition(".")[0] == self.LIBRARY
            for base in getattr(kind, "__mro__", ())
        )


class MatplotlibPackager(_FigurePackager):
    """matplotlib's Figure, or the figure of an Axes (what seaborn returns): a plot."""

    LIBRARY = "matplotlib"
    NAMES = frozenset({"Figure", "Axes"})

    def pack_plot(self, obj: Any, key: str, title: str = "") -> tuple[Any, dict[str, Any]]:
        """Log a page with the picture."""
        figure = obj if hasattr(obj, "savefig") else obj.figure
        return Packed("log_artifact", PlotArtifact(key, body=figure, title=title or key), {}), {}


class PlotlyPackager(_FigurePackager):
    """plotly's figures: an interactive plot."""

    LIBRARY = "plotly"
    NAMES = frozenset({"BaseFigure"})

    def pack_plot(self, obj: Any, key: str) -> tuple[Any, dict[str, Any]]:
        """Log an interactive page."""
        return Packed("log_artifact", PlotlyArtifact(figure=obj, key=key), {}), {}


PACKERS: tuple[type[Packer], ...] = (MatplotlibPackager, PlotlyPackager)
