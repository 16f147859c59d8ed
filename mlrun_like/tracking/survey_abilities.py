"""What a store can tell about everything at once: counts for dashboards, without documents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = [
    "ActivationCount",
    "BatchNumbers",
    "EndpointRow",
    "RequestCount",
    "RunCount",
    "SurveyStore",
]


class EndpointRow(NamedTuple):
    """An endpoint without its document; times are seconds since 1970. Types: 1 node, 2 router,
    3 model of a router."""

    project: str
    uid: str
    name: str
    function: str
    model: str
    mode: str
    type: int
    created: float
    requests: int
    errors: int
    dropped: int
    first_request: float | None
    last_request: float | None
    state: str
    is_active: bool


class RunCount(NamedTuple):
    """Runs of a project, kind and state: how many, and the seconds that those which ended took."""

    project: str
    kind: str
    state: str
    runs: int
    ended: int
    seconds: float


class ActivationCount(NamedTuple):
    """How many incidents of a project, severity and state there are."""

    project: str
    severity: str
    state: str
    incidents: int


class RequestCount(NamedTuple):
    """Requests of an endpoint whose batch ended within `step` seconds from `time`."""

    endpoint: str
    time: float
    requests: float
    errors: float


class BatchNumbers(NamedTuple):
    """The small numbers of one batch of events."""

    project: str
    endpoint: str
    first: float
    last: float
    summary: Mapping[str, Any]


class SurveyStore(ABC):
    """Counts over many records, each made by one query. Project `"*"` or empty: all."""

    @abstractmethod
    def survey_endpoints(self, project: str = "") -> list[EndpointRow]:
        """All endpoints by project and name."""

    @abstractmethod
    def count_runs(self, project: str = "", since: float | None = None) -> list[RunCount]:
        """Runs without iterations, by project, kind and state.

        Args:
            project: Only of this project.
            since: Only those that started at or after this time, in seconds since 1970.
        """

    @abstractmethod
    def count_activations(self, project: str = "") -> list[ActivationCount]:
        """Incidents by project, severity and state."""

    @abstractmethod
    def count_requests(
        self, project: str, start: float, end: float, step: float, endpoint: str = ""
    ) -> list[RequestCount]:
        """Requests and errors over time, by endpoint.

        Args:
            project: The project.
            start: From then, in seconds since 1970.
            end: Until then.
            step: Seconds that are counted together; times are `start` plus whole steps.
            endpoint: Only this endpoint's uid.
        """

    @abstractmethod
    def batch_numbers(self, project: str, since: float, limit: int) -> list[BatchNumbers]:
        """Of the batches of events that ended at or after a time, the newest so many."""
