"""Alerts, their activations and events under the names of MLRun's client."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.client.run_db_lists import Pages
from mlrun_like.compat.adapted.client.run_db_values import ask, project_of, several, text_of
from mlrun_like.tracking.full import FullStore

__all__ = ["AlertCalls"]

_ALERTS = "mlrun_like.monitoring.alerts."


class AlertCalls:
    """What `RunDB` does with alerts."""

    store: FullStore
    pages: Pages

    def store_alert_config(
        self, alert_name: str, alert_data: Any, project: str = "", force_reset: bool = False
    ) -> Any:
        """Store an alert."""
        return ask(
            self.store,
            f"{_ALERTS}configs:store_alert_config",
            alert_name,
            alert_data,
            project_of(project),
            force_reset,
        )

    def get_alert_config(self, alert_name: str, project: str = "") -> Any:
        """An alert."""
        return ask(
            self.store, f"{_ALERTS}configs:get_alert_config", alert_name, project_of(project)
        )

    def list_alerts_configs(
        self, project: str = "", limit: int | None = None, offset: int | None = None
    ) -> list[Any]:
        """All alerts of a project."""
        found: list[Any] = ask(
            self.store, f"{_ALERTS}configs:list_alerts_configs", project_of(project)
        )
        return found[offset or 0 :][: limit or None]

    def delete_alert_config(self, alert_name: str, project: str = "") -> None:
        """Delete an alert."""
        ask(self.store, f"{_ALERTS}configs:delete_alert_config", alert_name, project_of(project))

    def reset_alert_config(self, alert_name: str, project: str = "") -> None:
        """Make an alert ready to go off again."""
        ask(self.store, f"{_ALERTS}configs:reset_alert_config", alert_name, project_of(project))

    def generate_event(self, name: str, event_data: Any, project: str = "") -> None:
        """Tell of something that alerts may wait for."""
        ask(self.store, f"{_ALERTS}events:generate_event", name, event_data, project_of(project))

    def list_alert_templates(self) -> list[Any]:
        """Ready-made alerts."""
        found: list[Any] = ask(self.store, f"{_ALERTS}templates:list_alert_templates")
        return found

    def get_alert_template(self, template_name: str) -> Any:
        """A ready-made alert."""
        return ask(self.store, f"{_ALERTS}templates:get_alert_template", template_name)

    def list_alert_activations(
        self, project: str | None = None, name: str | None = None, since: Any = None,
        until: Any = None, entity: str | None = None, severity: Any = None,
        entity_kind: Any = None, event_kind: Any = None,
    ) -> Any:  # fmt: skip
        """Incidents, newest first.

        Args:
            project: The project; by default all, as in MLRun.
            name: Of this alert, or `~part`.
            since: That began then or later.
            until: That began then or before.
            entity: About this entity, or `~part`.
            severity: Of one of these severities.
            entity_kind: About this kind of entity.
            event_kind: Of this kind of event.
        """
        severities = [text_of(each) for each in several(severity)]
        found = ask(
            self.store, f"{_ALERTS}incidents:list_activations", project or "*", "", since, until,
            "", severities,
        )  # fmt: skip
        kept = [
            one
            for one in found
            if _fits(one.name, name)
            and _fits(one.entity_id, entity)
            and text_of(entity_kind) in ("", text_of(one.entity_kind))
            and text_of(event_kind) in ("", text_of(one.event_kind))
        ]
        return type(found)(kept)

    def paginated_list_alert_activations(
        self, *args: Any, **filters: Any
    ) -> tuple[Any, str | None]:
        """A page of incidents, and the token of the next one; None: there is none.

        Args:
            args: As for `list_alert_activations`.
            filters: The same, with `page`, `page_size` (by default 200) and `page_token`.
        """
        return self.pages.page(self.list_alert_activations, args, filters)

    def get_alert_activation(self, project: str, activation_id: int) -> Any:
        """One incident.

        Raises:
            NotFoundError: if there is none.
        """
        call = f"{_ALERTS}incidents:get_activation"
        return ask(self.store, call, int(activation_id), project_of(project))


def _fits(text: str, wanted: str | None) -> bool:
    if wanted and wanted.startswith("~"):
        return wanted[1:].lower() in text.lower()
    return wanted in (None, "", text)
