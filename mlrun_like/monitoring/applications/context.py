"""What `do_tracking` gets: one window of one endpoint, and ways to record what it finds."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.artifact import Artifact, DatasetArtifact, ModelArtifact
from mlrun_like.artifacts.manager import ArtifactManager, Producer, expand_artifact_path
from mlrun_like.artifacts.models import get_model
from mlrun_like.artifacts.stores import join_url
from mlrun_like.configuration import config
from mlrun_like.monitoring.applications.histograms import shares_of, statistics_of
from mlrun_like.monitoring.applications.view import EndpointView, Window
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.monitoring.recording.reading import EventCounts
from mlrun_like.registry import resolve
from mlrun_like.runs.logger import Logger
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["MonitoringApplicationContext"]


class MonitoringApplicationContext:
    """One window of one endpoint.

    Args:
        application_name: The application.
        project_name: The project.
        view: The endpoint.
        window: The span and its events.
        store: Where artifacts are recorded; None: the configured store.
        logger: Where messages go; None: a logger of the level of the settings.

    Attributes are MLRun's; `feature_stats` and `sample_df_stats` have histograms padded with an
    outer bin on each side. Ours besides: `reference_shares` and `sample_shares` (histograms as
    arrays, much cheaper than tables), `window` and `view`.
    """

    def __init__(
        self,
        application_name: str,
        project_name: str,
        view: EndpointView,
        window: Window,
        *,
        store: Store | None = None,
        logger: Logger | None = None,
    ) -> None:
        self.application_name = application_name
        self.project_name = project_name
        self.view = view
        self.window = window
        self.output_stream_uri = ""
        self.logged: list[Artifact] = []
        """Artifacts that were logged here."""
        self._store = store
        self._logger = logger
        self._manager: ArtifactManager | None = None

    # the window

    @cached_property
    def start_infer_time(self) -> pd.Timestamp:
        """Start of the window."""
        return pd.Timestamp(self.window.start, unit="s", tz="UTC")

    @cached_property
    def end_infer_time(self) -> pd.Timestamp:
        """End of the window; events at it belong to the next."""
        return pd.Timestamp(self.window.end, unit="s", tz="UTC")

    @cached_property
    def latest_request(self) -> pd.Timestamp:
        """The endpoint's last request; the window's end if it is not known."""
        found = pd.Timestamp(self.view.last_request or self.end_infer_time)
        return found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")

    @cached_property
    def events(self) -> pd.DataFrame:
        """All events of the window, failed ones too, with `timestamp`, `status`, `latency_us`."""
        return self.window.frame()

    @cached_property
    def sample_df(self) -> pd.DataFrame:
        """The window's events that were answered: inputs, predictions, `timestamp` and more."""
        frame = self.events
        if "status" not in frame.columns or not len(frame):
            return frame
        failed = (frame["status"].to_numpy() == "error").astype(bool)
        return frame[~failed] if failed.any() else frame

    @property
    def rows(self) -> int:
        """How many events the window has, failed ones too."""
        return self.window.rows

    @cached_property
    def counted(self) -> EventCounts | None:
        """Counts and latencies of all requests, if `events` are a sample of them; else None."""
        return self.window.counted() if self.window.counted is not None else None

    def column(self, name: str) -> Any:
        """A column of `events` as an array; much cheaper than the table. None: there is none."""
        if self.window.column is not None:
            return self.window.column(name)
        return self.events[name].to_numpy() if name in self.events.columns else None

    @cached_property
    def answered(self) -> int:
        """How many events were answered."""
        status = self.column("status")
        return self.rows if status is None else int((status != "error").sum())

    @cached_property
    def sketches(self) -> Any:
        """Merged statistics of all requests of the window, of those too that sampling left out: a
        `FeatureSketches`; None if there are none."""
        read = resolve("mlrun_like.monitoring.recording.reading:read_sketches")
        reference = self.feature_stats or None
        span = (self.window.start, self.window.end)
        return read(self.project_name, self.endpoint_id, *span, reference=reference)

    @cached_property
    def sample_df_stats(self) -> Document:
        """Statistics of the window's inputs and predictions."""
        frame = self.sample_df
        wanted = [*self.view.feature_stats, *self.view.features, *self.view.labels]
        names = [name for name in dict.fromkeys(wanted) if name in frame.columns]
        return statistics_of(frame[names], self.view.histograms, self.sample_counts)

    @cached_property
    def sample_counts(self) -> Mapping[str, Any]:
        """Histograms of the window as counts, by feature, over the bins of training."""
        reference, quick = self.view.histograms, self.window.counts
        return reference.counts(self.sample_df) if quick is None else quick(reference)

    @property
    def sample_shares(self) -> dict[str, Any]:
        """The same as shares."""
        return {name: shares_of(counts) for name, counts in self.sample_counts.items()}

    # the endpoint

    @property
    def model_endpoint(self) -> ModelEndpoint:
        """The endpoint."""
        return self.view.endpoint

    @property
    def endpoint_id(self) -> str:
        """Its uid."""
        return self.view.endpoint.metadata.uid

    @property
    def endpoint_name(self) -> str:
        """Its name."""
        return self.view.endpoint.metadata.name

    @property
    def feature_stats(self) -> Document:
        """Statistics of the training data; empty if there are none."""
        return self.view.feature_stats

    @property
    def reference_shares(self) -> dict[str, Any]:
        """Histograms of training as shares, by feature."""
        return self.view.histograms.shares

    @property
    def feature_names(self) -> list[str]:
        """The model's inputs."""
        return self.view.features

    @property
    def label_names(self) -> list[str]:
        """The model's predictions."""
        return self.view.labels

    @cached_property
    def model(self) -> tuple[str, ModelArtifact | None, dict[str, Any]]:
        """The model's file, its artifact, its further files."""
        return get_model(self.model_endpoint.spec.model_uri, store=self.store)

    @cached_property
    def project(self) -> Any:
        """The project; loaded when first asked for."""
        load = resolve("mlrun_like.projects.loading:get_or_create_project")
        return load(self.project_name)

    # recording

    @property
    def store(self) -> Store:
        """Where artifacts are recorded."""
        if self._store is None:
            self._store = open_store()
        return self._store

    @property
    def logger(self) -> Logger:
        """Messages: `logger.info("text", key=value)`."""
        if self._logger is None:
            self._logger = Logger(config.log_level)
        return self._logger

    nuclio_logger = logger

    @staticmethod
    def dict_to_histogram(histogram_dict: Mapping[str, Any]) -> pd.DataFrame:
        """Histograms of feature statistics as a table of shares, a column a feature.

        >>> MonitoringApplicationContext.dict_to_histogram(
        ...     {"x": {"count": 4, "hist": [[1, 3], [0, 1, 2]]}, "name": {"count": 4}}
        ... )["x"].tolist()
        [0.25, 0.75]
        """
        found = {}
        for name, stats in histogram_dict.items():
            if "hist" in stats:
                counts = np.asarray(stats["hist"][0], dtype="float64")
                count = stats.get("count") or counts.sum()
                found[name] = pd.Series(counts / count if count else counts)
        return pd.DataFrame(found)

    def log_artifact(self, item: Any, body: Any = None, tag: str = "", **options: Any) -> Artifact:
        """Record something, labelled with endpoint and application; see
        `ArtifactManager.log_artifact`."""
        options["labels"] = self._labelled(options.get("labels"))
        options.setdefault("db_key", item.key if isinstance(item, Artifact) else item)
        return self._kept(self._artifacts().log_artifact(item, body, tag=tag, **options))

    def log_dataset(self, key: str, df: Any, tag: str = "", **options: Any) -> DatasetArtifact:
        """Record a table, labelled likewise; see `ArtifactManager.log_dataset`."""
        options["labels"] = self._labelled(options.get("labels"))
        options.setdefault("db_key", key)
        made = self._artifacts().log_dataset(key, df, tag=tag, **options)
        self._kept(made)
        return made

    def log_model(
        self, key: str, body: Any = None, framework: str = "", tag: str = "", **options: Any
    ) -> ModelArtifact:
        """Record a model, labelled likewise; see `ArtifactManager.log_model`."""
        options["labels"] = self._labelled(options.get("labels"))
        options.setdefault("db_key", key)
        made = self._artifacts().log_model(key, body, framework, tag=tag, **options)
        self._kept(made)
        return made

    def _labelled(self, labels: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            **(labels or {}),
            "mlrun/runner-pod": socket.gethostname(),
            "mlrun/producer-type": "model-monitoring-app",
            "mlrun/app-name": self.application_name,
            "mlrun/endpoint-id": self.endpoint_id,
        }

    def _artifacts(self) -> ArtifactManager:
        if self._manager is None:
            # from the window, so that a window that is done again makes the same versions
            place = f"{self.project_name}/{self.endpoint_id}/{self.application_name}"
            tree = hashlib.sha1(
                f"{place}/{self.window.start!r}".encode(), usedforsecurity=False
            ).hexdigest()
            base = config.artifact_path or str(config.path("artifacts", self.project_name))
            self._manager = ArtifactManager(
                self.store,
                Producer(
                    kind="model-monitoring-app",
                    name=self.application_name,
                    uri=place,
                    project=self.project_name,
                    tree=tree,
                    # each window in a folder of its own: keys are the same in all of them
                    artifact_path=join_url(
                        expand_artifact_path(base, self.project_name, tree),
                        "monitoring",
                        self.endpoint_id,
                        self.application_name,
                        tree[:16],
                    ),
                ),
            )
        return self._manager

    def _kept(self, artifact: Artifact) -> Artifact:
        self.logged.append(artifact)
        return artifact
