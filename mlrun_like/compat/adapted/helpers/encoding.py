"""Plain data as JSON and YAML, with what numpy and pandas have in it."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Any

import yaml

__all__ = ["MyEncoder", "dict_to_json", "dict_to_yaml"]


class MyEncoder(json.JSONEncoder):
    """JSON of numbers and arrays of numpy too; of anything else its text."""

    def default(self, o: Any) -> Any:
        """What is written for a value that JSON does not know."""
        return o.tolist() if hasattr(o, "tolist") else str(o)


def dict_to_json(struct: Any) -> str:
    """As JSON."""
    return json.dumps(struct, cls=MyEncoder)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_undefined(self, data: Any) -> Any:
        if isinstance(data, Enum):
            return self.represent_data(data.value)
        if isinstance(data, date):
            return self.represent_scalar("tag:yaml.org,2002:timestamp", data.isoformat())
        if hasattr(data, "tolist"):
            return self.represent_data(data.tolist())
        raise yaml.representer.RepresenterError("cannot represent an object", data)


_Dumper.add_multi_representer(object, _Dumper.represent_undefined)


def dict_to_yaml(struct: Any) -> str:
    """As YAML, in the order of the keys.

    Raises:
        ValueError: if a value has no YAML.

    >>> dict_to_yaml({"b": 1, "a": [2]})
    'b: 1\\na:\\n- 2\\n'
    """
    try:
        return str(yaml.dump(struct, Dumper=_Dumper, default_flow_style=False, sort_keys=False))
    except yaml.representer.RepresenterError as exc:
        raise ValueError("error: data result cannot be serialized to YAML") from exc
