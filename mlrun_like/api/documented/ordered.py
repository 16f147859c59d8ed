"""The lists of the API: their noun, and what each can be sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["LISTS"]

_RUNS = "start_time last_update duration name state"
_DEFINED = "name updated"
_WATCHED = "name requests last_request status drift error_rate created"
_TASKS = "created updated state kind"
_SCHEDULES = "name next_run_time creation_time"
_ALERTS = "name severity updated"
_INCIDENTS = "opened updated severity name"

LISTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "/runs": ("runs", _RUNS),
        "/projects/{project}/runs": ("runs", _RUNS),
        "/background-tasks": ("background_tasks", _TASKS),
        "/projects/{project}/background-tasks": ("background_tasks", _TASKS),
        "/sessions": ("sessions", "created seen"),
        "/users": ("users", "name created last_login"),
        "/tokens": ("tokens", "created name"),
        "/users/{name}/tokens": ("tokens", "created name"),
        "/projects/{project}/members": ("members", "role since"),
        "/projects/{project}/secrets": ("secrets", "updated"),
        "/audit": ("lines", "-number"),
        "/projects/{project}/audit": ("lines", "-number"),
        "/settings": ("settings", "name"),
        "/projects/{project}/file-list/{path}": ("files", "name"),
        "/artifacts": ("artifacts", "updated name"),
        "/projects/{project}/artifacts": ("artifacts", "updated name"),
        "/projects/{project}/functions": ("functions", "name updated kind"),
        "/projects/{project}/functions/{name}/versions": ("versions", "updated"),
        "/projects/{project}/models": ("models", "made key"),
        "/projects/{project}/models/{key}/history": ("events", "time"),
        "/projects": ("projects", "name created"),
        "/projects/{project}/bundles": ("bundles", "modified name size"),
        "/project-summaries": ("project_summaries", "name runs"),
        "/pipelines": ("runs", _RUNS),
        "/projects/{project}/pipelines": ("runs", _RUNS),
        "/projects/{project}/pipelines/{uid}/steps": ("steps", "started seconds"),
        "/projects/{project}/workflows": ("workflows", "name"),
        "/schedules": ("schedules", _SCHEDULES),
        "/projects/{project}/schedules": ("schedules", _SCHEDULES),
        "/projects/{project}/schedules/{name}/history": ("firings", "due"),
        "/feature-sets": ("feature_sets", _DEFINED),
        "/projects/{project}/feature-sets": ("feature_sets", _DEFINED),
        "/projects/{project}/features": ("features", "name"),
        "/projects/{project}/entities": ("entities", "name"),
        "/feature-vectors": ("feature_vectors", _DEFINED),
        "/projects/{project}/feature-vectors": ("feature_vectors", _DEFINED),
        "/model-endpoints": ("endpoints", _WATCHED),
        "/projects/{project}/model-endpoints": ("endpoints", "name created"),
        "/projects/{project}/model-endpoints/{uid}/features": ("features", "score name"),
        "/projects/{project}/model-endpoints/{uid}/metrics": ("metrics", "name"),
        "/projects/{project}/model-monitoring/applications": ("applications", "name"),
        "/projects/{project}/model-monitoring/windows": ("windows", "end"),
        "/alerts": ("alerts", _ALERTS),
        "/projects/{project}/alerts": ("alerts", _ALERTS),
        "/projects/{project}/happenings": ("events", "time"),
        "/alert-templates": ("templates", "name"),
        "/alert-activations": ("activations", _INCIDENTS),
        "/projects/{project}/alert-activations": ("activations", _INCIDENTS),
        "/projects/{project}/alert-silences": ("silences", "end start"),
        "/projects/{project}/gateway/functions": ("functions", "name state"),
        "/projects/{project}/gateway/functions/{name}/events": ("events", "time"),
        "/hub/sources": ("sources", "name"),
        "/hub/catalog": ("items", "name kind"),
        "/hub/sources/{source}/items": ("items", "name kind"),
    }
)
"""Path -> the noun of its rows, and fields that `sort` can name."""
