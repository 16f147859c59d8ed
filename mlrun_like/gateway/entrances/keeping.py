"""Storing and finding API gateways: in Nuclio if a dashboard is configured, else on this machine.

A record is Nuclio's form with functions named by their URIs: `metadata`, `spec`, `status`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, NotFoundError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.documents import key_of
from mlrun_like.gateway.control.starting import process_file, up
from mlrun_like.gateway.http.hashes import hash_password, hash_token
from mlrun_like.registry import resolve
from mlrun_like.runtimes.nuclio.api_gateway import APIGateway
from mlrun_like.runtimes.nuclio.api_gateway_auth import BasicAuth
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.gateways import delete_gateway, store_gateway
from mlrun_like.runtimes.nuclio.names import nuclio_name
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse

__all__ = ["HereRecords", "NuclioRecords", "Records", "kept_records", "records"]

_URIS = "mlrun/mlrun-functions"
_SWITCH = "mlrun_like.compat.switch:installed"
_OLD_CLIENT = "mlrun_like.compat.adapted.client.run_db:get_run_db"


class Records(ABC):
    """Where API gateways are kept."""

    @abstractmethod
    def store_api_gateway(self, api_gateway: Any, project: str = "") -> dict[str, Any]:
        """Store one, or another one in its place; gives its record.

        Raises:
            InvalidArgumentError: naming what cannot be used.
        """

    @abstractmethod
    def get_api_gateway(self, name: str, project: str = "") -> dict[str, Any]:
        """The record of one.

        Raises:
            NotFoundError: if there is none.
        """

    @abstractmethod
    def list_api_gateways(self, project: str = "") -> dict[str, dict[str, Any]]:
        """The records of a project by name."""

    @abstractmethod
    def delete_api_gateway(self, name: str, project: str = "") -> None:
        """Forget one.

        Raises:
            NotFoundError: if there is none.
        """


class HereRecords(Records):
    """Those of the gateway of this machine, which is started when one is stored."""

    def store_api_gateway(self, api_gateway: Any, project: str = "") -> dict[str, Any]:
        """See `Records`; passwords are kept hashed."""
        gateway = _gateway(api_gateway, project)
        record = gateway.to_nuclio()
        record["spec"].pop("authentication", None)
        record.pop("status")
        values = {
            "functions": [key_of(_document(uri)) for uri in gateway.spec.functions],
            "canary": gateway.spec.canary or [],
            "host": gateway.spec.host or "",
            "path": gateway.spec.path or "/",
            "auth": _auth(gateway),
            "record": record,
        }
        up()
        return _record(GatewayClient().store_entrance(f"{gateway.project}/{gateway.name}", values))

    def get_api_gateway(self, name: str, project: str = "") -> dict[str, Any]:
        """See `Records`."""
        return _record(GatewayClient().entrance(f"{project or config.default_project}/{name}"))

    def list_api_gateways(self, project: str = "") -> dict[str, dict[str, Any]]:
        """See `Records`."""
        client = GatewayClient()
        if not (client.home / "entrances").is_dir():
            return {}
        rows = client.entrances(project or config.default_project)
        return {str(row["name"]): _record(row) for row in rows}

    def delete_api_gateway(self, name: str, project: str = "") -> None:
        """See `Records`."""
        GatewayClient().delete_entrance(f"{project or config.default_project}/{name}")


class NuclioRecords(Records):
    """Those of Nuclio, where their names are `<project>-<name>`."""

    def store_api_gateway(self, api_gateway: Any, project: str = "") -> dict[str, Any]:
        """See `Records`; it is waited for."""
        gateway = _gateway(api_gateway, project)
        record = gateway.to_nuclio()
        record.pop("status")
        name = nuclio_name(gateway.name, gateway.project)
        record["metadata"]["name"] = record["spec"]["name"] = name
        record["metadata"]["annotations"][_URIS] = "&".join(gateway.spec.functions)
        for row, uri in zip(record["spec"]["upstreams"], gateway.spec.functions, strict=True):
            meta = _document(uri).metadata
            row["nucliofunction"]["name"] = nuclio_name(meta.name, meta.project, meta.tag)
        store_gateway(Dashboard(), record)
        return self.get_api_gateway(gateway.name, gateway.project)

    def get_api_gateway(self, name: str, project: str = "") -> dict[str, Any]:
        """See `Records`."""
        full = nuclio_name(name, project)
        reply = Dashboard().send("GET", f"api_gateways/{full}", None, "api-gateway")
        if reply.status == 404:
            raise NotFoundError(f"there is no API gateway {full!r:.100}", where="Nuclio")
        return _with_our_names(_content(reply))

    def list_api_gateways(self, project: str = "") -> dict[str, dict[str, Any]]:
        """See `Records`."""
        found = _content(Dashboard().send("GET", "api_gateways", None, "api-gateway"))
        rows = [_with_our_names(row) for row in found.values() if isinstance(row, Mapping)]
        return {
            str(row["metadata"]["name"]): row
            for row in rows
            if row["metadata"].get("labels", {}).get(PROJECT_LABEL) == project
        }

    def delete_api_gateway(self, name: str, project: str = "") -> None:
        """See `Records`."""
        self.get_api_gateway(name, project)
        delete_gateway(Dashboard(), nuclio_name(name, project))


def kept_records() -> Records:
    """Those that count: Nuclio's if a dashboard is configured."""
    return NuclioRecords() if config.nuclio_dashboard_url else HereRecords()


