"""RemoteStep and BatchHttpRequests, whose documents have MLRun's form."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.storey.steps import Step
from mlrun_like.serving.remote.batch import BatchHttpRequests as OurBatchHttpRequests
from mlrun_like.serving.remote.step import RETRIES
from mlrun_like.serving.remote.step import RemoteStep as OurRemoteStep

__all__ = ["BatchHttpRequests", "RemoteStep"]


class _Remote(Step):
    context: Any

    def endpoint(self, url: str | None) -> str:
        """The URL of a server; a name has none before the step is in a graph."""
        if url and "://" not in url and self.context is None:
            return ""
        found: str = super().endpoint(url)  # type: ignore[misc]
        return found

    def given(self) -> dict[str, Any]:
        return {"return_json": True, "retries": RETRIES, **super().given()}


class RemoteStep(_Remote, OurRemoteStep):
    """See `mlrun_like.serving.remote.step.RemoteStep`.

    >>> RemoteStep(name="r", url="/url", method="GET").to_dict()["class_args"]["url"]
    '/url'
    """

    __module__ = "mlrun.serving.remote"
    __init__ = OurRemoteStep.__init__


class BatchHttpRequests(_Remote, OurBatchHttpRequests):
    """See `mlrun_like.serving.remote.batch.BatchHttpRequests`."""

    __module__ = "mlrun.serving.remote"
    __init__ = OurBatchHttpRequests.__init__
