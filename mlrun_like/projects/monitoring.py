"""What a project says of its monitoring: the period, applications, endpoints, credentials.

MLRun deploys functions into a cluster. Here nothing has to be deployed: the settings are written
into the store, and the monitoring that runs beside `serve`, beside the gateway or as
`mlrun-like monitor run` follows them at its next pass.
"""

from __future__ import annotations

import logging
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.projects.applications import ProjectApplications
from mlrun_like.registry import resolve

__all__ = ["ProjectMonitoring"]

_LOG = logging.getLogger(__name__)
_SECRETS = {
    "access_key": "MODEL_MONITORING_ACCESS_KEY",
    "endpoint_store_connection": "MODEL_MONITORING_ENDPOINT_STORE_CONNECTION",
    "stream_path": "STREAM_PATH",
    "tsdb_connection": "TSDB_CONNECTION",
    "tsdb_profile_name": "TSDB_PROFILE_NAME",
    "stream_profile_name": "STREAM_PROFILE_NAME",
}
_FORMS = {
    "endpoint_store_connection": ("v3io", "mysql+pymysql://", "sqlite://", "postgresql"),
    "stream_path": ("v3io", "kafka://"),
    "tsdb_connection": ("v3io", "taosws://"),
}
_HISTOGRAM_APPLICATION = "histogram-data-drift"
_MANY_REQUESTS = 10  # minutes; MLRun's default
_REGISTERING = "mlrun_like.monitoring.applications.registering"


