"""Requirements that no base could meet, found before a large archive is read."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from mlrun_like.errors import BuildError
from mlrun_like.images.assembling import Say, wanted_lines
from mlrun_like.images.bases import file_of, is_file
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.plan import Plan
from mlrun_like.images.platform import Platform
from mlrun_like.images.resolver import choose_resolver
from mlrun_like.images.target import Target
from mlrun_like.images.vendored import local_of

__all__ = ["check_early"]

_LARGE = 64 << 20
"""Bytes of an archive that are read faster than versions are chosen."""
_PYTHONS = tuple(f"3.{minor}" for minor in range(9, 15))
_PATIENCE = 20.0
"""Seconds after which no other Python is tried: an index that answers slowly proves nothing."""


def check_early(plan: Plan, say: Say) -> None:
    """Choose versions once without the base, if that is a large archive that takes long to read.

    Which Python the base has is not known yet, so all are tried, and what one of them can meet
    passes.

    Args:
        plan: What is wanted.
        say: Called before work that takes longer.

    Raises:
        BuildError: naming the requirement that cannot be met, and why.
    """
    lines = [line for line in wanted_lines(plan) if local_of(line) is None]
    if not is_file(plan.base) or not any(not line.startswith("-") for line in lines):
        return
    path = file_of(plan.base)
    if not path.is_file() or path.stat().st_size < _LARGE:
        return
    platform = str(Platform.parse(plan.platform))
    text = json.dumps([sorted(lines), platform, plan.python])
    cache, key = BlobCache(), f"early {hashlib.sha256(text.encode()).hexdigest()}"
    if cache.recall(key) is not None:
        return
    say(f"choosing versions of {len(lines)} requirements before {plan.base} is read")
    failure = _failure(lines, plan, platform)
    if failure is not None:
        raise failure
    cache.remember(key, {"possible": True})


def _failure(lines: list[str], plan: Plan, platform: str) -> BuildError | None:
    resolver = choose_resolver(plan.environ)
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    failure: BuildError | None = None
    end = time.monotonic() + _PATIENCE
    with tempfile.TemporaryDirectory(prefix="mlrun-like-lock-") as folder:
        for python in dict.fromkeys([plan.python] if plan.python else [own, *_PYTHONS]):
            try:
                resolver.lock(lines, {}, Target(python, platform), Path(folder))
                return None
            except BuildError as exc:
                failure = failure or exc
            if time.monotonic() > end:
                return None
    return failure
