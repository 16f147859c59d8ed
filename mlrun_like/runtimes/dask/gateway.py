"""A cluster of Dask Gateway, asked for through the package `dask-gateway`."""

from __future__ import annotations

import contextlib
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.registry import require
from mlrun_like.runtimes.dask.clusters import Cluster, size_of
from mlrun_like.specs.function import FunctionDoc

__all__ = ["GatewayCluster"]


class GatewayCluster(Cluster):
    """A cluster of its own for the function, stopped with `close`.

    The gateway's address is that of the setting `dask_cluster` (`gateway+https://host`), else
    dask's own configuration `gateway.address`; credentials come from `gateway.auth`. What the
    gateway offers as `image`, `worker_memory`, `worker_cores` and `environment` is filled in from
    the function.
    """

    def __init__(self, doc: FunctionDoc, place: str, timeout: float) -> None:
        package = require("dask_gateway", feature="a cluster of Dask Gateway")
        self._cluster: Any = None
        self._gateway: Any = None
        fixed, bounds = size_of(doc)
        try:
            self._gateway = package.Gateway(place or None)
            options = self._options(doc)
            self._cluster = self._gateway.new_cluster(**options)
            if bounds is not None:
                self._cluster.adapt(minimum=bounds[0], maximum=bounds[1])
            else:
                self._cluster.scale(fixed or 1)
        except Exception as exc:
            self.close()
            raise EngineError(
                f"Dask Gateway gave no cluster: {type(exc).__name__}: {exc}",
                where=place or "dask's configuration gateway.address",
                fix="check the address, your login (gateway.auth) and the gateway's log",
            ) from exc
        del timeout
        self.min_workers = bounds[0] if bounds else 1
        self.name = str(self._cluster.name)
        self.scheduler_address = str(self._cluster.scheduler_address)
        self.dashboard_link = str(self._cluster.dashboard_link or "")

    def _options(self, doc: FunctionDoc) -> dict[str, Any]:
        """Those of the gateway's options that the function has a value for."""
        offered = dict(self._gateway.cluster_options())
        limits = doc.spec.worker_resources.get("limits") or {}
        variables = {row["name"]: row.get("value") or "" for row in doc.spec.env if "name" in row}
        wanted = {
            "image": doc.spec.image,
            "worker_memory": limits.get("memory"),
            "worker_cores": doc.spec.nthreads,
            "environment": variables,
        }
        return {name: value for name, value in wanted.items() if value and name in offered}

    def client(self, kind: Any, timeout: float, **options: Any) -> Any:
        """See Cluster.client; the gateway's certificate goes with it."""
        return kind(
            self._cluster.scheduler_address,
            security=self._cluster.security,
            timeout=timeout,
            set_as_default=False,
            **options,
        )

    def scale(self, n: int) -> None:
        """See Cluster.scale."""
        self._cluster.scale(n)
        self.min_workers = min(1, n)

    def adapt(self, minimum: int = 0, maximum: int | None = None) -> None:
        """See Cluster.adapt."""
        self._cluster.adapt(minimum=minimum, maximum=maximum)
        self.min_workers = minimum

    def close(self) -> None:
        """See Cluster.close."""
        with contextlib.suppress(Exception):  # the gateway may be gone; it stops idle clusters
            if self._cluster is not None:
                self._cluster.shutdown()
        # it closes itself when nobody has it any more; a second time would be an error there
        self._cluster = self._gateway = None
