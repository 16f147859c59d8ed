"""Model endpoints under the names of MLRun's client."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from mlrun_like.compat.adapted.client.run_db_values import (
    ask,
    labels_of,
    plain,
    project_of,
    several,
    text_of,
)
from mlrun_like.errors import ConflictError
from mlrun_like.registry import resolve
from mlrun_like.tracking.full import FullStore

__all__ = ["MonitoringCalls"]

_RECORDS = "mlrun_like.monitoring.endpoints.records:"
_ENDPOINT = "mlrun_like.monitoring.endpoints.document:ModelEndpoint"
_UID = "mlrun_like.monitoring.endpoints.document:endpoint_uid"
_SCHEMAS = "mlrun_like.compat.adapted.common.schemas:"
_TYPES = {"results": ("result",), "metrics": ("metric",), "all": ("result", "metric")}


class MonitoringCalls:
    """What `RunDB` does with model endpoints."""

    store: FullStore

    def list_model_endpoints(  # noqa: PLR0913 - MLRun's signature
        self,
        project: str,
        names: Any = None,
        function_name: str | None = None,
        function_tag: str | None = None,
        model_name: str | None = None,
        model_tag: str | None = None,
        labels: Any = None,
        start: Any = None,
        end: Any = None,
        tsdb_metrics: bool = False,
        metric_list: Sequence[str] | None = None,
        top_level: bool = False,
        modes: Any = None,
        uids: Sequence[str] | None = None,
        latest_only: bool = False,
    ) -> Any:
        """Endpoints of served models, in the form of MLRun's answer: `.endpoints`.

        Args:
            project: The project.
            names: Of these names.
            function_name: Of this function.
            function_tag: With this tag.
            model_name: Of this model.
            model_tag: Of this version of it.
            labels: A mapping, or texts `name` and `name=value`.
            start: Requested then or later.
            end: First requested before.
            tsdb_metrics: With what applications found last.
            metric_list: MLRun's; all of it is there.
            top_level: Without models behind routers.
            modes: MLRun's; endpoints of servers and of batches are listed.
            uids: Any of these.
            latest_only: Only the newest of each function and name.
        """
        del metric_list, modes
        model = f"{model_name}:{model_tag}" if model_name and model_tag else model_name or ""
        found = ask(
            self.store, f"{_RECORDS}list_model_endpoints", project_of(project), model,
            function_name or "", labels_of(labels), start, end, top_level, uids,
        )  # fmt: skip
        wanted = several(names)
        kept = [
            one
            for one in found
            if (not wanted or one.metadata.name in wanted)
            and function_tag in (None, "", one.spec.function_tag or "latest")
        ]
        if latest_only:
            newest: dict[tuple[str, str], Any] = {}
            for one in sorted(kept, key=lambda each: str(each.metadata.created or "")):
                newest[one.spec.function_name, one.metadata.name] = one
            kept = [one for one in kept if any(one is each for each in newest.values())]
        return SimpleNamespace(
            endpoints=[self._newest(one) for one in kept] if tsdb_metrics else kept
        )

    def get_model_endpoint(
        self, name: str, project: str, function_name: str | None = None,
        function_tag: str | None = None, endpoint_id: str | None = None, tsdb_metrics: bool = True,
        metric_list: Sequence[str] | None = None, feature_analysis: bool = False,
    ) -> Any:  # fmt: skip
        """One endpoint, by its id, else by name and function.

        Raises:
            NotFoundError: if there is none.
            InvalidArgumentError: if there are several.
        """
        del metric_list, feature_analysis
        found = self._endpoint(name, project, function_name, function_tag, endpoint_id)
        return self._newest(found) if tsdb_metrics else found

    def create_model_endpoint(self, model_endpoint: Any, creation_strategy: Any = "inplace") -> Any:
        """Record an endpoint.

        Args:
            model_endpoint: It, as an object or a document, with name, project and function.
            creation_strategy: If there is one of that name and function: `inplace`: it is changed;
                `overwrite`: it goes with what was recorded; `archive`: it stays besides.

        Raises:
            ConflictError: with `skip`, if there is one.
        """
        given = model_endpoint if isinstance(model_endpoint, Mapping) else plain(model_endpoint)
        made = resolve(_ENDPOINT).from_dict(dict(given))
        meta, spec, strategy = made.metadata, made.spec, text_of(creation_strategy) or "inplace"
        meta.project = project_of(meta.project)
        held = self.list_model_endpoints(meta.project, meta.name, spec.function_name or None)
        others = held.endpoints
        if others and strategy == "skip":
            raise ConflictError(f"there is a model endpoint {meta.name!r:.80} already")
        uri = spec.function_uri or f"{meta.project}/{spec.function_name}"
        fresh = uuid.uuid4().hex if others else resolve(_UID)(uri, spec.model or meta.name)
        if others and strategy == "overwrite":
            for one in others:
                self.store.delete_endpoint(meta.project, one.metadata.uid)
        if others and strategy == "inplace":
            meta.uid = others[0].metadata.uid
        meta.uid = meta.uid or fresh
        self.store.store_endpoint(made.to_dict())
        return made

    def patch_model_endpoint(
        self, name: str, project: str, attributes: Mapping[str, Any],
        function_name: str | None = None, function_tag: str | None = None,
        endpoint_id: str | None = None,
    ) -> Any:  # fmt: skip
        """Change fields of an endpoint, by bare names or dotted paths."""
        found = self._endpoint(name, project, function_name, function_tag, endpoint_id)
        uid = found.metadata.uid
        return ask(
            self.store, f"{_RECORDS}patch_model_endpoint", project_of(project), uid, attributes
        )

    def delete_model_endpoint(
        self, name: str, project: str, function_name: str | None = None,
        function_tag: str | None = None, endpoint_id: str | None = None,
    ) -> None:  # fmt: skip
        """Delete an endpoint with what was recorded of it."""
        found = self._endpoint(name, project, function_name, function_tag, endpoint_id)
        self.store.delete_endpoint(project_of(project), found.metadata.uid)

    def get_model_endpoint_monitoring_metrics(
        self, project: str, endpoint_id: str, type: str = "all"
    ) -> list[Any]:
        """What applications give for an endpoint: `results`, `metrics` or `all`."""
        place, made = project_of(project), resolve(f"{_SCHEMAS}ModelEndpointMonitoringMetric")
        kind_of = resolve("mlrun_like.monitoring.applications.results:ResultKindApp")
        kinds = {one.name: one for one in kind_of} | {str(one.value): one for one in kind_of}
        return [
            made(
                project=place, app=row.application, type=row.type, name=row.name,
                full_name=f"{place}.{row.application}.{row.type}.{row.name}",
                kind=kinds.get(row.kind),
            )
            for row in self.store.latest_results(place, endpoint_id)
            if row.type in _TYPES[type]
        ]  # fmt: skip

    def get_metrics_by_multiple_endpoints(
        self, project: str, endpoint_ids: Any, type: str = "all",
        events_format: Any = "separation",
    ) -> dict[str, list[Any]]:  # fmt: skip
        """The same of several endpoints: by id, or with `intersection` what all of them have, as
        `intersect_metrics` and `intersect_results`."""
        found = {
            uid: self.get_model_endpoint_monitoring_metrics(project, uid, type)
            for uid in several(endpoint_ids)
        }
        if text_of(events_format) != "intersection":
            return found
        names = [{one.full_name for one in rows} for rows in found.values()]
        shared = set.intersection(*names) if names else set()
        first = [one for one in next(iter(found.values()), []) if one.full_name in shared]
        return {
            f"intersect_{part}": [one for one in first if text_of(one.type) in _TYPES[part]]
            for part in ("metrics", "results")
        }

    def _endpoint(
        self, name: str, project: str, function: str | None, tag: str | None, uid: str | None
    ) -> Any:
        if not uid and tag:
            found = self.list_model_endpoints(project, name, function, tag).endpoints
            uid = found[0].metadata.uid if len(found) == 1 else None
        full = f"{function}/{name}" if function else name
        call = f"{_RECORDS}get_model_endpoint"
        return ask(self.store, call, project_of(project), uid or "", full)

    def _newest(self, endpoint: Any) -> Any:
        return ask(self.store, "mlrun_like.monitoring.endpoints.newest:with_newest", endpoint)
