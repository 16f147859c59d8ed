"""Parts of which the bodies in `bodies.py` are put together."""

from __future__ import annotations

from typing import Any

from mlrun_like.api.documented.words import Schema, mapping

__all__ = [
    "ANY",
    "CHANGES",
    "DEFINITION",
    "ENDPOINT",
    "EVENT",
    "FILLED",
    "KEY",
    "LABELS",
    "LOGIN",
    "NAME",
    "NOTE",
    "PROJECT",
    "RUN",
    "SCHEDULE",
    "SOURCE",
    "SUBMISSION",
    "TEXT",
    "TOKEN",
    "VERSION",
    "marked",
]

TEXT: Schema = {"type": "string"}
FILLED: Schema = {"type": "string", "minLength": 1}
NAME: Schema = {
    "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "minLength": 1, "maxLength": 63,
}  # fmt: skip
KEY: Schema = {
    "type": "string", "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
}  # fmt: skip
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}
ANY: Schema = {"type": "object"}
VERSION: Schema = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "minLength": 1}],
    "description": "A number or an alias.",
}
LOGIN = mapping("user", "password", user="string", password="string")
TOKEN = mapping(
    "name",
    name=FILLED,
    scopes={"type": "array", "items": {"type": "string"}},
    days={"type": "number", "minimum": 0},
)
NOTE = mapping(note={"type": "string", "minLength": 1})
RUN = mapping(
    metadata=mapping(name="string", labels=ANY), spec=ANY, status=ANY
)  # of the path: project and uid
CHANGES: Schema = {
    "type": "object",
    "description": "Paths with dots and their new values.",
    "additionalProperties": True,
}
DEFINITION = mapping(
    "metadata", metadata=mapping("name", name=KEY, labels=ANY), spec=ANY, status=ANY
)
SUBMISSION = mapping(
    "function",
    closed=True,
    function=FILLED,
    name="string",
    handler="string",
    parameters=ANY,
    inputs=LABELS,
    hyperparams=ANY,
    hyper_param_options=ANY,
    labels=LABELS,
    artifact_path="string",
    timeout={"type": ["number", "string", "null"]},
    retry={"type": ["integer", "object", "null"]},
    returns={"type": ["array", "null"]},
    schedule={"type": ["string", "object", "null"], "description": "A cron expression."},
    overrides=mapping(closed=True, image="string", requests=ANY, limits=ANY),
    uid="string",
    notifications={"type": ["array", "null"]},
)
SCHEDULE = mapping(
    name=FILLED,
    cron_trigger={"type": ["string", "object"]},
    concurrency={"enum": ["forbid", "allow", "replace"]},
    scheduled_object=ANY,
    function="string",
    paused="boolean",
    labels=LABELS,
    spec=ANY,
)
SOURCE = mapping(
    "source",
    index={"type": "integer"},
    source=mapping(
        "metadata",
        "spec",
        metadata=mapping("name", name=NAME, description="string"),
        spec=mapping("path", path=FILLED, channel="string"),
    ),
)
EVENT = mapping(
    "entity",
    kind="string",
    entity=mapping(
        "kind", "ids", kind="string", project="string", ids={"type": "array", "items": TEXT}
    ),
    value_dict=ANY,
)
PROJECT = mapping(
    "metadata", metadata=mapping("name", name=NAME, labels=LABELS), spec=mapping(
        description="string", owner="string", goals="string"
    )
)  # fmt: skip
ENDPOINT = mapping(metadata=mapping(name="string", labels=ANY), spec=ANY, status=ANY)


def marked(**more: Any) -> Schema:
    """A body that names a version of a model.

    >>> marked()["required"]
    ['version']
    """
    return mapping("version", version=VERSION, why="string", **more)
