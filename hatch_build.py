"""What a wheel has besides the package: the catalogue, the manual, and the switch's start file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["Besides"]

_START = {"mlrun_like/compat/startup.pth": "mlrun_like_compat.pth"}
"""Goes beside the package, where Python reads it at its start."""

_BESIDES = {
    "marketplace": "mlrun_like/marketplace/shipped",
    "docs": "mlrun_like/manual/docs",
    "notebooks": "mlrun_like/manual/notebooks",
    "mkdocs.yml": "mlrun_like/manual/mkdocs.yml",
}
"""A checkout has these at its root and finds them there."""

_SITE = ".cache/site"
"""The built documentation: `make dist` builds it before; without it, it is built on first use."""


class Besides(BuildHookInterface[Any]):
    """Adds them to a wheel; an editable install gets the start file only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by the builder before it collects files."""
        if self.target_name != "wheel":
            return
        if version == "editable":
            build_data["force_include_editable"] = dict(_START)
        else:
            build_data["force_include"].update(_START | _BESIDES)
            if Path(self.root, _SITE, "index.html").is_file():
                build_data["force_include"][_SITE] = "mlrun_like/manual/site"