class ProjectMonitoring(ProjectApplications):
    """The part of a project that watches its models."""

    def enable_model_monitoring(
        self,
        default_controller_image: str = "mlrun/mlrun",
        base_period: int = 10,
        image: str = "mlrun/mlrun",
        *,
        deploy_histogram_data_drift_app: bool = True,
        wait_for_deployment: bool = False,
        rebuild_images: bool = False,
        fetch_credentials_from_sys_config: bool = False,
        default_applications: list[str] | None = None,
    ) -> None:
        """Watch the project's model endpoints from now on.

        Default applications: `histogram-data-drift` (MLRun's), `data-drift` (each feature),
        `service-performance` and, where ground truth arrives, `model-quality`.

        Args:
            default_controller_image: MLRun's; there is no image to choose here.
            base_period: Minutes of a window. Short ones need many requests a minute.
            image: MLRun's, as above.
            deploy_histogram_data_drift_app: Use the default applications.
            wait_for_deployment: MLRun's; there is nothing to wait for.
            rebuild_images: MLRun's.
            fetch_credentials_from_sys_config: MLRun's; the tracking store needs no more.
            default_applications: Which of the default applications; None: all.

        Raises:
            InvalidArgumentError: if the period is no whole number from 1, or a name is unknown.
        """
        del default_controller_image, image, wait_for_deployment, rebuild_images
        del fetch_credentials_from_sys_config
        self._set_period(base_period, "enable_model_monitoring")
        self.spec.monitoring["enabled"] = True
        self.spec.monitoring["histogram_data_drift"] = bool(deploy_histogram_data_drift_app)
        self.spec.monitoring.pop("default_applications", None)
        if default_applications is not None:
            self.spec.monitoring["default_applications"] = list(default_applications)
        self._enable()

    def update_model_monitoring_controller(
        self,
        base_period: int = 10,
        image: str = "mlrun/mlrun",
        *,
        wait_for_deployment: bool = False,
    ) -> None:
        """Set how long a window is.

        Args:
            base_period: Minutes.
            image: MLRun's; there is nothing to choose here.
            wait_for_deployment: MLRun's.

        Raises:
            NotFoundError: if monitoring is not enabled.
            InvalidArgumentError: if the period is no whole number of minutes from 1.
        """
        del image, wait_for_deployment
        self._require_enabled("update_model_monitoring_controller")
        self._set_period(base_period, "update_model_monitoring_controller")
        self._enable()

    def disable_model_monitoring(
        self,
        *,
        delete_resources: bool = True,
        delete_stream_function: bool = False,
        delete_histogram_data_drift_app: bool = True,
        delete_user_applications: bool = False,
        user_application_list: list[str] | None = None,
    ) -> None:
        """Stop watching; what was recorded and found stays.

        Args:
            delete_resources: Stop the controller: no application is called any more.
            delete_stream_function: Stop recording requests, too.
            delete_histogram_data_drift_app: Take the default applications away.
            delete_user_applications: Take other applications away.
            user_application_list: Which of them; None: all.

        Raises:
            InvalidArgumentError: if applications are listed that shall not be deleted.
        """
        if user_application_list and not delete_user_applications:
            raise InvalidArgumentError(
                "user_application_list can be specified only if delete_user_applications is True",
                where=f"disable_model_monitoring of project {self.name!r}",
                fix=f"delete_user_applications=True, user_application_list={user_application_list}",
            )
        defaults = list(resolve(f"{_REGISTERING}:DEFAULT_APPLICATIONS"))
        if delete_user_applications:
            deployed = [document["metadata"]["name"] for document in self._deployed()]
            others = [name for name in deployed if name not in defaults]
            self._undeploy(user_application_list or others)
        if delete_histogram_data_drift_app:
            self.spec.monitoring["histogram_data_drift"] = False
            self._undeploy(defaults)
        if delete_resources:
            self.spec.monitoring["enabled"] = False
            disable = resolve(f"{_REGISTERING}:disable")
            disable(self.name, delete_histogram_data_drift_app=False)
        if delete_stream_function:
            switch = resolve("mlrun_like.monitoring.endpoints.records:set_monitoring_mode")
            switch(self.name, "disabled")
        _LOG.info("project %s: model monitoring is disabled", self.name)

    def deploy_histogram_data_drift_app(
        self,
        *,
        image: str = "mlrun/mlrun",
        db: Any = None,
        wait_for_deployment: bool = False,
    ) -> None:
        """Use the application that compares histograms, if it was left out before.

        Args:
            image: MLRun's, as the others; there is nothing to choose here.
            db: MLRun's.
            wait_for_deployment: MLRun's.
        """
        del image, db, wait_for_deployment
        self._require_enabled("deploy_histogram_data_drift_app")
        held = self.spec.monitoring
        others = held.get("default_applications") if held.get("histogram_data_drift", True) else []
        if others is not None:
            held["default_applications"] = sorted({*others, _HISTOGRAM_APPLICATION})
        held["histogram_data_drift"] = True
        register = resolve(f"{_REGISTERING}:register_application")
        register(self.name, _HISTOGRAM_APPLICATION, "HistogramDataDriftApplication")
        self._enable()

    # -- endpoints and credentials ---------------------------------------------------------------

    def list_model_endpoints(
        self,
        model: str | None = None,
        function: str | None = None,
        labels: Any = None,
        start: Any = "now-1h",
        end: Any = "now",
        top_level: bool = False,
        uids: list[str] | None = None,
    ) -> list[Any]:
        """The project's model endpoints.

        Args:
            model: Only of this model.
            function: Only of this function.
            labels: Only with these labels.
            start: Only those that answered since; MLRun's default stands for all.
            end: Only those that answered before; MLRun's default stands for all.
            top_level: Only routers and models without a router.
            uids: Only these.
        """
        found: list[Any] = resolve("mlrun_like.monitoring.endpoints.records:list_model_endpoints")(
            self.name,
            model or "",
            function or "",
            labels,
            None if start == "now-1h" else start,
            None if end == "now" else end,
            top_level,
            uids,
        )
        return found

    def set_model_monitoring_credentials(
        self,
        access_key: str | None = None,
        endpoint_store_connection: str | None = None,
        stream_path: str | None = None,
        tsdb_connection: str | None = None,
        replace_creds: bool = False,
        tsdb_profile_name: str | None = None,
        stream_profile_name: str | None = None,
    ) -> None:
        """Keep MLRun's connections as secrets of the project.

        Nothing here needs them: endpoints, events and results are in the tracking store. They are
        checked and kept, so that a project's code runs unchanged, and MLRun finds them.

        Args:
            access_key: Of the platform.
            endpoint_store_connection: `v3io`, `mysql+pymysql://...` or `sqlite://...`.
            stream_path: `v3io` or `kafka://host:port`, without a topic.
            tsdb_connection: `v3io` or `taosws://user:password@host:port`.
            replace_creds: Replace what was set before.
            tsdb_profile_name, stream_profile_name: Datastore profiles in place of connections.

        Raises:
            InvalidArgumentError: if a connection is of an unknown form.
            ConflictError: if they were set before, and shall not be replaced.
        """
        given = {word: value for word, value in locals().items() if word in _SECRETS}
        values = {_SECRETS[word]: value for word, value in given.items() if value is not None}
        for word, forms in _FORMS.items():
            value = given[word]
            if value is not None and not value.startswith(forms):
                raise InvalidArgumentError(
                    f"{word} {value.partition('://')[0]!r:.40} is of an unknown form",
                    where=f"project {self.name!r}",
                    fix=f"it begins with one of: {', '.join(forms)}",
                )
        if stream_path and stream_path.startswith("kafka://") and "?" in stream_path:
            raise InvalidArgumentError(
                "stream_path names a topic; MLRun chooses the topic itself",
                fix="kafka://<broker>:<port>",
            )
        before = self.secrets()
        held = [name for name in values if name in before and before[name] != values[name]]
        if held and not replace_creds:
            raise ConflictError(
                f"{held[0]} of project {self.name!r} is set already, to another value",
                fix="set_model_monitoring_credentials(..., replace_creds=True)",
            )
        self.set_secrets(values)

    # -- what the document says, in the store ----------------------------------------------------

    def sync_model_monitoring(self) -> None:
        """Bring the store to what the project's document says: settings, applications, alerts.

        `load_project` does it with a document that was written elsewhere.
        """
        if self.spec.monitoring.get("enabled"):
            self._enable()
        for row in self._monitoring_rows():
            if row.get("deployed"):
                self._of_row(row).deploy()
        self.sync_alerts()

    def _enable(self) -> None:
        held = self.spec.monitoring
        resolve(f"{_REGISTERING}:enable")(
            self.name,
            held.get("base_period", 10),
            deploy_histogram_data_drift_app=held.get("histogram_data_drift", True),
            applications=held.get("default_applications"),
        )

    def _require_enabled(self, call: str) -> None:
        if not self.spec.monitoring.get("enabled"):
            raise NotFoundError(
                "model monitoring of the project is not enabled",
                where=f"{call} of project {self.name!r}",
                fix="project.enable_model_monitoring()",
            )

    def _set_period(self, base_period: int, call: str) -> None:
        if type(base_period) is not int or base_period < 1:
            raise InvalidArgumentError(
                f"base_period {base_period!r:.40} is no whole number of minutes from 1",
                where=f"{call} of project {self.name!r}",
                fix="base_period=10",
            )
        if base_period < _MANY_REQUESTS:
            text = "%s: windows of %d minutes may hold few requests; then verdicts are uncertain"
            _LOG.warning(text, call, base_period)
        self.spec.monitoring["base_period"] = base_period
