"""Datastore profiles as MLRun's JSON: each value as base64 of its text."""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.profiles import DatastoreProfile, profile_from_text
from mlrun_like.errors import InvalidArgumentError

__all__ = ["DatastoreProfile2Json", "read_record"]


class DatastoreProfile2Json:
    """From profiles to JSON and back."""

    @staticmethod
    def get_json_public(profile: DatastoreProfile) -> str:
        """What may be shown."""
        return _written(profile.shown())

    @staticmethod
    def get_json_private(profile: DatastoreProfile) -> str:
        """Keys and passwords."""
        hidden = profile._private_attributes
        return _written({k: v for k, v in profile.model_dump().items() if k in hidden})

    @staticmethod
    def create_from_json(public_json: str, private_json: str = "{}") -> DatastoreProfile:
        """The profile of both.

        >>> from mlrun_like.artifacts.profile_kinds import DatastoreProfileS3
        >>> text = DatastoreProfile2Json.get_json_public(DatastoreProfileS3(name="s", bucket="b"))
        >>> DatastoreProfile2Json.create_from_json(text).bucket
        'b'

        Raises:
            InvalidArgumentError: if one is damaged, or of a kind that is not known.
        """
        return profile_from_text(json.dumps({**_read(public_json), **_read(private_json)}))


def read_record(record: Any, held: str = "") -> DatastoreProfile:
    """The profile of MLRun's record of one.

    Args:
        record: With `name`, `type`, `object` and perhaps `private`, both JSON texts.
        held: Where keys and passwords are, if the record has none: MLRun's private JSON, or the
            whole profile.
    """
    private = str(getattr(record, "private", None) or "")
    known: dict[str, Any] = {}
    if not private and held:
        whole = "type" in json.loads(held) and "name" in json.loads(held)
        known = json.loads(held) if whole else _read(held)
    public = {"type": record.type, "name": record.name, **_read(record.object)}
    return profile_from_text(json.dumps({**known, **_read(private or "{}"), **public}))


def _written(values: Mapping[str, Any]) -> str:
    coded = {name: base64.b64encode(str(v).encode()).decode() for name, v in values.items()}
    return json.dumps(coded, separators=(",", ":"))


def _read(text: str) -> dict[str, Any]:
    try:
        found = {k: base64.b64decode(str(v)).decode() for k, v in json.loads(text).items()}
    except (ValueError, AttributeError) as exc:
        raise InvalidArgumentError("Datastore profile failed to create from json") from exc
    return {name: _value(value) for name, value in found.items()}


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
