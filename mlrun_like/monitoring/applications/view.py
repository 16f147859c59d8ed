"""What an application may know of an endpoint, read once for all its windows, and a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from mlrun_like.monitoring.applications.histograms import ReferenceHistograms, padded
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.monitoring.recording.reading import EventCounts
from mlrun_like.types import Document

__all__ = ["EndpointView", "Window"]


class EndpointView:
    """An endpoint with what is made from it on demand.

    Args:
        endpoint: Its document.
        stats: Statistics of a reference instead of those of training.
    """

    def __init__(self, endpoint: ModelEndpoint, stats: Document | None = None) -> None:
        self.endpoint = endpoint
        self.made: dict[Any, Any] = {}
        """What applications keep for the endpoint's next windows in the same pass."""
        self._stats = stats

    @cached_property
    def feature_stats(self) -> Document:
        """Training's statistics, with padded histograms; empty if there are none."""
        given = self.endpoint.status.feature_stats if self._stats is None else self._stats
        return padded(given) if isinstance(given, dict) else {}

    @cached_property
    def histograms(self) -> ReferenceHistograms:
        """The bins of those statistics."""
        return ReferenceHistograms(self.feature_stats)

    @cached_property
    def features(self) -> list[str]:
        """Names of the model's inputs: as it declares them, else those with statistics."""
        if self.endpoint.spec.feature_names:
            return list(self.endpoint.spec.feature_names)
        return [name for name in self.feature_stats if name not in self.labels]

    @cached_property
    def labels(self) -> list[str]:
        """Names of its predictions."""
        return list(self.endpoint.spec.label_names)

    @property
    def last_request(self) -> Any:
        """ISO text of its last request, or None."""
        return self.endpoint.status.last_request


class Window(NamedTuple):
    """A span of time [start, end), in seconds since 1970, and how to get its events.

    `rows` is how many events it has; `counts` gives the histograms of the answered events over an
    endpoint's bins, and `column` a column as an array (None: there is no such column), if there is
    a quicker way than by the frame. `counted` counts all requests, if some of them are not among
    the events: those that sampling left out, or that did not fit into memory.
    """

    start: float
    end: float
    rows: int
    frame: Callable[[], pd.DataFrame]
    counts: Callable[[ReferenceHistograms], Mapping[str, Any]] | None = None
    column: Callable[[str], Any] | None = None
    counted: Callable[[], EventCounts] | None = None
