"""What is shown of settings: never the value of a secret one, or a password in an address."""

from __future__ import annotations

import re
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.settings import SECRETS, SETTINGS

__all__ = ["settings_data"]

_PASSWORD = re.compile(r"(\w+://[^/\s:@]*):[^/\s@]+@")


def settings_data() -> list[dict[str, Any]]:
    """All settings by name: value, default, origin, help.

    >>> next(row["value"] for row in settings_data() if row["name"] == "default_project")
    'default'
    """
    rows = []
    for setting in sorted(SETTINGS):
        value, origin = config.explain(setting.name)
        if setting.name in SECRETS or "access_key" in setting.name:
            shown: Any = "***" if value else ""
        else:
            shown = _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value
        rows.append(
            {
                "name": setting.name,
                "value": shown,
                "default": setting.default,
                "origin": origin,
                "help": setting.help,
            }
        )
    return rows
