"""Query parameters of the operations; those of paging and sorting are added to all lists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ASKED"]

_RUNS = "name label* state* uid* since@ until@ iter? iteration:0-2147483647 deleted?"
_RUN_FORMS = "format=full|summary|name_only"
_ARTIFACTS = (
    "name tag kind category tree iter:0-1000000000 label* since@ until@ format=full|summary"
)
_VERSION = "uid tag tree iter:0-1000000000"
_PREVIEW = "offset:0-100000000000 rows:1-1000 column* stats? format path"
_DEFINED = "name tag label* state entity* feature* format=full|summary|name_only"
_TASKS = "kind state*=pending|running|succeeded|failed|cancelled"
_INCIDENTS = "name state*=open|acknowledged|resolved severity* entity since@ until@"
_ALERTS = "name severity state"
_CATALOG = "kind=functions|modules|steps text category tag force-refresh?"
_SERIES = "key* points:2-10000 iteration:0-2147483647"
_AUDIT = "user action resource text since@ until@"
_SEARCHED = "kind*=" + "|".join(
    (
        *("project", "run", "pipeline", "model", "artifact", "function"),
        *("feature-set", "feature-vector", "endpoint", "schedule", "alert"),
    )
)
_P = "/projects/{project}"

ASKED: Mapping[str, str] = MappingProxyType(
    {
        "GET /runs": f"project {_RUNS} {_RUN_FORMS}",
        f"GET {_P}/runs": f"{_RUNS} {_RUN_FORMS}",
        f"DELETE {_P}/runs": f"{_RUNS} !all?",
        f"GET {_P}/runs/{{uid}}": "iteration:0-2147483647 format=full|summary|page",
        f"POST {_P}/runs/{{uid}}": "iteration:0-2147483647",
        f"PUT {_P}/runs/{{uid}}": "iteration:0-2147483647",
        f"PATCH {_P}/runs/{{uid}}": "iteration:0-2147483647",
        f"DELETE {_P}/runs/{{uid}}": "iteration:0-2147483647",
        f"POST {_P}/runs/{{uid}}/abort": "iteration:0-2147483647",
        f"GET {_P}/runs/{{uid}}/metrics": _SERIES,
        f"POST {_P}/runs/{{uid}}/metrics": "iteration:0-2147483647",
        "GET /metrics-series": "run* key* points:2-10000",
        "GET /compare": "!run*#",
        f"GET {_P}/compare": "!run*#",
        f"GET {_P}/runs/{{uid}}/log": "offset:0- size:-1- tail:0-100000 download?",
        "GET /background-tasks": _TASKS,
        f"GET {_P}/background-tasks": _TASKS,
        "POST /background-tasks/gc": "dry-run?",
        "DELETE /session": "everywhere?",
        "GET /users": "name kind",
        f"DELETE {_P}/secrets": "secret*",
        "GET /audit": f"project {_AUDIT}",
        f"GET {_P}/audit": _AUDIT,
        "GET /settings": "name",
        f"GET {_P}/files": "offset:0- size:0-16777216",
        f"DELETE {_P}/files/{{path}}": "recursive?",
        f"GET {_P}/file-preview/{{path}}": _PREVIEW.removesuffix(" path"),
        "GET /artifacts": _ARTIFACTS,
        f"GET {_P}/artifacts": _ARTIFACTS,
        f"GET {_P}/artifacts/{{key}}": _VERSION,
        f"PUT {_P}/artifacts/{{key}}": "tag",
        f"DELETE {_P}/artifacts/{{key}}": f"{_VERSION} all? data?",
        f"GET {_P}/artifacts/{{key}}/overview": _VERSION,
        f"GET {_P}/artifacts/{{key}}/preview": f"{_VERSION} {_PREVIEW}",
        f"GET {_P}/artifacts/{{key}}/view": f"{_VERSION} path",
        f"GET {_P}/artifacts/{{key}}/download": f"{_VERSION} path",
        f"PUT {_P}/artifacts/{{key}}/tags/{{tag}}": "uid tree iter:0-1000000000",
        f"GET {_P}/functions": "name tag kind label* format",
        f"PUT {_P}/functions/{{name}}": "tag",
        f"DELETE {_P}/functions/{{name}}": "hash",
        f"GET {_P}/lineage": "depth:1-8 limit:1-1000",
        f"GET {_P}/models": "name",
        f"GET {_P}/models/{{key}}/comparison": "!version*#",
        f"GET {_P}/models/{{key}}/history": "limit:1-1000",
        f"DELETE {_P}/models/{{key}}/aliases/{{alias}}": "why",
        "GET /search": f"limit:1-100 {_SEARCHED}",
        "GET /projects": "name owner state label* format=full|name_only|minimal|summary",
        f"DELETE {_P}": "deletion-strategy=restrict|cascade|check",
        f"POST {_P}/bundles": "content?",
        "POST /project-bundles": "!name overwrite?",
        "GET /pipelines": _RUNS,
        f"GET {_P}/pipelines": _RUNS,
        f"GET {_P}/pipelines/{{uid}}/steps": "name state",
        "GET /schedules": "kind paused",
        f"GET {_P}/schedules": "name kind paused",
        f"GET {_P}/schedules/{{name}}": "limit:0-1000",
        f"GET {_P}/schedules/{{name}}/history": "outcome",
        f"GET {_P}/schedules/{{name}}/next": "count:1-100",
        "GET /feature-sets": _DEFINED,
        f"GET {_P}/feature-sets": _DEFINED,
        f"POST {_P}/feature-sets": "versioned?",
        f"GET {_P}/feature-sets/{{name}}": "tag uid",
        f"GET {_P}/feature-sets/{{name}}/preview": "tag rows:0-1000",
        f"POST {_P}/feature-sets/{{name}}/ingest": "tag",
        f"PUT {_P}/feature-sets/{{name}}/references/{{reference}}": "versioned?",
        f"GET {_P}/features": "name tag entity* label*",
        f"GET {_P}/entities": "name tag label*",
        "GET /feature-vectors": _DEFINED,
        f"GET {_P}/feature-vectors": _DEFINED,
        f"POST {_P}/feature-vectors": "versioned?",
        f"GET {_P}/feature-vectors/{{name}}": "tag uid",
        f"GET {_P}/feature-vectors/{{name}}/preview": "tag rows:0-1000",
        f"POST {_P}/feature-vectors/{{name}}/get": "tag",
        f"PUT {_P}/feature-vectors/{{name}}/references/{{reference}}": "versioned?",
        "GET /model-endpoints": "name function model",
        f"GET {_P}/model-endpoints": (
            "name function model label* uid* top-level? start@ end@ format"
        ),
        f"GET {_P}/model-endpoints/{{uid}}": "feature_analysis?",
        f"GET {_P}/model-endpoints/{{uid}}/health": "days:1-365",
        f"GET {_P}/model-endpoints/{{uid}}/metrics": "type=all|results|metrics",
        f"GET {_P}/model-endpoints/{{uid}}/metrics-values": "!name*# start@ end@",
        f"DELETE {_P}/model-monitoring/applications/{{name}}": "delete-results?",
        f"GET {_P}/model-monitoring/windows": "endpoint application state limit:1-5000",
        f"GET {_P}/model-monitoring/work": "days:1-365",
        "GET /alerts": _ALERTS,
        f"GET {_P}/alerts": _ALERTS,
        f"PUT {_P}/alerts/{{name}}": "force-reset?",
        f"GET {_P}/happenings": "kind entity start@ end@ limit:1-10000",
        "GET /alert-activations": _INCIDENTS,
        f"GET {_P}/alert-activations": _INCIDENTS,
        f"GET {_P}/alert-silences": "ended?",
        f"GET {_P}/gateway/functions": "state",
        f"GET {_P}/gateway/functions/{{name}}/logs": "tail:1-100000",
        f"GET {_P}/gateway/functions/{{name}}/graph": "latency?",
        f"GET {_P}/gateway/functions/{{name}}/events": "limit:1-1000",
        "GET /hub/catalog": f"source {_CATALOG}",
        "GET /hub/sources/{source}/items": _CATALOG,
        "GET /hub/sources/{source}/items/{name}": "tag",
        "GET /hub/sources/{source}/item-object": "url name path tag",
    }
)
"""Operation -> its query parameters in the language of `words.parameter`."""
