"""Names that work, and do it in a way that a script may notice."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DIFFERS"]

_CLUSTER = "taken, and does nothing where there is no cluster"

DIFFERS: Mapping[str, str] = MappingProxyType(
    {
        "mlrun.auto_mount": _CLUSTER,
        "mlrun.mount_v3io": _CLUSTER,
        "mlrun.platforms.auto_mount": _CLUSTER,
        "mlrun.platforms.mount_v3io": _CLUSTER,
        "mlrun.mlconf": "names of settings that are not here are kept, and change nothing",
        "mlrun.config.config": "names of settings that are not here are kept, and change nothing",
        "mlrun.db.httpdb.HTTPRunDB": "is what get_run_db gives; it is not made by hand",
        "mlrun.db.nopdb.NopDB": "is what get_run_db gives: it remembers",
        "mlrun.errors.MLRunHTTPError": "is the root of all errors, as each has an HTTP status",
        "mlrun.get_version": "the version of this product",
        "mlrun.sync_secret_tokens": "does nothing: mlrun-like login keeps tokens",
        "mlrun.wait_for_pipeline_completion": "pipelines run here; nothing is polled",
    }
)
"""Full name -> what differs."""
