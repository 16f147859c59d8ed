"""Nuclio's dashboard (docs/reference/api of Nuclio): functions, projects, logs, invocations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import ConflictError, EngineError, InvalidArgumentError, NotFoundError
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL
from mlrun_like.runtimes.nuclio.http import Reply, request, without_password

__all__ = ["Dashboard"]

_SIGN_IN = "put a user and password into the URL: http://user:password@host:8070"
_TRIES = 4


class Dashboard:
    """A client of one dashboard.

    Args:
        url: Its address, such as `http://localhost:8070`; by default the setting
            `nuclio_dashboard_url`.
        namespace: Kubernetes namespace; by default the setting `nuclio_namespace`.

    Raises:
        EngineError: if no address is known.
    """

    def __init__(self, url: str = "", namespace: str = "") -> None:
        url = (url or settings.nuclio_dashboard_url).strip().rstrip("/")
        if not url:
            raise EngineError(
                "no Nuclio dashboard is configured, so nothing can be deployed",
                where="setting nuclio_dashboard_url",
                fix="ml.config.nuclio_dashboard_url = 'http://localhost:8070' (or "
                "MLRUN_NUCLIO_DASHBOARD_URL); without Nuclio: fn.deploy(mock=True) and "
                "fn.invoke(...) here, `mlrun-like serve` over HTTP, or fn.export_nuclio(folder)",
            )
        self.url = url.removesuffix("/api")
        self.namespace = namespace or settings.nuclio_namespace

    # Projects --------------------------------------------------------------------------------

    def ensure_project(self, name: str) -> bool:
        """Create a project if there is none of the name; True: it was created."""
        reply = self._send("GET", f"projects/{name}", kind="project")
        if reply.status < 300:
            return False
        if reply.status not in (404, 405):
            raise self._refused(reply, f"project {name!r} cannot be read")
        body = {"metadata": self._meta(name), "spec": {}}
        reply = self._send("POST", "projects", body, kind="project")
        if reply.status == 409:  # somebody else was faster
            return False
        if reply.status >= 300:
            raise self._refused(reply, f"project {name!r} cannot be created")
        return True

    # Functions -------------------------------------------------------------------------------

    def functions(self, project: str = "") -> dict[str, Any]:
        """All functions by name, those of one project if it is given."""
        more = {"x-nuclio-project-name": project} if project else {}
        reply = self._send("GET", "functions", headers=more)
        if reply.status >= 300:
            raise self._refused(reply, "functions cannot be listed")
        found = reply.json()
        return dict(found) if isinstance(found, dict) else {}

    def function(self, name: str) -> dict[str, Any] | None:
        """A function with its status; None: there is none of the name."""
        reply = self._send("GET", f"functions/{name}")
        if reply.status == 404:
            return None
        found = reply.json()
        if reply.status >= 300 or not isinstance(found, dict):
            raise self._refused(reply, f"function {name!r} cannot be read")
        return found

    def store_function(self, config: Mapping[str, Any]) -> bool:
        """Create a function, or update the one of its name; True: it was created.

        Raises:
            ConflictError: if the name belongs to a function of another project.
            EngineError: if the dashboard refuses.
        """
        body = {**config, "metadata": dict(config["metadata"])}
        name = str(body["metadata"]["name"])
        project = str(body["metadata"].get("labels", {}).get(PROJECT_LABEL, ""))
        if self.namespace:
            body["metadata"].setdefault("namespace", self.namespace)
        headers = {"x-nuclio-project-name": project}
        reply: Reply | None = None
        for _ in range(_TRIES):
            present = self.function(name)
            if present is None:
                reply = self._send("POST", "functions", body, headers, attempts=1)
            else:
                self._check_project(name, project, present)
                reply = self._send("PUT", f"functions/{name}", body, headers, attempts=1)
            if reply.status < 300:
                return present is None
            if reply.status not in (409, 502, 503, 504):
                break  # else somebody changed it meanwhile, or the dashboard is starting
        assert reply is not None
        if reply.status == 409:
            raise ConflictError(
                f"function {name!r} is being changed by somebody else: {reply.told()}",
                where=without_password(self.url),
                fix="deploy again when that is done",
            )
        raise self._refused(reply, f"function {name!r} is refused")

    def delete_function(self, name: str, force: bool = False) -> bool:
        """Delete a function; False: there was none.

        Args:
            name: Its name in Nuclio.
            force: Also while it is being built.
        """
        more = {"x-nuclio-delete-function-ignore-state-validation": "true"} if force else {}
        reply = self._send("DELETE", "functions", {"metadata": self._meta(name)}, more)
        if reply.status == 404:
            return False
        if reply.status in (409, 412):
            raise ConflictError(
                f"function {name!r} cannot be deleted now: {reply.told()}",
                where=without_password(self.url),
                fix="wait until it is built, or delete it with force=True",
            )
        if reply.status >= 300:
            raise self._refused(reply, f"function {name!r} cannot be deleted")
        return True

    def replicas(self, name: str) -> list[str]:
        """Names of a function's replicas."""
        found = self._send("GET", f"functions/{name}/replicas").json()
        return [str(n) for n in (found or {}).get("names", ())] if isinstance(found, dict) else []

    def replica_log(self, name: str, replica: str, lines: int = 100) -> str:
        """The end of a replica's log; empty if it cannot be had."""
        reply = self._send("GET", f"functions/{name}/logs/{replica}?follow=false&tailLines={lines}")
        return reply.body.decode("utf-8", "replace") if reply.status < 300 else ""

    def external_address(self) -> str:
        """An address at which ports of the cluster's nodes can be reached; empty: none is known."""
        reply = self._send("GET", "external_ip_addresses")
        found = reply.json()
        try:
            return str(found["externalIPAddresses"]["addresses"][0]) if found else ""
        except (KeyError, IndexError, TypeError):
            return ""

    def invoke(
        self,
        name: str,
        address: str,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float = 60.0,
    ) -> Reply:
        """Send a request to a function by way of the dashboard."""
        more = {
            **headers,
            "x-nuclio-function-name": name,
            "x-nuclio-function-namespace": self.namespace or "nuclio",
            "x-nuclio-invoke-url": address,
            "x-nuclio-path": path,
            "x-nuclio-invoke-timeout": f"{max(1, round(timeout))}s",
        }
        return request(
            method, f"{self.url}/api/function_invocations", body, more, timeout=timeout + 5
        )

    # Inside ----------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: Mapping[str, Any] | None, kind: str) -> Reply:
        """A request about another kind of object, such as `api-gateway`."""
        return self._send(method, path, body, kind=kind)

    def _meta(self, name: str) -> dict[str, str]:
        return {"name": name, **({"namespace": self.namespace} if self.namespace else {})}

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        kind: str = "function",
        attempts: int = 0,
    ) -> Reply:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.namespace:
            sent[f"x-nuclio-{kind}-namespace"] = self.namespace
        content = None if body is None else json.dumps(body, default=str).encode()
        tries = attempts or (_TRIES if method in ("GET", "DELETE") else 1)
        try:
            return request(method, f"{self.url}/api/{path}", content, sent, attempts=tries)
        except EngineError as exc:
            raise EngineError(
                f"Nuclio's dashboard cannot be reached: {exc.what}",
                where="setting nuclio_dashboard_url",
                fix="check the address and that the dashboard runs (port 8070 by default)",
            ) from exc
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                exc.what, where="setting nuclio_dashboard_url", fix=exc.fix
            ) from exc

    def _check_project(self, name: str, project: str, present: Mapping[str, Any]) -> None:
        labels = (present.get("metadata") or {}).get("labels") or {}
        other = labels.get(PROJECT_LABEL, "")
        if project and other and other != project:
            raise ConflictError(
                f"function {name!r} belongs to project {other!r}, not {project!r}",
                where=without_password(self.url),
                fix="choose another name for the function",
            )

    def _refused(self, reply: Reply, what: str) -> EngineError | NotFoundError:
        fix = "see the dashboard's log"
        if reply.status in (401, 403):
            fix = _SIGN_IN
        elif reply.status == 400:
            fix = "correct the configuration: fn.to_nuclio() shows it"
        return EngineError(
            f"{what}: {reply.told()} (status {reply.status})",
            where=f"Nuclio's dashboard at {without_password(self.url)}",
            fix=fix,
        )
