"""A store that can do everything: what the SDK, the commands and the service work with."""

from __future__ import annotations

from mlrun_like.tracking.abilities import (
    DocumentStore,
    ModelStore,
    ProjectStore,
    ScheduleStore,
    WorkflowStore,
)
from mlrun_like.tracking.alert_abilities import AlertStore, HappeningStore
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.forgetting import ForgettingStore
from mlrun_like.tracking.listing_abilities import ListingStore
from mlrun_like.tracking.monitoring_abilities import EndpointStore, SeriesStore
from mlrun_like.tracking.sampling import SamplingStore
from mlrun_like.tracking.survey_abilities import SurveyStore
from mlrun_like.tracking.window_abilities import WindowStore

__all__ = ["FullStore"]


class FullStore(
    ScheduleStore,
    WorkflowStore,
    ProjectStore,
    ModelStore,
    DocumentStore,
    HappeningStore,
    AlertStore,
    EndpointStore,
    SeriesStore,
    WindowStore,
    SurveyStore,
    ListingStore,
    SamplingStore,
    ForgettingStore,
    Store,
):
    """All abilities behind one connection."""

    shown: str
    """Its address without secrets."""
