"""API gateways of a project: one address for a function or two; they stand in its document, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.entrances.keeping import records
from mlrun_like.projects.monitoring import ProjectMonitoring
from mlrun_like.runtimes.nuclio.api_gateway import APIGateway

__all__ = ["ProjectApiGateways"]


class ProjectApiGateways(ProjectMonitoring):
    """The part of a project that has API gateways."""

    def store_api_gateway(
        self, api_gateway: Any, wait_for_readiness: bool = True, max_wait_time: float = 90
    ) -> APIGateway:
        """Make an API gateway work, or change the one of its name.

        It stands in the gateway of this machine, which is started if it does not run, or in
        Nuclio if a dashboard is configured.

        Args:
            api_gateway: The API gateway.
            wait_for_readiness: Wait until it answers.
            max_wait_time: Seconds.

        Returns:
            It, with its address.

        Raises:
            InvalidArgumentError: if it is none, or cannot be used.
            EngineError: if it does not answer in time.
        """
        if not isinstance(api_gateway, APIGateway):
            raise InvalidArgumentError(
                f"{api_gateway!r:.80} is no API gateway",
                fix="APIGateway(APIGatewayMetadata(name), APIGatewaySpec(functions, project))",
            )
        api_gateway.project = api_gateway.project or self.name
        stored = records().store_api_gateway(api_gateway=api_gateway, project=self.name)
        if not stored:
            return api_gateway
        found = APIGateway.from_scheme(stored)
        own, theirs = api_gateway.authentication, found.authentication
        if own.authentication_mode == theirs.authentication_mode:
            found.authentication = own  # it knows the password
        self._keep_gateway(found.name, found.to_nuclio())
        if wait_for_readiness:
            found.wait_for_readiness(max_wait_time=max_wait_time)
        return found

    def list_api_gateways(self) -> list[APIGateway]:
        """All API gateways of the project."""
        found = records().list_api_gateways(self.name)
        rows = found if isinstance(found, Mapping) else found.api_gateways
        return [APIGateway.from_scheme(row) for row in rows.values()]

    def get_api_gateway(self, name: str) -> APIGateway:
        """One of them.

        Raises:
            NotFoundError: if there is none of the name.
        """
        return APIGateway.from_scheme(records().get_api_gateway(name=name, project=self.name))

    def delete_api_gateway(self, name: str) -> None:
        """Delete one.

        Raises:
            NotFoundError: if there is none of the name.
        """
        records().delete_api_gateway(name=name, project=self.name)
        self._keep_gateway(name, None)

    def _keep_gateway(self, name: str, record: dict[str, Any] | None) -> None:
        """Let the project's document say what API gateways there are; no secrets, no state."""
        rows = [row for row in self.spec.api_gateways if row["metadata"]["name"] != name]
        if record is not None:
            spec = {key: value for key, value in record["spec"].items() if key != "authentication"}
            rows.append({"metadata": record["metadata"], "spec": spec})
        self.spec.api_gateways = rows
