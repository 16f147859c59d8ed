"""Pages of long lists: the seam.

A page begins after the position of the last row of the page before, so deep pages cost what the
first one costs, and rows that are added meanwhile move none twice into view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.types import Document

__all__ = ["ARTIFACT_SORTS", "RUN_SORTS", "ListPage", "ListingStore"]

RUN_SORTS = ("started", "updated", "duration", "name", "state")
ARTIFACT_SORTS = ("updated", "key")


@dataclass(frozen=True)
class ListPage:
    """Some rows of a list.

    Args:
        items: Documents, or what the asked form has.
        after: The position of the last one, for the next page's query; empty: there are no more.
        positions: The position of each.
    """

    items: list[Document]
    after: tuple[Any, ...] = ()
    positions: tuple[tuple[Any, ...], ...] = ()


class ListingStore(ABC):
    """Lists by the page."""

    @abstractmethod
    def page_runs(self, query: RunQuery, form: str = "full") -> ListPage:
        """The query's next `limit` runs (at least 1) in its order.

        Args:
            query: Which, and after what. By state: the newest first within each; by duration:
                those that go on come last.
            form: `full`: documents; `columns`: without the document's body: project, uid,
                iteration, name, state, function, kind, labels, and started, updated, ended,
                duration in seconds.

        Raises:
            InvalidArgumentError: if the order or the position is not known.
        """

    @abstractmethod
    def page_artifacts(self, query: ArtifactQuery) -> ListPage:
        """The query's next `limit` artifacts in its order; raises as `page_runs`."""
