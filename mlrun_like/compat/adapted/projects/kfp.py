"""`kfp` as workflow files have it: its `dsl`."""

from __future__ import annotations

from typing import Any

from mlrun_like.pipelines.served import Served

__all__ = ["kfp"]

kfp: Any = Served("kfp")
