"""What watches the endpoints of a project, under the names of MLRun's client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from mlrun_like.compat.adapted.client.run_db_absent import absent
from mlrun_like.compat.adapted.client.run_db_values import (
    ask,
    has_labels,
    labels_of,
    project_of,
    several,
    tell_ignored,
)
from mlrun_like.errors import NotFoundError
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.meant import using_store

__all__ = ["WatchingCalls"]

_SCHEMAS = "mlrun_like.compat.adapted.common.schemas:"
_APPLICATIONS = "mlrun_like.monitoring.applications.registering:"


class WatchingCalls:
    """What `RunDB` does with a project's monitoring."""

    store: FullStore

    def enable_model_monitoring(
        self, project: str, base_period: int = 10, image: str | None = None,
        deploy_histogram_data_drift_app: bool = True, lag_threshold: int | None = None,
        lag_event_cooldown: int | None = None, otlp_enabled: bool = False,
    ) -> None:  # fmt: skip
        """Watch a project's endpoints; lags and OTLP are MLRun's, and told once."""
        del image
        lags = {"lag_threshold": lag_threshold, "lag_event_cooldown": lag_event_cooldown}
        tell_ignored("enable_model_monitoring", {**lags, "otlp_enabled": otlp_enabled})
        self._change(
            project, "enable_model_monitoring", base_period=base_period,
            deploy_histogram_data_drift_app=deploy_histogram_data_drift_app,
        )  # fmt: skip

    def update_model_monitoring_controller(
        self, project: str, base_period: int = 10, image: str | None = None
    ) -> None:
        """Set how many minutes a window has."""
        del image
        self._change(project, "update_model_monitoring_controller", base_period)

    def disable_model_monitoring(
        self, project: str, delete_resources: bool = True, delete_stream_function: bool = False,
        delete_histogram_data_drift_app: bool = True, delete_user_applications: bool = False,
        user_application_list: list[str] | None = None,
    ) -> bool:  # fmt: skip
        """Stop watching, as `project.disable_model_monitoring`; True: it is done."""
        self._change(
            project, "disable_model_monitoring", delete_resources=delete_resources,
            delete_stream_function=delete_stream_function,
            delete_histogram_data_drift_app=delete_histogram_data_drift_app,
            delete_user_applications=delete_user_applications,
            user_application_list=user_application_list,
        )  # fmt: skip
        return True

    def delete_model_monitoring_function(self, project: str, functions: list[str]) -> bool:
        """End applications; True: all of them were there."""
        try:
            self._change(project, "delete_model_monitoring_function", functions)
        except NotFoundError:
            return False
        return True

    def set_model_monitoring_credentials(
        self, project: str, credentials: Mapping[str, str | None], replace_creds: bool = False
    ) -> None:
        """Keep MLRun's connections as secrets of the project, as its own method."""
        method = "set_model_monitoring_credentials"
        self._change(project, method, **credentials, replace_creds=replace_creds)

    def delete_model_monitoring_metrics(
        self, project: str, application_name: str, endpoint_ids: list[str] | None = None
    ) -> None:
        """Delete what an application found, of all endpoints.

        Raises:
            MissingSymbolError: for some endpoints only.
        """
        if endpoint_ids:
            raise absent("delete_model_monitoring_metrics(endpoint_ids=...)")
        self.store.forget_application(project_of(project), application_name)

    def get_model_monitoring_url(self, project: str) -> None:
        """None: requests are recorded where they are served, not sent to an address."""

    def get_monitoring_function_summaries(
        self, project: str, start: Any = None, end: Any = None, names: Any = None,
        labels: Any = None, include_stats: bool = False, include_infra: bool = True,
    ) -> list[Any]:  # fmt: skip
        """The project's applications; there are no functions of an infrastructure."""
        del start, end, include_stats, include_infra
        wanted, pairs = several(names), labels_of(labels)
        found = ask(self.store, f"{_APPLICATIONS}list_applications", project_of(project))
        return [
            _summary(item)
            for item in found
            if (not wanted or item["metadata"]["name"] in wanted) and has_labels(item, pairs)
        ]

    def get_monitoring_function_summary(
        self, project: str, function_name: str, start: Any = None, end: Any = None,
        include_latest_metrics: bool = False,
    ) -> Any:  # fmt: skip
        """One application of a project."""
        del start, end, include_latest_metrics
        return _summary(
            ask(self.store, f"{_APPLICATIONS}get_application", project_of(project), function_name)
        )

    def _change(self, project: str, method: str, *values: Any, **named: Any) -> None:
        place = project_of(project)
        with using_store(self.store):
            made = resolve("mlrun_like.projects.project:MlrunProject")
            found = made.from_dict(dict(self.store.read_project(place)))
            try:
                getattr(found, method)(*values, **named)
            finally:
                self.store.store_project(found.to_dict())


def _summary(document: Mapping[str, Any]) -> Any:
    meta, spec = document["metadata"], document.get("spec") or {}
    updated = meta.get("updated") or meta.get("created") or datetime.now(timezone.utc)
    return resolve(f"{_SCHEMAS}FunctionSummary")(
        type="application", name=meta["name"], project_name=meta["project"], updated_time=updated,
        application_class=str(spec.get("class_name") or ""),
        base_period=None, stats={},
    )  # fmt: skip
