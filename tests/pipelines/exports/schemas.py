"""Published JSON schemas, as the package check-jsonschema ships them."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import yaml

__all__ = ["check_schema"]


@functools.cache
def _validator(name: str) -> Any:
    found = importlib.util.find_spec("check_jsonschema")
    assert found is not None and found.origin is not None
    file = Path(found.origin).parent / "builtin_schemas" / "vendor" / f"{name}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema: Any = importlib.import_module("jsonschema")  # it has no types
    return jsonschema.validators.validator_for(schema)(schema)


def check_schema(text: str, name: str) -> None:
    """Raise if a YAML text is not what a schema wants."""
    _validator(name).validate(json.loads(json.dumps(yaml.safe_load(text))))
