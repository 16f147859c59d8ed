"""Alerts of a project, with MLRun's calls; they stand in its document, too."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.images import ProjectImages
from mlrun_like.registry import resolve

__all__ = ["ProjectAlerts"]

_LOG = logging.getLogger(__name__)
_CONFIGS = "mlrun_like.monitoring.alerts.configs"
_INCIDENTS = "mlrun_like.monitoring.alerts.incidents"
_TEMPLATES = "mlrun_like.monitoring.alerts.templates"
_OF_STORE = ("id", "state", "created", "updated", "count")
"""Fields that the store fills: no part of a project's document."""


class ProjectAlerts(ProjectImages):
    """The part of a project that raises alerts."""

    def store_alert_config(
        self, alert_data: Any, alert_name: str | None = None, force_reset: bool = False
    ) -> Any:
        """Store an alert of the project, or change the one of this name.

        Args:
            alert_data: An AlertConfig, or its fields.
            alert_name: Its name; by default the one in `alert_data`.
            force_reset: Let it go off again, even if the change would not.

        Returns:
            The alert as it was stored.

        Raises:
            InvalidArgumentError: if there is no data, or the definition cannot be used.
        """
        if not alert_data:
            raise InvalidArgumentError(
                "Alert data must be provided",
                where=f"store_alert_config of project {self.name!r}",
                fix="project.store_alert_config(AlertConfig(...))",
            )
        config = _config(alert_data)
        if config.project and config.project != self.name:
            _LOG.warning(
                "alert %s is of project %s; it is stored in %s",
                config.name,
                config.project,
                self.name,
            )
        config.project = self.name
        store = resolve(f"{_CONFIGS}:store_alert_config")
        stored = store(alert_name or config.name, config, self.name, force_reset)
        row = {
            key: value for key, value in stored.to_dict().items() if key not in _OF_STORE and value
        }
        self._keep_alert(stored.name, row)
        return stored

    def get_alert_config(self, alert_name: str) -> Any:
        """An alert of the project. Raises NotFoundError."""
        return resolve(f"{_CONFIGS}:get_alert_config")(alert_name, self.name)

    def list_alerts_configs(self, limit: int | None = None, offset: int | None = None) -> list[Any]:
        """The alerts of the project, by name.

        Args:
            limit: At most so many; None: all.
            offset: Leave out so many first.
        """
        found: list[Any] = resolve(f"{_CONFIGS}:list_alerts_configs")(self.name)
        first = offset or 0
        return found[first : None if limit is None else first + limit]

    def delete_alert_config(self, alert_data: Any = None, alert_name: str | None = None) -> None:
        """Delete an alert; its history stays.

        Args:
            alert_data: The alert; or
            alert_name: its name.

        Raises:
            InvalidArgumentError: if neither is given, or they contradict each other.
        """
        name = self._alert_name(alert_data, alert_name)
        resolve(f"{_CONFIGS}:delete_alert_config")(name, self.name)
        self._keep_alert(name, None)

    def reset_alert_config(self, alert_data: Any = None, alert_name: str | None = None) -> None:
        """Let an alert go off again.

        Args:
            alert_data: The alert; or
            alert_name: its name.

        Raises:
            InvalidArgumentError: if neither is given, or they contradict each other.
            NotFoundError: if there is none of that name.
        """
        name = self._alert_name(alert_data, alert_name)
        resolve(f"{_CONFIGS}:reset_alert_config")(name, self.name)

    def list_alert_activations(
        self,
        name: str | None = None,
        since: Any = None,
        until: Any = None,
        entity: str | None = None,
        severity: Any = None,
        entity_kind: Any = None,
        event_kind: Any = None,
    ) -> Any:
        """Incidents of the project's alerts, newest first; they have `group_by`, `aggregate_by`.

        Args:
            name: Of this alert; `*` and `?` stand for anything, and so does a `~` before a part.
            since: That began then or later.
            until: That began then or earlier.
            entity: About this entity; as `name`.
            severity: Of one of these severities.
            entity_kind: About this kind of entity.
            event_kind: Because of this kind of event.
        """
        words = [severity] if isinstance(severity, str) else list(severity or ())
        found = resolve(f"{_INCIDENTS}:list_activations")(
            self.name, "", since, until, severity=[str(one) for one in words]
        )
        wanted = {"entity_kind": entity_kind, "event_kind": event_kind}
        return type(found)(
            one
            for one in found
            if _fits(one.name, name)
            and _fits(one.entity_id, entity)
            and all(value in (None, getattr(one, key)) for key, value in wanted.items())
        )

    def get_alert_activation(self, activation_id: int) -> Any:
        """An incident by its number. Raises NotFoundError."""
        return resolve(f"{_INCIDENTS}:get_activation")(activation_id, self.name)

    def get_alert_template(self, template_name: str) -> Any:
        """A template of alerts. Raises NotFoundError."""
        return resolve(f"{_TEMPLATES}:get_alert_template")(template_name)

    def list_alert_templates(self) -> list[Any]:
        """The templates of alerts."""
        found: list[Any] = resolve(f"{_TEMPLATES}:list_alert_templates")()
        return found

    def create_model_monitoring_alert_configs(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str,
        summary: str,
        endpoints: Sequence[Any],
        events: Any,
        notifications: Sequence[Any],
        result_names: Sequence[str] | None = None,
        severity: Any = "medium",
        criteria: Any = None,
        reset_policy: Any = "auto",
    ) -> list[Any]:
        """One alert for each result of model endpoints; they are not stored yet.

        Args:
            name: How their names begin.
            summary: What they say.
            endpoints: The endpoints, as of `list_model_endpoints`.
            events: A kind of event, or several.
            notifications: Who is told.
            result_names: Patterns `application.result`, or full names
                `endpoint.application.result.name`; by default all results there are.
            severity: `low`, `medium` or `high`.
            criteria: How many events are needed.
            reset_policy: `auto` or `manual`.
        """
        wanted = list(result_names or ["*.*"])
        full = [one for one in wanted if one.count(".") == 3 and "*" not in one]
        found = [*full, *(one for one in self._results(endpoints, wanted) if one not in full)]
        if not found:
            warnings.warn(
                "no alert was made: there are no such results yet; give a result's full name",
                stacklevel=2,
            )
        make = resolve("mlrun_like.monitoring.alerts.definition:AlertConfig")
        kinds = list(events) if isinstance(events, (list, tuple)) else [events]
        return [
            make(
                project=self.name,
                name=f"{name}--{one.replace('.', '-').replace('_', '-')}",
                summary=summary,
                severity=severity,
                entities={"kind": "model-endpoint-result", "project": self.name, "ids": [one]},
                trigger={"events": kinds},
                criteria=criteria,
                notifications=notifications,
                reset_policy=reset_policy,
            )
            for one in found
        ]

    def _results(self, endpoints: Sequence[Any], wanted: Sequence[str]) -> list[str]:
        store = resolve("mlrun_like.tracking.connect:open_store")()
        found = []
        for endpoint in endpoints:
            uid = endpoint.metadata.uid
            for row in store.latest_results(self.name, uid):
                short = f"{row.application}.{row.name}"
                if row.type == "result" and any(fnmatchcase(short, one) for one in wanted):
                    found.append(f"{uid}.{row.application}.result.{row.name}")
        return found

    def sync_alerts(self) -> None:
        """Store the alerts of the project's document that the store has not, or has otherwise."""
        alerts = self.spec.monitoring.get("alerts") or ()
        held = {one.name: one.to_dict() for one in self.list_alerts_configs()} if alerts else {}
        for row in alerts:
            before = held.get(str(row.get("name")), {})
            if any(before.get(key) != value for key, value in row.items()):
                self.store_alert_config(row)

    def _keep_alert(self, name: str, row: Mapping[str, Any] | None) -> None:
        rows = self.spec.monitoring.get("alerts") or ()
        kept = [each for each in rows if each.get("name") != name]
        self.spec.monitoring["alerts"] = [*kept, *([dict(row)] if row is not None else [])]

    def _alert_name(self, alert_data: Any, alert_name: str | None) -> str:
        own = str(_config(alert_data).name) if alert_data is not None else ""
        if not (own or alert_name):
            raise InvalidArgumentError(
                "at least one of alert_data and alert_name must be given",
                where=f"project {self.name!r}",
            )
        if own and alert_name and own != alert_name:
            raise InvalidArgumentError(
                f"alert_data is of alert {own!r}, and alert_name is {alert_name!r}",
                where=f"project {self.name!r}",
            )
        return alert_name or own


def _fits(text: str, pattern: str | None) -> bool:
    """Whether a name is one, fits a pattern, or (after `~`, without case) has a part."""
    if pattern and pattern.startswith("~"):
        return pattern[1:].lower() in text.lower()
    return not pattern or fnmatchcase(text, pattern)


def _config(given: Any) -> Any:
    """An AlertConfig of one or of its fields."""
    kind = resolve("mlrun_like.monitoring.alerts.definition:AlertConfig")
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(
            f"an alert is an AlertConfig or a mapping of its fields, not {given!r:.80}"
        )
    return kind.from_dict(dict(given))
