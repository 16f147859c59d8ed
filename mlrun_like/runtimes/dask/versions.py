"""Client, scheduler and workers must agree on Python and on what pickles and unpickles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlrun_like.errors import EngineError

__all__ = ["check_versions", "differences"]

PACKAGE = "mlrun_like"
_EXACT = ("dask", "distributed", PACKAGE)
_MINOR = ("python", "cloudpickle")


def check_versions(client: Any, address: str) -> None:
    """Ask scheduler and workers for their versions.

    Args:
        client: A connected client.
        address: The scheduler's, for the message.

    Raises:
        EngineError: if one differs from this process; it lists both versions of each.
    """
    found = client.get_versions(check=False, packages=[PACKAGE])
    rows = sorted(set(differences(found["client"], _others(found, address))))
    if rows:
        shown = "; ".join(rows[:6]) + (f"; and {len(rows) - 6} more" if len(rows) > 6 else "")
        raise EngineError(
            f"the Dask cluster has other versions than this process: {shown}",
            where=f"scheduler {address}",
            fix="install the same versions everywhere: build one image or lock file for client, "
            "scheduler and workers",
        )


def differences(
    own: Mapping[str, Any], others: Iterable[tuple[str, Mapping[str, Any] | None]]
) -> Iterator[str]:
    """What differs, one text each.

    Args:
        own: `distributed`'s version record of this process: `{"packages": {name: version}}`.
        others: Names and records of the others; a record may be missing.

    >>> own = {"packages": {"python": "3.11.2.final.0", "dask": "2026.8.0"}}
    >>> other = {"packages": {"python": "3.12.1.final.0", "dask": "2026.8.0"}}
    >>> list(differences(own, [("worker tcp://w:1", other)]))
    ['python: 3.11.2 here, 3.12.1 on worker tcp://w:1']
    """
    here = own["packages"]
    for name, record in others:
        there = (record or {}).get("packages") or {}
        for package in (*_MINOR, *_EXACT):
            mine, its = _text(here.get(package)), _text(there.get(package))
            same = _minor(mine) == _minor(its) if package in _MINOR else mine == its
            if not same:
                shown = package.replace("_", "-")
                yield f"{shown}: {mine or 'none'} here, {its or 'none'} on {name}"


def _others(found: Mapping[str, Any], address: str) -> Iterator[tuple[str, Any]]:
    yield f"scheduler {address}", found["scheduler"]
    for worker, record in found["workers"].items():
        yield f"worker {worker}", record


def _text(version: Any) -> str:
    return str(version or "").removesuffix(".final.0")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
