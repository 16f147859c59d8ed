"""All rows in one table."""

from __future__ import annotations

from mlrun_like.settings.engines import ENGINES
from mlrun_like.settings.general import GENERAL
from mlrun_like.settings.images import IMAGES
from mlrun_like.settings.serving import SERVING
from mlrun_like.settings.setting import Setting

__all__ = ["SECRETS", "SETTINGS"]

SETTINGS: tuple[Setting, ...] = (*GENERAL, *ENGINES, *IMAGES, *SERVING)

SECRETS = frozenset({"token", "serving_token", "exec", "registry_auth"})
"""Those whose values are never printed."""
