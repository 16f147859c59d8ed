"""Items pinned to a version and digest, in a file that is committed beside the code: `hub.lock`.

{"items": {"default/describe": {"version": "1.0.0", "digest": "sha256:..."}}}
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mlrun_like.configuration import config
from mlrun_like.errors import IntegrityError, SpecError
from mlrun_like.marketplace.addresses import check_name, spellings

__all__ = ["Pin", "check_pin", "pin_of", "read_pins", "write_pin"]

_MOST = 1 << 20


class Pin(NamedTuple):
    """What an item must be.

    Args:
        source: The catalogue that it comes from.
        name: Its name there.
        version: Its version.
        digest: `sha256:...`, as `mlrun-like hub show` tells it.
    """

    source: str
    name: str
    version: str
    digest: str


def pin_of(name: str, tag: str, source: str) -> Pin | None:
    """What `hub.lock` says of an item that is asked for, or None.

    Args:
        name: Its name, in any spelling.
        tag: The version that is asked for; one that is not the pinned one is not pinned.
        source: The catalogue that is asked for; empty: any.

    Raises:
        SpecError: if the file cannot be read.
    """
    for pin in read_pins():
        same = pin.name in spellings(name) and source in ("", pin.source)
        if same and tag in ("", "latest", pin.version):
            return pin
    return None


def check_pin(pin: Pin, digest: str, document: str = "") -> None:
    """Raise IntegrityError if an item is not the pinned one.

    Args:
        pin: What it must be.
        digest: What it is: of all that an index says of it, where one gives digests.
        document: The digest of its function.yaml alone.
    """
    if digest == pin.digest:
        return
    if document == pin.digest:  # as old ones were: the item's other files could be any
        raise IntegrityError(
            f"the pin of hub://{pin.source}/{pin.name}:{pin.version} was made by an older version: "
            "it is the digest of function.yaml alone, which does not protect the other files",
            where=str(_file()),
            fix="look at its other files, then: "
            f"mlrun-like hub pin {pin.source}/{pin.name}:{pin.version}",
        )
    raise IntegrityError(
        f"hub://{pin.source}/{pin.name}:{pin.version} is not what is pinned",
        where=str(_file()),
        fix=f"look at what changed, then: mlrun-like hub pin {pin.source}/{pin.name}",
    )


def read_pins() -> list[Pin]:
    """All pins of the file that the setting `hub_lock` names; none if it is not there.

    Raises:
        SpecError: if it has another form.
    """
    path = _file()
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise SpecError(f"the pins cannot be read: {exc}", where=str(path)) from exc
    try:
        if len(data) > _MOST:
            raise ValueError("too large")
        return [_pin(key, row) for key, row in orjson.loads(data)["items"].items()]
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise SpecError(
            "the file does not pin items of catalogues",
            where=str(path),
            fix='{"items": {"<source>/<name>": {"version": "1.0.0", "digest": "sha256:..."}}}',
        ) from exc


def write_pin(pin: Pin, *, remove: bool = False) -> Path:
    """Pin an item, or forget its pin; the others stay.

    Raises:
        SpecError: if the file is there and cannot be read.
    """
    kept = [one for one in read_pins() if (one.source, one.name) != (pin.source, pin.name)]
    rows = sorted(kept if remove else [*kept, pin])
    items = {f"{p.source}/{p.name}": {"version": p.version, "digest": p.digest} for p in rows}
    path = _file()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".hub.lock.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(json.dumps({"items": items}, indent=2) + "\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def _file() -> Path:
    return Path(config.hub_lock).expanduser().absolute()


def _pin(key: str, row: Any) -> Pin:
    source, mark, name = key.partition("/")
    digest = row["digest"]
    if not mark or not isinstance(digest, str) or not digest.startswith("sha256:"):
        raise ValueError(key)
    return Pin(
        check_name(source, "source"),
        check_name(name),
        check_name(row["version"], "version"),
        digest,
    )
