"""Projects, secrets, pipelines, schedules, endpoints and alerts under MLRun's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import (
    labels_of,
    plain,
    project_of,
    several,
    text_of,
)
from mlrun_like.errors import ConflictError, EngineError
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore

__all__ = ["ProjectCalls"]

_PIPELINES = "mlrun_like.projects.pipeline_runs:"
_ALERTS = "mlrun_like.monitoring.alerts."
_ENDPOINTS = "mlrun_like.monitoring.endpoints.records:"


class ProjectCalls:
    """What `RunDB` does with projects and what belongs to them."""

    store: FullStore

    def list_projects(
        self, owner: str | None = None, format_: Any = "name_only", labels: Any = None,
        state: Any = None,
    ) -> list[Any]:  # fmt: skip
        """Projects: their names, or with `format_="full"` the projects themselves."""
        wanted = labels_of(labels)
        found = []
        for item in self.store.list_projects():
            meta, spec = item.get("metadata") or {}, item.get("spec") or {}
            own = meta.get("labels") or {}
            fits = all(key in own and value in (None, own[key]) for key, value in wanted.items())
            if fits and owner in (None, "", spec.get("owner")):
                found.append(item)
        del state
        if text_of(format_) == "name_only":
            return [str(item["metadata"]["name"]) for item in found]
        return [_project(item) for item in found]

    def get_project(self, name: str) -> Any:
        """A project.

        Raises:
            NotFoundError: if there is none.
        """
        return _project(dict(self.store.read_project(name)))

    def store_project(self, name: str, project: Any) -> Any:
        """Record a project."""
        document = plain(project)
        document["metadata"] = {**(document.get("metadata") or {}), "name": name}
        self.store.store_project(document)
        return _project(document)

    def create_project(self, project: Any) -> Any:
        """Record a new project.

        Raises:
            ConflictError: if there is one of that name.
        """
        document = plain(project)
        name = document["metadata"]["name"]
        if self.store.list_projects(name):
            raise ConflictError(f"there is a project {name!r} already", fix="store_project(...)")
        return self.store_project(name, document)

    def patch_project(self, name: str, project: Mapping[str, Any], patch_mode: Any = None) -> Any:
        """Change parts of a project."""
        del patch_mode
        document = dict(self.store.read_project(name))
        _merge(document, project)
        return self.store_project(name, document)

    def delete_project(self, name: str, deletion_strategy: Any = "restrict") -> None:
        """Delete a project, with all of its records if the strategy is `cascade`."""
        strategy = {"restricted": "restrict", "cascading": "cascade"}.get(
            text_of(deletion_strategy), text_of(deletion_strategy)
        )
        delete = resolve("mlrun_like.projects.deleting:delete_project")
        delete(name, strategy or "restrict", missing_ok=True, store=self.store)

    # secrets

    def create_project_secrets(
        self, project: str, provider: Any = "", secrets: Mapping[str, str] | None = None
    ) -> None:
        """Add secrets to a project."""
        _secrets(provider).write(project, dict(secrets or {}))

    def delete_project_secrets(
        self, project: str, provider: Any = "", secrets: Sequence[str] | None = None
    ) -> None:
        """Remove secrets of a project; by default all."""
        kept = _secrets(provider)
        names = list(kept.read(project)) if secrets is None else secrets
        kept.write(project, dict.fromkeys(names))

    def list_project_secret_keys(
        self, project: str, provider: Any = "", token: str | None = None
    ) -> Any:
        """The names of a project's secrets."""
        del token
        data = resolve("mlrun_like.compat.adapted.common.schemas:SecretKeysData")
        return data(provider="kubernetes", secret_keys=sorted(_secrets(provider).read(project)))

    # pipelines and schedules

    def list_pipelines(self, project: str, **filters: Any) -> tuple[int, str | None, list[Any]]:
        """Runs of pipelines: how many, no token, and the runs."""
        call: Callable[..., tuple[int, None, list[Any]]] = resolve(f"{_PIPELINES}list_pipelines")
        return call(project_of(project), **filters)

    def get_pipeline(self, run_id: str, namespace: str | None = None, timeout: int = 30,
                     format_: Any = None, project: str | None = None) -> Any:  # fmt: skip
        """A pipeline's run and its steps."""
        del namespace, timeout, format_
        return resolve(f"{_PIPELINES}get_pipeline")(run_id, project_of(project))

    def list_schedules(self, project: str = "", name: str | None = None, **others: Any) -> Any:
        """Schedules, in the form of MLRun's answer: `.schedules`."""
        del others
        place = "" if project == "*" else project_of(project)
        found = self.store.list_schedules(place, name or "")
        return SimpleNamespace(schedules=[_schedule(item) for item in found])

    def get_schedule(self, project: str, name: str, **others: Any) -> Any:
        """One schedule."""
        del others
        return _schedule(self.store.read_schedule(project_of(project), name))

    # monitoring

    def list_model_endpoints(self, project: str, names: Any = None, **filters: Any) -> Any:
        """Endpoints of served models, in the form of MLRun's answer: `.endpoints`."""
        model, function = filters.get("model_name") or "", filters.get("function_name") or ""
        found = resolve(f"{_ENDPOINTS}list_model_endpoints")(
            project_of(project), model, function, filters.get("labels"),
            filters.get("start"), filters.get("end"),
            bool(filters.get("top_level")), filters.get("uids"),
        )  # fmt: skip
        wanted = several(names)
        kept = [item for item in found if not wanted or item.metadata.name in wanted]
        return SimpleNamespace(endpoints=kept)

    def store_alert_config(
        self, alert_name: str, alert_data: Any, project: str = "", force_reset: bool = False
    ) -> Any:
        """Store an alert."""
        return resolve(f"{_ALERTS}configs:store_alert_config")(
            alert_name, alert_data, project_of(project), force_reset
        )

    def get_alert_config(self, alert_name: str, project: str = "") -> Any:
        """An alert."""
        return resolve(f"{_ALERTS}configs:get_alert_config")(alert_name, project_of(project))

    def list_alerts_configs(
        self, project: str = "", limit: int | None = None, offset: int | None = None
    ) -> list[Any]:
        """All alerts of a project."""
        found: list[Any] = resolve(f"{_ALERTS}configs:list_alerts_configs")(project_of(project))
        return found[offset or 0 :][: limit or None]

    def delete_alert_config(self, alert_name: str, project: str = "") -> None:
        """Delete an alert."""
        resolve(f"{_ALERTS}configs:delete_alert_config")(alert_name, project_of(project))

    def reset_alert_config(self, alert_name: str, project: str = "") -> None:
        """Make an alert ready to go off again."""
        resolve(f"{_ALERTS}configs:reset_alert_config")(alert_name, project_of(project))

    def generate_event(self, name: str, event_data: Any, project: str = "") -> None:
        """Tell of something that alerts may wait for."""
        resolve(f"{_ALERTS}events:generate_event")(name, event_data, project_of(project))

    def list_alert_templates(self) -> list[Any]:
        """Ready-made alerts."""
        found: list[Any] = resolve(f"{_ALERTS}templates:list_alert_templates")()
        return found

    def get_alert_template(self, template_name: str) -> Any:
        """A ready-made alert."""
        return resolve(f"{_ALERTS}templates:get_alert_template")(template_name)

    # what only a cluster has

    def store_api_gateway(self, api_gateway: Any, project: str | None = None) -> Any:
        """Refused, as all of a gateway of Nuclio.

        Raises:
            EngineError: in any case.
        """
        raise _gateway(f"store {api_gateway!r:.60} of {project!r}")

    def list_api_gateways(self, project: str | None = None) -> Any:
        """Refused; see `store_api_gateway`."""
        raise _gateway(f"list those of {project!r}")

    def get_api_gateway(self, name: str, project: str | None = None) -> Any:
        """Refused; see `store_api_gateway`."""
        raise _gateway(f"get {name!r} of {project!r}")

    def delete_api_gateway(self, name: str, project: str | None = None) -> None:
        """Refused; see `store_api_gateway`."""
        raise _gateway(f"delete {name!r} of {project!r}")


def _gateway(what: str) -> EngineError:
    return EngineError(
        f"there are no API gateways of Nuclio here: cannot {what}",
        fix="deployed functions have routes and keys in the local gateway: mlrun-like up",
    )


def _schedule(document: Mapping[str, Any]) -> Any:
    meta, spec = document.get("metadata") or {}, document.get("spec") or {}
    return SimpleNamespace(
        name=meta.get("name"), project=meta.get("project"), kind="job",
        labels=meta.get("labels") or {}, cron_trigger=spec.get("cron"), spec=spec,
        status=document.get("status") or {},
    )  # fmt: skip


def _project(document: Mapping[str, Any]) -> Any:
    return resolve("mlrun_like.projects.project:MlrunProject").from_dict(dict(document))


def _secrets(provider: Any) -> Any:
    return resolve("mlrun_like.projects.secrets:provider_of")(text_of(provider))


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        present = into.get(name)
        if isinstance(value, Mapping) and isinstance(present, dict):
            _merge(present, value)
        else:
            into[name] = value
