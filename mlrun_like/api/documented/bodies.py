"""Bodies of requests, as far as their form can be said; the handlers check what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.api.documented.forms import (
    ANY,
    CHANGES,
    DEFINITION,
    ENDPOINT,
    EVENT,
    FILLED,
    KEY,
    LABELS,
    LOGIN,
    NAME,
    NOTE,
    PROJECT,
    RUN,
    SCHEDULE,
    SOURCE,
    SUBMISSION,
    TEXT,
    TOKEN,
    marked,
)
from mlrun_like.api.documented.words import Schema, mapping

__all__ = ["BODIES"]

_P = "/projects/{project}"

BODIES: Mapping[str, Schema] = MappingProxyType(
    {
        f"POST {_P}/runs/{{uid}}": RUN,
        f"PUT {_P}/runs/{{uid}}": RUN,
        f"PATCH {_P}/runs/{{uid}}": CHANGES,
        f"POST {_P}/runs/{{uid}}/abort": mapping(reason="string"),
        f"POST {_P}/runs/{{uid}}/metrics": mapping(
            "points",
            points={
                "type": "array",
                "maxItems": 10_000,
                "items": mapping(
                    "key",
                    "value",
                    key={"type": "string", "minLength": 1},
                    value={"type": ["number", "string"]},
                    step={"type": "integer", "minimum": -(2**62), "maximum": 2**62},
                    time={"type": "number"},
                ),
            },
        ),
        f"POST {_P}/submit": SUBMISSION,
        "POST /submit_job": mapping(
            "task",
            task=mapping("metadata", metadata=mapping("project", project=NAME), spec=ANY),
            function="string",
            schedule={"type": ["string", "object", "null"]},
        ),
        "POST /session": LOGIN,
        "POST /session/token": {**LOGIN, "properties": {**LOGIN["properties"], "name": TEXT}},
        "POST /session/password": mapping("password", "new", password="string", new="string"),
        "POST /session/code": mapping("code", "verifier", code="string", verifier="string"),
        "POST /users": mapping(
            "name",
            name=NAME,
            email="string",
            password={"type": "string", "description": "None: such a user has tokens only."},
            is_admin={"type": ["boolean", "null"]},
            kind={"enum": ["user", "service"]},
        ),
        "PATCH /users/{name}": mapping(
            email="string",
            password="string",
            is_admin={"type": ["boolean", "null"]},
            disabled={"type": ["boolean", "null"]},
        ),
        "POST /tokens": TOKEN,
        "POST /users/{name}/tokens": TOKEN,
        f"PUT {_P}/members/{{user}}": mapping(
            "role", role={"enum": ["viewer", "developer", "admin"]}
        ),
        f"POST {_P}/secrets": mapping("secrets", secrets=LABELS),
        f"PUT {_P}/secrets": mapping(
            "secrets",
            secrets={"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        ),
        f"POST {_P}/file-uploads": mapping("path", path=FILLED),
        f"POST {_P}/file-uploads/{{upload_id}}/complete": mapping(
            "size",
            "sha256",
            size={"type": "integer", "minimum": 0},
            sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        ),
        f"PUT {_P}/artifacts/{{key}}": mapping(
            "metadata", "spec", kind="string", metadata=mapping(tree="string"), spec=ANY
        ),
        f"POST {_P}/artifacts/delete": mapping(
            "artifacts",
            artifacts={
                "type": "array",
                "minItems": 1,
                "maxItems": 10_000,
                "items": mapping("key", key=KEY, uid="string"),
            },
            data="boolean",
        ),
        f"PUT {_P}/functions/{{name}}": mapping(
            "metadata", kind="string", metadata=mapping(labels=ANY), spec=ANY
        ),
        f"PUT {_P}/models/{{key}}/aliases/{{alias}}": marked(
            expected={"type": ["integer", "null"]}
        ),
        f"PUT {_P}/models/{{key}}/versions/{{version}}/stage": mapping(
            "stage", stage="string", why="string"
        ),
        f"POST {_P}/models/{{key}}/promote": marked(
            to="string",
            gates={"type": "array", "items": {"type": "string", "pattern": "[<>]"}},
            require_gates="boolean",
            dry_run="boolean",
        ),
        f"POST {_P}/models/{{key}}/rollback": mapping(alias=KEY, why="string"),
        "POST /projects": PROJECT,
        f"PUT {_P}": PROJECT,
        f"PATCH {_P}": mapping(spec=mapping(description={"type": ["string", "null"]})),
        f"POST {_P}/workflows/{{name}}/submit": mapping(
            arguments=ANY, artifact_path="string", engine="string", source="string"
        ),
        f"POST {_P}/schedules": SCHEDULE,
        f"PUT {_P}/schedules/{{name}}": SCHEDULE,
        f"POST {_P}/feature-sets": DEFINITION,
        f"POST {_P}/feature-sets/{{name}}/ingest": mapping(
            closed=True,
            source={"type": ["object", "string", "null"]},
            targets={"type": ["array", "null"]},
            overwrite={"type": ["boolean", "null"]},
        ),
        f"PUT {_P}/feature-sets/{{name}}/references/{{reference}}": DEFINITION,
        f"PATCH {_P}/feature-sets/{{name}}/references/{{reference}}": ANY,
        f"POST {_P}/feature-vectors": DEFINITION,
        f"POST {_P}/feature-vectors/{{name}}/get": mapping(
            "entities",
            closed=True,
            entities={"type": "array", "maxItems": 1000},
            as_list="boolean",
            at={"type": ["string", "number", "null"]},
        ),
        f"PUT {_P}/feature-vectors/{{name}}/references/{{reference}}": DEFINITION,
        f"PATCH {_P}/feature-vectors/{{name}}/references/{{reference}}": ANY,
        f"POST {_P}/model-endpoints": ENDPOINT,
        f"PUT {_P}/model-endpoints/{{uid}}": ENDPOINT,
        f"PATCH {_P}/model-endpoints/{{uid}}": CHANGES,
        f"POST {_P}/model-monitoring/mode": mapping(
            "mode",
            mode={"enum": ["enabled", "disabled"]},
            uid="string",
            name="string",
            function="string",
        ),
        f"PUT {_P}/model-monitoring": mapping(
            base_period={"type": "integer", "minimum": 1, "maximum": 100_000},
            deploy_histogram_data_drift_app={"type": ["boolean", "null"]},
            default_applications={"type": ["array", "null"], "items": TEXT},
        ),
        f"PUT {_P}/alerts/{{name}}": mapping(
            "entities",
            "trigger",
            "notifications",
            summary="string",
            severity={"enum": ["low", "medium", "high"]},
            entities=ANY,
            trigger=ANY,
            criteria=ANY,
            notifications={"type": "array"},
        ),
        f"POST {_P}/events/{{name}}": EVENT,
        "PUT /alert-templates/{name}": mapping(template_name="string", trigger=ANY),
        f"POST {_P}/alert-activations/{{number}}/acknowledge": NOTE,
        f"POST {_P}/alert-activations/{{number}}/notes": {**NOTE, "required": ["note"]},
        f"POST {_P}/alert-activations/{{number}}/resolve": NOTE,
        f"POST {_P}/alert-silences": mapping(
            "matchers", "duration", matchers=LABELS, duration=FILLED, note="string"
        ),
        f"POST {_P}/gateway/functions/{{name}}/scale": mapping(
            min={"type": "integer", "minimum": 0}, max={"type": "integer", "minimum": 1}
        ),
        f"POST {_P}/gateway/functions/{{name}}/traffic": mapping(
            "shares",
            shares={
                "type": "array",
                "minItems": 1,
                "items": mapping(
                    "version",
                    "weight",
                    version={"type": "integer", "minimum": 1},
                    weight={"type": "number", "minimum": 0},
                ),
            },
        ),
        f"POST {_P}/gateway/functions/{{name}}/shadow": mapping(
            version={"type": "integer", "minimum": 0},
            weight={"type": "number", "minimum": 0, "maximum": 100},
        ),
        f"POST {_P}/gateway/functions/{{name}}/invoke": mapping(
            method={"enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]},
            path="string",
            headers=LABELS,
            body={},
            body_base64="string",
        ),
        "POST /hub/sources": SOURCE,
        "PUT /hub/sources/{source}": SOURCE,
        f"POST {_P}/hub/use": mapping(
            url={"type": "string", "pattern": "^hub://"},
            source="string",
            item="string",
            item_tag="string",
            name="string",
            tag="string",
            kind="string",
        ),
        "POST /grafana-proxy/model-endpoints/query": mapping(
            "targets", targets={"type": "array", "items": mapping(target="string")}, rangeRaw=ANY
        ),
        "POST /grafana-proxy/model-endpoints/search": mapping("target", target="string"),
    }
)
"""Operation -> the schema of its body."""