def records() -> Any:
    """The same; under the switch by way of the client that code written for MLRun may replace."""
    return resolve(_OLD_CLIENT)() if resolve(_SWITCH)() else kept_records()


def _gateway(given: Any, project: str) -> APIGateway:
    """A gateway of its own, for the record of another client too."""
    gateway = given if isinstance(given, APIGateway) else None
    if gateway is None:
        record = given if isinstance(given, Mapping) else given.dict()
        meta = dict(record["metadata"])
        meta["labels"] = {PROJECT_LABEL: project, **(meta.get("labels") or {})}
        gateway = APIGateway.from_scheme({**record, "metadata": meta})
        secrets = ((record["spec"].get("authentication") or {}).get("basicAuth")) or {}
        if secrets:
            gateway.with_basic_auth(str(secrets.get("username")), str(secrets.get("password")))
    gateway.project = gateway.project or project or config.default_project
    return gateway


def _auth(gateway: APIGateway) -> dict[str, Any] | str:
    """What the gateway of this machine is told; `kept`: as it is, for a password is not known."""
    way = gateway.authentication
    if isinstance(way, BasicAuth) and not way.to_nuclio():
        return "kept"
    callers = way.callers()
    if not callers:
        return {}
    basic = isinstance(way, BasicAuth)
    make = hash_password if basic else hash_token
    rows = [{"name": name, "hash": make(secret)} for name, secret in callers.items()]
    return {"kind": "basic" if basic else "bearer", "callers": rows}


def _document(uri: str) -> FunctionDoc:
    project, _, rest = uri.partition("/")
    rest, _, tag = rest.partition(":")
    name = rest.partition("@")[0]
    return parse(FunctionDoc, {"metadata": {"name": name, "project": project, "tag": tag}})


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the gateway says of one, in Nuclio's form."""
    found: dict[str, Any] = {**row["record"]}
    url = str(process_file(GatewayClient().home).get("url") or "").rstrip("/")
    found["status"] = {"state": row["state"], "address": f"{url}/{row['place']}" if url else ""}
    return found


def _with_our_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """A record of Nuclio with the names that its maker gave."""
    meta, spec = dict(row.get("metadata") or {}), dict(row.get("spec") or {})
    project = str((meta.get("labels") or {}).get(PROJECT_LABEL) or "")
    name = str(meta.get("name") or spec.get("name") or "").removeprefix(f"{project}-")
    meta["name"] = spec["name"] = name
    uris = str((meta.get("annotations") or {}).get(_URIS) or "").split("&")
    rows = [dict(one) for one in spec.get("upstreams") or ()]
    for one, uri in zip(rows, uris, strict=False):
        if uri:
            one["nucliofunction"] = {"name": uri}
    return {**row, "metadata": meta, "spec": {**spec, "upstreams": rows}}


def _content(reply: Any) -> dict[str, Any]:
    found = reply.json()
    if reply.status >= 300 or not isinstance(found, dict):
        raise EngineError(f"API gateways cannot be read: {reply.told()}", where="Nuclio")
    return found
