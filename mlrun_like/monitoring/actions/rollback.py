"""An action that rolls back: the model's alias, and the traffic of its deployed function."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, ConflictError, MLRunLikeError, NotFoundError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.claims import ActionRecord
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.actions.outcome import Outcome
from mlrun_like.names import parse_function_uri
from mlrun_like.promotion.registry import find_version, model_store
from mlrun_like.promotion.rollback import rollback
from mlrun_like.promotion.stages import CHAMPION
from mlrun_like.registry import resolve
from mlrun_like.tracking.abilities import ModelVersion

__all__ = ["roll_back", "rolled_back"]


def roll_back(action: Action, incident: Incident, record: ActionRecord, store: Any) -> Outcome:
    """Give the model's alias back to the version before, and the traffic to the release before.

    Args:
        action: `model` (by default that of the endpoint), `alias` (by default `champion`),
            `function` (by default that of the endpoint) and `traffic` (False: leave it).
        incident: What started it.
        record: The claim; its key stands in the audit trail.
        store: The tracking store.

    Returns:
        `completed` if the alias moved, or the traffic, and nothing failed.
    """
    model, function = _subjects(action, incident)
    links: dict[str, Any] = {}
    said: list[str] = []
    failed = False
    if model:
        try:
            links |= _alias(action, model, incident, record, store)
            said.append(f"{links['model']} is {links['alias']} again instead of {links['before']}")
        except MLRunLikeError as exc:
            failed = True
            said.append(f"the alias stays: {exc.what}")
    if action.options.get("traffic", True) and function:
        try:
            moved = _traffic(function)
        except MLRunLikeError as exc:
            failed = failed or not isinstance(exc, ConflictError)
            said.append(f"the traffic stays: {exc.what}")
        else:
            if moved:
                links |= {"function": function, "traffic": moved}
                said.append(f"the traffic of {function} is back at the release before")
    if not said:
        return Outcome("failed", "neither a model nor a deployed function is known to roll back")
    nothing = failed or not links  # one release only: there is none before it
    return Outcome("failed" if nothing else "completed", "; ".join(said), links)


def rolled_back(action: Action, incident: Incident, record: ActionRecord, store: Any) -> Outcome:
    """Find out whether a roll-back that was interrupted had its effect: the audit trail knows."""
    model, _ = _subjects(action, incident)
    if model:
        version = find_version(model, project=incident.project, store=store)
        for event in model_store(store).model_events(version.project, version.key):
            if event.action == "rollback" and record.key in str(event.body.get("why")):
                links = {"model": f"{version.key}:{event.number}", "alias": event.body["alias"]}
                text = "the alias was rolled back; whether the traffic was is not known"
                return Outcome("completed", text, links)
    return Outcome("lost", "it was interrupted before the alias moved; it is not tried again")


def _subjects(action: Action, incident: Incident) -> tuple[str, str]:
    """The model and the deployed function: as the action says, else those of the endpoint."""
    model = str(action.options.get("model") or "")
    function = str(action.options.get("function") or "")
    if incident.endpoint and not (model and function):
        read = resolve("mlrun_like.monitoring.endpoints.records:get_model_endpoint")
        try:
            spec = read(incident.project, incident.endpoint).spec
        except NotFoundError:
            return model, _key(function, incident.project)
        model = model or str(spec.model_uri or "")
        function = function or str(spec.function_uri or "")
    return model, _key(function, incident.project)


def _key(function: str, project: str) -> str:
    """`<project>/<name>`, as the gateway calls it."""
    if not function:
        return ""
    uri = parse_function_uri(function.removeprefix("db://"), project)
    _refuse_foreign(uri.project, project, f"function {function!r}")
    return f"{uri.project}/{uri.name}"


def _refuse_foreign(named: str, project: str, what: str) -> None:
    """A service has the right to change all projects; who wrote the alert has it for his own."""
    if config.guarded and named != project:
        raise AccessDeniedError(f"{what[:200]} is another project's", where=f"project {project!r}")


def _alias(
    action: Action, model: str, incident: Incident, record: ActionRecord, store: Any
) -> dict[str, Any]:
    version = find_version(model, project=incident.project, store=store)
    _refuse_foreign(version.project, incident.project, f"model {model!r}")
    alias = str(action.options.get("alias") or CHAMPION)
    why = f"alert {incident.alert}, incident {incident.id}, action {record.key}"
    holders = model_store(store).model_versions(version.project, version.key)
    held = next((one for one in holders if alias in one.tags), None)
    now = rollback(version.project, version.key, alias, why=why, store=store)
    return {"model": _name(now), "before": _name(held) if held else "", "alias": alias}


def _name(version: ModelVersion) -> str:
    return f"{version.key}:{version.number}"


def _traffic(key: str) -> list[dict[str, Any]]:
    """The shares after the roll-back; empty: the function is not deployed here."""
    client = GatewayClient()
    if not client.is_up():
        return []
    try:
        client.status(key)
    except NotFoundError:
        return []
    return list(client.rollback(key).get("traffic") or [])
