"""`nuclio.deploy`: configurations and Nuclio's dashboard, by the client of it that is here."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.compat.adapted.nuclio.documents import MetaKeys, update_in
from mlrun_like.compat.adapted.nuclio.lines import logger
from mlrun_like.configuration import config as settings
from mlrun_like.configuration import environment
from mlrun_like.errors import EngineError
from mlrun_like.functions.creators import import_function
from mlrun_like.runtimes.nuclio import deploying
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.states import FAILED

__all__ = [
    "DeployError",
    "ReturnAddressModes",
    "deploy_config",
    "find_dashboard_url",
    "find_or_create_project",
    "get_address",
    "get_deploy_status",
    "get_function_status",
    "list_functions",
    "process_resp",
    "project_name",
]

DeployError = EngineError
_SERVICES = {
    "DEFAULT_TENANT_NUCLIO_DASHBOARD": "default-tenant-nuclio-dashboard",
    "NUCLIO_DASHBOARD": "nuclio-dashboard",
}


class ReturnAddressModes:
    """What `deploy_config` returns."""

    external_first = "external_first"
    all = "all"
    default = external_first

    @staticmethod
    def modes() -> list[str]:
        """All of them."""
        return [ReturnAddressModes.external_first, ReturnAddressModes.all]


def deploy_config(  # noqa: PLR0913 - nuclio-jupyter's signature
    config: dict[str, Any],
    dashboard_url: str = "",
    name: str = "",
    project: str = "",
    tag: str = "",
    verbose: bool = False,
    create_new: bool = False,
    watch: bool = True,
    return_address_mode: str = ReturnAddressModes.default,
    auth_info: Any = None,
) -> Any:
    """Deploy a configuration, and wait until it answers.

    Args:
        config: Nuclio's configuration of a function.
        dashboard_url: Nuclio's dashboard; if none is known: the local gateway.
        name: The function's name; by default the one in it.
        project: Its project.
        tag: Not used: a configuration has its tag.
        verbose: Tell what the lines of the build log hold besides their message.
        create_new: Not used: a project that is not there is made.
        watch: False: do not wait, and return None.
        return_address_mode: `external_first`: its address; `all`: lists of the internal and the
            external addresses.
        auth_info: Not used: user and password are in the URL.

    Raises:
        DeployError: if it cannot be deployed.
    """
    del tag, create_new, auth_info
    if return_address_mode not in ReturnAddressModes.modes():
        raise DeployError(
            f"return_address_mode must be one of {ReturnAddressModes.modes()}",
            fix=f"return_address_mode={ReturnAddressModes.default!r}",
        )
    if not project:
        raise DeployError(
            "project name must be specified (using -p option)", fix="project=, or -p in %nuclio"
        )
    update_in(config, ["metadata", "name"], name or config["metadata"].get("name"))
    update_in(config, ["metadata", "labels", MetaKeys.project], project)
    url = _known(dashboard_url)
    if url:
        status = deploying.deploy_config(
            Dashboard(url), config, say=logger.info, verbose=verbose, watch=watch
        )
        internal, external = status["internal_invocation_urls"], status["external_invocation_urls"]
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "function.yaml")
            file.write_text(yaml.safe_dump(config), "utf-8")
            function: Any = import_function(file, project=project)
        internal, external = [], [str(function.deploy())]
    if not watch:
        return None
    if return_address_mode == ReturnAddressModes.all:
        return internal, external
    return next(iter(external), "")


def find_dashboard_url(dashboard_url: str = "") -> str:
    """The address of the dashboard's API, as the environment has it."""
    prefix = "" if environment("NUCLIO_DROP_API") else "/api"
    return (_known(dashboard_url) or "http://localhost:8070").rstrip("/") + prefix


def list_functions(
    dashboard_url: str = "", namespace: str = "", auth_info: Any = None
) -> dict[str, Any]:
    """All functions of a dashboard, by name."""
    del auth_info
    return Dashboard(find_dashboard_url(dashboard_url), namespace).functions()


def find_or_create_project(
    api_url: str, project: str, create_new: bool = False, auth_info: Any = None
) -> str:
    """The name of a project, which is made if there is none."""
    del create_new, auth_info
    Dashboard(api_url).ensure_project(project.strip())
    return project.strip()


def get_function_status(api_address: str, name: str, auth_info: Any = None) -> dict[str, Any]:
    """What the dashboard says of a function.

    Raises:
        DeployError: if there is none of the name.
    """
    del auth_info
    found = Dashboard(api_address).function(name)
    if found is None:
        raise DeployError(
            f"error: cannot poll {name} status: there is no such function",
            fix="list_functions(api_address) has those that there are",
        )
    return dict(found.get("status") or {})


def get_address(api_url: str, auth_info: Any = None) -> str:
    """An address at which ports of the cluster's nodes can be reached."""
    del auth_info
    return Dashboard(api_url).external_address() or "localhost"


def get_deploy_status(
    api_address: str,
    name: str,
    last_time: float | None = None,
    verbose: bool = False,
    resolve_address: bool = True,
    return_function_status: bool = False,
    auth_info: Any = None,
) -> tuple[Any, ...]:
    """State, address, time of the last line and new lines of a deployment; then its status.

    Raises:
        DeployError: if there is no such function.
    """
    status = get_function_status(api_address, name, auth_info)
    since = time.time() * 1000 if last_time is None else last_time
    state, since, lines = process_resp({"status": status}, since, verbose)
    address = ""
    if resolve_address and state == "ready":
        found = deploying.status_from(Dashboard(api_address), name, {"status": status})
        address = found["address"]
    more = (status,) if return_function_status else ()
    return state, address, since, lines, *more


def process_resp(
    resp: Mapping[str, Any], last_time: float, verbose: bool = False, log_message: bool = False
) -> tuple[str, float, list[str]]:
    """State, time of the last line and the lines since then of what a dashboard answered.

    Args:
        resp: The function, with its `status`.
        last_time: Lines until then are left out; milliseconds.
        verbose: Also what lines hold besides their message.
        log_message: Write them to the logger.
    """
    status = resp.get("status") or {}
    state, message = str(status.get("state") or ""), str(status.get("message") or "")
    lines: list[str] = []
    if state in FAILED and message:
        lines.append(f"Failed to deploy. Details:\n{message}")
    else:
        for row in sorted(status.get("logs") or (), key=lambda row: row["time"]):
            if row["time"] > last_time:
                last_time = row["time"]
                shown = datetime.fromtimestamp(last_time / 1000).strftime("%Y-%m-%d %H:%M:%S")
                text = f"{shown}  ({row['level']}) {row['message']}"
                lines.append(f"{text}\n{row}" if verbose else text)
    if log_message:
        for line in lines:
            logger.info(line)
    return state, last_time, lines


def project_name(config: Mapping[str, Any]) -> str | None:
    """The project of a configuration."""
    found: str | None = config["metadata"].get("labels", {}).get(MetaKeys.project)
    return found


def _known(dashboard_url: str) -> str:
    """The address of a dashboard that is known; empty: none is."""
    found = dashboard_url or environment("NUCLIO_DASHBOARD_URL") or settings.nuclio_dashboard_url
    if found:
        return found
    for service, host in _SERVICES.items():
        port = environment(f"{service}_SERVICE_PORT")
        if port is not None:
            return f"http://{host}:{port or '8070'}"
    return ""
